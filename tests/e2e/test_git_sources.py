"""Grade branches of real git repositories, honest and odd ones."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, SAMPLE, run_command

REFERENCE = (SAMPLE / "solutions" / "accepted" / "reference" / "solution.py").read_bytes()
STARTER = (SAMPLE / "starter" / "mid" / "solution.py").read_bytes()
HOME = "assignments/sample"
FIXTURES = SAMPLE.parent
JUNIORS_TASK = "assignments/early_stopping"
JUNIORS_STARTER = ROOT / JUNIORS_TASK / "starter" / "junior" / "solution.py"
SAYS_JUNIOR = b'level = "junior"\n'


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *arguments], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository as export makes it: main, and task/sample with the starter."""
    folder = tmp_path / "candidate"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "README.md").write_text("Welcome\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Welcome")
    git(folder, "switch", "-qc", "task/sample")
    write(folder, f"{HOME}/solution.py", STARTER)
    commit(folder)
    git(folder, "switch", "-qc", "solve/sample")
    return folder


def write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Work")
    return git(folder, "rev-parse", "HEAD")


def grade(repository: Path, ref: str = "solve/sample", *options: str):
    return run_command("grade", f"{repository}@{ref}", "--assignment-dir", SAMPLE, "--json", "-", *options)


@pytest.fixture
def juniors(repository) -> Path:
    """A repository with a branch solve/early_stopping that was exported at the junior level."""
    write(repository, f"{JUNIORS_TASK}/solution.py", JUNIORS_STARTER.read_bytes())
    write(repository, f"{JUNIORS_TASK}/task.toml", SAYS_JUNIOR)
    git(repository, "switch", "-qc", "solve/early_stopping")
    commit(repository)
    return repository


@pytest.mark.parametrize("from_git", [True, False], ids=["branch", "folder"])
def test_a_level_that_nobody_asked_for_is_not_guessed(juniors, from_git):
    done = run_command(
        "grade", f"{juniors}@solve/early_stopping" if from_git else juniors / JUNIORS_TASK, "--json", "-"
    )
    assert done.status == 2
    assert "task.toml says level junior" in done.err
    assert "--level junior" in done.err
    assert done.out == ""


def test_a_task_of_another_level_is_left_out_of_a_regrading(juniors, tmp_path):
    done = run_command("regrade", f"{juniors}@solve/early_stopping", "--out", tmp_path / "out")
    assert "task.toml says level junior; regrade with --level junior" in done.err
    assert not list((tmp_path / "out").rglob("score.json"))


@pytest.mark.parametrize("task", [b"level = 7", b"level = [", b"\xff", b'level = "boss"', b""])
def test_a_task_file_that_names_no_level_changes_nothing(repository, task):
    write(repository, f"{HOME}/solution.py", REFERENCE)
    write(repository, f"{HOME}/task.toml", task)
    commit(repository)
    assert grade(repository).score["auto"] == 100


def test_a_level_that_the_assignment_lacks_does_not_decide(repository):
    write(repository, f"{HOME}/solution.py", REFERENCE)
    write(repository, f"{HOME}/task.toml", SAYS_JUNIOR)  # the sample has mid alone
    commit(repository)
    assert grade(repository).score["auto"] == 100


def test_a_drawn_task_without_its_draw_is_said():
    folder = FIXTURES / "bug_hunt"
    source = folder / "solutions" / "accepted" / "reference"
    done = run_command("grade", source, "--assignment-dir", folder, "--json", "-")
    assert done.status == 0
    assert done.err.startswith("note: bug_hunt")
    assert "Was it exported with --draw?" in done.err
    assert "--draw" not in run_command("grade", source, "--assignment-dir", folder, "--draw", "0", "--json", "-").err


def test_a_pushed_branch_is_graded_with_its_commit(repository):
    write(repository, f"{HOME}/solution.py", REFERENCE)
    sha = commit(repository)
    done = grade(repository, "solve/sample", "--official")
    assert done.status == 0, done.err
    assert done.score["auto"] == 100
    assert done.score["submission"]["commit"] == sha
    assert done.score["flags"] == []


def test_a_full_commit_hash_is_a_ref_too(repository):
    write(repository, f"{HOME}/solution.py", REFERENCE)
    assert grade(repository, commit(repository)).score["auto"] == 100


def test_a_branch_without_work_earns_nothing(repository):
    done = grade(repository)
    assert done.status == 0, done.err
    assert done.score["auto"] == 0


def test_a_branch_that_deletes_the_solution_says_so(repository):
    git(repository, "rm", "-q", f"{HOME}/solution.py")
    commit(repository)
    done = grade(repository)
    assert done.status == 0, done.err
    assert done.score["auto"] == 0


def test_changes_outside_the_task_are_flagged(repository):
    write(repository, f"{HOME}/solution.py", REFERENCE)
    write(repository, ".github/workflows/feedback.yml", b"on: push\n")
    write(repository, "assignments/other/solution.py", b"x = 1\n")
    commit(repository)
    score = grade(repository).score
    assert score["auto"] == 100
    assert {flag["file"] for flag in score["flags"]} >= {
        ".github/workflows/feedback.yml",
        "assignments/other/solution.py",
    }


def test_links_and_submodules_in_a_tree_are_not_followed(repository, tmp_path):
    write(repository, f"{HOME}/secret.py", b"")
    (repository / HOME / "secret.py").unlink()
    (repository / HOME / "secret.py").symlink_to("/etc/passwd")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    git(other, "commit", "-q", "--allow-empty", "-m", "x")
    git(repository, "submodule", "--quiet", "add", str(other), f"{HOME}/module")
    write(repository, f"{HOME}/solution.py", REFERENCE)
    commit(repository)
    score = grade(repository).score
    assert score["auto"] == 100
    assert any(flag["file"] and flag["file"].endswith("secret.py") for flag in score["flags"])


def test_a_linked_solution_earns_nothing(repository):
    (repository / HOME / "solution.py").unlink()
    (repository / HOME / "solution.py").symlink_to("/etc/passwd")
    commit(repository)
    done = grade(repository)
    assert done.status == 0
    assert done.score["auto"] == 0


def test_hooks_and_filters_of_the_repository_do_not_run(repository, tmp_path):
    witness = tmp_path / "witness"
    write(repository, ".gitattributes", b"* filter=evil\n")
    write(repository, f"{HOME}/solution.py", REFERENCE)
    commit(repository)
    git(repository, "config", "filter.evil.smudge", f"touch {witness}")
    git(repository, "config", "core.fsmonitor", f"touch {witness}")
    git(repository, "config", "uploadpack.packObjectsHook", f"touch {witness}")
    for name in ("post-checkout", "pre-upload", "reference-transaction"):
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
        hook.chmod(0o755)
    assert grade(repository).score["auto"] == 100
    assert not witness.exists()


@pytest.mark.parametrize("ref", ["solve/nothing", "--upload-pack=touch", "a b", "HEAD~1..HEAD", ""])
def test_a_ref_that_is_none_is_the_callers_mistake(repository, ref):
    done = grade(repository, ref)
    assert done.status == 2
    assert "Traceback" not in done.err


def test_an_empty_repository_says_so(tmp_path):
    git(tmp_path, "init", "-q", "--bare", "empty.git")
    done = grade(tmp_path / "empty.git")
    assert done.status == 2
    assert "no branches" in done.err


def test_the_assignment_comes_from_the_branch(repository, tmp_path):
    git(repository, "branch", "solve/early_stoping")
    done = run_command("grade", f"{repository}@solve/early_stoping")
    assert done.status == 2
    assert "early_stopping" in done.err


def test_an_export_is_graded_from_its_own_repository(tmp_path):
    """Export, clone, solve, push, grade: the main job with the sample."""
    bare, work = tmp_path / "ada.git", tmp_path / "work"
    exported = run_command(
        "export", bare, "--candidate", "Ada", "--assignments", "sample", "--assignment-dir", SAMPLE.parent
    )
    assert exported.status == 0, exported.err
    git(tmp_path, "clone", "-q", str(bare), str(work))
    git(work, "switch", "-qc", "solve/sample", "origin/task/sample")
    write(work, f"{HOME}/solution.py", REFERENCE)
    sha = commit(work)
    git(work, "push", "-q", "origin", "solve/sample")
    done = run_command("grade", f"{bare}@solve/sample", "--assignment-dir", SAMPLE, "--out", tmp_path / "out")
    assert done.status == 0, done.err
    score = json.loads((tmp_path / "out" / "score.json").read_text())
    assert score["auto"] == 100
    assert score["submission"]["commit"] == sha
