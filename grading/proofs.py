"""Two proofs that need no sandbox: starters are what references give, and visible tests fail on them the right way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from grading.draw import starter_files
from grading.errors import TakeHomeError
from grading.model import Assignment, Level
from grading.sandbox.tools import run_visible_tests
from grading.submission import load_folder

_PASSED = "passed"


def write_starters(assignment: Assignment) -> list[Path]:
    """Write starter/<level>/ from the reference's marked regions; return the files that changed."""
    changed = []
    for path, text in _wanted_starters(assignment):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def drifted_starters(assignment: Assignment) -> Iterator[str]:
    """Say which starter files are not what the reference's marked regions give."""
    try:
        wanted = dict(_wanted_starters(assignment))
    except TakeHomeError as error:
        yield f"starter: {error}"
        return
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            name = path.relative_to(assignment.directory)
            yield f"{name}: differs from what the reference gives; run `python -m grading starters {assignment.id}`"


def _wanted_starters(assignment: Assignment) -> Iterator[tuple[Path, str]]:
    for level in assignment.levels:
        for name, text in starter_files(assignment, level).items():
            yield assignment.directory / "starter" / level.value / name, text


def visible_test_faults(assignment: Assignment, level: Level) -> Iterator[str]:
    """Say where the visible tests do not pass on the reference, or do not fail on the starter."""
    starter = assignment.directory / "starter" / level.value
    for name, folder, passes in (("reference", assignment.reference, True), ("starter", starter, False)):
        try:
            outcomes = _visible_outcomes(assignment, load_folder(folder, assignment).files)
        except TakeHomeError as error:
            yield f"visible tests on the {name}: {error}"
            continue
        if not outcomes:
            yield f"visible tests on the {name}: none ran; a test file fails at import, or there is none"
        for test, outcome in outcomes.items():
            if (outcome == _PASSED) is not passes:
                expected = "pass" if passes else "fail"
                yield f"visible test {test} on the {name}: expected it to {expected}; found {outcome}"


def _visible_outcomes(assignment: Assignment, files: Mapping[str, bytes]) -> Mapping[str, str]:
    """Run the visible tests against files, laid out as in the candidate's repository."""
    with tempfile.TemporaryDirectory(prefix="take-home-") as root:
        folder = Path(root) / "assignments" / assignment.id
        visible = {f"tests/{path.name}": path.read_bytes() for path in sorted(assignment.visible.glob("*.py"))}
        for name, data in {**files, **visible}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return run_visible_tests(folder)
