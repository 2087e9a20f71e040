"""What a candidate runs: outcomes by criterion, messages for every way in which code does not work, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.check import CallerError, Criterion, Finding, Problem, Result, Task, Visible, load_tasks
from grading.check import __main__ as command
from grading.check.runner import run_task
from grading.check.show import render_annotations, render_summary, render_text, to_json

ROOT = Path(__file__).resolve().parents[2]
TASK = """\
id = "adding"
title = "Adding"
version = 3
level = "mid"
minutes = 20
pass_mark = 70
files = ["solution.py"]

[[criterion]]
id = "sums"
title = "Sums"
points = 60
judged_by = "tests"
hidden = 4

[[criterion]]
id = "edges"
title = "Edge cases"
points = 30
judged_by = "tests"
hidden = 2

[[criterion]]
id = "style"
title = "Style (ruff)"
points = 2
judged_by = "lint"
hidden = 0

[[criterion]]
id = "code_quality"
title = "Code quality"
points = 8
judged_by = "reviewer"
hidden = 0
"""
TESTS = """\
import pytest
import solution


@pytest.mark.criterion("sums")
@pytest.mark.parametrize("b", [2, 3])
def test_sum(b):
    assert solution.add(1, b) == 1 + b


@pytest.mark.criterion("sums")
def test_sum_of_negatives():
    assert solution.add(-1, -2) == -3


@pytest.mark.criterion("edges")
def test_refuses_text():
    with pytest.raises(TypeError):
        solution.add("a", 1)
"""
CONFTESTS = sorted((ROOT / "assignments").glob("*/tests/conftest.py"))
CONFTEST = "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent.parent))\n"
GOOD = "def add(a, b):\n    return a + b\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A candidate's repository with one task, and the working directory in it."""

    def make(solution: str) -> Path:
        folder = tmp_path / "assignments" / "adding"
        (folder / "tests").mkdir(parents=True, exist_ok=True)
        (folder / "task.toml").write_text(TASK)
        (folder / "tests" / "test_visible.py").write_text(TESTS)
        (folder / "tests" / "conftest.py").write_text(CONFTEST)
        (folder / "solution.py").write_text(textwrap.dedent(solution))
        (tmp_path / "pyproject.toml").write_bytes((ROOT / ".github/candidate/pyproject.toml").read_bytes())
        return tmp_path

    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return make


def check(root: Path, test_s: float = 10.0) -> Result:
    return run_task(load_tasks(root, None)[0], root, test_s)


def outcomes(result: Result) -> dict[str, str]:
    return {test.name.split("::")[-1]: test.outcome for test in result.tests}


# outcomes -------------------------------------------------------------------------------------------------------------


def test_good_solution_is_clean(repository: Callable[[str], Path]) -> None:
    result = check(repository(GOOD))
    assert outcomes(result) == {"test_sum": "passed", "test_sum_of_negatives": "passed", "test_refuses_text": "passed"}
    assert result.clean
    text = render_text(result)
    assert "  Sums              60      2/2       4  visible tests pass\n" in text
    assert "Points come from 6 hidden checks" in text


def test_a_test_function_counts_once_whatever_its_parameters(repository: Callable[[str], Path]) -> None:
    result = check(repository("def add(a, b):\n    return 3 if b == 2 else 0\n"))
    assert outcomes(result) == {"test_sum": "failed", "test_sum_of_negatives": "failed", "test_refuses_text": "failed"}
    first = result.problems[0]
    assert (first.criterion, first.more) == ("sums", 0)
    assert "assert 0 == (1 + 3)" in first.message
    assert first.file == "assignments/adding/tests/test_visible.py"


@pytest.mark.parametrize(
    ("level", "run"), [("junior", {"test_all"}), ("senior", {"test_all", "test_some", "test_own"})]
)
def test_only_the_visible_tests_of_the_tasks_level_run(
    repository: Callable[[str], Path], level: str, run: set[str]
) -> None:
    root = repository(GOOD)
    folder = root / "assignments" / "adding"
    (folder / "task.toml").write_text(TASK.replace('level = "mid"', f'level = "{level}"'))
    (folder / "tests" / "conftest.py").write_bytes(CONFTESTS[0].read_bytes())
    marked = 'import pytest\nimport solution\n\n\n@pytest.mark.criterion("sums")\ndef test_all():\n    pass\n'
    for name, levels in (("some", '"mid", "senior"'), ("own", '"senior"')):
        marked += f'\n\n@pytest.mark.criterion("edges")\n@pytest.mark.levels({levels})\ndef test_{name}():\n    pass\n'
    (folder / "tests" / "test_visible.py").write_text(marked)
    assert outcomes(check(root)) == dict.fromkeys(run, "passed")
    (folder / "task.toml").rename(folder / "gone.toml")  # as where an assignment is written
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", folder], capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout


def test_all_assignments_choose_visible_tests_alike() -> None:
    assert len({path.read_bytes() for path in CONFTESTS}) == 1


def test_starter_shows_where_it_is_not_implemented(repository: Callable[[str], Path]) -> None:
    result = check(repository('def add(a, b):\n    raise NotImplementedError("add: return a + b")\n'))
    problem = result.problems[0]
    assert (problem.kind, problem.file, problem.line) == ("NotImplementedError", "assignments/adding/solution.py", 2)
    assert problem.more == 1
    assert "Sums: test_sum (and 1 more case)" in render_text(result)


def test_lint_is_reported_and_noqa_does_not_help(repository: Callable[[str], Path]) -> None:
    result = check(repository("# ruff: noqa\nimport os\n\n\n" + GOOD))
    assert [(finding.rule, finding.line) for finding in result.findings] == [("F401", 2)]
    assert not result.clean
    assert "assignments/adding/solution.py:2  F401" in render_text(result)


# ways in which code does not work -------------------------------------------------------------------------------------


def test_missing_file_says_how_to_get_it_back(repository: Callable[[str], Path]) -> None:
    root = repository(GOOD)
    (root / "assignments/adding/solution.py").unlink()
    result = check(root)
    assert result.tests == ()
    assert "git checkout origin/task/adding -- assignments/adding/solution.py" in render_text(result)


def test_missing_tests_say_how_to_get_them_back(repository: Callable[[str], Path]) -> None:
    root = repository(GOOD)
    (root / "assignments/adding/tests/test_visible.py").unlink()
    assert "git checkout origin/task/adding -- assignments/adding/tests" in render_text(check(root))


@pytest.mark.parametrize(
    ("solution", "line", "message"),
    [
        ("x = 1\ndef add(a b):\n    return a\n", 2, "SyntaxError"),
        ("import os\n\nimport no_such_library\n", 3, "No module named 'no_such_library'"),
        ("def plus(a, b):\n    return a + b\n\n\nplus.missing\n", 5, "AttributeError"),
        ("import sys\n\nsys.exit(0)\n", 3, "SystemExit"),
    ],
)
def test_code_that_does_not_load(repository: Callable[[str], Path], solution: str, line: int, message: str) -> None:
    result = check(repository(solution))
    problem = result.problems[0]
    assert (problem.file, problem.line) == ("assignments/adding/solution.py", line)
    assert message in problem.message
    assert "mend this first" in render_text(result)


def test_endless_loop_in_a_test_names_the_line(repository: Callable[[str], Path]) -> None:
    result = check(repository("def add(a, b):\n    while a:\n        a = 1\n"), test_s=0.5)
    problem = next(problem for problem in result.problems if problem.kind == "timeout")
    assert problem.file == "assignments/adding/solution.py"
    assert problem.line in (2, 3)
    assert "Is there a loop that does not end?" in render_text(result)
    assert set(outcomes(result).values()) == {"failed"}


def test_endless_loop_at_import_names_the_line(repository: Callable[[str], Path]) -> None:
    result = check(repository("while True:\n    pass\n"), test_s=0.3)
    problem = result.problems[0]
    assert (problem.kind, problem.file) == ("timeout", "assignments/adding/solution.py")
    assert "importing did not end within 0.9 s" in render_text(result)


def test_loop_that_swallows_every_exception_is_stopped(
    repository: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.check.runner._GRACE_S", 0.5)
    stubborn = """\
        import time


        def add(a, b):
            while True:
                try:
                    time.sleep(0.1)
                except BaseException:
                    pass
        """
    result = check(repository(stubborn), test_s=0.5)
    assert [(problem.kind, problem.test.split("::")[-1]) for problem in result.problems if problem.test] == [
        ("timeout", "test_sum")
    ]
    assert "so Python was stopped" in result.problems[0].message
    assert set(outcomes(result).values()) == {"not run"}


@pytest.mark.parametrize(
    ("death", "words"),
    [("os._exit(0)", "Python ended with status 0"), ("os.kill(os.getpid(), 11)", "Python was ended by SIGSEGV")],
)
def test_python_that_dies_in_a_test(repository: Callable[[str], Path], death: str, words: str) -> None:
    result = check(repository(f"import os\n\n\ndef add(a, b):\n    {death}\n"))
    assert words in result.problems[0].message
    assert result.problems[0].test.endswith("test_sum")
    assert not result.clean


def test_no_process_outlives_the_check(repository: Callable[[str], Path]) -> None:
    root = repository(
        """\
        import subprocess


        def add(a, b):
            child = subprocess.Popen(["sleep", "60"])
            with open("pids", "a") as file:
                file.write(f"{child.pid}\\n")
            return a + b
        """
    )
    check(root)
    pids = [int(pid) for pid in (root / "pids").read_text().split()]
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert pids
    assert not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# the command ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 0), (["check"], 0), (["check", "adding", "--strict"], 1), (["no_such_task"], 2)]
)
def test_exit_status(
    repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    repository("def add(a, b):\n    return 0\n")
    assert command.main(arguments) == status
    shown = capsys.readouterr()
    if status == 2:
        assert "there is adding" in shown.err
    else:
        assert "\033" not in shown.out


def test_strict_is_content_with_a_clean_task(repository: Callable[[str], Path]) -> None:
    repository(GOOD)
    assert command.main(["--strict", "assignments/adding/"]) == 0


def test_without_a_task_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="git switch -c solve/ID origin/task/ID"):
        load_tasks(tmp_path, None)


def test_damaged_task_file_says_how_to_get_it_back(repository: Callable[[str], Path]) -> None:
    root = repository(GOOD)
    (root / "assignments/adding/task.toml").write_text('id = "adding"\n')
    with pytest.raises(CallerError, match="git checkout origin/task/adding"):
        load_tasks(root, None)


def test_json_alone_on_standard_output(repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    repository("def add(a, b):\n    return abs(a) + abs(b)\n")
    assert command.main(["--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    (task,) = document["tasks"]
    assert (task["id"], task["version"], task["clean"]) == ("adding", 3, False)
    sums = task["criteria"][0]
    assert (sums["visible"], sums["passed"], sums["hidden"], sums["points"]) == (2, 1, 4, 60)


def test_json_that_cannot_be_written_is_the_callers_mistake(
    repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    repository(GOOD)
    assert command.main(["--json", "no/such/folder/x.json"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_github_gets_annotations_and_a_summary(
    repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository('import os\n\n\ndef add(a, b):\n    raise ValueError("::error::100% wrong")\n')
    summary = root / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    stop = lines[0].removeprefix("::stop-commands::")
    resume = lines.index(f"::{stop}::")
    assert any("::error::100% wrong" in line for line in lines[1:resume]), "text of tests stands between the marks"
    errors = [line for line in lines[resume + 1 :] if line.startswith("::error ")]
    assert errors[0].startswith("::error file=assignments/adding/solution.py,line=5,title=Sums%3A test_sum")
    assert "::error::100%25 wrong" in errors[0]
    assert any(line.startswith("::warning file=assignments/adding/solution.py,line=1,") for line in lines)
    text = summary.read_text()
    assert text.startswith("before\n")
    assert "| Sums | 60 | 0/2 | 4 | visible tests fail |" in text


def test_missing_pytest_and_old_python_are_said(
    repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(GOOD)
    monkeypatch.setattr(command, "_NEEDED", {"no_such_module_anywhere": "pytest-timeout"})
    assert command.main([]) == 2
    assert "pytest-timeout not installed; run: python -m pip install -r requirements.txt" in capsys.readouterr().err
    monkeypatch.setattr(command, "_OLDEST", (99, 0))
    assert command.main([]) == 2
    assert "is too old" in capsys.readouterr().err


def test_a_checker_that_fails_blames_itself(
    repository: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(GOOD)
    (root / "assignments/adding/tests/conftest.py").write_text("raise RuntimeError('broken conftest')\n")
    assert command.main([]) == 3
    assert "broken conftest" in capsys.readouterr().err


def test_interrupt_stops_everything(repository: Callable[[str], Path]) -> None:
    root = repository(
        """\
        import os
        import time


        def add(a, b):
            with open("pid", "w") as file:
                file.write(str(os.getpid()))
            time.sleep(60)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "grading.check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job is deaf to it
    )
    place = root / "pid"
    deadline = time.monotonic() + 20
    while not (place.is_file() and place.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=10)
    assert process.returncode == 130
    assert complaint.strip() == "stopped"
    assert not _runs(int(place.read_text()))


# showing, without running anything ------------------------------------------------------------------------------------


def _result(**changes: object) -> Result:
    criterion = Criterion("c", "A | title", 85, "tests", 3)
    task = Task("t", "Title", 1, "mid", 60, 70, ("solution.py",), None, (criterion,), "assignments/t")
    values: dict[str, object] = {
        "task": task,
        "tests": (Visible("f::test_a", "c", "passed"), Visible("f::test_b", None, "failed")),
        "problems": (),
        "findings": (),
        "seconds": 0.1,
    }
    return Result(**{**values, **changes})  # type: ignore[arg-type]


def test_markdown_is_harmless() -> None:
    problem = Problem("ValueError", "```\n<script>\n````", test="f::test_b[<b>]", file="solution.py", line=3)
    text = render_summary(_result(problems=(problem,), findings=(Finding("a.py", 1, "F401", "`<img>` | unused"),)))
    assert "A \\| title" in text
    assert "`````text" in text
    assert "&lt;img&gt;" in text
    assert "<img>" not in text


def test_annotations_are_capped_at_what_github_shows() -> None:
    problems = tuple(Problem("E", "m", test=f"f::t{i}", file="a,b:c.py", line=i + 1) for i in range(15))
    findings = tuple(Finding("a.py", i + 1, "F401", "m") for i in range(15))
    lines = list(render_annotations([_result(problems=problems, findings=findings)]))
    assert sum(line.startswith("::error ") for line in lines) == 10
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert lines[0].startswith("::error file=a%2Cb%3Ac.py,line=1,")
    assert not any("\n" in line for line in lines)


def test_text_is_coloured_only_when_asked_and_drops_control_characters() -> None:
    problem = Problem("E", "red \033[31m bell \a", test="f::test_b")
    result = _result(problems=(problem,))
    assert "\033" not in render_text(result)
    assert "\033[31m✗" in render_text(result, colour=True)
    assert "bell" in render_text(result)


def test_tests_without_criterion_are_shown_apart() -> None:
    assert "other visible tests" in render_text(_result())
    assert to_json([_result()])["schema"] == 1
