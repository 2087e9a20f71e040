"""Deaths that repeat, a full disk, a machine out of processes: the right grade or none, the reason, and nothing left.

`python -m tests.faults.soak` kills each part of a grading at random moments, as often as it is told to.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.model import Isolation
from grading.sandbox.bubblewrap import probe_isolation
from tests.faults.machine import GRADED, REFERENCE, ROOT, UNGRADED, Run, below, grade, killer

NOBODY = 65534
LUCK = random.Random(2)  # noqa: S311 - moments, not secrets
FULL = probe_isolation().isolation is Isolation.FULL
needs_full = pytest.mark.skipif(not FULL, reason=f"not proven here: faults of the sandbox; {probe_isolation().reason}")
pytestmark = [pytest.mark.slow]


def assert_ungraded(run: Run, *reasons: str) -> None:
    """Check that a run gave no number, said why, and left nothing."""
    assert run.status == UNGRADED, run.errors
    assert run.score is not None
    assert (run.score["verdict"], run.auto) == ("ungraded", None)
    assert any(reason in run.errors for reason in reasons), run.errors
    assert "Traceback" not in run.errors
    assert (run.processes, run.files) == ((), ())


# deaths ---------------------------------------------------------------------------------------------------------------


SUICIDE = "\n\ndef f1_score(y_true, y_pred):\n    import os\n    os.kill(os.getpid(), 9)\n    return 0.0\n"


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize("killed_too", [False, True])
def test_a_second_death_by_a_signal_is_the_candidates(tmp_path: Path, killed_too: bool) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "solution.py").write_text((REFERENCE / "solution.py").read_text() + SUICIDE)
    run = grade(tmp_path, folder, fault=killer("worker", LUCK) if killed_too else None)
    assert run.status == GRADED, run.errors
    assert {c["id"]: c["points"] for c in run.score["criteria"]} == {"f1": 0, "windows": 50}
    assert (run.processes, run.files) == ((), ())


@needs_full
@pytest.mark.isolation
def test_a_sandbox_that_keeps_dying_gives_no_number(tmp_path: Path) -> None:
    def kill_each_sandbox(judge: int) -> bool:
        for pid, _ in below(judge):
            with contextlib.suppress(OSError):  # it may be gone already
                if b"zygote.py" in Path(f"/proc/{pid}/cmdline").read_bytes():  # not the probe, which comes before
                    os.kill(pid, signal.SIGKILL)
        return False

    assert_ungraded(grade(tmp_path, fault=kill_each_sandbox), "sandbox")


# a full disk ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> list[str]:
    """Return a command that mounts a disk of 16 KiB at its first argument and runs the rest."""
    shell = 'mount -t tmpfs -o size=16k none "$1" && shift && exec "$@"'
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("not proven here: what a full disk does; there is no `unshare`")
    for wall in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        command = [unshare, *wall, "sh", "-c", shell, "sh"]
        with_folder = [*command, "/mnt", "true"]
        if subprocess.run(with_folder, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("not proven here: what a full disk does; mounting a small one is refused")


def test_a_disk_that_is_full_when_the_result_is_written_is_named(tmp_path: Path, small_disk: list[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run = grade(tmp_path, before=[*small_disk, str(disk)], out=disk)
    assert run.status == 2
    assert "No space left on device" in run.errors
    assert str(disk) in run.errors
    assert "Traceback" not in run.errors
    assert (run.processes, run.files) == ((), ())


def test_a_full_disk_for_temporary_files_gives_a_grade_or_the_reason(
    tmp_path: Path, clean: Run, small_disk: list[str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "solution.py").write_text((REFERENCE / "solution.py").read_text() + "#" * 40_000 + "\n")
    run = grade(tmp_path, folder, before=[*small_disk, str(disk)], env={"TMPDIR": str(disk)})
    assert run.status == GRADED, run.errors  # the sample has no points for style, so nothing needs the disk
    assert run.auto == clean.auto
    assert run.processes == ()


# clock, processes ---------------------------------------------------------------------------------------------------


DATED = ("github_commands.py", "github/invite.py", "sandbox/tools/writing.py")
"""These write down when something happened; nothing waits by their clock."""


def test_only_a_clock_that_cannot_jump_decides_about_time() -> None:
    for path in (ROOT / "grading").rglob("*.py"):
        text = path.read_text()
        if path.relative_to(ROOT / "grading").as_posix() in DATED:
            continue
        assert "time.time()" not in text, path
        assert "datetime.now" not in text, path


@pytest.fixture
def crowd() -> Iterator[None]:
    """200 processes of nobody, who is also whom the sandbox runs as where the grader is root."""
    user = NOBODY if os.geteuid() == 0 else None
    sleepers = [subprocess.Popen(["sleep", "60"], user=user) for _ in range(200)]
    yield
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()


def few_processes() -> None:
    """Allow as many processes as a user may not have who has 200 already."""
    resource.setrlimit(resource.RLIMIT_NPROC, (100, 100))


@needs_full
@pytest.mark.isolation
@pytest.mark.usefixtures("crowd")
@pytest.mark.skipif(os.geteuid() != 0, reason="not proven here: a refused fork; without root it is the judge's own too")
def test_a_machine_that_refuses_processes_gives_no_number(tmp_path: Path) -> None:
    started = time.monotonic()
    run = grade(tmp_path, preexec=few_processes)
    assert_ungraded(run, "no worker could be made", "Resource temporarily unavailable", "sandbox")
    assert time.monotonic() - started < 60
