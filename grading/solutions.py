"""The solutions that prove an assignment: accepted ones, wrong ones, cheats, the starter, and stubs made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from grading.catalogue.patches import parse_patch
from grading.errors import UsageError
from grading.evidence.targets import patched_reference
from grading.model import Assignment, Level, Submission
from grading.sandbox.loading import promised_signature
from grading.submission import load_folder

__all__ = ["Kind", "Solution", "load_accepted", "load_solutions", "load_wrong", "parse_patch"]


class Kind(StrEnum):
    """What a solution is there to prove."""

    STARTER = "starter"
    STUB = "stub"
    ACCEPTED = "accepted"
    WRONG = "wrong"
    CHEAT = "cheat"


@dataclass(frozen=True)
class Solution:
    """A submission with what is expected of it.

    Attributes:
        loses: criteria that must lose points (wrong solutions).
        may_also_lose: criteria that may.
        levels: where it applies; empty means everywhere.
        fault: why it cannot be used, e.g. a patch that no longer applies; None if it can.
    """

    kind: Kind
    name: str
    submission: Submission
    loses: tuple[str, ...] = ()
    may_also_lose: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    fault: str | None = None


def load_solutions(assignment: Assignment, level: Level) -> tuple[Solution, ...]:
    """Return every solution that applies at a level; one that cannot be used carries its fault."""
    found = [
        *_load_folders(assignment, Kind.STARTER, assignment.directory / "starter", only=level.value),
        *_make_stubs(assignment),
        *load_accepted(assignment),
        *load_wrong(assignment),
        *_load_folders(assignment, Kind.CHEAT, assignment.directory / "solutions" / "cheat"),
    ]
    return tuple(_at(level, s, assignment) for s in found if not s.levels or level in s.levels)


def _at(level: Level, solution: Solution, assignment: Assignment) -> Solution:
    """Return a solution as it is judged at a level: what only other levels have cannot be lost there."""
    here = {criterion.id for criterion in assignment.rubric.at(level)}
    elsewhere = {criterion.id for criterion in assignment.rubric.criteria} - here
    return replace(solution, may_also_lose=tuple(name for name in solution.may_also_lose if name not in elsewhere))


def _load_folders(assignment: Assignment, kind: Kind, root: Path, only: str | None = None) -> Iterator[Solution]:
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and only in (None, folder.name):
            submission = load_folder(folder, assignment)
            if kind is Kind.ACCEPTED:
                submission = _lend_own_tests(assignment, submission)
            fault = submission.fault.message if submission.fault and kind is not Kind.CHEAT else None
            yield Solution(kind, folder.name, submission, fault=fault)


def _lend_own_tests(assignment: Assignment, submission: Submission) -> Submission:
    """Give the reference's own tests to a solution without any: it shows another way to solve, not to test."""
    if any(map(assignment.is_own_test, submission.files)):
        return submission
    reference = load_folder(assignment.reference, assignment).files
    lent = {name: data for name, data in reference.items() if assignment.is_own_test(name)}
    return replace(submission, files={**submission.files, **lent})


def load_accepted(assignment: Assignment) -> Iterator[Solution]:
    """Yield the right solutions; those without own tests are lent the reference's."""
    yield from _load_folders(assignment, Kind.ACCEPTED, assignment.accepted)


def load_wrong(assignment: Assignment) -> Iterator[Solution]:
    """Apply each patch of solutions/wrong, variants and bugs to a copy of the reference."""
    folders = [assignment.directory / "solutions" / name for name in ("wrong", "variants", "bugs")]
    for path in sorted(path for folder in folders for path in folder.glob("*.patch")):
        try:
            matter, diff = parse_patch(path.read_text(encoding="utf-8"), where=f"{assignment.id}/{path.name}")
            yield Solution(
                Kind.WRONG,
                path.stem,
                patched_reference(assignment, diff),
                loses=tuple(matter["loses"]),
                may_also_lose=tuple(matter.get("may_also_lose", ())),
                levels=tuple(Level(level) for level in matter.get("levels", ())),
            )
        except (UsageError, ValueError) as error:
            yield Solution(Kind.WRONG, path.stem, Submission({}, str(path)), fault=str(error))


# stubs ----------------------------------------------------------------------------------------------------------------

_ANYTHING = '''
class Anything:
    """Answers every question with itself."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __float__(self):
        return 0.0
'''


def _make_stubs(assignment: Assignment) -> Iterator[Solution]:
    names = [point.name for point in assignment.entry_points]
    nothing = "".join(f"def {name}(*args, **kwargs):\n    return None\n\n\n" for name in names)
    swallow = _ANYTHING + "".join(f"\n\n{name} = Anything" for name in names) + "\n"
    echo = "".join(_echo(point.name, point.signature) for point in assignment.entry_points)
    sources = {
        "empty": "",
        "returns-none": nothing,
        "returns-its-input": echo,
        "swallows-everything": swallow,
        "exits": "import sys\n\nsys.exit(0)\n",
    }
    starter = load_folder(assignment.directory / "starter" / assignment.levels[-1].value, assignment).files
    for name, source in sources.items():
        files = {**starter, f"{assignment.entry}.py": source.encode()}
        yield Solution(Kind.STUB, name, Submission(files, f"stub {name}"))


def _echo(name: str, signature: str) -> str:
    first = next(iter(promised_signature(signature).parameters), None)
    return f"def {name}{signature}:\n    return {first}\n\n\n"
