"""Read hidden tests by their markers. They are parsed, never imported: an import would run them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.catalogue.own_tests import own_checks
from grading.errors import Fault, FaultsError
from grading.model import Assignment, JudgedBy, Level, Rubric
from grading.tables import suggest

_BY_CHECKS = (JudgedBy.TESTS, JudgedBy.OWN_TESTS)
_NO_POINTS = ("gpu", "extension")
"""In the judge's order: of both, the first one counts."""
_MARKERS = ("criterion", "levels", "bug", *_NO_POINTS)


@dataclass(frozen=True)
class Check:
    """One hidden test function, as its markers describe it.

    Attributes:
        where: file and line, for messages.
        name: file, class and function, as the judge reports it.
        criterion: the criterion's id, or None.
        levels: the levels it runs at.
        weight: its share within the criterion.
        informational: "gpu" or "extension" for a check that is marked so and carries no points.
        bug: the bug of the pool that it is about; it counts only where that bug was drawn.
    """

    where: str
    name: str
    criterion: str | None
    levels: tuple[Level, ...]
    weight: int = 1
    informational: str | None = None
    bug: str | None = None


@dataclass
class _Reader:
    """Collects the checks of one file."""

    file: str
    checks: list[Check] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def read(self, node: ast.AST, owner: str, outer: dict[str, ast.expr]) -> None:
        """Read the checks in a module, class or block, whose markers hold unless a check has its own.

        Args:
            owner: the name of the module or class.
        """
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if child.name.startswith("test"):
                    self._add(child, f"{owner}::{child.name}", outer | _markers(child.decorator_list))
            elif isinstance(child, ast.ClassDef):
                if child.name.startswith("Test"):
                    # pytest finds an assigned marker before a decorator.
                    markers = outer | _markers(child.decorator_list) | _assigned_markers(child)
                    self.read(child, f"{owner}::{child.name}", markers)
            elif isinstance(child, (ast.stmt, ast.excepthandler)):
                self.read(child, owner, outer)

    def _add(self, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, markers: dict[str, ast.expr]) -> None:
        where = f"{self.file}:{function.lineno}"
        # A broken marker counts as the criterion "", so that its own fault is the only one about it.
        criterion = self._criterion(where, markers["criterion"]) or "" if "criterion" in markers else None
        levels = self._levels(where, markers["levels"]) if "levels" in markers else tuple(Level)
        weight = _weight(markers["criterion"]) if "criterion" in markers else 1
        informational = next((kind for kind in _NO_POINTS if kind in markers), None)
        bug = self._bug(where, markers["bug"]) if "bug" in markers else None
        self.checks.append(Check(where, name, criterion, levels, weight or 1, informational, bug))

    def _criterion(self, where: str, marker: ast.expr) -> str | None:
        call = marker if isinstance(marker, ast.Call) else ast.Call(marker, [], [])
        name = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
        if not isinstance(name, str):
            self._fault(where, "criterion", '@pytest.mark.criterion("id"), the id as plain text', marker)
            return None
        if any(argument.arg != "weight" for argument in call.keywords) or _weight(marker) is None:
            self._fault(where, "criterion", "no other argument than weight, an integer ≥ 1", marker)
        return name

    def _bug(self, where: str, marker: ast.expr) -> str | None:
        call = marker if isinstance(marker, ast.Call) else ast.Call(marker, [], [])
        name = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
        if isinstance(name, str) and not call.keywords:
            return name
        self._fault(where, "bug", '@pytest.mark.bug("name"), the name as plain text', marker)
        return None

    def _levels(self, where: str, marker: ast.expr) -> tuple[Level, ...]:
        arguments = marker.args if isinstance(marker, ast.Call) else []
        names = [argument.value if isinstance(argument, ast.Constant) else None for argument in arguments]
        known = list(Level)
        if not names or any(name not in known for name in names) or (isinstance(marker, ast.Call) and marker.keywords):
            self._fault(where, "levels", f"some of {', '.join(known)}, each as plain text", marker)
            return tuple(Level)
        return tuple(level for level in Level if level in names)

    def _fault(self, where: str, what: str, expected: str, marker: ast.expr) -> None:
        found = "@" + ast.unparse(marker)
        self.faults.append(
            Fault(where, what, expected, found, "Correct the marker; it is read without running the file.")
        )


def may_hold_checks(path: Path, hidden: Path) -> bool:
    """Whether hidden tests are looked for at a path: in a folder, or in a file called `test_*.py`.

    The judge asks this as well, so that what is run and what is counted are the same files.

    Args:
        path: the folder of hidden tests, or a path in it.
    """
    parts = path.relative_to(hidden).parts
    if parts[:1] == ("inside",) or any(part.startswith((".", "__")) for part in parts):
        return False
    return path.is_dir() or (path.suffix == ".py" and path.name.startswith("test_"))


def read_checks(hidden: Path) -> tuple[list[Check], list[Fault]]:
    """Read the checks of a folder of hidden tests.

    Returns: the checks by file and line; and a fault for each file or marker that cannot be read.
    """
    checks: list[Check] = []
    faults: list[Fault] = []
    for path in sorted(hidden.rglob("*.py")):
        parts = path.relative_to(hidden).parts
        reader = _Reader("/".join((hidden.parent.name, hidden.name, *parts)))
        try:
            module = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            faults.append(Fault(f"{reader.file}{line}", "syntax", "valid Python", str(error), "Mend the file."))
            continue
        if may_hold_checks(path, hidden):
            reader.read(module, path.name, _assigned_markers(module))
        checks += reader.checks
        faults += reader.faults
    return checks, faults


def hidden_faults(hidden: Path, rubric: Rubric, levels: Sequence[Level]) -> Iterator[Fault]:
    """Find where hidden tests and rubric do not fit together."""
    checks, faults = read_checks(hidden)
    yield from faults
    yield from _name_faults(hidden)
    for check in checks:
        yield from _check_faults(check, rubric)
    # With a file or marker that cannot be read, "no check" would be a guess; without files it is said already.
    if not faults and any(hidden.glob("test_*.py")):
        yield from _criteria_without_checks(f"{hidden.parent.name}/{hidden.name}/", checks, rubric, levels)


def criterion_counts(assignment: Assignment, level: Level, idle: Collection[str] = ()) -> dict[str, int]:
    """Count hidden checks (test functions) per criterion at a level.

    Args:
        idle: names of checks that do not count, because the draw left their bugs out.

    Returns: id → number, for the criteria that tests judge at this level, in the rubric's order.

    Raises:
        FaultsError: a hidden test or its marker cannot be read.
    """
    checks, faults = read_checks(assignment.hidden)
    if faults:
        raise FaultsError(faults)
    counts = {c.id: 0 for c in assignment.rubric.at(level) if c.judged_by in _BY_CHECKS}
    own = own_checks(assignment, level)
    for _, criterion in own:
        counts[criterion] += 1
    for check in checks:
        counted = level in check.levels and not check.informational and check.name not in idle
        if counted and check.criterion in counts:
            counts[check.criterion] += 1
    return counts


def _name_faults(hidden: Path) -> Iterator[Fault]:
    """Find files that pytest would take for tests by its own rules, and that are none here."""
    for path in sorted(hidden.rglob("*_test.py")):
        renamed = path.with_name(f"test_{path.stem.removesuffix('_test')}.py")
        if may_hold_checks(renamed, hidden) and not may_hold_checks(path, hidden):
            where = f"{hidden.parent.name}/{hidden.name}/{path.relative_to(hidden).as_posix()}"
            remedy = f"Rename it, for example to {renamed.name}; under its present name it is never run."
            yield Fault(where, "file name", "test_*.py, by which hidden tests are found", path.name, remedy)


def _check_faults(check: Check, rubric: Rubric) -> Iterator[Fault]:
    by_tests = {c.id: c for c in rubric.criteria if c.judged_by in _BY_CHECKS}
    what = f"{check.name.partition('::')[2]}: criterion"
    if check.informational and check.criterion is not None:
        expected = "no criterion on a test marked gpu or extension, which carries no points"
        yield Fault(check.where, what, expected, f'"{check.criterion}"', "Delete one of the two markers.")
    elif not check.informational and check.criterion is None:
        expected = '@pytest.mark.criterion("id"), or gpu or extension'
        yield Fault(check.where, what, expected, "no such marker", "Say which criterion the test earns points for.")
    elif check.criterion and check.criterion not in by_tests:
        judge = next((c.judged_by for c in rubric.criteria if c.id == check.criterion), None)
        found = f'"{check.criterion}"' + (f", which is judged by {judge}" if judge else "")
        remedy = f"{suggest(check.criterion, by_tests)}Correct the marker or the rubric."
        yield Fault(check.where, what, f"a criterion judged by tests ({', '.join(by_tests) or 'none'})", found, remedy)


def _criteria_without_checks(
    where: str, checks: Sequence[Check], rubric: Rubric, levels: Sequence[Level]
) -> Iterator[Fault]:
    for criterion in rubric.criteria:
        # Points for a candidate's own tests may come from running them, without a hidden test.
        if criterion.judged_by is not JudgedBy.TESTS:
            continue
        own = [check for check in checks if check.criterion == criterion.id and not check.informational]
        bare = [level for level in levels if level in criterion.points and not any(level in c.levels for c in own)]
        if bare:
            what = f'criterion "{criterion.id}" at {", ".join(bare)}'
            remedy = f'Mark a test with @pytest.mark.criterion("{criterion.id}"), or take the points away.'
            yield Fault(where, what, "at least one hidden test", "none", remedy)


def _assigned_markers(scope: ast.Module | ast.ClassDef) -> dict[str, ast.expr]:
    """Return the markers that the last `pytestmark = ...` gives to a whole module or class.

    Of two alike in one list, pytest counts the first.
    """
    markers: dict[str, ast.expr] = {}
    for node in scope.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in targets):
            values = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            markers = _markers(values[::-1])
    return markers


def _markers(expressions: Sequence[ast.expr]) -> dict[str, ast.expr]:
    """Return our markers among decorators, by name. Of two alike the one nearest to the function counts."""
    markers = {}
    for expression in expressions:
        target = expression.func if isinstance(expression, ast.Call) else expression
        if not isinstance(target, ast.Attribute) or target.attr not in _MARKERS:
            continue
        if ast.unparse(target.value) in ("pytest.mark", "mark"):
            markers[target.attr] = expression
    return markers


def _weight(marker: ast.expr) -> int | None:
    """Return the weight in `criterion(..., weight=2)`, 1 where there is none; None if it is no plain integer ≥ 1."""
    keywords = marker.keywords if isinstance(marker, ast.Call) else []
    value = next((argument.value for argument in keywords if argument.arg == "weight"), ast.Constant(1))
    weight = value.value if isinstance(value, ast.Constant) else None
    return weight if type(weight) is int and weight >= 1 else None
