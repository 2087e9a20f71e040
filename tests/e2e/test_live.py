"""The live session: a folder that a candidate works in, and a board that follows the saves."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grading import live
from grading.errors import UsageError
from grading.model import Level
from tests.e2e.running import ROOT, run_command

FIXTURES = ROOT / "tests" / "fixtures"
REFERENCE = FIXTURES / "sample" / "solutions" / "accepted" / "reference" / "solution.py"
SAMPLE = ("--assignments", "sample", "--assignment-dir", str(FIXTURES))


def row(board: str) -> str:
    """Return the sample's headline."""
    return next(line for line in board.splitlines() if "min): " in line)


def test_a_session_begins_at_nothing_and_goes_on_where_it_stopped(tmp_path):
    folder, kept = tmp_path / "desk", tmp_path / "kept"
    first = run_command("live", folder, *SAMPLE, "--once", "--out", kept)
    assert first.status == 0, first.err
    assert row(first.out).split("min): ")[1].startswith("0 of ")
    work = folder / "assignments" / "sample" / "solution.py"
    shutil.copyfile(REFERENCE, work)
    second = run_command("live", folder, *SAMPLE, "--once", "--out", kept)
    assert "Going on in" in second.out
    earned, most = row(second.out).split("min): ")[1].split(" of ")
    assert earned == most
    assert work.read_text() == REFERENCE.read_text()
    assert (kept / "sample" / "score.json").is_file()


def test_a_session_is_judged_by_the_bugs_that_it_drew(tmp_path):
    hunt = ("--assignments", "bug_hunt", "--assignment-dir", str(FIXTURES), "--once")
    sources = set()
    for draw in ("1", "4", "9"):
        folder = tmp_path / draw
        first = run_command("live", folder, *hunt, "--draw", draw)
        assert row(first.out).split("min): ")[1].startswith("0 of "), first.out
        work = folder / "assignments" / "bug_hunt" / "solution.py"
        sources.add(work.read_text())
        shutil.copyfile(FIXTURES / "bug_hunt" / "solutions" / "accepted" / "reference" / "solution.py", work)
        second = run_command("live", folder, *hunt, "--draw", draw)
        assert row(second.out).split("min): ")[1].startswith("80 of 100"), second.out
    assert len(sources) > 1


@pytest.mark.parametrize("other", [("--draw", "2"), ("--candidate", "Grace")])
def test_a_session_does_not_go_on_with_other_bugs_or_another_candidate(tmp_path, other):
    folder = tmp_path / "desk"
    hunt = ("--assignments", "bug_hunt", "--assignment-dir", str(FIXTURES), "--once")
    run_command("live", folder, *hunt, "--draw", "1", "--candidate", "Ada")
    before = (folder / "assignments" / "bug_hunt" / "solution.py").read_bytes()
    done = run_command("live", folder, *hunt, "--draw", "1", "--candidate", "Ada", *other)  # the last one counts
    assert done.status == 2
    assert f"found {' '.join(other)}" in done.err
    assert "name a new folder" in done.err
    assert (folder / "assignments" / "bug_hunt" / "solution.py").read_bytes() == before


@pytest.mark.parametrize("record", ["[]", "7", "{", '{"level": {"a": 1}}'])
def test_a_session_survives_what_a_candidate_writes_into_its_record(tmp_path, record):
    folder = tmp_path / "desk"
    run_command("live", folder, *SAMPLE, "--once")
    (written,) = (folder / ".git").glob("take-home-*.json")
    written.write_text(record)
    done = run_command("live", folder, *SAMPLE, "--once")
    assert "Traceback" not in done.err
    assert done.status == (2 if "level" in record else 0), done.err


def test_a_session_does_not_go_on_at_another_level(tmp_path):
    chosen = live.choose(["early_stopping"], Level.JUNIOR, ROOT / "assignments")
    assert live.set_up(tmp_path / "desk", "Ada", chosen, Level.JUNIOR)
    assert not live.set_up(tmp_path / "desk", "Ada", chosen, Level.JUNIOR)
    with pytest.raises(UsageError, match="began with --level junior; found --level mid"):
        live.set_up(tmp_path / "desk", "Ada", chosen, Level.MID)


def test_the_candidates_folder_holds_nothing_hidden(tmp_path):
    folder = tmp_path / "desk"
    run_command("live", folder, *SAMPLE, "--once")
    names = {path.name for path in folder.rglob("*") if ".git" not in path.parts}
    assert "assignment.toml" not in names
    assert not names & {path.name for path in (FIXTURES / "sample" / "hidden").glob("test_*.py")}


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = run_command("live", tmp_path, *SAMPLE, "--once")
    assert done.status == 2
    assert "holds no session" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_scores_do_not_go_into_the_candidates_folder(tmp_path):
    done = run_command("live", tmp_path / "desk", *SAMPLE, "--once", "--out", tmp_path / "desk" / "scores")
    assert done.status == 2
    assert "--out" in done.err
    assert not (tmp_path / "desk").exists()


@pytest.mark.slow
def test_the_board_follows_a_save_and_ends_on_ctrl_c(tmp_path):
    folder = tmp_path / "desk"
    command = [sys.executable, "-m", "grading", "live", str(folder), *SAMPLE]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interrupts,
    ) as process:
        assert process.stdout is not None
        stream, lines = process.stdout, queue.Queue()
        reader = threading.Thread(target=lambda: [lines.put(line) for line in stream], daemon=True)
        reader.start()
        try:
            assert next_row(lines).startswith("0 of ")
            work = folder / "assignments" / "sample" / "solution.py"
            saved = Path(f"{work}.new")  # as editors save: a new file in the place of the old one
            shutil.copyfile(REFERENCE, saved)
            saved.replace(work)
            assert next_row(lines).endswith(", 1 save")
            os.kill(process.pid, signal.SIGINT)
            process.wait(60)
            reader.join(30)
        finally:
            process.kill()
    assert process.returncode == 0
    said = "".join(lines.get() for _ in range(lines.qsize()))
    assert "The session is over" in said


def hear_interrupts() -> None:
    """Hear Ctrl-C also where the tests run in the background, in which a shell makes its children deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def next_row(lines: queue.Queue[str]) -> str:
    """Wait for the next board and return what it says of the sample."""
    while True:
        line = lines.get(timeout=60)
        if "min): " in line:
            return line.split("min): ")[1].strip()
