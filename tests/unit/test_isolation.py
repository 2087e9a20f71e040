"""Without full isolation the grader says so, and gives practice grades only; with it a worker sees nothing."""

import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.errors import GraderError, IsolationError
from grading.model import Isolation, Level, Limits, Submission
from grading.pipeline import Grader
from grading.sandbox import bubblewrap, host
from grading.sandbox.bubblewrap import OVERRIDE, Capability, outer_command, probe_isolation
from grading.sandbox.host import Zygote, ZygoteKey
from grading.submission import load_folder

SAMPLE = Path(__file__).parent.parent / "fixtures" / "sample"
ASSIGNMENT = load_assignment(SAMPLE)
FULL = probe_isolation()
KEY = ZygoteKey((), ())
TMP, SHM = "/tmp", "/dev/shm"  # noqa: S108 - the worker's own
needs_full = pytest.mark.skipif(
    FULL.isolation is not Isolation.FULL, reason=f"not proven here: what full isolation keeps apart; {FULL.reason}"
)


@pytest.fixture
def without_bwrap(monkeypatch):
    monkeypatch.setenv(OVERRIDE, "/nonexistent")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A temporary folder for the grader alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def descendants() -> set[int]:
    found, todo = set(), [os.getpid()]
    while todo:
        for listing in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            try:
                children = [int(pid) for pid in listing.read_text().split()]
            except OSError:
                continue
            found.update(children)
            todo.extend(children)
    return found


def gone(before: set[int]) -> bool:
    """Tell whether no process is left that was not there before; the kernel may need a moment."""
    deadline = time.monotonic() + 5
    while descendants() - before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def reference() -> Submission:
    return load_folder(ASSIGNMENT.reference, ASSIGNMENT)


# what a machine can give ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_bwrap")
def test_a_machine_without_bubblewrap_says_what_to_install():
    capability = probe_isolation()
    assert capability.isolation is Isolation.REDUCED
    assert "install" in capability.reason
    assert capability.bwrap is None


def test_a_program_that_is_no_bubblewrap_gives_reduced_isolation(monkeypatch):
    monkeypatch.setenv(OVERRIDE, "/bin/false")
    capability = probe_isolation()
    assert capability.isolation is Isolation.REDUCED
    assert "user namespaces are refused" in capability.reason


def test_other_systems_give_none(monkeypatch):
    monkeypatch.setattr(bubblewrap.sys, "platform", "darwin")
    capability = probe_isolation()
    assert capability.isolation is Isolation.NONE
    assert "Linux" in capability.reason


@pytest.mark.usefixtures("without_bwrap")
def test_an_official_grade_is_refused_without_full_isolation():
    with pytest.raises(IsolationError, match=r"(?s)reduced.*--official"):
        Grader(official=True)


@pytest.mark.usefixtures("without_bwrap")
def test_a_practice_grade_works_and_leaves_nothing(scratch):
    before = descendants()
    with Grader() as grader:
        graded = grader.grade(ASSIGNMENT, reference(), level=Level.MID, seed=1)
    assert graded.grade.auto == 100
    assert graded.evidence.isolation is Isolation.REDUCED
    assert not graded.official
    assert gone(before)
    assert list(scratch.iterdir()) == []


DAEMON = """
import os, time

def f1_score(*_):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return 0.5

def make_windows(*_):
    while True:
        pass
"""


@pytest.mark.usefixtures("without_bwrap")
def test_reduced_isolation_still_ends_orphans_and_endless_loops(scratch):
    before = descendants()
    assignment = dataclasses.replace(ASSIGNMENT, limits=Limits(test_s=0.5, load_s=2))
    with Grader() as grader:
        graded = grader.grade(assignment, Submission({"solution.py": DAEMON.encode()}, "test"), level=Level.MID)
        assert graded.grade.auto == 0
    assert gone(before)
    assert list(scratch.iterdir()) == []


# what full isolation keeps apart --------------------------------------------------------------------------------------


@needs_full
@pytest.mark.isolation
def test_a_grade_leaves_no_process_and_no_file(scratch):
    before = descendants()
    with Grader(official=True) as grader:
        graded = grader.grade(ASSIGNMENT, reference(), level=Level.MID, seed=1)
    assert graded.grade.auto == 100
    assert graded.official
    assert gone(before)
    assert list(scratch.iterdir()) == []


SPY = """
import os, socket, sys
from pathlib import Path


def look():
    return {
        "env": sorted(os.environ),
        "fds": [fd for fd in range(256) if is_open(fd)],
        "pids": sorted(int(p) for p in os.listdir("/proc") if p.isdigit()),
        "uid": os.getuid(),
        "roots": sorted(os.listdir("/")),
        "judge": sorted(p.name for p in Path("/judge").rglob("*.py")),
        "arguments": " ".join(sys.argv),
    }


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def write(path):
    try:
        with open(path, "w") as stream:
            stream.write("x")
    except OSError:
        return False
    return True


def plug(family):
    try:
        socket.socket(family).close()
    except OSError:
        return False
    return True
"""


class Spy:
    """Asks a worker without the judge's session."""

    def __init__(self, worker):
        self.worker = worker
        self.ask({"op": "load", "args": [{"entry": "spy", "dataclasses": {}, "entry_points": {}, "seed": 1}]})

    def ask(self, request):
        reply = self.worker.request(request, time.monotonic() + 10, special={"h": lambda decoder, node, depth: node[1]})
        assert reply["ok"], reply
        return reply["value"]

    def call(self, name, *args):
        function = self.ask({"op": "getattr", "target": 1, "args": [name]})
        return self.ask({"op": "call", "target": function, "args": [list(args), {}]})


@pytest.fixture(scope="module")
def zygote():
    with Zygote(FULL, KEY) as one:
        yield one


@pytest.fixture
def spy(zygote):
    worker = zygote.spawn({"spy.py": SPY.encode()}, {}, Limits())
    yield Spy(worker)
    worker.close()


@needs_full
@pytest.mark.isolation
def test_a_worker_sees_nothing_of_the_host(spy, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    seen = spy.call("look")
    assert set(seen["env"]) <= {"PATH", "HOME", "TMPDIR", "LANG", "OMP_NUM_THREADS", "LC_CTYPE"}
    assert seen["pids"] in ([1], [])
    assert seen["fds"] == [0, 1, 2, 3]
    assert seen["uid"] == 65534
    hidden_from_it = {"home", "root", "work", "var", "mnt", "opt", "srv", "run", "media"}
    prefixes = {Path(prefix).parts[1] for prefix in (sys.prefix, sys.base_prefix)}
    assert hidden_from_it & set(seen["roots"]) <= prefixes
    assert not {"hooks.py", "remote.py", "worker.py", "host.py", "scoring.py", "pipeline.py"} & set(seen["judge"])
    assert "test" not in seen["arguments"]


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize(
    ("path", "allowed"),
    [(f"{TMP}/x", True), ("/submission/x", True), (f"{SHM}/x", True), ("/x", False), ("/usr/x", False),
     ("/judge/x", False), ("/etc/x", False), ("/dev/x", False), ("/proc/sys/kernel/hostname", False)],
)  # fmt: skip
def test_a_worker_writes_only_where_it_may(spy, path, allowed):
    assert spy.call("write", path) is allowed


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize(("family", "allowed"), [(1, True), (2, False), (10, False), (16, False), (17, False)])
def test_a_worker_has_no_network(spy, family, allowed):
    assert spy.call("plug", family) is allowed


@needs_full
@pytest.mark.isolation
def test_a_worker_finds_nothing_of_the_one_before(zygote):
    look = f"\nFOUND = os.path.exists('{TMP}/note')\n".encode()
    for _ in range(2):
        worker = zygote.spawn({"spy.py": SPY.encode() + look}, {}, Limits())
        one = Spy(worker)
        assert one.ask({"op": "getattr", "target": 1, "args": ["FOUND"]}) is False
        assert one.call("write", f"{TMP}/note")
        worker.close()


@needs_full
@pytest.mark.isolation
def test_forbidden_libraries_are_absent():
    look = b"from importlib.util import find_spec\nHAS = find_spec('sklearn.metrics') is not None\n"
    for forbidden, found in (((), True), (("sklearn",), False)):
        with Zygote(FULL, ZygoteKey((), forbidden)) as one:
            worker = one.spawn({"spy.py": look}, {}, Limits())
            assert Spy(worker).ask({"op": "getattr", "target": 1, "args": ["HAS"]}) is found
            worker.close()


# the zygote -----------------------------------------------------------------------------------------------------------


@needs_full
@pytest.mark.isolation
def test_closing_the_zygote_ends_its_workers_and_twice_is_harmless():
    before = descendants()
    one = Zygote(FULL, KEY)
    worker = one.spawn({"spy.py": SPY.encode()}, {}, Limits())
    assert one.alive
    one.close()
    one.close()
    assert not one.alive
    assert gone(before)
    with pytest.raises(GraderError):
        one.spawn({"spy.py": b""}, {}, Limits())
    with pytest.raises(GraderError):
        worker.close()


def test_a_sandbox_that_cannot_start_is_the_graders_fault():
    broken = Capability(Isolation.FULL, "claimed", "/bin/false")
    with Zygote(broken, KEY) as one, pytest.raises(GraderError, match="sandbox"):
        one.wait_ready()
    with pytest.raises(GraderError, match="could not be started"):
        Zygote(Capability(Isolation.FULL, "claimed", "/nonexistent"), KEY)


def test_a_library_that_is_not_installed_is_the_graders_fault():
    with Zygote(FULL, ZygoteKey(("no_such_library",), ())) as one, pytest.raises(GraderError, match="no_such_library"):
        one.wait_ready()


def test_the_sandbox_shows_only_the_files_of_the_worker():
    command = outer_command("bwrap", forbidden=("sklearn",))
    shown = [command[i + 2] for i, word in enumerate(command) if word == "--ro-bind"]
    ours = {path for path in shown if path.startswith("/judge/")}
    assert {Path(path).name for path in ours} == {*bubblewrap._SANDBOX_FILES, "__init__.py"}
    assert not any(Path(path).name in ("worker.py", "host.py", "local.py", "watchdog.py") for path in ours)
    assert str(host.__file__) not in command
