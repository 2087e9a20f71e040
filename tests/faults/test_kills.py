"""Whatever is killed, whenever: the run ends in the right grade or in none, and a retry gives the same number."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.model import Isolation, Level, Verdict
from grading.pipeline import Grader
from grading.report.score_json import render_score
from grading.sandbox.bubblewrap import probe_isolation
from grading.submission import load_folder
from tests.attacks.arena import below
from tests.e2e.running import ROOT, SAMPLE

ASSIGNMENT = load_assignment(SAMPLE)
HONEST = load_folder(SAMPLE / "solutions" / "accepted" / "reference", ASSIGNMENT)
SEED = 20

pytestmark = [pytest.mark.isolation, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def full_isolation():
    capability = probe_isolation()
    if capability.isolation is not Isolation.FULL:
        reason = f"not proven here: what a kill does to a grade; {capability.reason}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def depth(pid: int) -> int:
    """How many process namespaces a process is in: bubblewrap's own adds one, a worker's one more."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return len(status.partition("NSpid:")[2].partition("\n")[0].split())


OURS = depth(os.getpid())


def workers() -> list[int]:
    return [pid for pid in below(os.getpid()) if depth(pid) == OURS + 2]


def sandbox() -> list[int]:
    """Bubblewrap and the zygote."""
    return [pid for pid in below(os.getpid()) if depth(pid) <= OURS + 1]


def kill_one(choose, delay_s: float, killed: list[int]) -> threading.Thread:
    """Kill one process that `choose` finds, as soon as there is one after the delay."""

    def run() -> None:
        time.sleep(delay_s)
        deadline = time.monotonic() + 5
        while not killed and time.monotonic() < deadline:
            for pid in choose()[-1:]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                except ProcessLookupError:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def moment(number: int, earliest_s: float, latest_s: float) -> float:
    """Return a delay that the number decides."""
    return random.Random(number).uniform(earliest_s, latest_s)  # noqa: S311 - no secret


def graded_while(choose, number: int):
    """Grade the reference while one process is killed at a moment that the number decides."""
    killed: list[int] = []
    with Grader(official=True) as grader:
        grader.prepare(ASSIGNMENT).wait_ready()
        thread = kill_one(choose, moment(number, 0, 0.3), killed)
        graded = grader.grade(ASSIGNMENT, HONEST, level=Level.MID, seed=SEED)
        thread.join()
        again = grader.grade(ASSIGNMENT, HONEST, level=Level.MID, seed=SEED)
    assert below(os.getpid()) == {}
    assert again.grade.auto == 100
    return graded


@pytest.mark.parametrize("number", range(6))
def test_a_worker_that_is_killed_once_costs_nothing(number):
    assert graded_while(workers, number).grade.auto == 100


@pytest.mark.parametrize("number", range(4))
def test_a_sandbox_that_is_killed_is_made_anew(number):
    graded = graded_while(sandbox, number)
    if graded.grade.auto != 100:  # killed between two checks of the second try, say: then there is no number
        assert graded.grade.verdict is Verdict.UNGRADED
        assert json.loads(render_score(graded))["auto"] is None


@pytest.mark.parametrize("number", range(3))
def test_a_grader_that_is_killed_leaves_no_process_and_can_start_again(number, tmp_path):
    command = [sys.executable, "-m", "grading", "grade", str(SAMPLE / "solutions" / "accepted" / "reference")]
    command += ["--assignment-dir", str(SAMPLE), "--official", "--seed", "7", "--json", "-", "--out", str(tmp_path)]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(moment(number, 0.3, 2.0))
    started = below(first.pid)
    first.kill()
    first.communicate()
    deadline = time.monotonic() + 10
    while (left := [pid for pid in started if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    assert not list(tmp_path.glob("score.json")) or json.loads((tmp_path / "score.json").read_text())["auto"] == 100
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["auto"] == 100
