"""The pool of bugs that a starter draws from: solutions/bugs/*.patch, each a diff of the reference.

    [draw.count]
    data = 2            # so many bugs whose patch names `data` first in `loses`
    training = 2

A patch is a wrong solution like any other, so `validate` proves each bug alone. Each has a hidden check of its own,
marked `@pytest.mark.bug("name")`; only the checks of drawn bugs count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.catalogue.hidden import read_checks
from grading.catalogue.patches import parse_patch
from grading.errors import Fault, UsageError
from grading.model import Assignment, Level
from grading.tables import suggest


@dataclass(frozen=True)
class Bug:
    """One bug of the pool: a diff of the reference, the criterion that it costs, and the levels that it stands at."""

    name: str
    criterion: str
    levels: tuple[Level, ...]
    diff: str


def load_pool(assignment: Assignment) -> tuple[Bug, ...]:
    """Return the bugs by name; none where nothing is drawn.

    Raises:
        UsageError: a patch cannot be read; all of them at once.
    """
    pool, faults = _read_pool(assignment)
    if faults:
        raise UsageError("\n".join(map(str, faults)))
    return pool


def draw_faults(assignment: Assignment) -> Iterator[Fault]:
    """Find where pool, numbers and hidden checks do not fit together."""
    where = f"{assignment.id}/assignment.toml: draw: count"
    pool, faults = _read_pool(assignment)
    checks, unread = read_checks(assignment.hidden)
    yield from faults
    known = {bug.name: bug for bug in pool}
    for check in checks:
        if check.bug is None:
            continue
        bug = known.get(check.bug)
        if bug is None and not faults:
            remedy = f"{suggest(check.bug, known)}Correct the marker, or add solutions/bugs/{check.bug}.patch."
            yield Fault(check.where, "bug", "the name of a patch in solutions/bugs", f'"{check.bug}"', remedy)
        elif bug is not None and check.criterion != bug.criterion:
            remedy = "Name it first in the patch's loses, or mark the check with that criterion."
            yield Fault(check.where, "criterion", f'"{bug.criterion}", as its bug', f'"{check.criterion}"', remedy)
    if faults or unread:
        return
    for criterion in assignment.rubric.criteria:
        count = assignment.draw.get(criterion.id, 0)
        for level in assignment.levels if count else ():
            there = [bug for bug in pool if bug.criterion == criterion.id and level in bug.levels]
            if level in criterion.points and len(there) < count:
                found = f"{len(there)} at {level.value}"
                yield Fault(
                    where, criterion.id, f"at least {count} bugs in its pool", found, "Add some, or draw fewer."
                )
    for bug in pool:
        own = {level for check in checks if check.bug == bug.name for level in check.levels}
        bare = [level for level in assignment.levels if level in bug.levels and level not in own]
        if bare:
            place = f"{assignment.id}/solutions/bugs/{bug.name}.patch"
            remedy = f'Mark one with @pytest.mark.bug("{bug.name}").'
            yield Fault(place, "hidden check", f"one of its own at {', '.join(bare)}", "none", remedy)


def bugs_of_checks(assignment: Assignment) -> dict[str, str]:
    """Return the name of each hidden check that is about a bug of the pool, with that bug's."""
    checks, _ = read_checks(assignment.hidden)
    return {check.name: check.bug for check in checks if check.bug is not None}


def draw_files(assignment: Assignment) -> tuple[Path, ...]:
    """Return the files that decide a draw: the pool, and the reference that its patches change."""
    if not assignment.draw:
        return ()
    paths = [*assignment.bugs.glob("*.patch"), *assignment.reference.rglob("*")]
    return tuple(path for path in sorted(paths) if path.is_file() and "__pycache__" not in path.parts)


def _read_pool(assignment: Assignment) -> tuple[tuple[Bug, ...], list[Fault]]:
    bugs, faults = [], []
    for path in sorted(assignment.bugs.glob("*.patch")) if assignment.draw else ():
        where = f"{assignment.id}/solutions/bugs/{path.name}"
        try:
            matter, diff = parse_patch(path.read_text(encoding="utf-8"), where=where)
            levels = tuple(Level(level) for level in matter.get("levels", ())) or tuple(Level)
        except (UsageError, OSError, ValueError) as error:
            faults.append(Fault(where, "patch", "front matter and a diff", str(error), "Mend it."))
            continue
        criterion = next(iter(matter["loses"]), "")
        if criterion not in assignment.draw:
            expected = f"first a criterion that bugs are drawn for ({', '.join(assignment.draw)})"
            faults.append(Fault(where, "loses", expected, f'"{criterion}"', "Correct it, or add it to [draw.count]."))
        bugs.append(Bug(path.stem, criterion, levels, diff))
    return tuple(bugs), faults
