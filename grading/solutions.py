"""The solutions that prove an assignment: accepted ones, wrong ones, cheats, the starter, and stubs made here."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grading.errors import UsageError
from grading.model import Assignment, Level, Submission
from grading.sandbox.loading import promised_signature
from grading.sandbox.tools import apply_patch
from grading.submission import load_folder

_DIFF_START = "--- a/"
_KEYS = frozenset({"title", "provenance", "loses", "may_also_lose", "levels"})


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
        *_load_folders(assignment, Kind.ACCEPTED, assignment.accepted),
        *load_wrong(assignment),
        *_load_folders(assignment, Kind.CHEAT, assignment.directory / "solutions" / "cheat"),
    ]
    return tuple(solution for solution in found if not solution.levels or level in solution.levels)


def _load_folders(assignment: Assignment, kind: Kind, root: Path, only: str | None = None) -> Iterator[Solution]:
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and only in (None, folder.name):
            submission = load_folder(folder, assignment)
            fault = submission.fault.message if submission.fault and kind is not Kind.CHEAT else None
            yield Solution(kind, folder.name, submission, fault=fault)


def load_wrong(assignment: Assignment) -> Iterator[Solution]:
    """Apply each patch of solutions/wrong to a copy of the reference."""
    for path in sorted((assignment.directory / "solutions" / "wrong").glob("*.patch")):
        try:
            matter, diff = parse_patch(path.read_text(encoding="utf-8"), where=f"{assignment.id}/{path.name}")
            yield Solution(
                Kind.WRONG,
                path.stem,
                _patched(assignment, diff),
                loses=tuple(matter["loses"]),
                may_also_lose=tuple(matter.get("may_also_lose", ())),
                levels=tuple(Level(level) for level in matter.get("levels", ())),
            )
        except (UsageError, ValueError) as error:
            yield Solution(Kind.WRONG, path.stem, Submission({}, str(path)), fault=str(error))


def parse_patch(text: str, *, where: str) -> tuple[Mapping[str, list[str]], str]:
    """Split a wrong solution into its front matter and its diff.

    Raises:
        UsageError: no diff, broken TOML, a missing or unknown key.
    """
    start = 0 if text.startswith(_DIFF_START) else text.find("\n" + _DIFF_START) + 1
    if start == 0:
        raise UsageError(
            f"{where}: expected front matter and then a diff that starts with `{_DIFF_START}`; found no diff"
        )
    try:
        matter = tomllib.loads(text[:start])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: front matter is not TOML: {error}") from None
    unknown = sorted(set(matter) - _KEYS)
    if unknown:
        raise UsageError(f"{where}: unknown keys {unknown}; expected {sorted(_KEYS)}")
    for key in ("title", "provenance", "loses"):
        if key not in matter:
            raise UsageError(f"{where}: `{key}` is missing from the front matter")
    lists = [matter["loses"], matter.get("may_also_lose", []), matter.get("levels", [])]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise UsageError(f"{where}: loses, may_also_lose and levels are lists of names")
    return matter, text[start:]


def _patched(assignment: Assignment, diff: str) -> Submission:
    with tempfile.TemporaryDirectory(prefix="take-home-") as folder:
        copy = Path(folder)
        for name, data in load_folder(assignment.reference, assignment).files.items():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        apply_patch(copy, diff)
        return load_folder(copy, assignment)


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
