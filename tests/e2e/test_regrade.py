"""`regrade` as its users meet it: real processes, a real Dask cluster on loopback, and kills in the middle."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, SAMPLE, run_command
from tests.e2e.test_bad_input import children_of, hear_ctrl_c

REFERENCE = (SAMPLE / "solutions" / "accepted" / "reference" / "solution.py").read_text()
SLOW = "import time\n\ntime.sleep(0.1)\n"
PATIENCE_S = 25


def write_submissions(folder: Path, count: int, extra: str = "") -> list[Path]:
    made = []
    for number in range(count):
        made.append(folder / f"s{number:02}")
        made[-1].mkdir(parents=True)
        (made[-1] / "solution.py").write_text(f"{REFERENCE}\n# {number}\n{extra}")
    return made


def command(out: Path, *options: object) -> list[str]:
    return ["-m", "grading", "regrade", "--out", str(out), "--assignment-dir", str(SAMPLE), *map(str, options)]


def start(out: Path, *options: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command(out, *options)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )


def finish(out: Path, *options: object):
    return run_command(*command(out, *options)[2:], timeout=60)


def results(out: Path) -> dict[Path, int]:
    """Each result and when it was written."""
    return {path: path.stat().st_mtime_ns for path in out.glob("*/score.json")}


def index(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open() as stream:
        return list(csv.DictReader(stream))


def wait_for(what, says: str, process: subprocess.Popen | None = None):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        assert process is None or process.poll() is None, f"it ended before {says}: {process.communicate()}"
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {says}")


def assert_whole(out: Path) -> None:
    for path in results(out):
        assert json.loads(path.read_text())["auto"] == 100
        assert sorted(file.name for file in path.parent.iterdir()) == ["comment.md", "report.html", "score.json"]


def assert_went_on(out: Path, before: dict[Path, int], done, count: int) -> None:
    """The second run kept every result of the first and graded the rest."""
    assert done.status == 0, done.err
    after = results(out)
    assert len(after) == count
    assert {path: after[path] for path in before} == before
    kept, graded = len(before), count - len(before)
    now = f"{graded} graded, " if graded else ""
    assert f"{count} sources: {now}{kept} graded before" in done.out
    assert_whole(out)
    assert not (out / ".new").exists()


# this machine ---------------------------------------------------------------------------------------------------------


def test_folders_files_and_bad_sources(tmp_path):
    good = write_submissions(tmp_path / "work", 2)
    shutil.copytree(good[0], tmp_path / "work" / "copy")
    listed = tmp_path / "list"
    listed.write_text(
        f"# all\n{good[1] / 'solution.py'}\n{tmp_path / 'work' / 'copy'}\n{tmp_path / 'no.git'}@solve/x\n"
    )
    out = tmp_path / "out"
    done = finish(out, good[0], "--from", listed, "--seed", 5, "--jobs", 2)
    assert done.status == 2
    assert "4 sources: 2 graded, 1 same as another, 1 not readable" in done.out
    assert "no.git" in done.err
    rows = index(out)
    assert [row["auto"] for row in rows] == ["100.0", "100.0", "100.0", ""]
    assert rows[0]["key"] == rows[2]["key"]
    assert_whole(out)
    before = results(out)
    again = finish(out, *good, "--jobs", 2)
    assert_went_on(out, before, again, 2)
    other = finish(out, *good, "--seed", 6)
    assert other.status == 2
    assert "--seed" in other.err


def test_the_same_seed_gives_the_same_scores(tmp_path):
    good = write_submissions(tmp_path / "work", 1)
    scores = []
    for name in ("a", "b"):
        assert finish(tmp_path / name, *good, "--seed", 5, "--jobs", 1).status == 0
        score = json.loads(next((tmp_path / name).glob("*/score.json")).read_text())
        scores.append((next(iter(results(tmp_path / name))).parent.name, score | {"timings": None}))
    assert scores[0] == scores[1]


def test_branches_of_repositories(tmp_path):
    repository = tmp_path / "candidate"
    home = repository / "assignments" / "sample"
    home.mkdir(parents=True)
    (home / "solution.py").write_text(REFERENCE)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-C", str(repository)]
    for arguments in (["init", "-q", "-b", "solve/sample"], ["add", "."], ["commit", "-qm", "Solve"]):
        subprocess.run([*git, *arguments], check=True)
    out = tmp_path / "out"
    sources = f"{repository}@solve/sample", f"{repository}@solve/nothing"
    done = finish(out, *sources, "--jobs", 1)
    assert done.status == 2
    assert [row["auto"] for row in index(out)] == ["100.0", ""]
    assert "solve/nothing" in done.err


@pytest.mark.slow
def test_a_killed_client_leaves_no_process_and_a_new_start_goes_on(tmp_path):
    count = 8
    sources = write_submissions(tmp_path / "work", count, SLOW)
    out = tmp_path / "out"
    with start(out, *sources, "--jobs", 2) as process:
        wait_for(lambda: len(results(out)) >= 2, "two results", process)
        started = children_of(process.pid)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    wait_for(lambda: not [pid for pid in started if Path(f"/proc/{pid}").exists()], "the end of what it had started")
    assert_whole(out)
    before = results(out)
    assert 2 <= len(before) < count
    assert_went_on(out, before, finish(out, *sources, "--jobs", 2), count)


@pytest.mark.slow
def test_ctrl_c_says_how_far_it_came_and_a_new_start_goes_on(tmp_path):
    count = 8
    sources = write_submissions(tmp_path / "work", count, SLOW)
    out = tmp_path / "out"
    with start(out, *sources, "--jobs", 2) as process:
        wait_for(lambda: results(out), "a result", process)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    before = results(out)
    assert f"interrupted: {len(before)} done, start again to go on" in complaint
    assert "Traceback" not in complaint
    assert len(index(out)) == count
    assert_went_on(out, before, finish(out, *sources, "--jobs", 2), count)


@pytest.mark.slow
def test_a_killed_process_of_this_machine_costs_nothing(tmp_path):
    sources = write_submissions(tmp_path / "work", 6, SLOW)
    out = tmp_path / "out"
    with start(out, *sources, "--jobs", 2) as process:
        wait_for(lambda: results(out), "a result", process)
        direct = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        graders = [pid for pid in direct if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(graders[-1], signal.SIGKILL)
        said, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, complaint
    assert "6 sources: 6 graded." in said
    assert_whole(out)


# a cluster ------------------------------------------------------------------------------------------------------------


class Dask:
    """A scheduler and two workers on loopback, each a process of its own without a nanny that starts it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.started: list[subprocess.Popen] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", self.file)
        self.address = wait_for(self._address, "the scheduler", self.scheduler)
        self.workers = [self.add_worker(number) for number in range(2)]

    def _address(self) -> str | None:
        with suppress(OSError, ValueError):
            return json.loads(self.file.read_text())["address"]
        return None

    def add_worker(self, number: int, repository: Path = ROOT) -> subprocess.Popen:
        options = ("--no-nanny", "--nthreads", 1, "--memory-limit", 0, "--local-directory", self.folder / f"{number}")
        return self._start("worker", self.address, *options, repository=repository)

    def _start(self, role: str, *options: object, repository: Path = ROOT) -> subprocess.Popen:
        said = (self.folder / f"{role}{len(self.started)}.log").open("w")
        with said:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", role, "--host", "127.0.0.1", "--no-dashboard", *map(str, options)],
                cwd=repository,
                env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
                stdout=said,
                stderr=said,
            )
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self.started):
            process.kill()
            process.wait()


@contextmanager
def dask(folder: Path):
    pytest.importorskip("distributed")
    folder.mkdir()
    cluster = None
    try:
        cluster = Dask(folder)
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()


@pytest.mark.slow
def test_a_cluster_survives_the_death_of_a_worker_and_of_the_client(tmp_path):
    count = 8
    sources = write_submissions(tmp_path / "work", count, SLOW)
    out = tmp_path / "out"
    with dask(tmp_path / "dask") as cluster:
        options = (*sources, "--scheduler", cluster.address)
        with start(out, *options) as process:
            wait_for(lambda: len(results(out)) >= 2, "two results", process)
            process.kill()
            process.communicate()
        assert_whole(out)
        before = results(out)
        assert len(before) < count
        with start(out, *options) as process:
            wait_for(lambda: len(results(out)) >= len(before) + 2, "two more results", process)
            cluster.workers[0].kill()
            said, complaint = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, complaint
        assert len(results(out)) == count
        assert f"{count} sources: {count - len(before)} graded, {len(before)} graded before" in said
        assert {path: results(out)[path] for path in before} == before
        assert_whole(out)


@pytest.mark.slow
def test_a_worker_with_another_version_of_the_assignment_is_refused(tmp_path):
    sources = write_submissions(tmp_path / "work", 1)
    theirs = tmp_path / "theirs"
    shutil.copytree(ROOT / "grading", theirs / "grading", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SAMPLE, theirs / "tests" / "fixtures" / "sample")
    hidden = theirs / "tests" / "fixtures" / "sample" / "hidden" / "test_sample.py"
    hidden.write_text(hidden.read_text() + "\n# another version\n")
    with dask(tmp_path / "dask") as cluster:
        for worker in cluster.workers:
            worker.kill()
            worker.wait()
        cluster.add_worker(2, theirs)
        done = finish(tmp_path / "out", *sources, "--scheduler", cluster.address)
    assert done.status == 3
    assert "refuses to grade" in done.err
    assert re.search(r"expected fingerprint [0-9a-f]{12} .* found [0-9a-f]{12}", done.err)
    assert results(tmp_path / "out") == {}


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run_with_what_is_done(tmp_path):
    sources = write_submissions(tmp_path / "work", 6, SLOW)
    out = tmp_path / "out"
    with dask(tmp_path / "dask") as cluster, start(out, *sources, "--scheduler", cluster.address) as process:
        wait_for(lambda: results(out), "a result", process)
        cluster.scheduler.kill()
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, complaint
    assert "scheduler" in complaint
    assert "Traceback" not in complaint
    assert_whole(out)
    before = results(out)
    assert_went_on(out, before, finish(out, *sources, "--jobs", 2), 6)


def test_an_address_without_a_scheduler_is_the_callers_mistake(tmp_path):
    pytest.importorskip("distributed")
    sources = write_submissions(tmp_path / "work", 1)
    for address in ("127.0.0.1", "tcp://127.0.0.1:port", "http://127.0.0.1:1", "tcp://127.0.0.1:1"):
        done = finish(tmp_path / "out", *sources, "--scheduler", address)
        assert done.status == 2, done.err
        assert "--scheduler" in done.err
        assert "Traceback" not in done.err
