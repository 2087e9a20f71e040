"""Draw the bugs of a starter from an assignment's pool, and make the starter that has them.

A draw is decided by a seed alone: for each criterion the bugs stand in the order of a hash of seed and name, and the
first ones are taken that do not change the same lines. A bug that joins the pool later changes a draw only if it comes
up in it. The seed 0 is the one of the checked-in starters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from grading.catalogue.draw import Bug, bugs_of_checks, load_pool
from grading.errors import UsageError
from grading.evidence.targets import patched_reference
from grading.model import Assignment, Level
from grading.sandbox.tools import format_source
from grading.starter import render_starters
from grading.submission import load_folder

_Lines = tuple[str, ...]


@dataclass(frozen=True)
class _Edit:
    """Lines `start` to `end` (without it) of a file of the reference, and what a bug puts in their place."""

    file: str
    start: int
    end: int
    lines: _Lines

    def clashes(self, other: _Edit) -> bool:
        """Whether two edits change the same lines, or put something in at one place."""
        if self.file != other.file:
            return False
        return self.start == other.start or (self.start < other.end and other.start < self.end)


def draw_of(assignment: Assignment, level: Level, seed: int) -> tuple[str, ...]:
    """Return the bugs that a seed draws at a level, sorted; none where the assignment draws nothing.

    Raises:
        UsageError: a patch cannot be used, or no choice is free of bugs that change the same lines.
    """
    pool = [bug for bug in load_pool(assignment) if level in bug.levels]
    edits = {bug.name: _edits(assignment, bug) for bug in pool}
    wanted = []
    for criterion in assignment.rubric.at(level):
        count = assignment.draw.get(criterion.id, 0)
        if count:
            own = sorted((b.name for b in pool if b.criterion == criterion.id), key=lambda name: _rank(seed, name))
            if len(own) < count:
                raise UsageError(
                    f"{assignment.id}: draw {seed} at {level.value}: expected {count} bugs or more for {criterion.id} "
                    f"in solutions/bugs; found {len(own)}. Add some, or take run_files along."
                )
            wanted.append((own, count))
    chosen = _choose(wanted, edits, ())
    if chosen is None:
        raise UsageError(
            f"{assignment.id}: draw {seed} at {level.value}: every choice has bugs that change the same lines. "
            "Make their patches smaller, or add bugs to the pool."
        )
    return tuple(sorted(chosen))


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def _choose(
    wanted: Sequence[tuple[Sequence[str], int]], edits: Mapping[str, Sequence[_Edit]], taken: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the first choice for all criteria without a clash."""
    if not wanted:
        return taken
    names, count = wanted[0]
    for choice in combinations(names, count):
        together = (*taken, *choice)
        if any(_clash(edits[a], edits[b]) for a, b in combinations(together, 2)):
            continue
        found = _choose(wanted[1:], edits, together)
        if found is not None:
            return found
    return None


def _clash(first: Iterable[_Edit], second: Iterable[_Edit]) -> bool:
    others = list(second)
    return any(edit.clashes(other) for edit in first for other in others)


# starters -------------------------------------------------------------------------------------------------------------


def starter_files(assignment: Assignment, level: Level, bugs: Iterable[str] | None = None) -> dict[str, str]:
    """Return a level's starter, formatted: path → text.

    Args:
        bugs: names of bugs of the pool to put into it; None for those of draw 0.

    Raises:
        UsageError: a patch cannot be used, or two bugs change the same lines.
        FaultsError: the reference's markers have faults.
    """
    names = draw_of(assignment, level, 0) if bugs is None else bugs
    files = render_starters(assignment, _with_bugs(assignment, names))[level]
    return {name: format_source(text) if name.endswith(".py") else text for name, text in files.items()}


def possible_starters(assignment: Assignment, level: Level) -> Iterator[dict[str, str]]:
    """Yield starters that together hold every line that any draw can hold: without a bug, and with each alone."""
    pool = [bug.name for bug in load_pool(assignment) if level in bug.levels]
    for bugs in ((), *((name,) for name in pool)) if pool else ():
        yield starter_files(assignment, level, bugs)


def _with_bugs(assignment: Assignment, names: Iterable[str]) -> dict[str, bytes]:
    """Return the files of the reference that bugs change, with all of these bugs in them."""
    pool = {bug.name: bug for bug in load_pool(assignment)}
    edits: list[_Edit] = []
    for name in names:
        more = _edits(assignment, pool[name])
        if _clash(edits, more):
            raise UsageError(f"{assignment.id}: bug {name} changes lines that another drawn bug changes too.")
        edits += more
    changed = {}
    for file in {edit.file for edit in edits}:
        lines = (assignment.reference / file).read_bytes().decode().splitlines(keepends=True)
        for edit in sorted((e for e in edits if e.file == file), key=lambda e: e.start, reverse=True):
            lines[edit.start : edit.end] = edit.lines
        changed[file] = "".join(lines).encode()
    return changed


_EDITS: dict[tuple[str, str], tuple[_Edit, ...]] = {}
"""(reference's hash, diff) → edits: git takes its time for each patch, and draws share them."""


def _edits(assignment: Assignment, bug: Bug) -> tuple[_Edit, ...]:
    """Return what a bug changes in the reference."""
    reference = load_folder(assignment.reference, assignment)
    key = (reference.sha256, bug.diff)
    if key not in _EDITS:
        try:
            after = patched_reference(assignment, bug.diff).files
        except UsageError as error:
            raise UsageError(f"{assignment.id}/solutions/bugs/{bug.name}.patch: {error}") from error
        if after.keys() != reference.files.keys():
            raise UsageError(f"{assignment.id}/solutions/bugs/{bug.name}.patch: expected a diff that adds no file")
        files = reference.files.items()
        _EDITS[key] = tuple(edit for name, old in files for edit in _difference(name, old, after[name]))
    return _EDITS[key]


def _difference(name: str, before: bytes, after: bytes) -> Iterator[_Edit]:
    old, new = (data.decode().splitlines(keepends=True) for data in (before, after))
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _Edit(name, start, end, tuple(new[first:last]))


# checks ---------------------------------------------------------------------------------------------------------------


def idle_checks(assignment: Assignment, level: Level, seed: int) -> frozenset[str]:
    """Return the hidden checks that do not count for a draw: those of bugs that were not drawn."""
    if not assignment.draw:
        return frozenset()
    drawn = set(draw_of(assignment, level, seed))
    return frozenset(name for name, bug in bugs_of_checks(assignment).items() if bug not in drawn)
