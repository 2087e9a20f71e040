"""From the table of tests to each peer's own kind of test file. Pure."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.table import CASES, FUNCTIONS, HELPERS, Case, Check, Kind

_LIMIT_S = 10
_IMPORT = f"from solution import {', '.join(FUNCTIONS)}\n"
Dialect = Callable[[Check], list[str]]


def pytest_check(check: Check) -> list[str]:
    """Write a check as pytest's users do."""
    match check.kind:
        case Kind.NEAR:
            return [f"assert {check.left} == pytest.approx({check.right})"]
        case Kind.SAME:
            return [f"assert {check.left} == {check.right}"]
        case Kind.TRUE:
            return [f"assert {check.left}"]
        case Kind.RAISES:
            return [f"with pytest.raises({check.right}):", f"    {check.left}"]


def unittest_check(check: Check) -> list[str]:
    """Write a check with unittest's methods."""
    match check.kind:
        case Kind.NEAR:
            return [f"self.assertAlmostEqual({check.left}, {check.right}, places=6)"]
        case Kind.SAME:
            return [f"self.assertEqual({check.left}, {check.right})"]
        case Kind.TRUE:
            return [f"self.assertTrue({check.left})"]
        case Kind.RAISES:
            return [f"with self.assertRaises({check.right}):", f"    {check.left}"]


def plain_check(check: Check) -> list[str]:
    """Write a check with nothing but Python and numpy."""
    match check.kind:
        case Kind.NEAR:
            return [f"assert np.isclose({check.left}, {check.right})"]
        case Kind.SAME:
            return [f"assert {check.left} == {check.right}"]
        case Kind.TRUE:
            return [f"assert {check.left}"]
        case Kind.RAISES:
            lines = ["try:", f"    {check.left}", f"except {check.right}:", "    pass"]
            return [*lines, "else:", f"    raise AssertionError('expected {check.right}')"]


def _body(test: Case, dialect: Dialect, indent: str) -> str:
    lines = [*test.arrange, *(line for check in test.checks for line in dialect(check))]
    return "".join(f"{indent}{line}\n" for line in lines)


def classroom_tests() -> str:
    """Return GitHub Classroom's test file: pytest functions, each with its time limit and its points."""
    text = f"import pytest\nimport timeout_decorator\n{_IMPORT}{HELPERS}"
    for test in CASES:
        text += f"\n\n@pytest.mark.points({test.points})\n@timeout_decorator.timeout({_LIMIT_S})\n"
        text += f"def test_{test.name}():\n{_body(test, pytest_check, '    ')}"
    return text


def gradescope_tests() -> str:
    """Return Gradescope's test file: one TestCase with weights and visibility."""
    text = "import unittest\nfrom gradescope_utils.autograder_utils.decorators import visibility, weight\n"
    text += f"{_IMPORT}{HELPERS}\n\nclass TestSolution(unittest.TestCase):\n"
    for test in CASES:
        shown = "after_published" if test.hidden else "visible"
        text += f"\n    @weight({test.points})\n    @visibility({shown!r})\n"
        text += f"    def test_{test.name}(self):\n{_body(test, unittest_check, ' ' * 8)}"
    return text


def otter_tests() -> dict[str, str]:
    """Return otter's test files, one question per function, each test an exception-based case."""
    files = {}
    for function in FUNCTIONS:
        cases = [test for test in CASES if test.function == function]
        text = "from otter.test_files import test_case\nimport numpy as np\n"
        text += f"OK_FORMAT = False\nname = {function!r}\npoints = {sum(test.points for test in cases)}\n"
        for test in cases:
            # Otter hands the submission's names to a test's parameters.
            helpers = "".join(f"    {line}\n" if line else "\n" for line in HELPERS.splitlines())
            text += f"\n\n@test_case(points={test.points}, hidden={test.hidden})\n"
            text += f"def test_{test.name}({function}):\n{helpers}\n{_body(test, plain_check, '    ')}"
        files[f"{function}.py"] = text
    return files


def floor_tests() -> str:
    """Return plain functions; they find the submission's names among their globals."""
    text = HELPERS
    for test in CASES:
        text += f"\n\ndef test_{test.name}():\n{_body(test, plain_check, '    ')}"
    points = {f"test_{test.name}": test.points for test in CASES}
    return f"{text}\n\nPOINTS = {points!r}\n"
