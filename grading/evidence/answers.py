"""Look for answers of the visible tests that stand in a submission as they are. Private evidence, never points.

Only what is hardly there by chance counts: numbers of five significant digits or more, rows of four numbers or more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from grading.model import Flag, Submission

_DIGITS = 5
_ROW = 4
_MAX_FLAGS = 10
_MAX_BYTES = 512 * 1024

_Answer: TypeAlias = float | tuple[float, ...]


def find_copied_answers(submission: Submission, visible: Iterable[bytes], given: Iterable[bytes]) -> tuple[Flag, ...]:
    """Return where a submission holds numbers that only the visible tests hold.

    Args:
        visible: source of the visible tests.
        given: source that the candidate was given to start from; what stands there is nobody's find.
    """
    known = {answer for source in visible for answer, _ in _answers(source)}
    known -= {answer for source in given for answer, _ in _answers(source)}
    flags = []
    for name, data in sorted(submission.files.items()):
        if name.endswith(".py") and not name.rpartition("/")[2].startswith(("test_", "conftest")):
            found = {answer: line for answer, line in _answers(data) if answer in known}
            flags += [_flag(name, line, answer) for answer, line in found.items()]
    return tuple(flags[:_MAX_FLAGS])


def read_sources(folder: Path) -> list[bytes]:
    """Return every Python source of a folder."""
    return [path.read_bytes() for path in sorted(folder.rglob("*.py"))]


def _flag(name: str, line: int, answer: _Answer) -> Flag:
    shown = (
        f"{answer:g}" if isinstance(answer, float) else f"{len(answer)} numbers from {answer[0]:g} to {answer[-1]:g}"
    )
    return Flag("copied_answer", f"{name}:{line} holds a value of the visible tests ({shown}).", name, line)


def _answers(data: bytes) -> Iterator[tuple[_Answer, int]]:
    """Yield each distinctive number or row of numbers of a source, with its line."""
    if len(data) > _MAX_BYTES:
        return
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            row = [_number(item) for item in node.elts]
            if len(row) >= _ROW and len(set(row)) >= _ROW and None not in row:
                yield tuple(number for number in row if number is not None), node.lineno
        elif isinstance(node, ast.Constant):
            number = _number(node)
            if number is not None and len(_significant(number)) >= _DIGITS:
                yield number, node.lineno


def _number(node: ast.expr) -> float | None:
    """Return the number that a literal stands for, if it is one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and type(node.value) is not bool:
        try:
            return float(node.value)
        except OverflowError:
            return None
    return None


def _significant(number: float) -> str:
    """Return the significant digits of a number."""
    return repr(number).partition("e")[0].replace(".", "").replace("-", "").strip("0")
