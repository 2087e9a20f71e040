"""Read a rubric from a parsed `assignment.toml`, with every fault at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from grading.errors import Fault
from grading.model import Anchors, Credit, Criterion, JudgedBy, Level, Rubric
from grading.tables import ABSENT, Table, is_integer

TOTAL = 100
"""Points of each level."""

_KEYS = ("id", "title", "points", "judged_by", "credit", "floor", "hint", "anchors")
_ANCHORS = ("full", "half", "none")
_ID = re.compile(r"[a-z][a-z0-9_]*")
_BY_CHECKS = (JudgedBy.TESTS, JudgedBy.OWN_TESTS)


def parse_rubric(
    table: Mapping[str, object], *, where: str, levels: Collection[Level]
) -> tuple[Rubric | None, list[Fault]]:
    """Read `pass_mark` and the `[[criterion]]` tables.

    Args:
        table: the whole file as `tomllib` parsed it; decimals stay exact with `parse_float=Decimal`. Other keys at its
            top are left to the catalogue.
        where: the file, for messages, like `early_stopping/assignment.toml`.
        levels: the levels that the assignment offers; the points of each must sum to 100.

    Returns: the rubric, or None if there are faults; and all faults.
    """
    faults: list[Fault] = []
    top = Table(table, where, faults)
    pass_mark = top.integer("pass_mark", 1, TOTAL)
    criteria = [_criterion(entry, levels) for entry in _entries(top)]
    # With points that cannot be read a sum would mislead, so it waits until they can.
    if criteria and all(criterion.points for criterion in criteria):
        _verify_sums(top, criteria, levels)
    _verify_ids(top, criteria)
    return (None if faults else Rubric(pass_mark, tuple(criteria))), faults


def _entries(top: Table) -> list[Table]:
    """Return the criterion tables, each with a name that an author finds again."""
    value = top.get("criterion")
    if not isinstance(value, list) or not value:
        top.fault(
            "criterion", "at least one [[criterion]] table", value, "Add [[criterion]] with id, title and points."
        )
        return []
    entries = []
    for number, data in enumerate(value, start=1):
        if not isinstance(data, Mapping):
            top.fault(f"criterion {number}", "a table", data, "Write it as [[criterion]].")
            continue
        name = f'"{data["id"]}"' if isinstance(data.get("id"), str) else str(number)
        entries.append(Table(data, f"{top.where}: criterion {name}", top.faults, _KEYS))
    return entries


def _criterion(entry: Table, levels: Collection[Level]) -> Criterion:
    """Read one criterion; it is only good for use if no fault was added."""
    name = entry.text("id")
    if name and not _ID.fullmatch(name):
        entry.fault("id", "small letters, digits and _, a letter first", name, "Rename it, in the tests' markers too.")
    judged_by = entry.choice("judged_by", JudgedBy, JudgedBy.TESTS)
    by_checks = judged_by in _BY_CHECKS
    if not by_checks and entry.get("credit") is not ABSENT:
        entry.fault("credit", f"no such key where judged_by is {judged_by}", entry.get("credit"), "Delete it.")
    return Criterion(
        id=name,
        title=entry.text("title"),
        points=_points(entry, levels),
        judged_by=judged_by,
        credit=entry.choice("credit", Credit, Credit.PER_TEST),
        floor=entry.number("floor", 1),
        hint=entry.text("hint", default=None if by_checks else ""),
        anchors=_anchors(entry, judged_by),
    )


def _points(entry: Table, levels: Collection[Level]) -> dict[Level, int]:
    """Return points by level, easiest first; nothing if they cannot be read."""
    value = entry.get("points")
    if not isinstance(value, Mapping):
        found = len(entry.faults)
        points = entry.integer("points", 1)
        return {level: points for level in Level if level in levels} if len(entry.faults) == found else {}
    before = len(entry.faults)
    nested = entry.table("points", known=Level, required=True)
    for key, number in nested.data.items():
        if key not in list(Level):
            continue
        if levels and key not in levels:
            remedy = f"Add {key} to minutes, or delete it here."
            nested.fault(key, f"a level that minutes offers ({', '.join(levels)})", number, remedy)
        elif not is_integer(number) or number < 1:
            nested.fault(key, "an integer ≥ 1", number, "Leave a level out if it lacks the criterion.")
    if len(nested.faults) > before:
        return {}
    return {level: number for level in Level if is_integer(number := nested.data.get(level))}


def _anchors(entry: Table, judged_by: JudgedBy) -> Anchors | None:
    given = entry.get("anchors")
    if judged_by is not JudgedBy.REVIEWER:
        if given is not ABSENT:
            remedy = 'Delete it, or set judged_by = "reviewer".'
            entry.fault("anchors", f"no such key where judged_by is {judged_by}", given, remedy)
        return None
    if not isinstance(given, Mapping):
        remedy = 'Write anchors = {full = "...", half = "...", none = "..."}, each what a reviewer can see.'
        entry.fault("anchors", "a table with full, half and none", given, remedy)
        return None
    nested = entry.table("anchors", known=_ANCHORS)
    full, half, none = (nested.text(key) for key in _ANCHORS)
    return Anchors(full, half, none)


def _verify_sums(top: Table, criteria: Collection[Criterion], levels: Collection[Level]) -> None:
    for level in levels:
        points = [criterion.points[level] for criterion in criteria if level in criterion.points]
        if not points:
            remedy = f"Give criteria points at {level}, or delete it from minutes."
            top.fault(f"points at {level}", "at least one criterion", ABSENT, remedy)
        elif sum(points) != TOTAL:
            change = TOTAL - sum(points)
            remedy = f"Add {change}." if change > 0 else f"Take {-change} away."
            top.fault(f"points at {level}", f"a sum of {TOTAL}", sum(points), remedy)


def _verify_ids(top: Table, criteria: Collection[Criterion]) -> None:
    seen: set[str] = set()
    for criterion in criteria:
        if criterion.id and criterion.id in seen:
            remedy = "Rename one of them, in the tests' markers too."
            top.fault(f'criterion "{criterion.id}": id', "an id that no other criterion has", criterion.id, remedy)
        seen.add(criterion.id)
