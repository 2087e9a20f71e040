"""A candidate's repository holds what the allow-list names, works on its own, and hides the rest."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.errors import GraderError, UsageError
from grading.export import Exported, export_candidate, find_leaks, render_task, render_welcome
from grading.model import Assignment, Level
from grading.sandbox.tools import Branch, create_repository, read_history

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample"
TELLING = "assert solution.f1_score(*rows) == oracle_by_counting_every_row(*rows)"


@pytest.fixture
def assignments(tmp_path: Path) -> Path:
    """A folder of assignments: a copy of the sample, with data, notes and things that must stay behind."""
    root = tmp_path / "company" / "assignments"
    folder = root / "sample"
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    manifest = folder / "assignment.toml"
    manifest.write_text(manifest.read_text().replace("[entry_points]", 'data = ["rows"]\n\n[entry_points]', 1))
    data = root.parent / "data" / "rows"
    data.mkdir(parents=True)
    (data / "rows.csv").write_text("a,b\n1,2\n")
    (data / "secret.key").write_text("not of a kind that is handed out\n")
    (folder / "NOTES.md").write_text("The hidden tests look at rows without any positive label, and at empty ones.\n")
    (folder / "GUIDE.md").write_text("Ask the candidate why the score of an empty prediction is zero, and not NaN.\n")
    (folder / "hidden" / "oracle.py").write_text(f"def check(solution, rows):\n    {TELLING}\n")
    for stray in ("tests/.hidden.py", "tests/__pycache__/x.py", "tests/answers.bin", "starter/mid/other.py"):
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).write_text(TELLING)
    return root


def export(root: Path, dest: Path, **changes: object) -> Exported:
    values: dict[str, object] = {
        "candidate": "Ada Lovelace",
        "assignments": ["sample"],
        "level": Level.MID,
        "assignments_root": root,
    }
    return export_candidate(dest, **{**values, **changes})  # type: ignore[arg-type]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def sample(assignments: Path) -> Assignment:
    return load_assignment(assignments / "sample")


# what is in it --------------------------------------------------------------------------------------------------------

MAIN = {
    ".devcontainer/devcontainer.json",
    ".github/pull_request_template.md",
    ".github/workflows/feedback.yml",
    ".gitignore",
    "README.md",
    "grading/__init__.py",
    "grading/__main__.py",
    "grading/check/__init__.py",
    "grading/check/__main__.py",
    "grading/check/plugin.py",
    "grading/check/runner.py",
    "grading/check/show.py",
    "pyproject.toml",
    "requirements.txt",
}
TASK = {
    "assignments/sample/README.md",
    "assignments/sample/solution.py",
    "assignments/sample/task.toml",
    "assignments/sample/tests/conftest.py",
    "assignments/sample/tests/test_visible.py",
    "data/rows/rows.csv",
}


def test_branches_hold_the_allow_list_and_nothing_else(assignments: Path, tmp_path: Path) -> None:
    exported = export(assignments, tmp_path / "ada.git")
    assert list(exported.branches) == ["main", "task/sample"]
    listed = {ref: set(git(exported.path, "ls-tree", "-r", "--name-only", ref).split()) for ref in exported.branches}
    assert listed == {"main": MAIN, "task/sample": MAIN | TASK}
    assert git(exported.path, "rev-parse", "--is-bare-repository") == "true"
    assert git(exported.path, "rev-parse", "task/sample") == exported.branches["task/sample"]
    assert git(exported.path, "rev-parse", "task/sample^") == exported.branches["main"]
    modes = {line.split()[0] for line in git(exported.path, "ls-tree", "-r", "task/sample").splitlines()}
    assert modes == {"100644"}


def test_every_file_of_the_checker_is_exported() -> None:
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "grading" / "check").glob("*.py")}
    assert ours == {name for name in MAIN if name.startswith("grading/check/")}


def test_without_git_ending_main_is_checked_out(assignments: Path, tmp_path: Path) -> None:
    dest = tmp_path / "deep" / "er" / "ada"
    export(assignments, dest)
    assert (dest / "README.md").read_text().startswith("# Your take-home, Ada Lovelace\n")
    assert git(dest, "branch", "--show-current") == "main"
    assert git(dest, "status", "--porcelain") == ""


def test_task_file_counts_hidden_checks_and_gives_no_hint(sample: Assignment) -> None:
    text = render_task(sample, Level.MID, dt.date(2026, 12, 31))
    task = tomllib.loads(text)
    assert task["due"] == "2026-12-31, end of the day (UTC)"
    assert (task["id"], task["level"], task["minutes"], task["pass_mark"]) == ("sample", "mid", 15, 70)
    assert [(c["id"], c["points"], c["judged_by"]) for c in task["criterion"]] == [
        ("f1", 50, "tests"),
        ("windows", 50, "tests"),
    ]
    assert all(c["hidden"] > 0 for c in task["criterion"])
    assert "hint" not in text
    assert "credit" not in text


def test_the_welcome_names_candidate_tasks_and_deadline(sample: Assignment) -> None:
    text = (ROOT / "CANDIDATE.md").read_text(encoding="utf-8")
    moment = dt.datetime(2026, 12, 31, 18, 0, tzinfo=dt.UTC)
    shown = render_welcome(text, " Zoë O'Hara ", [sample], Level.MID, moment)
    assert "Zoë O'Hara" in shown
    assert "2026-12-31 18:00+00:00" in shown
    assert "| Sample: F1 and windows | 15 minutes | `task/sample` |" in shown
    assert "git switch -c solve/sample origin/task/sample" in shown
    assert "<!--" not in shown
    assert "{{" not in shown


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "{{due}}", "<b>", "a|b", "`rm`", "\u202eevil"])
def test_names_that_cannot_stand_in_a_text_are_refused(sample: Assignment, name: str) -> None:
    with pytest.raises(UsageError, match="expected a name"):
        render_welcome("{{candidate}}", name, [sample], Level.MID, None)


@pytest.mark.parametrize("text", ["Hello {{nmae}}", "Hello {{candidate}", "{{ candidate }}", "}} x"])
def test_a_placeholder_that_nothing_fills_in_is_refused(sample: Assignment, text: str) -> None:
    with pytest.raises(GraderError, match="stands for nothing"):
        render_welcome(text, "Ada", [sample], Level.MID, None)


# it works on its own --------------------------------------------------------------------------------------------------


def test_a_clone_checks_itself(assignments: Path, tmp_path: Path) -> None:
    exported = export(assignments, tmp_path / "ada.git")
    git(tmp_path, "clone", "--quiet", str(exported.path), "clone")
    clone = tmp_path / "clone"
    run = [sys.executable, "-m", "grading", "check"]
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "GITHUB_ACTIONS")}
    on_main = subprocess.run(run, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert on_main.returncode == 2
    assert "git switch -c solve/ID origin/task/ID" in on_main.stderr
    git(clone, "switch", "--quiet", "-c", "solve/sample", "origin/task/sample")
    starter = subprocess.run(
        [*run, "--json", "-"], cwd=clone, env=environment, capture_output=True, text=True, check=True
    )
    (task,) = json.loads(starter.stdout)["tasks"]
    assert {test["outcome"] for test in task["tests"]} == {"failed"}
    assert task["lint"] == []
    reference = SAMPLE / "solutions" / "accepted" / "reference" / "solution.py"
    shutil.copy(reference, clone / "assignments" / "sample" / "solution.py")
    solved = subprocess.run([*run, "sample"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert solved.returncode == 0
    assert "Points come from" in solved.stdout
    assert not git(clone, "status", "--porcelain", "--untracked-files=all").replace(
        "M assignments/sample/solution.py", ""
    ), "the check leaves nothing behind"
    plain = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 0, plain.stdout


def test_the_workflow_is_harmless() -> None:
    text = (ROOT / ".github" / "candidate" / "feedback.yml").read_text()
    assert '\non:\n  push:\n    branches: ["solve/**"]\n  pull_request:\n\npermissions: {}\n' in text
    assert "\n    permissions:\n      contents: read\n    steps:\n" in text
    assert "\n    timeout-minutes: 10\n" in text
    assert "secrets" not in text
    assert "pull_request_target" not in text
    actions = re.findall(r"uses: (.*)", text)
    assert len(actions) == 2
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in actions)
    assert "persist-credentials: false" in text
    steps = text.partition("steps:")[2]
    assert "${{" not in steps, "no text of the event reaches a shell"
    assert text.endswith("run: python -m grading check --github --strict\n")


def test_settings_are_the_same_for_candidate_and_grader() -> None:
    settings = tomllib.loads((ROOT / ".github" / "candidate" / "pyproject.toml").read_text())
    lint = settings["tool"]["ruff"]["lint"]
    assert lint["select"] == ["E", "W", "F", "I", "B", "UP", "C4", "SIM", "RUF", "PT", "RET"]
    json.loads((ROOT / ".github" / "candidate" / "devcontainer.json").read_text())


# wrong calls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"assignments": ["nothing"]}, "sample"),
        ({"assignments": []}, "at least one"),
        ({"level": Level.SENIOR}, "has no level senior; it has mid"),
        ({"candidate": ""}, "expected a name"),
    ],
)
def test_wrong_calls_are_explained_and_leave_nothing(
    assignments: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    folder = tmp_path / "out"
    with pytest.raises(UsageError, match=re.escape(words)):
        export(assignments, folder / "ada.git", **changes)
    assert not folder.exists()


def test_what_exists_is_not_touched(assignments: Path, tmp_path: Path) -> None:
    dest = tmp_path / "ada.git"
    dest.mkdir()
    with pytest.raises(UsageError, match="exists already"):
        export(assignments, dest)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists already"):
        export(assignments, tmp_path / "broken")


def test_a_place_that_cannot_be_written_is_the_callers_mistake(assignments: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        export(assignments, tmp_path / "file" / "ada.git")


def test_a_failure_leaves_nothing_behind(assignments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise GraderError("disk full")

    monkeypatch.setattr("grading.export.create_repository", fail)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(GraderError):
        export(assignments, folder / "ada.git")
    assert list(folder.iterdir()) == []


# leaks ----------------------------------------------------------------------------------------------------------------


def test_an_export_leaks_nothing(assignments: Path, tmp_path: Path, sample: Assignment) -> None:
    exported = export(assignments, tmp_path / "ada.git", due=dt.date(2026, 12, 31))
    assert find_leaks(exported.path, [sample]) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("hidden/oracle.py", None),
        ("solutions/accepted/reference/solution.py", None),
        ("NOTES.md", None),
        ("GUIDE.md", "Ask the candidate why the score of an empty prediction is zero, and not NaN."),
        ("assignment.toml", "Count true positives, false positives and false negatives"),
        ("hidden/oracle.py", TELLING),
    ],
)
def test_leaks_are_found_in_any_commit(
    assignments: Path, tmp_path: Path, sample: Assignment, path: str, line: str | None
) -> None:
    data = (assignments / "sample" / path).read_bytes()
    if line is not None:
        whole = next(text for text in data.decode().splitlines() if line in text)
        data = f"x = 1\n\t{whole.strip()}  \n".encode()
    repository = tmp_path / "leaky.git"
    branches = [
        Branch("main", {"README.md": b"hello\n"}, "Welcome"),
        Branch("task/a", {"innocent.txt": data}, "Leak", base="main"),
        Branch("task/b", {"innocent.txt": b"cleaned\n"}, "Clean up", base="task/a"),
    ]
    create_repository(repository, branches, bare=True)
    git(repository, "update-ref", "-d", "refs/heads/task/a")
    leaks = find_leaks(repository, [sample])
    assert len(leaks) == 1
    assert leaks[0].startswith("task/b: innocent.txt")
    assert f"sample/{path}" in leaks[0]


def test_the_grader_itself_is_private(tmp_path: Path) -> None:
    source = (ROOT / "grading" / "scoring.py").read_bytes()
    create_repository(tmp_path / "leaky.git", [Branch("main", {"x.py": source}, "x")], bare=True)
    assert [leak.split(" is ")[1] for leak in find_leaks(tmp_path / "leaky.git", [])] == [
        "the private file grading/scoring.py"
    ]


def test_a_commit_message_can_leak(assignments: Path, tmp_path: Path, sample: Assignment) -> None:
    create_repository(tmp_path / "leaky.git", [Branch("main", {"x.py": b""}, f"Fix: \n\n{TELLING}")], bare=True)
    (leak,) = find_leaks(tmp_path / "leaky.git", [sample])
    assert "commit message" in leak
    assert sum(1 for _ in read_history(str(tmp_path / "leaky.git"))) == 2
