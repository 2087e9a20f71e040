"""Which checks a run of the hidden tests reports, read from their markers without importing them."""

from __future__ import annotations

from dataclasses import dataclass

from grading.catalogue.hidden import read_checks
from grading.catalogue.own_tests import own_checks
from grading.draw import idle_checks
from grading.errors import GraderError
from grading.model import Assignment, Level


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


def expected_checks(assignment: Assignment, level: Level, draw: int = 0) -> dict[str, Expected]:
    """Return the checks of an assignment at a level by name, in the order of files and lines; own tests' come last.

    Args:
        draw: the seed of the starter's bugs, where the assignment draws them; checks of others are not run.

    Raises:
        GraderError: a hidden test cannot be read, or two of them have one name.
    """
    checks, faults = read_checks(assignment.hidden)
    if faults:
        raise GraderError(f"{assignment.id}: hidden tests cannot be read: " + "; ".join(map(str, faults)))
    found: dict[str, Expected] = {}
    idle = idle_checks(assignment, level, draw)
    for check in checks:
        if level not in check.levels or check.name in idle:
            continue
        if check.name in found:
            raise GraderError(
                f"{assignment.id}: hidden tests: two checks are called {check.name}. Rename one ({check.where})."
            )
        # What carries no points belongs to no criterion, whatever a marker around it says.
        criterion = check.criterion if check.informational is None else None
        found[check.name] = Expected(check.name, criterion, check.weight, check.informational)
    own = {name: Expected(name, criterion, 1, None) for name, criterion in own_checks(assignment, level)}
    return found | own
