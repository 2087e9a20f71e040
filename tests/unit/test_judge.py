"""What a hidden test can do with the candidate's code, the same in the sandbox and in the judge's own process."""

import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pytest

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
    loaded = load_in(channel, ASSIGNMENT, seed=1)
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
    fault = load_in(Channel(), ASSIGNMENT, seed=1).fault
    assert fault == LoadFault("solution.py", None, "", "")


def test_what_a_test_cannot_send_is_our_fault(session):
    with pytest.raises(CodecError) as caught:
        session.solution.echo(object())
    assert rule(caught.value, in_setup=False).blame is Blame.GRADER


def test_problems_of_entry_points_are_told(folder):
    loaded = load_in(LocalWorker(folder / "work", folder / "inside"), ASSIGNMENT, seed=1)
    assert set(loaded.problems) == {"gone", "total"}
    assert loaded.problems["gone"] == "is missing"


def test_a_fault_at_load_has_file_line_and_kind(folder):
    (folder / "work" / "solution.py").write_text("x = 1\ny = 1 / 0\n")
    loaded = load_in(LocalWorker(folder / "work", folder / "inside"), ASSIGNMENT, seed=1)
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


def test_two_assignments_may_call_their_tests_alike(tmp_path):
    for folder, number in (("one", 1), ("two", 2), ("one", 1)):
        hidden = tmp_path / folder / "hidden"
        hidden.mkdir(parents=True, exist_ok=True)
        (hidden / "conftest.py").write_text(f"import pytest\n\n@pytest.fixture\ndef number():\n    return {number}\n")
        (hidden / "test_alike.py").write_text(
            f"import pytest\n\n@pytest.mark.criterion('a')\ndef test_{folder}(solution, number):\n"
            f"    assert number == {number}\n"
        )
        plugin = JudgePlugin(ASSIGNMENT, Level.MID, 1, take=in_call)
        _run_pytest(hidden, plugin)
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
        (folder / f"{name}.py").write_text(text)
    return folder


def run_files(folder, *, run_s=None):
    assignment = ASSIGNMENT if run_s is None else dataclasses.replace(ASSIGNMENT, limits=Limits(load_s=0, test_s=run_s))
    plugin = JudgePlugin(assignment, Level.MID, 1, take=lambda: at_load(None))
    _run_pytest(folder, plugin)
    return plugin.collected


@pytest.mark.parametrize("run_s", [None, 0.0])
def test_a_check_that_failed_before_its_last_case_spoils_no_other_file(tmp_path, run_s):
    collected = run_files(hidden_folder(tmp_path, test_a=CASES, test_b=ONE), run_s=run_s)
    blames = {check.name: check.blame for check in collected.checks()}
    assert Blame.GRADER not in blames.values()
    assert blames["test_a.py::test_cases"] is Blame.CANDIDATE


def test_a_file_that_could_not_be_imported_is_whole_in_the_next_run(tmp_path):
    folder = hidden_folder(tmp_path, test_a=ONE + "\nraise RuntimeError('not now')\n" + CASES, test_b=ONE)
    assert run_files(folder).collection_errors
    (folder / "test_a.py").write_text(ONE + CASES)
    collected = run_files(folder)
    assert not collected.collection_errors
    names = {check.name for check in collected.checks()}
    assert names == {"test_a.py::test_one", "test_a.py::test_cases", "test_b.py::test_one"}


@pytest.mark.parametrize("case", ["x/y", "x::y", "[x]", "a]b[c", "x y"])
def test_a_case_may_be_called_anything(tmp_path, case):
    text = CASES.replace("[1, 2, 3]", f"[1], ids=[{case!r}]")
    (check,) = run_files(hidden_folder(tmp_path, test_a=text)).checks()
    assert (check.name, check.outcome) == ("test_a.py::test_cases", Outcome.PASSED)


def test_only_files_that_the_catalogue_reads_are_run(tmp_path):
    collected = run_files(hidden_folder(tmp_path, test_a=ONE, helpers_test=ONE))
    assert [check.name for check in collected.checks()] == ["test_a.py::test_one"]
