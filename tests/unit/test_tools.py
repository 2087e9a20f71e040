"""git, patches and visible tests: what is read from foreign repositories, and what they cannot do to us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.errors import GraderError, UsageError
from grading.sandbox.tools import (
    Branch,
    apply_patch,
    changed_outside,
    create_repository,
    fetch_tree,
    grader_commit,
    read_history,
    run_visible_tests,
)
from grading.sandbox.tools.process import run_program

HOME = "assignments/adding"


def git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run git as a candidate would, apart from the settings of whoever runs the tests."""
    identity = {
        f"GIT_{who}_{what}": "ada@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with a task branch, and a solve branch that adds to it and to other places."""
    root = tmp_path / "candidate"
    (root / HOME).mkdir(parents=True)
    git(root, "init", "--quiet")
    (root / "README.md").write_text("welcome\n")
    (root / HOME / "solution.py").write_text("raise NotImplementedError\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "task")
    git(root, "branch", "task/adding")
    git(root, "switch", "--quiet", "-c", "solve/adding")
    (root / HOME / "solution.py").write_text("def add(a, b):\n    return a + b\n")
    (root / HOME / "deep" / "er").mkdir(parents=True)
    (root / HOME / "deep" / "er" / "größe (1).py").write_text("x = 1\n")
    (root / "README.md").write_text("changed\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "solve")
    return root


# reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", ["solve/adding", "refs/heads/solve/adding", "HEAD", None])
def test_tree_of_a_branch_or_commit(work: Path, ref: str | None) -> None:
    commit = git(work, "rev-parse", "HEAD")
    tree = fetch_tree(str(work), ref or commit, HOME)
    assert tree.commit == commit
    assert tree.assignments == ("adding",)
    found = {entry.path: entry.data for entry in tree.entries}
    assert found == {"solution.py": b"def add(a, b):\n    return a + b\n", "deep/er/größe (1).py": b"x = 1\n"}


def test_tree_of_a_bare_repository_and_a_url(work: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(work), "bare.git")
    for place in (str(tmp_path / "bare.git"), (tmp_path / "bare.git").as_uri()):
        assert [entry.path for entry in fetch_tree(place, "task/adding", HOME).entries] == ["solution.py"]


def test_folder_that_is_not_there_is_empty(work: Path) -> None:
    assert fetch_tree(str(work), "HEAD", "assignments/other").entries == ()


def test_only_what_is_wanted_is_read(work: Path) -> None:
    tree = fetch_tree(str(work), "HEAD", HOME, wanted=lambda path: path == "solution.py")
    assert {entry.path for entry in tree.entries if entry.data is None} == {"deep/er/größe (1).py"}
    assert all(entry.size for entry in tree.entries)


def test_links_submodules_and_large_files_are_listed_and_not_read(work: Path) -> None:
    (work / HOME / "link.py").symlink_to("/etc/passwd")
    (work / HOME / "large.py").write_bytes(b"#" * (2 * 2**20 + 1))
    git(work, "add", ".")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{git(work, 'rev-parse', 'HEAD')},{HOME}/module")
    git(work, "commit", "--quiet", "-m", "odd")
    entries = {entry.path: entry for entry in fetch_tree(str(work), "HEAD", HOME).entries}
    assert (entries["link.py"].mode, entries["link.py"].data) == ("120000", None)
    assert (entries["module"].mode, entries["module"].data) == ("160000", None)
    assert (entries["large.py"].size, entries["large.py"].data) == (2 * 2**20 + 1, None)
    assert entries["solution.py"].data is not None


def test_number_and_total_size_are_capped(work: Path) -> None:
    for number in range(260):
        (work / HOME / f"f{number:03}.py").write_text("x = 1\n")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "many")
    entries = fetch_tree(str(work), "HEAD", HOME).entries
    assert len(entries) == 262
    assert sum(entry.data is not None for entry in entries) == 201
    for number in range(7):
        (work / HOME / f"f{number:03}.py").write_bytes(b"#%d\n" % number * 2**19)
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "large")
    read = [entry for entry in fetch_tree(str(work), "HEAD", HOME).entries if entry.data is not None]
    assert sum(entry.size for entry in read) <= 10 * 2**20


def test_a_tree_that_describes_a_billion_files_ends_soon(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.sandbox.tools.git._LISTING_BYTES", 1 << 20)
    blob = git(work, "hash-object", "-w", "--stdin", stdin="x")
    tree = git(work, "mktree", stdin="".join(f"100644 blob {blob}\tf{i}.py\n" for i in range(10)))
    for _ in range(8):
        tree = git(work, "mktree", stdin="".join(f"040000 tree {tree}\td{i}\n" for i in range(10)))
    for name in ("adding", "assignments"):
        tree = git(work, "mktree", stdin=f"040000 tree {tree}\t{name}\n")
    commit = git(work, "commit-tree", tree, "-m", "bomb")
    git(work, "branch", "bomb", commit)
    started = time.monotonic()
    entries = fetch_tree(str(work), "bomb", HOME).entries
    assert 200 < len(entries) < 1_000_000
    assert len(changed_outside(str(work), "bomb", "task/adding", "nowhere")) <= 100
    assert time.monotonic() - started < 30


def test_changes_outside_the_task(work: Path) -> None:
    assert changed_outside(str(work), "solve/adding", "task/adding", HOME) == ("README.md",)
    assert changed_outside(str(work), "task/adding", "task/adding", HOME) == ()


def test_history_holds_every_version_and_message(work: Path) -> None:
    found = [(item.path, item.data) for item in read_history(str(work))]
    assert (f"{HOME}/solution.py", b"raise NotImplementedError\n") in found
    assert (f"{HOME}/solution.py", b"def add(a, b):\n    return a + b\n") in found
    assert sum(path == "commit message" for path, _ in found) == 2


@pytest.mark.parametrize(
    ("repo", "ref", "words"),
    [
        ("candidate", "solve/other", "no ref 'solve/other'; the branches are main, solve/adding, task/adding"),
        ("candidate", "--upload-pack=touch x", "cannot be a ref"),
        ("candidate", "a:b", "cannot be a ref"),
        ("candidate", "", "cannot be a ref"),
        ("nowhere", "main", "no such folder"),
        ("plain", "main", "not a git repository"),
        ("empty", "main", "no branches yet"),
        ("-u", "main", "no such folder"),
        ("ext::touch x", "main", "no such folder"),
        ("git://127.0.0.1:1/x", "main", "not a git repository that can be read"),
    ],
)
def test_wrong_repository_or_ref(work: Path, monkeypatch: pytest.MonkeyPatch, repo: str, ref: str, words: str) -> None:
    monkeypatch.chdir(work.parent)
    Path("plain").mkdir()
    Path("empty").mkdir()
    git(Path("empty"), "init", "--quiet")
    with pytest.raises(UsageError, match="^" + repo) as caught:
        fetch_tree(repo, ref, HOME)
    assert words in str(caught.value)


def test_a_blob_is_not_a_commit(work: Path) -> None:
    git(work, "tag", "content", git(work, "rev-parse", "HEAD:README.md"))
    with pytest.raises(UsageError, match="is not a commit"):
        fetch_tree(str(work), "content", HOME)


def test_configuration_and_hooks_of_the_other_side_are_not_run(work: Path, tmp_path: Path) -> None:
    mark = tmp_path / "was_run"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook", "core.pager", "filter.x.smudge"):
        git(work, "config", key, str(script))
    (work / ".gitattributes").write_text("* filter=x\n")
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        (work / ".git" / "hooks" / hook).write_text(script.read_text())
        (work / ".git" / "hooks" / hook).chmod(0o755)
    assert fetch_tree(str(work), "HEAD", HOME).entries
    assert not mark.exists()


def test_nothing_is_left_behind(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    fetch_tree(str(work), "HEAD", HOME)
    with pytest.raises(UsageError):
        fetch_tree(str(work), "nothing", HOME)
    assert list(temporary.iterdir()) == []


# writing --------------------------------------------------------------------------------------------------------------

BRANCHES = [
    Branch("main", {"README.md": b"welcome\r\n"}, "Welcome"),
    Branch("task/adding", {f"{HOME}/data.bin": bytes(range(256))}, "Add the task", base="main"),
]


@pytest.mark.parametrize("bare", [True, False])
def test_repository_holds_exactly_the_given_bytes(tmp_path: Path, bare: bool) -> None:
    commits = create_repository(tmp_path / "made", BRANCHES, bare=bare)
    assert list(commits) == ["main", "task/adding"]
    tree = fetch_tree(str(tmp_path / "made"), "task/adding", "")
    assert tree.commit == commits["task/adding"]
    listing = git(tmp_path / "made", "ls-tree", "-r", "--name-only", "task/adding").split()
    assert listing == ["README.md", f"{HOME}/data.bin"]
    assert (tmp_path / "made" / "README.md").exists() is not bare
    if not bare:
        assert (tmp_path / "made" / "README.md").read_bytes() == b"welcome\r\n"
        assert git(tmp_path / "made", "status", "--porcelain") == ""
    assert git(tmp_path / "made", "log", "--format=%an <%ae>", "main") == "Hiring team <hiring@example.invalid>"


def test_patch(tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text("a = 1\nb = 2\n")
    apply_patch(tmp_path, "--- a/solution.py\n+++ b/solution.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n")
    assert (tmp_path / "solution.py").read_text() == "a = 1\nb = 3\n"
    with pytest.raises(UsageError, match=r"no longer applies: error: patch failed: solution\.py:1"):
        apply_patch(tmp_path, "--- a/solution.py\n+++ b/solution.py\n@@ -1,2 +1,2 @@\n a = 9\n-b = 2\n+b = 3\n")
    with pytest.raises(UsageError, match="no longer applies"):
        apply_patch(tmp_path, "no diff at all\n")


def test_patch_applies_in_a_folder_of_another_repository(work: Path) -> None:
    folder = work / "copy"
    folder.mkdir()
    (folder / "solution.py").write_text("a = 1\n")
    apply_patch(folder, "--- a/solution.py\n+++ b/solution.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n")
    assert (folder / "solution.py").read_text() == "a = 2\n"


def test_commit_of_the_grader(work: Path, tmp_path: Path) -> None:
    commit = git(work, "rev-parse", "HEAD")
    assert grader_commit(work) == commit
    (work / "new.py").write_text("x = 1\n")
    assert grader_commit(work) == f"{commit}-dirty"
    assert grader_commit(work / HOME) is None, "a folder in somebody's repository is not its root"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert grader_commit(empty) is None
    git(empty, "init", "--quiet")
    assert grader_commit(empty) is None


# programs -------------------------------------------------------------------------------------------------------------

TESTS = """\
import pytest
from solution import add


@pytest.mark.criterion("sums")
@pytest.mark.parametrize("b", [1, 2])
def test_add(b):
    assert add(1, b) == 2
"""


@pytest.fixture
def task(tmp_path: Path) -> Callable[[str], Path]:
    def make(solution: str) -> Path:
        folder = tmp_path / "assignments" / "adding"
        (folder / "tests").mkdir(parents=True)
        (folder / "tests" / "conftest.py").write_text(
            "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent.parent))\n"
        )
        (folder / "tests" / "test_visible.py").write_text(TESTS)
        (folder / "solution.py").write_text(solution)
        return folder

    return make


def test_visible_tests(task: Callable[[str], Path]) -> None:
    outcomes = run_visible_tests(task("def add(a, b):\n    return a + b\n"))
    assert outcomes == {"test_add[1]": "passed", "test_add[2]": "failed"}


def test_visible_tests_that_cannot_be_collected(task: Callable[[str], Path]) -> None:
    outcomes = run_visible_tests(task("def plus(a, b):\n    return a + b\n"))
    assert set(outcomes.values()) == {"not collected"}


def test_visible_tests_need_their_conftest(task: Callable[[str], Path]) -> None:
    folder = task("def add(a, b):\n    return 2\n")
    (folder / "tests" / "conftest.py").unlink()
    assert set(run_visible_tests(folder).values()) == {"not collected"}


def test_a_program_is_stopped_by_the_clock_with_its_children(tmp_path: Path) -> None:
    script = f"""if True:
        import subprocess, time
        with open({str(tmp_path / "pid")!r}, "w") as file:
            file.write(str(subprocess.Popen(["sleep", "60"]).pid))
        time.sleep(60)
        """
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="did not end within 1 s"):
        run_program([sys.executable, "-c", script], tmp_path, dict(os.environ), b"", 1.0, 1000)
    assert time.monotonic() - started < 10
    pid = (tmp_path / "pid").read_text()
    status = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 5
    while status.exists() and status.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not status.exists() or status.read_text().split()[2] == "Z"


def test_a_program_that_says_too_much_is_stopped(tmp_path: Path) -> None:
    done = run_program(["yes"], tmp_path, dict(os.environ), b"", 20.0, 1000)
    assert done.cut
    assert len(done.output) == 1000


def test_without_git_the_grader_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraderError, match="git is not installed"):
        grader_commit(tmp_path)
