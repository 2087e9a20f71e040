"""Candidates' own tests: what honest ones earn, and that no cheat earns anything."""

import dataclasses
import random
from fractions import Fraction
from pathlib import Path

import pytest

from grading import pipeline
from grading.catalogue import criterion_counts, load_assignment
from grading.catalogue.own_tests import CATCHES, RIGHT, own_checks
from grading.errors import FaultsError
from grading.evidence import own_tests
from grading.evidence.own_tests import _checks, _Report, lone_refusal_flags, peeking_flags, run_own_tests
from grading.evidence.targets import Target, compile_target, load_targets
from grading.model import Blame, Evidence, FailureKind, Isolation, Level, Outcome, Submission
from grading.sandbox.bubblewrap import probe_isolation
from grading.sandbox.host import Zygote, ZygoteKey
from grading.scoring import score_evidence
from grading.submission import load_folder

HUNT = Path(__file__).parent.parent / "fixtures" / "bug_hunt"
LEVEL = Level.MID
IMPORT = "import solution\nfrom solution import accuracy, fit_line, moving_mean, split\n\n\n"


@pytest.fixture(scope="module")
def hunt():
    assignment = load_assignment(HUNT, proof=False)
    own = dataclasses.replace(assignment.own_tests, run_s=4.0)
    return dataclasses.replace(assignment, own_tests=own, limits=dataclasses.replace(assignment.limits, memory_mib=512))


@pytest.fixture(scope="module")
def zygote(hunt):
    with Zygote(probe_isolation(), ZygoteKey(hunt.libraries, hunt.forbidden)) as started:
        yield started


@pytest.fixture(scope="module")
def honest(hunt):
    return load_folder(hunt.reference, hunt)


def run(hunt, zygote, honest, source, **more):
    """Return the share earned and the sentence for the candidate, and the whole run."""
    files = {"solution.py": honest.files["solution.py"], **{f"own_tests/{name}": text for name, text in more.items()}}
    if source is not None:
        files["own_tests/test_own.py"] = (IMPORT + source).encode()
    if "while True" in (source or ""):
        hunt = dataclasses.replace(hunt, own_tests=dataclasses.replace(hunt.own_tests, run_s=1.0))
    found = run_own_tests(hunt, Submission(files, "test"), level=LEVEL, zygote=zygote, seed=7)
    return *graded(hunt, found.checks), found


def graded(hunt, checks):
    grade = score_evidence(Evidence(checks, Isolation.FULL), hunt, LEVEL)
    criterion = next(c for c in grade.criteria if c.id == "own_tests")
    return criterion.points / criterion.max, criterion.note


# honest work ----------------------------------------------------------------------------------------------------------


def test_honest_tests_earn_all_points_and_are_measured(hunt, zygote, honest):
    found = run_own_tests(hunt, honest, level=LEVEL, zygote=zygote, seed=1)
    share, note = graded(hunt, found.checks)
    assert share == 1, [(c.name, c.detail) for c in found.checks]
    assert note == "Your tests pass on right solutions: 3 of 3. They catch 5 of 5 bugs."
    coverage = found.coverage
    assert coverage.passes
    assert coverage.lines == coverage.of_lines > 15
    assert coverage.branches == coverage.of_branches == 2


def test_a_part_of_the_bugs_earns_its_part_of_those_needed(hunt, zygote, honest):
    source = """
def test_windows():
    assert moving_mean([1, 3, 5], 2) == [2, 4]
"""
    share, note, found = run(hunt, zygote, honest, source)
    assert (share, note[-20:]) == (Fraction(2, 4), "They catch 2 of 5 bugs."[-20:])
    assert 0 < found.coverage.lines < found.coverage.of_lines


def test_tests_of_unittest_count_like_others(hunt, zygote, honest):
    source = """
import unittest


class Windows(unittest.TestCase):
    def setUp(self):
        self.values = [1, 3, 5]

    def test_windows(self):
        for width, expected in ((1, [1, 3, 5]), (2, [2, 4])):
            with self.subTest(width=width):
                self.assertEqual(moving_mean(self.values, width), expected)
"""
    share, note, _ = run(hunt, zygote, honest, source)
    assert (share, note) == (
        Fraction(2, 4),
        "Your tests pass on right solutions: 3 of 3. They catch 2 of 5 bugs.",
    )


def test_a_test_of_what_the_readme_leaves_open_costs_all(hunt, zygote, honest):
    source = """
def test_order():
    train, _ = split(10, 0.3, 1)
    assert train == [train[0], *train[1:]] and train == sorted(train)
"""
    share, note, found = run(hunt, zygote, honest, source)
    assert share == 0
    assert note == "Your tests pass on right solutions: 1 of 3. Until they pass on all, no bug counts."
    assert {c.name for c in found.checks if c.outcome is Outcome.PASSED} == {f"{RIGHT}[plain_loops]"}


def test_the_note_names_no_solution_and_no_bug(hunt, zygote, honest):
    _, note, found = run(hunt, zygote, honest, "def test_it():\n    assert moving_mean([1], 1) == [1]\n")
    names = [check.name.partition("[")[2].rstrip("]") for check in found.checks]
    assert len(names) == 8
    assert not [name for name in names if name in note]


def test_nothing_handed_in_earns_nothing(hunt, zygote, honest):
    share, note, found = run(hunt, zygote, honest, None)
    assert share == 0
    assert "0 of 3" in note
    assert found.coverage is None
    assert {check.blame for check in found.checks} == {Blame.CANDIDATE}


def test_an_error_in_a_solution_is_a_failure_like_any_other(hunt, zygote, honest):
    source = """
import pytest


def test_it_refuses_text():
    with pytest.raises(TypeError):
        moving_mean(3, 1)


@pytest.mark.xfail(raises=TypeError, strict=True)
def test_known():
    moving_mean(3, 1)
"""
    _, note, found = run(hunt, zygote, honest, source)
    assert note.startswith("Your tests pass on right solutions: 3 of 3."), [(c.name, c.detail) for c in found.checks]
    _, _, found = run(hunt, zygote, honest, "def test_it():\n    moving_mean(3, 1)\n")
    assert "TypeError" in found.checks[0].detail


# cheats ---------------------------------------------------------------------------------------------------------------

ALWAYS_FAILING = {
    "leaves_with_status_0": "import os\n\nos._exit(0)\n",
    "leaves_in_a_test": "import os\n\n\ndef test_it():\n    os._exit(1)\n",
    "fails_whatever_it_faces": "def test_it():\n    raise SystemExit(1)\n",
    "ends_pytest": "import pytest\n\n\ndef test_it():\n    pytest.exit('done', returncode=0)\n",
    "dies_by_a_signal": "import ctypes\n\n\ndef test_it():\n    ctypes.string_at(0)\n",
    "never_ends": "def test_it():\n    while True:\n        pass\n",
    "skips_all": "import pytest\n\npytest.skip('later', allow_module_level=True)\n",
    "expects_to_fail": """
import pytest


@pytest.mark.xfail
def test_it():
    assert moving_mean([1, 2], 1) == 3
""",
    "passes_where_it_should_fail": """
import pytest


@pytest.mark.xfail(strict=False)
def test_it():
    assert moving_mean([1], 1) == [1]
""",
    "has_no_test": "x = 1\n",
    "reports_failures_only": """
import _pytest.reports
import _pytest.runner


def test_it(monkeypatch):
    for name in ("outcome",):
        setattr(_pytest.reports.TestReport, name, property(lambda self: "failed", lambda self, value: None))
""",
    "answers_in_the_drivers_name": """
import os


def test_it():
    os.write(3, bytes(64))
    assert False
""",
    "breaks_the_solution": """
import pytest


@pytest.fixture(autouse=True, scope="session")
def planted():
    solution.split = lambda *a: ([0], [0])


def test_it():
    assert solution.split(3, 0.5, 1) == ([], [0, 1, 2])
""",
    "eats_memory": "def test_it():\n    held = [bytearray(1 << 28) for _ in range(64)]\n    assert held\n",
}

ALWAYS_PASSING = {
    "asserts_nothing": "def test_it():\n    split(3, 0.5, 1)\n",
    "says_passed_for_all": """
import _pytest.runner


def test_it():
    def passed(cls, func, when, reraise=None):
        return cls(None, None, 0, 0, 0, when, _ispytest=True)

    _pytest.runner.CallInfo.from_call = classmethod(passed)


def test_wrong():
    assert split(2, 0.5, 1) == "this"
""",
    "looks_for_source": """
import inspect
import linecache
import os
import sys
from pathlib import Path

import pytest


def test_no_source():
    for thing in (solution, split):
        with pytest.raises((OSError, TypeError, RuntimeError)):
            inspect.getsource(thing)
    assert not Path(solution.__file__).exists()
    assert linecache.getlines(solution.__file__) == []
    assert getattr(solution.__loader__, "get_source", None) is None
    assert split.__doc__ is None and solution.__doc__ is None
    for root in ("/submission", "/tmp", "/dev/shm", "/judge"):
        for folder, _, names in os.walk(root):
            if folder.startswith(sys.prefix):
                continue  # the libraries, where this project lies in /tmp
            for name in names:
                if name != "test_own.py" and "def " + "moving_mean" in Path(folder, name).read_text(errors="replace"):
                    raise AssertionError(name)
""",
    "looks_for_code": """
import gc
import inspect
import sys

import pytest

ROUTES = [
    lambda: split.__code__,
    lambda: getattr(fit_line, "__co" + "de__"),
    lambda: type(split).__code__.__get__(split),
    lambda: object.__getattribute__(split, "__code__"),
    lambda: gc.get_referents(split),
    lambda: gc.get_objects(),
    lambda: sys.settrace(lambda *a: None),
    lambda: sys.setprofile(lambda *a: None),
]


class Spy(list):
    seen = []

    def __len__(self):
        frame = sys._getframe(1)
        try:
            self.seen.append(frame.f_code)
        except RuntimeError:
            self.seen.append(None)
        return super().__len__()


@pytest.mark.parametrize("route", ROUTES)
def test_no_code(route):
    with pytest.raises(RuntimeError, match="what code does"):
        route()


def test_no_frame():
    moving_mean(Spy([1, 2, 3]), 2)
    accuracy(Spy([1]), [1])
    assert not [code for code in Spy.seen if code is not None and code.co_filename.endswith("solution.py")]


def test_a_signature_is_no_secret():
    assert list(inspect.signature(split).parameters) == ["n", "fraction", "seed"]
""",
    "looks_for_the_name_of_what_it_faces": """
import os
import sys
from pathlib import Path

HALVES = [("split_", "overlaps"), ("bias_", "stays"), ("window_", "lost"), ("plain_", "loops"), ("genera", "tors")]


def test_nothing_is_named():
    texts = [str(dict(os.environ)), str(sys.argv), solution.__file__, str(vars(solution)["__spec__"])]
    places = [Path("/proc/self", name) for name in ("cmdline", "environ", "mountinfo")]
    texts += [place.read_text() for place in places if place.exists()]
    frame = sys._getframe()
    while frame is not None:
        texts += [str(value) for name, value in list(frame.f_locals.items()) if name != "texts"]
        frame = frame.f_back
    assert not [half for half in HALVES if any("".join(half) in text for text in texts)]
""",
    "counts_its_runs": """
from pathlib import Path


def test_it():
    for place in ("/tmp/seen", "/dev/shm/seen", "/submission/seen"):
        path = Path(place)
        assert not path.exists()
        path.write_text("1")
""",
    "writes_reports": """
from pathlib import Path


def test_it():
    text = '<testsuite tests="9" failures="9"/>'
    for name in ("junit.xml", "result.json", "report.xml"):
        Path("/submission", name).write_text(text)
""",
    "compares_with_its_own_bug": """
import traceback


def test_lines_tell_nothing():
    try:
        moving_mean(None, 2)
    except TypeError as error:
        lines = {error.__traceback__.tb_next.tb_lineno}
    assert lines == {1}
""",
    "asserts_on_names": """
def test_it():
    assert split.__name__ == split.__qualname__ == "split"
    assert repr(split).startswith("<function split at 0x")
    assert split.__module__ == "solution"
""",
}


@pytest.mark.parametrize("name", ALWAYS_FAILING)
def test_what_fails_on_right_solutions_earns_nothing(hunt, zygote, honest, name):
    share, note, found = run(hunt, zygote, honest, ALWAYS_FAILING[name])
    assert share == 0
    assert note.startswith("Your tests pass on right solutions: 0 of 3."), found.checks
    assert all(check.outcome is not Outcome.PASSED for check in found.checks)


@pytest.mark.parametrize("name", ALWAYS_PASSING)
def test_what_passes_whatever_it_faces_earns_nothing(hunt, zygote, honest, name):
    share, note, found = run(hunt, zygote, honest, ALWAYS_PASSING[name])
    assert note == "Your tests pass on right solutions: 3 of 3. They catch 0 of 5 bugs.", [
        (c.name, c.detail) for c in found.checks
    ]
    assert share == 0


def test_an_address_does_not_tell_which_solution_it_is(hunt, zygote, honest):
    source = """
def test_it():
    assert id(fit_line) // 64 % 2 or hash(repr(split)) % 3
"""
    share, _, _ = run(hunt, zygote, honest, source)
    assert share < 1


def test_settings_of_the_candidates_do_not_travel(hunt, zygote, honest):
    hook = b"import pytest\n\n\ndef pytest_runtest_call(item):\n    raise AssertionError\n"
    source = "def test_it():\n    assert moving_mean([1, 3, 5], 2) == [2, 4]\n"
    more = {"conftest.py": hook, "pytest.ini": b"[pytest]\naddopts = --collect-only\n", "pytest.toml": b"[pytest]\n"}
    share, note, _ = run(hunt, zygote, honest, source, **more)
    assert (share, note) == (Fraction(1, 2), "Your tests pass on right solutions: 3 of 3. They catch 2 of 5 bugs.")


def test_their_own_solution_does_not_take_the_place_of_ours(hunt, zygote, honest):
    source = "def test_it():\n    assert moving_mean([1, 3, 5], 2) == [2, 4]\n"
    files = {"solution.py": b"def moving_mean(v, w):\n    return [2, 4]\n", "__init__.py": b""}
    _, note, _ = run(hunt, zygote, honest, source, **files)
    assert note.endswith("They catch 2 of 5 bugs.")


SHAPES = b'''"""Doc."""
from __future__ import annotations

import enum
import functools
import inspect
import logging
import traceback
from dataclasses import dataclass

from helpers.deep import twice


class Mode(enum.Enum):
    """Doc."""

    A = 1


@dataclass
class Result:
    """Doc."""

    losses: list
    x: int = 3

    @property
    def size(self):
        """Doc."""
        return twice(len(self.losses))


def logged(function):
    @functools.wraps(function)
    def inner(*args):
        logging.getLogger("s").warning("called %s", function.__name__)
        return function(*args)

    return inner


@logged
def moving_mean(values, window):
    """Doc."""
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    match values:
        case [first, *_]:
            return Result([first, step()])
    raise ValueError("no values")


def numbers():
    """Doc."""
    yield from range(3)


def noted():
    """Doc."""
    # As torch.manual_seed and the warnings of pandas do.
    return len(traceback.format_stack()) > 1, inspect.getfile(inspect.currentframe())
'''


def test_solutions_of_every_shape_behave_as_with_their_source(hunt, zygote, monkeypatch):
    sources = {
        "solution.py": SHAPES,
        "helpers/__init__.py": b"",
        "helpers/deep.py": b"def twice(x):\n    return 2 * x\n",
    }
    source = b"""
import inspect

import pytest
from solution import Mode, Result, moving_mean, noted, numbers


def test_all(caplog):
    assert moving_mean([4], 1) == Result([4, 1])
    assert moving_mean([4], 1).size == 4
    assert Mode.A.value == 1 and list(numbers()) == [0, 1, 2]
    assert "called moving_mean" in caplog.text
    for function in (moving_mean, moving_mean.__wrapped__):
        assert list(inspect.signature(function).parameters) == ["values", "window"]
    with pytest.raises(ValueError, match="no values"):
        moving_mean([], 1)
    assert noted() == (True, "/submission/solution.py")
    assert inspect.isgeneratorfunction(numbers) and not inspect.iscoroutinefunction(noted)
"""
    monkeypatch.setattr(own_tests, "load_targets", lambda *_: (Target("shapes", True, sources),))
    files = {**sources, "own_tests/test_own.py": source}
    found = run_own_tests(hunt, Submission(files, "test"), level=LEVEL, zygote=zygote, seed=2)
    assert [check.detail for check in found.checks] == [""]
    assert found.coverage.passes


# parts ----------------------------------------------------------------------------------------------------------------

CLEAN, BAD = _Report(None, ""), _Report(FailureKind.WRONG_VALUE, "a test failed")
TARGETS = (Target("one", True, {}), Target("bug", False, {}))


@pytest.mark.parametrize(
    ("rights", "bugs", "passed"),
    [
        ([CLEAN, CLEAN], [BAD, BAD], [True, True]),
        ([CLEAN, CLEAN], [BAD, CLEAN], [True, False]),
        ([CLEAN, BAD], [BAD, BAD], [False, False]),
        ([BAD], [], [False, False]),
        ([CLEAN, CLEAN], [BAD], [True, False]),
    ],
)
def test_only_what_happens_each_time_counts(rights, bugs, passed):
    checks = list(_checks(TARGETS, {0: rights, 1: bugs}, "own_tests", 2))
    assert [check.outcome is Outcome.PASSED for check in checks] == passed


@pytest.mark.parametrize(("failing", "flagged"), [((), 0), ((1,), 1), ((0, 2), 0), ((0, 1, 2), 0)])
def test_a_single_right_solution_that_differs_is_flagged(failing, flagged):
    targets = (*(Target(name, True, {}) for name in ("one", "two", "three")), Target("bug", False, {}))
    found = {number: [BAD if number in failing else CLEAN] for number in range(3)} | {3: [BAD]}
    flags = lone_refusal_flags(list(_checks(targets, found, "own_tests", 1)))
    assert len(flags) == flagged
    assert all("own_tests::right[two]" in flag.message for flag in flags)
    assert not lone_refusal_flags(list(_checks(targets[:2], {0: [BAD], 1: [CLEAN]}, "own_tests", 1)))


def test_two_runs_of_one_solution_have_different_bytes_and_the_same_values(hunt):
    target = load_targets(hunt, LEVEL)[0]
    first, second = (compile_target(target, random.Random(seed)) for seed in (1, 2))  # noqa: S311
    assert first.keys() == second.keys() == {"solution"}
    assert first["solution"][0] != second["solution"][0]
    assert b"Return the" not in first["solution"][0]


def test_looking_at_code_is_flagged_and_looking_at_values_is_not(hunt, honest):
    assert peeking_flags(hunt, honest) == ()
    source = b"import dis\nimport solution\n\n\ndef test_it():\n    assert solution.split.__code__.co_code\n"
    flags = peeking_flags(hunt, Submission({"own_tests/test_own.py": source}, "test"))
    assert [(flag.kind, flag.line) for flag in flags] == [("own_tests_peek", n) for n in (1, 6, 6)]


def test_the_catalogue_names_and_counts_the_checks(hunt):
    names = [name for name, _ in own_checks(hunt, LEVEL)]
    assert names[:3] == [f"{RIGHT}[{name}]" for name in ("generators", "plain_loops", "reference")]
    assert len([name for name in names if name.startswith(CATCHES)]) == 5
    assert criterion_counts(hunt, LEVEL)["own_tests"] == 8


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('"window_lost", ', '"window_last", ', 'Did you mean "window_lost"?'),
        ("need = 4", "need = 6", "an integer from 1 to 5"),
        ('folder = "own_tests/"', 'folder = "tests_of_mine/"', "a folder in files"),
        ('judged_by = "own_tests"', 'judged_by = "tests"', 'one criterion with judged_by = "own_tests"'),
    ],
)
def test_faults_of_the_table_are_named(tmp_path, before, after, expected):
    import shutil

    copy = tmp_path / "bug_hunt"
    shutil.copytree(HUNT, copy)
    text = (copy / "assignment.toml").read_text()
    assert text.count(before) == 1
    (copy / "assignment.toml").write_text(text.replace(before, after))
    with pytest.raises(FaultsError) as caught:
        load_assignment(copy)
    assert expected in str(caught.value)


# what validate spares -------------------------------------------------------------------------------------------------


def test_own_tests_are_remembered_for_validate_alone(hunt, honest, monkeypatch):
    judged = []

    def counting(assignment, submission, **options):
        judged.append(submission)
        return run_own_tests(assignment, submission, **options)

    monkeypatch.setattr(pipeline, "run_own_tests", counting)
    lazy = Submission({**honest.files, "own_tests/test_own.py": b"def test_nothing():\n    assert True\n"}, "lazy")
    for remember, times in ((False, 3), (True, 2)):
        judged.clear()
        with pipeline.Grader(remember_own_tests=remember) as grader:
            grades = [grader.grade(hunt, one, level=LEVEL).grade.auto for one in (honest, lazy, honest)]
            assert grades == [100, 80, 100]
            assert len(judged) == times
            grader.forget_own_tests()
            assert grader.grade(hunt, honest, level=LEVEL).grade.auto == 100
            assert len(judged) == times + 1
