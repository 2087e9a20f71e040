"""What a hidden test can do with the candidate's code, the same in the sandbox and in the judge's own process."""

import dataclasses
import os
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from grading.catalogue.hidden import read_checks
from grading.errors import GraderError
from grading.judge import CandidateError, Handle, Record, WrongType, expect_array, expect_close, expect_float, fetch
from grading.judge.hooks import JudgePlugin
from grading.judge.nursery import Loaded, load_in
from grading.judge.outcomes import NotLoadedError, died_by_foreign_signal, rule
from grading.judge.remote import Session
from grading.judge.run import _run_pytest
from grading.model import Assignment, Blame, EntryPoint, FailureKind, Level, Limits, LoadFault, Outcome, Rubric
from grading.sandbox.bubblewrap import probe_isolation
from grading.sandbox.codec import CodecError, Foreign
from grading.sandbox.endings import CrashedError, OutOfMemoryError, OutOfTimeError, ViolationError
from grading.sandbox.host import Zygote, ZygoteKey, read_package
from grading.sandbox.local import LocalWorker

SOLUTION = """
import os
import signal
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np


class Refused(Exception):
    pass


class Odd(ValueError):
    pass


@dataclass
class Result:
    numbers: list
    name: str


class Counter:
    def __init__(self, start=0):
        self.value = start
        self.items = OrderedDict(a=np.arange(3))

    def add(self, n=1):
        self.value += n
        return self

    def __len__(self):
        return self.value

    def __getitem__(self, key):
        return self.items[key]

    def __iter__(self):
        return iter(range(self.value))


def echo(*args, **kwargs):
    return args, kwargs


def result():
    return Result([1.0, 2.0], "r")


def call(function, *args):
    return function(*args)


def swallow(function):
    try:
        function()
    except Exception:
        return "swallowed"


def total(numbers):
    return sum(numbers)


def fail(kind):
    kinds = {"value": ValueError, "odd": Odd, "refused": Refused, "exit": SystemExit, "key": KeyError}
    raise {**kinds, "stop": StopIteration, "assert": AssertionError, "memory": MemoryError, "file": OSError}[kind](kind)


def sleep(seconds):
    time.sleep(seconds)


def die():
    import ctypes

    ctypes.string_at(0)


def leave():
    os._exit(3)


def hang_up():
    os.close(3)
    time.sleep(30)


def hoard():
    kept = []
    while True:
        kept.append(np.ones(1 << 20))


def speak():
    os.write(3, b"TH1\\n" * 50)
    return 1
"""
INSIDE = "def build(start):\n    import solution\n\n    return solution.Counter(start)\n"
ASSIGNMENT = Assignment(
    id="judged",
    version=1,
    title="Judged",
    directory=Path("nowhere"),
    minutes={Level.MID: 1},
    files=("solution.py",),
    entry="solution",
    entry_points=(EntryPoint("echo", "(*args, **kwargs)"), EntryPoint("gone", "(x)"), EntryPoint("total", "(a, b)")),
    rubric=Rubric(70, ()),
    dataclasses={"Result": ("numbers", "name")},
    exceptions=("Refused",),
    preload=("numpy",),
    limits=Limits(test_s=3, load_s=5, memory_mib=128),
)


@pytest.fixture(scope="module")
def zygote():
    with Zygote(probe_isolation(), ZygoteKey(("numpy",), ())) as one:
        yield one


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "__init__.py").write_text(INSIDE)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "solution.py").write_text(SOLUTION)
    return tmp_path


def open_session(channel):
    loaded = load_in(channel, ASSIGNMENT, Level.MID, seed=1)
    assert loaded.error is None
    assert loaded.fault is None
    loaded.session.allow(ASSIGNMENT.limits.test_s)
    return loaded


@pytest.fixture
def sandboxed(zygote, folder):
    worker = zygote.spawn({"solution.py": SOLUTION.encode()}, read_package(folder / "inside"), ASSIGNMENT.limits)
    yield open_session(worker).session
    worker.close()
    worker.close()  # harmless


@pytest.fixture(params=["local", "sandbox"])
def session(request, folder):
    if request.param == "sandbox":
        return request.getfixturevalue("sandboxed")
    return open_session(LocalWorker(folder / "work", folder / "inside")).session


def test_plain_values_are_copied_both_ways(session):
    args, kwargs = session.solution.echo(1, [2.5, None], {"a": (3,)}, key=np.arange(3))
    assert args == (1, [2.5, None], {"a": (3,)})
    assert np.array_equal(kwargs["key"], np.arange(3))


def test_objects_are_handles_that_live_in_the_worker(session):
    counter = session.solution.Counter(2)
    assert isinstance(counter, Handle)
    assert counter.value == 2
    assert counter.add(3) == counter
    assert len(counter) == 5
    assert list(counter) == [0, 1, 2, 3, 4]
    assert np.array_equal(counter["a"], np.arange(3))
    counter.value = 1
    assert fetch(counter.items)["a"].tolist() == [0, 1, 2]
    assert session.solution.call(counter.add, 1) == counter
    assert counter.value == 2


def test_handles_go_back_as_the_same_object_nested_too(session):
    counter = session.solution.Counter(1)
    args, _ = session.solution.echo([counter, {"c": counter}])
    assert args[0] == [counter, {"c": counter}]


def test_inside_lives_beside_the_candidates_code(session):
    assert session.inside.build(4).value == 4


def test_declared_dataclasses_come_as_records(session):
    record = session.solution.result()
    assert isinstance(record, Record)
    assert type(record).__name__ == "Result"
    assert (record.numbers, record.name) == ([1.0, 2.0], "r")


def test_callbacks_run_in_the_judge_and_may_ask_back(session):
    seen = []

    def callback(n, handle):
        seen.append(n)
        return handle.add(n).value

    counter = session.solution.Counter(1)
    assert session.solution.call(callback, 5, counter) == 6
    assert seen == [5]


def test_iterators_of_the_judge_are_pulled_one_by_one(session):
    assert session.solution.total(iter([1, 2, 3])) == 6


def test_an_assertion_in_a_callback_cannot_be_swallowed(session):
    def callback():
        raise AssertionError("seen twice")

    with pytest.raises(AssertionError, match="seen twice"):
        session.solution.swallow(callback)


def test_other_exceptions_of_a_callback_reach_the_candidate(session):
    def callback():
        raise KeyError("gone")

    assert session.solution.swallow(callback) == "swallowed"


@pytest.mark.parametrize(("kind", "error"), [("value", ValueError), ("odd", ValueError), ("key", KeyError)])
def test_builtin_exceptions_come_as_their_nearest_builtin(session, kind, error):
    with pytest.raises(error) as caught:
        session.solution.fail(kind)
    assert isinstance(caught.value.__cause__, CandidateError)
    assert rule(caught.value, in_setup=False).kind is FailureKind.EXCEPTION


def test_declared_exceptions_can_be_expected_and_others_are_candidate_errors(session):
    with pytest.raises(session.declared["Refused"]):
        session.solution.fail("refused")
    with pytest.raises(CandidateError, match="SystemExit"):
        session.solution.fail("exit")


def test_an_end_of_iteration_does_not_end_a_loop_of_the_test(session):
    with pytest.raises(CandidateError, match="StopIteration"):
        list(map(session.solution.fail, ["stop", "stop"]))


@pytest.mark.parametrize("kind", ["assert", "memory", "file"])
def test_what_looks_like_our_error_is_still_the_candidates(session, kind):
    with pytest.raises((AssertionError, MemoryError, OSError)) as caught:
        session.solution.fail(kind)
    assert rule(caught.value, in_setup=False).blame is Blame.CANDIDATE


def test_indices_and_attributes_that_are_not_there_raise_what_python_raises(session):
    counter = session.solution.Counter(1)
    with pytest.raises(KeyError):
        counter["z"]
    with pytest.raises(AttributeError):
        getattr(counter, "nothing")  # noqa: B009 - a bare expression says less
    assert not hasattr(counter, "nothing")
    assert "a" in counter.items
    assert counter != session.solution.Counter(1)
    with pytest.raises(TypeError):
        session.solution.echo(1)()


def test_objects_inside_containers_come_as_handles(session):
    args, _ = session.solution.echo([session.solution.Counter, {"f": session.solution.echo}])
    assert args[0][0](7).value == 7
    assert args[0][1]["f"](1) == ((1,), {})


def test_a_request_within_a_callback_shares_the_time_of_the_one_around_it():
    deadlines = []

    class Channel:
        def request(self, fields, deadline, *, on_callback, **_):
            deadlines.append(deadline)
            if len(deadlines) < 4:
                time.sleep(0.05)
                on_callback({"callback": 0, "args": [], "kwargs": {}})
            return {"ok": True, "value": 1}

    session = Session(Channel(), 5.0)
    session._register(lambda: session.solution.value)
    assert session.solution.value == 1
    assert len(deadlines) == 4
    assert len(set(deadlines)) == 1
    assert session.solution.value == 1
    assert deadlines[-1] != deadlines[0]


def test_nonsense_in_place_of_words_is_left_out():
    lies = {"type": np.zeros(2), "bases": [[1], {}, 5, "ValueError"], "message": {"a": 1}, "traceback": 5, "line": "x"}

    class Channel:
        def request(self, fields, deadline, **_):
            return {"ok": False, **lies}

    with pytest.raises(ValueError, match=r"^$"):
        Session(Channel(), 5.0).solution()
    fault = load_in(Channel(), ASSIGNMENT, Level.MID, seed=1).fault
    assert fault == LoadFault("solution.py", None, "", "")


def test_what_a_test_cannot_send_is_our_fault(session):
    with pytest.raises(CodecError) as caught:
        session.solution.echo(object())
    assert rule(caught.value, in_setup=False).blame is Blame.GRADER


def test_problems_of_entry_points_are_told(folder):
    loaded = load_in(LocalWorker(folder / "work", folder / "inside"), ASSIGNMENT, Level.MID, seed=1)
    assert set(loaded.problems) == {"gone", "total"}
    assert loaded.problems["gone"] == "is missing"


def test_entry_points_of_other_levels_are_not_asked_for(folder):
    points = tuple(dataclasses.replace(p, levels=(Level.SENIOR,)) for p in ASSIGNMENT.entry_points)
    assignment = dataclasses.replace(ASSIGNMENT, entry_points=points)
    for level, problems in ((Level.MID, set()), (Level.SENIOR, {"gone", "total"})):
        loaded = load_in(LocalWorker(folder / "work", folder / "inside"), assignment, level, seed=1)
        assert set(loaded.problems) == problems


def test_a_fault_at_load_has_file_line_and_kind(folder):
    (folder / "work" / "solution.py").write_text("x = 1\ny = 1 / 0\n")
    loaded = load_in(LocalWorker(folder / "work", folder / "inside"), ASSIGNMENT, Level.MID, seed=1)
    assert (loaded.fault.file, loaded.fault.line, loaded.fault.kind) == ("solution.py", 2, "ZeroDivisionError")


# what only a sandbox can survive --------------------------------------------------------------------------------------


def test_the_judges_clock_ends_a_call(sandboxed):
    sandboxed.allow(0.5)
    started = time.monotonic()
    with pytest.raises(OutOfTimeError) as caught:
        sandboxed.solution.sleep(30)
    assert time.monotonic() - started < 5
    assert rule(caught.value, in_setup=False).outcome is Outcome.TIMED_OUT


def test_all_calls_of_a_test_share_one_clock(sandboxed):
    sandboxed.allow(1.0)
    sandboxed.solution.sleep(0.6)
    with pytest.raises(OutOfTimeError):
        sandboxed.solution.sleep(0.6)


def test_a_crash_by_signal_is_told_from_an_exit(sandboxed):
    with pytest.raises(CrashedError) as caught:
        sandboxed.solution.die()
    assert died_by_foreign_signal(caught.value)


def test_an_exit_is_the_candidates(sandboxed):
    with pytest.raises(CrashedError) as caught:
        sandboxed.solution.leave()
    assert not died_by_foreign_signal(caught.value)
    assert rule(caught.value, in_setup=False).kind is FailureKind.CRASH


def test_hanging_up_is_a_violation(sandboxed):
    with pytest.raises((ViolationError, CrashedError)):
        sandboxed.solution.hang_up()


def test_memory_has_an_end(sandboxed):
    with pytest.raises((MemoryError, OutOfMemoryError)) as caught:
        sandboxed.solution.hoard()
    assert rule(caught.value, in_setup=False).kind is FailureKind.MEMORY


def test_a_frame_that_nobody_asked_for_ends_the_worker(sandboxed):
    with pytest.raises(ViolationError):
        sandboxed.solution.speak()


def test_a_dead_worker_stays_dead(sandboxed):
    with pytest.raises(CrashedError):
        sandboxed.solution.leave()
    with pytest.raises(CrashedError):
        sandboxed.solution.echo(1)


def test_a_dead_zygote_is_the_graders_fault(folder):
    with Zygote(probe_isolation(), ZygoteKey((), ())) as one:
        one.wait_ready()
        os.kill(one._process.pid, 9)
        one._process.wait()
        assert not one.alive
        time.sleep(1)  # the kernel kills what bubblewrap had started, a moment later
        with pytest.raises(GraderError):
            one.spawn({"solution.py": b""}, {}, Limits())


# one check ------------------------------------------------------------------------------------------------------------


class Scripted:
    """A worker that answers a call with 1, or dies."""

    output = ""

    def __init__(self, error=None):
        self.error = error
        self.closed = 0

    def request(self, fields, deadline, **_):
        if self.error is not None:
            raise self.error
        return {"ok": True, "value": 1}

    def close(self):
        self.closed += 1


def judged(tmp_path, *workers):
    """Run one hidden test, its worker each time the next of these; return its check."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.criterion('a')\ndef test_it(solution):\n    assert solution.value == 1\n"
    )
    queue = list(workers)
    plugin = JudgePlugin(ASSIGNMENT, Level.MID, 1, take=lambda: queue.pop(0))
    _run_pytest(tmp_path / "hidden", plugin)
    assert all(worker.channel.closed == 1 for worker in workers[: len(workers) - len(queue)])
    (check,) = plugin.collected.checks()
    return check, len(workers) - len(queue)


def at_load(error):
    channel = Scripted()
    return Loaded(channel, Session(channel, 1.0), {}, error=error)


def in_call(error=None):
    channel = Scripted(error)
    return Loaded(channel, Session(channel, 1.0), {})


@pytest.mark.parametrize("dead", [at_load, in_call])
def test_a_death_by_a_signal_of_others_is_tried_once_more(tmp_path, dead):
    check, used = judged(tmp_path, dead(CrashedError("it died", 9)), in_call(), in_call())
    assert (check.outcome, used) == (Outcome.PASSED, 2)


@pytest.mark.parametrize("dead", [at_load, in_call])
def test_a_second_death_is_the_candidates(tmp_path, dead):
    check, used = judged(tmp_path, *(dead(CrashedError("it died", 9)) for _ in range(3)))
    assert (check.outcome, check.blame, check.kind) == (Outcome.FAILED, Blame.CANDIDATE, FailureKind.CRASH)
    assert used == 2


@pytest.mark.parametrize(
    "error", [CrashedError("it left", None), OutOfTimeError(), OutOfMemoryError(), ViolationError()]
)
@pytest.mark.parametrize("dead", [at_load, in_call])
def test_other_ends_are_not_tried_again(tmp_path, dead, error):
    check, used = judged(tmp_path, dead(error), in_call())
    assert check.blame is Blame.CANDIDATE
    assert used == 1


class Forgetful(Scripted):
    """Answers with 1 as often as it may, then with 2."""

    def __init__(self, right):
        super().__init__()
        self.right = right

    def request(self, fields, deadline, **_):
        self.right -= 1
        return {"ok": True, "value": 1 if self.right >= 0 else 2}


def shared(tmp_path, *channels):
    """Run three tests of one criterion and one of another with shared workers; return outcomes and workers used."""
    (tmp_path / "hidden").mkdir()
    tests = "".join(
        f"@pytest.mark.criterion('{criterion}')\ndef test_{i}(solution):\n    assert solution.value == 1\n\n"
        for i, criterion in enumerate("aaab")
    )
    (tmp_path / "hidden" / "test_it.py").write_text(f"import pytest\n\n{tests}")
    queue = [Loaded(channel, Session(channel, 1.0), {}) for channel in channels]
    assignment = dataclasses.replace(ASSIGNMENT, limits=Limits(share_worker=True))
    plugin = JudgePlugin(assignment, Level.MID, 1, take=lambda: queue.pop(0))
    _run_pytest(tmp_path / "hidden", plugin)
    used = len(channels) - len(queue)
    assert [channel.closed for channel in channels] == [1] * used + [0] * len(queue)
    return [check.outcome for check in plugin.collected.checks()], used


def test_checks_of_one_criterion_share_a_worker_while_they_pass(tmp_path):
    assert shared(tmp_path, *(Forgetful(9) for _ in range(5))) == ([Outcome.PASSED] * 4, 2)


def test_a_check_that_fails_in_a_shared_worker_is_judged_in_a_fresh_one(tmp_path):
    outcomes, used = shared(tmp_path, *(Forgetful(1) for _ in range(6)))
    assert (outcomes, used) == ([Outcome.PASSED] * 4, 4)


def test_a_check_that_fails_in_a_fresh_worker_has_failed(tmp_path):
    outcomes, used = shared(tmp_path, Forgetful(1), Forgetful(0), Forgetful(9), Forgetful(9))
    assert (outcomes, used) == ([Outcome.PASSED, Outcome.FAILED, Outcome.PASSED, Outcome.PASSED], 4)


@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize("deeper", ["", "more"])
def test_two_assignments_may_call_their_tests_alike(tmp_path, deeper, package):
    for folder, number in (("one", 1), ("two", 2), ("one", 1)):
        hidden = tmp_path / folder / "hidden" / deeper
        hidden.mkdir(parents=True, exist_ok=True)
        (hidden / "conftest.py").write_text(f"import pytest\n\n@pytest.fixture\ndef number():\n    return {number}\n")
        (hidden / "test_alike.py").write_text(
            f"import pytest\n\n@pytest.mark.criterion('a')\ndef test_{folder}(solution, number):\n"
            f"    assert number == {number}\n"
        )
        if package:
            (tmp_path / folder / "hidden" / "__init__.py").touch()
            (hidden / "__init__.py").touch()
        plugin = JudgePlugin(ASSIGNMENT, Level.MID, 1, take=in_call)
        _run_pytest(tmp_path / folder / "hidden", plugin)
        (check,) = plugin.collected.checks()
        assert (check.name, check.outcome) == (f"test_alike.py::test_{folder}", Outcome.PASSED)


def test_our_own_error_is_ours(tmp_path):
    check, _ = judged(tmp_path, in_call(GraderError("the sandbox is gone")))
    assert (check.outcome, check.blame) == (Outcome.ERRORED, Blame.GRADER)


# outcomes -------------------------------------------------------------------------------------------------------------


CANDIDATES = (Outcome.FAILED, Blame.CANDIDATE)


@pytest.mark.parametrize(
    ("error", "outcome", "blame", "kind"),
    [
        (AssertionError(), Outcome.FAILED, Blame.CANDIDATE, FailureKind.WRONG_VALUE),
        (WrongType(), Outcome.FAILED, Blame.CANDIDATE, FailureKind.WRONG_TYPE),
        (IndexError(), Outcome.FAILED, Blame.CANDIDATE, FailureKind.WRONG_TYPE),
        (CandidateError("X", {}), Outcome.FAILED, Blame.CANDIDATE, FailureKind.EXCEPTION),
        (OutOfTimeError(), Outcome.TIMED_OUT, Blame.CANDIDATE, FailureKind.TIMEOUT),
        (OutOfMemoryError(), Outcome.FAILED, Blame.CANDIDATE, FailureKind.MEMORY),
        (NotLoadedError(LoadFault("f", 1, "k", "m")), Outcome.FAILED, Blame.CANDIDATE, FailureKind.LOAD),
        (GraderError(), Outcome.ERRORED, Blame.GRADER, None),
        (NameError("oracel"), Outcome.ERRORED, Blame.GRADER, None),
        (OSError(28, "disk full"), Outcome.ERRORED, Blame.GRADER, None),
        (Foreign("a test sent an object"), Outcome.ERRORED, Blame.GRADER, None),
        (CodecError("what the candidate returned is too large to send back"), *CANDIDATES, FailureKind.WRONG_TYPE),
        (ViolationError(), *CANDIDATES, FailureKind.CRASH),
        (CrashedError("", 11), *CANDIDATES, FailureKind.CRASH),
        (pytest.fail.Exception("x"), *CANDIDATES, FailureKind.WRONG_VALUE),
        (pytest.skip.Exception("x"), Outcome.ERRORED, Blame.GRADER, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_exception_has_one_meaning(error, outcome, blame, kind):
    ruling = rule(error, in_setup=False)
    assert (ruling.outcome, ruling.blame, ruling.kind) == (outcome, blame, kind)


def test_expectations_tell_type_from_value():
    assert expect_float(np.float32(0.5), "x") == 0.5
    with pytest.raises(WrongType):
        expect_float(True, "x")
    with pytest.raises(AssertionError):
        expect_float(float("nan"), "x")
    with pytest.raises(WrongType):
        expect_array([1, 2], "x")
    with pytest.raises(WrongType):
        expect_array(np.zeros((2, 3)), "x", shape=(3, 2))
    with pytest.raises(AssertionError):
        expect_close(np.array([np.nan]), np.array([1.0]), "x", rtol=1, atol=1)
    expect_close(np.array([1.0]), [1.0 + 1e-9], "x", rtol=1e-6, atol=0)


# files of tests -------------------------------------------------------------------------------------------------------

CASES = """
import pytest

@pytest.mark.criterion("a")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_cases(solution, number):
    assert solution.value == number
"""
ONE = """
import pytest

@pytest.mark.criterion("b")
def test_one(solution):
    assert solution.value == 1
"""


def hidden_folder(tmp_path, **files):
    folder = tmp_path / "hidden"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run_files(folder, *, share=False, order_seed=None, take=None, on_progress=None):
    assignment = dataclasses.replace(ASSIGNMENT, directory=folder.parent, limits=Limits(share_worker=share))
    plugin = JudgePlugin(assignment, Level.MID, 1, take=lambda: take(plugin) if take else at_load(None))
    plugin.order_seed, plugin.on_progress = order_seed, on_progress
    _run_pytest(folder, plugin)
    return plugin.collected


def blames_of(collected):
    return {check.name: check.blame for check in collected.checks()}


@pytest.mark.parametrize("share", [False, True])
def test_a_check_that_failed_before_its_last_case_spoils_no_other_file(tmp_path, share):
    seen = []
    folder = hidden_folder(tmp_path, test_a=CASES, test_b=ONE)
    collected = run_files(folder, share=share, on_progress=lambda done, total: seen.append((done, total)))
    assert blames_of(collected) == {"test_a.py::test_cases": Blame.CANDIDATE, "test_b.py::test_one": None}
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


SCOPES = """
import pytest

def told(scope, name):
    @pytest.fixture(scope=scope, autouse=True)
    def fixture():
        with open({log!r}, "a") as file:
            file.write("+" + name + " ")
            file.flush()
            yield
            file.write("-" + name + " ")

    return fixture
"""
SCOPED = """
import pathlib, sys, pytest

namespace = {}
exec(pathlib.Path(__file__).with_name("scopes.txt").read_text(), namespace)
told = namespace["told"]
of_module = told("module", "MODULE")

class TestGroup:
    of_class = staticmethod(told("class", "MODULE.group"))

    @pytest.mark.criterion("a")
    @pytest.mark.parametrize("number", NUMBERS)
    def test_cases(self, solution, number):
        assert solution.value == number
"""


def scoped_folder(tmp_path, numbers):
    files = {
        name: SCOPED.replace("MODULE", name[-1]).replace("NUMBERS", repr(given)) for name, given in numbers.items()
    }
    folder = hidden_folder(
        tmp_path, conftest=SCOPED.partition("of_module")[0] + 'of_run = told("session", "run")', **files
    )
    (folder / "scopes.txt").write_text(SCOPES.format(log=str(tmp_path / "log")))
    return folder


ALL_SCOPES = "+run +a +a.group -a.group -a +b +b.group -b.group -b -run"


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("numbers", [[1, 1, 1], [2, 1, 1], [1, 2, 1], [1, 1, 2]])
def test_fixtures_of_every_scope_end_when_their_last_case_is_passed_over(tmp_path, share, numbers):
    collected = run_files(scoped_folder(tmp_path, {"test_a": numbers, "test_b": numbers}), share=share)
    blame = Blame.CANDIDATE if 2 in numbers else None
    assert blames_of(collected) == dict.fromkeys(blames_of(collected), blame)
    log = (tmp_path / "log").read_text().split()
    if share and numbers == [1, 1, 2]:  # the file's last case ran twice, the second time with everything set up anew
        file = "+{0} +{0}.group -{0}.group -{0}"
        assert " ".join(log) == f"+run {file} {file} ".format("a") + f"{file} -run +run {file} -run".format("b")
    else:
        assert log == ALL_SCOPES.split()


@pytest.mark.parametrize("order_seed", range(6))
def test_in_any_order_no_case_that_is_passed_over_leaves_a_fixture_standing(tmp_path, order_seed):
    numbers = {"test_a": [2, 2, 2, 2], "test_b": [1, 1, 2, 2], "test_c": [1, 1, 1, 1]}
    collected = run_files(scoped_folder(tmp_path, numbers), order_seed=order_seed)
    assert list(blames_of(collected).values()).count(Blame.CANDIDATE) == 2
    assert Blame.GRADER not in blames_of(collected).values()
    standing = []
    for sign, name in ((word[0], word[1:]) for word in (tmp_path / "log").read_text().split()):
        assert sign == "+" or standing[-1] == name
        standing.append(name) if sign == "+" else standing.pop()
    assert standing == []


def test_a_run_whose_time_ends_within_a_file_spoils_no_other_file(tmp_path):
    def take(plugin):
        plugin._deadline = time.monotonic() - 1  # this case is the last one that is run
        return at_load(None)

    folder = scoped_folder(tmp_path, {"test_a": [1, 1], "test_b": [1]})
    checks = run_files(folder, take=take).checks()
    assert [(check.outcome, check.blame) for check in checks] == [(Outcome.TIMED_OUT, Blame.CANDIDATE)] * 2
    assert (tmp_path / "log").read_text().split() == ["+run", "+a", "+a.group", "-a.group", "-a", "-run"]


BROKEN = """
@pytest.fixture(scope="module", autouse=True)
def broken():
    yield
    raise RuntimeError("ours")
"""


def test_a_fixture_that_cannot_end_after_a_case_that_is_passed_over_is_our_fault(tmp_path):
    checks = run_files(hidden_folder(tmp_path, test_a=CASES + BROKEN, test_b=ONE)).checks()
    assert [check.blame for check in checks] == [Blame.GRADER, None]
    assert "RuntimeError: ours" in checks[0].detail


def test_a_fixture_that_cannot_end_after_the_runs_time_is_our_fault(tmp_path):
    def take(plugin):
        plugin._deadline = time.monotonic() - 1
        return at_load(None)

    checks = run_files(hidden_folder(tmp_path, test_a=CASES.replace("3]", "1]") + BROKEN), take=take).checks()
    assert [check.blame for check in checks] == [Blame.GRADER]
    assert "RuntimeError: ours" in checks[0].detail


@pytest.mark.parametrize(
    ("place", "stop"),
    [
        ("test_a", "raise RuntimeError('not now')"),
        ("test_a", "raise KeyboardInterrupt"),
        ("test_a", "raise SystemExit"),
        ("test_a", "pytest.exit('not now')"),
        ("test_a", "pytest.skip('not now', allow_module_level=True)"),
        ("deeper/test_a", "raise RuntimeError('not now')"),
        ("package/test_a", "raise RuntimeError('not now')"),
    ],
)
def test_a_file_that_could_not_be_imported_is_never_half_there(tmp_path, place, stop):
    folder = hidden_folder(tmp_path, **{place: f"{ONE}\n{stop}\n{CASES}", "test_b": ONE, "package/__init__": ""})
    for _ in range(2):
        try:
            assert run_files(folder).collection_errors
        except (KeyboardInterrupt, SystemExit, GraderError):
            continue  # refused as a whole
    hidden_folder(tmp_path, **{place: ONE + CASES})
    collected = run_files(folder)
    assert not collected.collection_errors
    names = {check.name for check in collected.checks()}
    assert names == {"test_a.py::test_one", "test_a.py::test_cases", "test_b.py::test_one"}


def test_an_oracle_that_could_not_be_imported_is_never_half_there(tmp_path):
    text = ONE.replace("(solution)", "(solution, oracle)") + "    assert oracle.ANSWER == 1\n"
    folder = hidden_folder(tmp_path, test_a=text, oracle="raise RuntimeError('not now')\nANSWER = 1\n")
    for _ in range(2):  # its second half is missing: the second run must not take that for the candidate's mistake
        assert blames_of(run_files(folder)) == {"test_a.py::test_one": Blame.GRADER}
    hidden_folder(tmp_path, oracle="ANSWER = 1\n")
    assert blames_of(run_files(folder)) == {"test_a.py::test_one": None}


@pytest.mark.parametrize("case", ["x/y", "x::y", "[x]", "a]b[c", "x y", "", "/", "[", "]"])
@pytest.mark.parametrize("place", ["test_a", "deeper/test_a"])
def test_a_case_may_be_called_anything(tmp_path, place, case):
    text = CASES.replace("[1, 2, 3]", f"[1], ids=[{case!r}]")
    in_class = text.replace("@", "    @").replace("def", "    def").replace("assert", "    assert")
    in_class = in_class.replace("\n    @", "\nclass TestGroup:\n    @", 1).replace("(solution", "(self, solution")
    collected = run_files(hidden_folder(tmp_path, **{place: text + in_class}))
    names = ["test_a.py::test_cases", "test_a.py::TestGroup::test_cases"]
    assert [(check.name, check.outcome) for check in collected.checks()] == [(name, Outcome.PASSED) for name in names]


def test_cases_draw_apart_whatever_they_are_called_and_repeat_by_the_seed(tmp_path):
    text = """
import pytest

DRAWN = []

@pytest.mark.criterion("a")
@pytest.mark.parametrize("n", range(4), ids=["x/y", "z/y", "x::y", "plain"])
def test_draws(solution, rng, n):
    DRAWN.append(int(rng.integers(1 << 60)))
"""
    folder = hidden_folder(tmp_path, test_draws_of_cases=text)
    for _ in range(2):
        assert set(blames_of(run_files(folder)).values()) == {None}
    drawn = sys.modules["test_draws_of_cases"].DRAWN
    assert drawn[:4] == drawn[4:]
    assert len(set(drawn)) == 4
    seed = np.random.SeedSequence([1, zlib.crc32(b"test_draws_of_cases.py::test_draws[plain]")])
    assert drawn[3] == int(np.random.default_rng(seed).integers(1 << 60))  # grades on record stay repeatable


def test_only_files_that_the_catalogue_reads_are_run(tmp_path):
    others = ("helpers_test", "inside/test_no", "oracle", ".copies/test_no", "tests")
    folder = hidden_folder(tmp_path, test_a=ONE, **{"build/test_b": ONE}, **dict.fromkeys(others, ONE))
    names = {check.name for check in run_files(folder).checks()}
    assert names == {"test_a.py::test_one", "test_b.py::test_one"} == {check.name for check in read_checks(folder)[0]}
