"""Whatever a candidate or a caller does wrong ends in a clear message or a fair score, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.model import Isolation, Level, Verdict
from grading.pipeline import Grader
from grading.report.score_json import render_score
from grading.sandbox.bubblewrap import Capability
from grading.submission import load_folder
from tests.e2e.running import ROOT, SAMPLE, run_command

REFERENCE = (SAMPLE / "solutions" / "accepted" / "reference" / "solution.py").read_text()
HONEST_WINDOWS = REFERENCE[REFERENCE.index("def make_windows") :]
HEADER = "import numpy as np\nimport pandas as pd\n\n\n"


def with_f1(body: str) -> str:
    """The reference's windows beside another f1_score."""
    return f"{HEADER}{body}\n\n\n{HONEST_WINDOWS}"


def test_the_reference_gets_every_point(submit):
    done = submit({"solution.py": REFERENCE})
    assert done.status == 0, done.err
    assert done.points() == {"f1": 50, "windows": 50}
    assert done.score["verdict"] == "pass"


CANDIDATE_FAULTS = {
    "syntax error": ("def f1_score(:\n", {"f1": 0, "windows": 0}),
    "exception at import": ("raise RuntimeError('no')\n", {"f1": 0, "windows": 0}),
    "exit at import": ("import sys\nsys.exit(0)\n", {"f1": 0, "windows": 0}),
    "missing function": (HEADER + HONEST_WINDOWS, {"f1": 0, "windows": 50}),
    "renamed function": (REFERENCE.replace("def f1_score", "def f1"), {"f1": 0, "windows": 50}),
    "wrong signature": (with_f1("def f1_score(pairs):\n    return 1.0"), {"f1": 0, "windows": 50}),
    "wrong type": (with_f1("def f1_score(y_true, y_pred):\n    return '0.5'"), {"f1": 0, "windows": 50}),
    "wrong shape": (with_f1("def f1_score(y_true, y_pred):\n    return np.zeros(3)"), {"f1": 0, "windows": 50}),
    "NaN": (with_f1("def f1_score(y_true, y_pred):\n    return float('nan')"), {"f1": 0, "windows": 50}),
    "endless output": (
        with_f1("def f1_score(y_true, y_pred):\n    while True:\n        print('x' * 10**6)"),
        {"f1": 0, "windows": 50},
    ),
    "memory bomb": (with_f1("def f1_score(y_true, y_pred):\n    return bytearray(10**11)"), {"f1": 0, "windows": 50}),
}


@pytest.mark.parametrize("name", CANDIDATE_FAULTS)
def test_a_candidates_fault_costs_only_what_it_breaks(submit, name):
    source, points = CANDIDATE_FAULTS[name]
    done = submit({"solution.py": source})
    assert done.status == 0, done.err
    assert done.points() == points


@pytest.mark.slow
def test_an_infinite_loop_ends(submit):
    done = submit({"solution.py": with_f1("def f1_score(y_true, y_pred):\n    while True:\n        pass")})
    assert done.status == 0
    assert done.points() == {"f1": 0, "windows": 50}


def comment_of(tmp_path: Path, source: str | bytes) -> str:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "solution.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    done = run_command("grade", folder, "--assignment-dir", SAMPLE, "--out", tmp_path / "out")
    assert done.status == 0, done.err
    return (tmp_path / "out" / "comment.md").read_text()


def test_a_syntax_error_is_shown_with_file_line_and_kind(tmp_path):
    comment = comment_of(tmp_path, "\n\ndef f1_score(:\n    pass\n")
    assert "solution.py" in comment
    assert "SyntaxError" in comment
    assert "3" in comment


def test_a_missing_function_is_named(tmp_path):
    assert "f1\\_score" in comment_of(tmp_path, HEADER + HONEST_WINDOWS).replace("`", "\\").replace(
        "f1_score", "f1\\_score"
    )


def test_hidden_failures_show_no_message_of_the_candidates(tmp_path):
    comment = comment_of(
        tmp_path, with_f1("def f1_score(y_true, y_pred):\n    raise ValueError('tell me your secrets')")
    )
    assert "secrets" not in comment
    assert "exception" in comment


SUBMISSION_FAULTS = {
    "no solution": {"README.md": "hello"},
    "empty folder": {},
    "not UTF-8": {"solution.py": b"# \xff\xfe caf\xe9\n" + REFERENCE.encode()},
    "10 MB of source": {"solution.py": "#" * (10 << 20)},
    "binary": {"solution.py": b"\x7fELF\x00\x00\x00" * 100},
}


@pytest.mark.parametrize("name", SUBMISSION_FAULTS)
def test_a_submission_that_cannot_be_read_earns_nothing_and_says_why(submit, name):
    done = submit(SUBMISSION_FAULTS[name])
    assert done.status == 0, done.err
    assert done.score["auto"] == 0
    assert done.score["verdict"] == "below_bar"


def test_a_symlink_is_not_followed(tmp_path, grade):
    folder = tmp_path / "submission"
    folder.mkdir()
    (tmp_path / "elsewhere.py").write_text(REFERENCE)
    (folder / "solution.py").symlink_to(tmp_path / "elsewhere.py")
    assert grade(folder).score["auto"] == 0


def test_extra_files_are_ignored_and_flagged(submit):
    done = submit(
        {"solution.py": REFERENCE, "conftest.py": "raise SystemExit", "notes.txt": "x", "pytest.ini": "[pytest]"}
    )
    assert done.score["auto"] == 100
    assert {"conftest.py", "pytest.ini"} <= {flag["file"] for flag in done.score["flags"]}


def test_helper_modules_travel(submit):
    source = "from helper import f1_score\n" + HEADER + HONEST_WINDOWS
    helper = HEADER + REFERENCE[REFERENCE.index("def f1_score") : REFERENCE.index("def make_windows")]
    assert submit({"solution.py": source, "helper.py": helper}).score["auto"] == 100


# the caller -----------------------------------------------------------------------------------------------------------

CALLER_FAULTS = {
    "no such source": (["grade", "nowhere"], "nowhere"),
    "a name no file can have": (["grade", "x" * 5000], "expected a folder"),
    "unknown assignment": (["grade", SAMPLE / "starter" / "mid", "--assignment", "early_stoping"], "early_stopping"),
    "unclear assignment": (["grade", "/"], "--assignment"),
    "level not offered": (
        ["grade", SAMPLE / "starter" / "mid", "--assignment-dir", SAMPLE, "--level", "senior"],
        "has no level senior",
    ),
    "unknown level": (["grade", "x", "--level", "expert"], "invalid choice"),
    "unknown command": (["grad"], "invalid choice"),
    "no command": ([], "required"),
    "not a repository": (["grade", "/nowhere.git@solve/early_stopping"], "/nowhere.git"),
    "bad date": (["export", "x.git", "--candidate", "A", "--assignments", "early_stopping", "--due", "soon"], "date"),
    "jobs": (["validate", "--jobs", "0"], "--jobs"),
}


@pytest.mark.parametrize("name", CALLER_FAULTS)
def test_a_callers_mistake_exits_2_and_says_what_to_do(name):
    arguments, says = CALLER_FAULTS[name]
    done = run_command(*arguments)
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err


def test_broken_toml_shows_every_fault(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "assignment.toml").write_text("id = 'broken'\nversion = 0\nminuts = 3\n")
    done = run_command("grade", SAMPLE / "starter" / "mid", "--assignment-dir", folder)
    assert done.status == 2
    assert "version" in done.err
    assert "minuts" in done.err


@pytest.mark.parametrize("argument", [[], ["grade"], ["validate"], ["export"], ["starters"], ["check"]])
def test_help_helps(argument):
    done = run_command(*argument, "--help")
    assert done.status == 0
    assert "usage" in done.out.lower()


def test_output_that_cannot_be_written_is_found_out_before_the_work(tmp_path):
    (tmp_path / "out").write_text("a file, not a folder")
    done = run_command("grade", SAMPLE / "starter" / "mid", "--assignment-dir", SAMPLE, "--out", tmp_path / "out")
    assert done.status == 2
    assert "--out" in done.err


def test_a_full_disk_is_named(tmp_path):
    done = run_command(
        "grade", SAMPLE / "starter" / "mid", "--assignment-dir", SAMPLE, "--json", "/dev/full/score.json"
    )
    assert done.status == 2
    assert "/dev/full" in done.err


# this machine ---------------------------------------------------------------------------------------------------------


def test_without_bubblewrap_official_refuses_and_practice_goes_on(submit):
    refused = submit({"solution.py": REFERENCE}, "--official", env={"TAKEHOME_BWRAP": "/nowhere/bwrap"})
    assert refused.status == 3
    assert "bubblewrap" in refused.err
    assert "--official" in refused.err
    practice = submit({"solution.py": REFERENCE}, env={"TAKEHOME_BWRAP": "/nowhere/bwrap"})
    assert practice.status == 0, practice.err
    assert practice.score["isolation"] == "reduced"
    assert practice.score["official"] is False
    assert practice.score["auto"] == 100


def hear_ctrl_c() -> None:
    """A shell starts background jobs deaf to Ctrl-C, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children_of(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(int(child) for child in path.read_text().split())
    return found[1:]


def assert_gone(started: list[int]) -> None:
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.slow
def test_ctrl_c_leaves_no_process(tmp_path):
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "solution.py").write_text(with_f1("def f1_score(y_true, y_pred):\n    while True:\n        pass"))
    command = [sys.executable, "-m", "grading", "grade", str(folder), "--assignment-dir", str(SAMPLE)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    deadline = time.monotonic() + 30
    while len(children_of(process.pid)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    started = children_of(process.pid)
    assert len(started) >= 4, "the worker never ran"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in complaint
    assert_gone(started)


@pytest.mark.slow
def test_ctrl_c_ends_validate_at_once(tmp_path):
    """A terminal sends Ctrl-C to all processes of the job; none may take it for the end of one grading only."""
    command = [sys.executable, "-m", "grading", "validate", "--assignment-dir", str(SAMPLE), "--jobs", "2", "--soak"]
    complaint = tmp_path / "complaint"
    with complaint.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=errors, stderr=errors, start_new_session=True, preexec_fn=hear_ctrl_c
        )
        deadline = time.monotonic() + 60
        while "Validating: " not in complaint.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        started = children_of(process.pid)
        assert len(started) >= 4, "no grading began"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=15) == 130
    assert "interrupted" in complaint.read_text()
    assert_gone(started)


def test_two_grades_at_once_do_not_meet(tmp_path):
    command = [sys.executable, "-m", "grading", "grade", str(SAMPLE / "solutions" / "accepted" / "reference")]
    command += ["--assignment-dir", str(SAMPLE), "--json", "-", "--out", str(tmp_path / "out")]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    results = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], results
    assert all(b'"auto": 100' in out for out, _ in results)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comment.md", "report.html", "score.json"]


@pytest.mark.parametrize("fault", ["oracel()", "import no_such_library", "pytest.skip('no GPU')"])
def test_a_fault_of_our_own_gives_no_number(tmp_path, fault):
    assignment = tmp_path / "sample"
    shutil.copytree(SAMPLE, assignment)
    hidden = assignment / "hidden" / "test_sample.py"
    check = f'\n\n@pytest.mark.criterion("f1")\ndef test_broken(solution):\n    {fault}\n'
    hidden.write_text(hidden.read_text() + check)
    reference = assignment / "solutions" / "accepted" / "reference"
    done = run_command("grade", reference, "--assignment-dir", assignment, "--json", "-")
    assert done.status == 3
    assert done.score["verdict"] == "ungraded"
    assert done.score["auto"] is None
    assert done.points() == {"f1": None, "windows": 50}
    assert "grader" in done.err


def test_a_sandbox_that_dies_for_good_gives_an_ungraded_score_with_the_reason(tmp_path):
    broken = Capability(Isolation.FULL, "claimed", "/bin/false")
    assignment = load_assignment(SAMPLE)
    with Grader(capability=broken) as grader:
        graded = grader.grade(
            assignment, load_folder(SAMPLE / "solutions" / "accepted" / "reference", assignment), level=Level.MID
        )
    assert graded.grade.verdict is Verdict.UNGRADED
    assert graded.grade.auto is None
    assert "sandbox" in (graded.evidence.grader_fault or "")
    assert json.loads(render_score(graded))["auto"] is None
