"""Read hidden tests by their markers. They are parsed, never imported: an import would run them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import Fault, FaultsError
from grading.model import Assignment, JudgedBy, Level, Rubric
from grading.tables import suggest

_BY_CHECKS = (JudgedBy.TESTS, JudgedBy.OWN_TESTS)
_NO_POINTS = ("gpu", "extension")
_MARKERS = ("criterion", "levels", *_NO_POINTS)


@dataclass(frozen=True)
class Check:
    """One hidden test function, as its markers describe it.

    Attributes:
        where: file and line, for messages.
        criterion: the criterion's id, or None.
        levels: the levels it runs at.
        informational: whether it is marked gpu or extension and so carries no points.
    """

    where: str
    name: str
    criterion: str | None
    levels: tuple[Level, ...]
    informational: bool


@dataclass
class _Reader:
    """Collects the checks of one file."""

    file: str
    checks: list[Check] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def read(self, node: ast.AST, outer: dict[str, ast.expr]) -> None:
        """Read the checks in a module, class or block, whose markers hold unless a check has its own."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if child.name.startswith("test"):
                    self._add(child, outer | _markers(child.decorator_list))
            elif isinstance(child, ast.ClassDef):
                if child.name.startswith("Test"):
                    self.read(child, outer | _assigned_markers(child) | _markers(child.decorator_list))
            elif isinstance(child, (ast.stmt, ast.excepthandler)):
                self.read(child, outer)

    def _add(self, function: ast.FunctionDef | ast.AsyncFunctionDef, markers: dict[str, ast.expr]) -> None:
        where = f"{self.file}:{function.lineno}"
        # A broken marker counts as the criterion "", so that its own fault is the only one about it.
        criterion = self._criterion(where, markers["criterion"]) or "" if "criterion" in markers else None
        levels = self._levels(where, markers["levels"]) if "levels" in markers else tuple(Level)
        informational = any(name in markers for name in _NO_POINTS)
        self.checks.append(Check(where, function.name, criterion, levels, informational))

    def _criterion(self, where: str, marker: ast.expr) -> str | None:
        call = marker if isinstance(marker, ast.Call) else ast.Call(marker, [], [])
        name = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
        if not isinstance(name, str):
            self._fault(where, "criterion", '@pytest.mark.criterion("id"), the id as plain text', marker)
            return None
        for argument in call.keywords:
            weight = argument.value.value if isinstance(argument.value, ast.Constant) else None
            if argument.arg != "weight" or type(weight) is not int or weight < 1:
                self._fault(where, "criterion", "no other argument than weight, an integer ≥ 1", marker)
        return name

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
        if parts[0] != "inside" and path.name.startswith("test_"):
            reader.read(module, _assigned_markers(module))
        checks += reader.checks
        faults += reader.faults
    return checks, faults


def hidden_faults(hidden: Path, rubric: Rubric, levels: Sequence[Level]) -> Iterator[Fault]:
    """Find where hidden tests and rubric do not fit together."""
    checks, faults = read_checks(hidden)
    yield from faults
    for check in checks:
        yield from _check_faults(check, rubric)
    # With a file or marker that cannot be read, "no check" would be a guess; without files it is said already.
    if not faults and any(hidden.glob("test_*.py")):
        yield from _criteria_without_checks(f"{hidden.parent.name}/{hidden.name}/", checks, rubric, levels)


def criterion_counts(assignment: Assignment, level: Level) -> dict[str, int]:
    """Count hidden checks (test functions) per criterion at a level.

    Returns: id → number, for the criteria that tests judge at this level, in the rubric's order.

    Raises:
        FaultsError: a hidden test or its marker cannot be read.
    """
    checks, faults = read_checks(assignment.hidden)
    if faults:
        raise FaultsError(faults)
    counts = {c.id: 0 for c in assignment.rubric.at(level) if c.judged_by in _BY_CHECKS}
    for check in checks:
        if check.criterion in counts and level in check.levels and not check.informational:
            counts[check.criterion] += 1
    return counts


def _check_faults(check: Check, rubric: Rubric) -> Iterator[Fault]:
    by_tests = {c.id: c for c in rubric.criteria if c.judged_by in _BY_CHECKS}
    what = f"{check.name}: criterion"
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
    """Return the markers that `pytestmark = ...` gives to a whole module or class."""
    markers: dict[str, ast.expr] = {}
    for node in scope.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in targets):
            values = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            markers |= _markers(values)
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
