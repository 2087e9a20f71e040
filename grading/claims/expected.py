"""Which checks a run of the hidden tests reports, read from their markers without importing them.

`grading.catalogue` says which checks there are, with criterion and levels; what is added here is what the judge makes
of them: the name under which it reports a check, its weight, and which kind of check without points it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.catalogue.hidden import _assigned_markers, _markers, read_checks
from grading.errors import GraderError
from grading.model import Assignment, Level

_KINDS = ("gpu", "extension")
"""In the judge's order: the first one counts."""
_Marks = Mapping[str, ast.expr]


@dataclass(frozen=True)
class Expected:
    """One check as the judge will report it.

    Attributes:
        name: file, class and function.
        informational: "gpu" or "extension" for checks that carry no points.
    """

    name: str
    criterion: str | None
    weight: int
    informational: str | None


def expected_checks(assignment: Assignment, level: Level) -> dict[str, Expected]:
    """Return the checks of an assignment at a level by name, in the order of files and lines.

    Raises:
        GraderError: a hidden test cannot be read, or two of them have one name.
    """
    checks, faults = read_checks(assignment.hidden)
    if faults:
        raise GraderError(f"{assignment.id}: hidden tests cannot be read: " + "; ".join(map(str, faults)))
    named = {where: (name, marks) for path in _test_files(assignment.hidden) for where, name, marks in _read(path)}
    found: dict[str, Expected] = {}
    for check in checks:
        if level not in check.levels:
            continue
        name, marks = named[check.where]
        if name in found:
            raise GraderError(
                f"{assignment.id}: hidden tests: two checks are called {name}. Rename one ({check.where})."
            )
        kind = next((kind for kind in _KINDS if kind in marks), None)
        found[name] = Expected(name, check.criterion if kind is None else None, _weight(marks), kind)
    return found


def _test_files(hidden: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that hold checks, each with its name in messages."""
    for path in sorted(hidden.rglob("test_*.py")):
        parts = path.relative_to(hidden).parts
        if parts[0] != "inside":
            yield "/".join((hidden.parent.name, hidden.name, *parts)), path


def _read(file: tuple[str, Path]) -> Iterator[tuple[str, str, _Marks]]:
    """Yield place, name and markers of each test function in a file."""
    label, path = file
    module = ast.parse(path.read_bytes())
    yield from _read_body(module, label, path.name, _assigned_markers(module))


def _read_body(node: ast.AST, label: str, owner: str, outer: _Marks) -> Iterator[tuple[str, str, _Marks]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            marks = {**outer, **_markers(child.decorator_list)}
            yield f"{label}:{child.lineno}", f"{owner}::{child.name}", marks
        elif isinstance(child, ast.ClassDef):
            marks = {**outer, **_assigned_markers(child), **_markers(child.decorator_list)}
            yield from _read_body(child, label, f"{owner}::{child.name}", marks)
        elif isinstance(child, (ast.stmt, ast.excepthandler)):
            yield from _read_body(child, label, owner, outer)


def _weight(marks: _Marks) -> int:
    """Return the weight in `criterion(..., weight=2)`; the catalogue has checked that it is a plain number."""
    marker = marks.get("criterion")
    for argument in marker.keywords if isinstance(marker, ast.Call) else []:
        if argument.arg == "weight" and isinstance(argument.value, ast.Constant):
            return int(argument.value.value)  # type: ignore[arg-type] # an int, as the catalogue found
    return 1
