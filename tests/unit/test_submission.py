"""Submissions are read as bytes, whatever a candidate put into the folder, and nothing of theirs raises."""

import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.errors import UsageError
from grading.model import Assignment, Level, Rubric, Submission
from grading.submission import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    TreeEntry,
    is_wanted,
    load_file,
    load_folder,
    parse_tree,
)

ASSIGNMENT = Assignment(
    id="demo",
    version=1,
    title="Demo",
    directory=Path("demo"),
    minutes={Level.MID: 60},
    files=("solution.py",),
    entry="solution",
    entry_points=(),
    rubric=Rubric(70, ()),
)
DEBUGGING = Assignment(
    id="debugging",
    version=1,
    title="Debugging",
    directory=Path("debugging"),
    minutes={Level.MID: 60},
    files=("train.py", "bugs.toml", "own_tests/"),
    entry="train",
    entry_points=(),
    rubric=Rubric(70, ()),
)
CODE = b"def f(x):\n    return x\n"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a submission in it."""
    path = tmp_path / "demo"
    path.mkdir()
    (path / "solution.py").write_bytes(CODE)
    return path


def load(folder, assignment=ASSIGNMENT):
    return load_folder(folder, assignment)


def put(folder, path, data=b""):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target


def kinds(submission):
    return [flag.kind for flag in submission.flags]


def assert_complete(submission, kind, file="solution.py"):
    """Check that the fault and its flag say which file, what, and what to do."""
    fault = submission.fault
    assert fault is not None
    assert (fault.kind, fault.file) == (kind, file)
    assert file not in submission.files
    assert fault.message.startswith(f"{file} ")
    assert fault.message.endswith(".")
    assert len(fault.message.split(". ")) >= 2 or ";" in fault.message
    assert any(flag.message == fault.message and flag.file == file for flag in submission.flags)


def test_a_plain_submission_travels_as_bytes(folder):
    submission = load(folder)

    assert submission == Submission({"solution.py": CODE}, source=str(folder))


def test_other_python_files_travel_with_their_paths(folder):
    put(folder, "helper.py", b"A = 1\n")
    put(folder, "pkg/__init__.py")
    put(folder, "pkg/deep/model.py", b"B = 2\n")
    submission = load(folder)

    assert list(submission.files) == ["helper.py", "pkg/__init__.py", "pkg/deep/model.py", "solution.py"]
    assert submission.flags == ()


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "tests/test_x.py",
        "tests/conftest.py",
        "task.toml",
        "data/x.csv",
        "__pycache__/solution.cpython-311.pyc",
        "pkg/__pycache__/x.pyc",
        ".pytest_cache/v/x",
        ".venv/lib/x.py",
        ".gitignore",
        ".DS_Store",
    ],
)
def test_what_was_handed_out_and_what_tools_leave_is_silently_fine(folder, name):
    put(folder, name)
    submission = load(folder)

    assert list(submission.files) == ["solution.py"]
    assert submission.flags == ()


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("conftest.py", "planted_configuration", "conftest.py"),
        ("pkg/conftest.py", "planted_configuration", "pkg/conftest.py"),
        ("sitecustomize.py", "planted_configuration", "sitecustomize.py"),
        ("usercustomize.py", "planted_configuration", "usercustomize.py"),
        ("pytest.ini", "planted_configuration", "pytest.ini"),
        ("pyproject.toml", "planted_configuration", "pyproject.toml"),
        ("setup.cfg", "planted_configuration", "setup.cfg"),
        ("tox.ini", "planted_configuration", "tox.ini"),
        ("evil.pth", "planted_configuration", "evil.pth"),
        (".gitattributes", "planted_configuration", ".gitattributes"),
        (".git/config", "hidden_file", ".git"),
        (".git/hooks/post-checkout", "hidden_file", ".git"),
        (".secret/solution.py", "hidden_file", ".secret"),
        (".env", "hidden_file", ".env"),
        ("solution.so", "compiled_code", "solution.so"),
        ("notes.txt", "ignored_file", "notes.txt"),
        ("pkg/table.csv", "ignored_file", "pkg/table.csv"),
    ],
)
def test_what_has_no_business_is_left_behind_and_flagged(folder, name, kind, shown):
    put(folder, name, b"x")
    submission = load(folder)

    assert list(submission.files) == ["solution.py"]
    assert [(flag.kind, flag.file) for flag in submission.flags] == [(kind, shown)]
    assert submission.flags[0].message.startswith(f"{shown} ")
    assert submission.fault is None


def test_files_that_shadow_a_library_travel_with_a_flag(folder):
    for name in ("json.py", "numpy.py", "torch/__init__.py"):
        put(folder, name, b"A = 1\n")
    submission = load(folder)

    assert set(submission.files) == {"json.py", "numpy.py", "torch/__init__.py", "solution.py"}
    assert kinds(submission) == ["shadowed_module"] * 3


def test_declared_folders_travel_whole_but_for_configuration(tmp_path):
    for name in ("train.py", "bugs.toml", "own_tests/test_a.py", "own_tests/cases.json", "own_tests/conftest.py"):
        put(tmp_path, name)
    submission = load(tmp_path, DEBUGGING)

    assert set(submission.files) == {"train.py", "bugs.toml", "own_tests/test_a.py", "own_tests/cases.json"}
    assert kinds(submission) == ["planted_configuration"]


def test_a_missing_entry_is_a_fault(tmp_path):
    submission = load(tmp_path)

    assert submission.files == {}
    assert_complete(submission, "missing file")


@pytest.mark.parametrize("name", ["solutions.py", "Solution.py", "assignments/demo/solution.py"])
def test_a_missing_entry_says_where_it_may_be(tmp_path, name):
    put(tmp_path, name, CODE)

    assert f"Found instead: {name}." in load(tmp_path).fault.message


def test_another_missing_file_is_a_flag(tmp_path):
    put(tmp_path, "train.py", CODE)
    submission = load(tmp_path, DEBUGGING)

    assert submission.fault is None
    assert [(flag.kind, flag.file) for flag in submission.flags] == [("missing_file", "bugs.toml")]


def test_an_empty_entry_is_no_fault_of_reading(folder):
    put(folder, "solution.py")

    assert load(folder).fault is None


def test_a_symbolic_link_is_never_followed(folder, tmp_path):
    put(tmp_path, "secret.py", b"KEY = 1\n")
    (folder / "solution.py").unlink()
    (folder / "solution.py").symlink_to(tmp_path / "secret.py")
    (folder / "helper.py").symlink_to(tmp_path / "secret.py")
    (folder / "pkg").symlink_to(tmp_path, target_is_directory=True)
    (folder / "broken").symlink_to("nowhere")
    submission = load(folder)

    assert submission.files == {}
    assert_complete(submission, "symbolic link")
    assert kinds(submission) == ["symbolic_link"] * 4


def test_a_link_in_the_place_of_a_declared_folder_is_a_fault(tmp_path):
    put(tmp_path, "sub/train.py", CODE)
    put(tmp_path, "sub/bugs.toml")
    (tmp_path / "sub" / "own_tests").symlink_to("/etc", target_is_directory=True)
    submission = load(tmp_path / "sub", DEBUGGING)

    assert set(submission.files) == {"train.py", "bugs.toml"}
    assert_complete(submission, "symbolic link", "own_tests")


def test_a_second_name_of_a_file_is_not_read(folder, tmp_path):
    secret = put(tmp_path, "secret.py", b"KEY = 1\n")
    (folder / "solution.py").unlink()
    os.link(secret, folder / "solution.py")

    assert_complete(load(folder), "hard link")


def test_a_pipe_a_socket_and_a_folder_block_nothing(folder):
    (folder / "solution.py").unlink()
    os.mkfifo(folder / "solution.py")
    os.mkfifo(folder / "helper.py")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may not be long
        try:
            listener.bind("s.py")
        finally:
            os.chdir(here)
        submission = load(folder)

    assert_complete(submission, "special file")
    assert kinds(submission) == ["special_file"] * 3


def test_a_folder_in_the_place_of_the_entry_is_a_fault(folder):
    (folder / "solution.py").unlink()
    put(folder, "solution.py/__init__.py")

    assert load(folder).fault.kind == "folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_fault(folder):
    (folder / "solution.py").chmod(0)
    put(folder, "pkg/x.py").parent.chmod(0)
    submission = load(folder)
    (folder / "pkg").chmod(0o700)

    assert_complete(submission, "unreadable file")
    assert kinds(submission) == ["unreadable_file"] * 2


def test_a_file_that_is_too_large_is_not_read(folder):
    with (folder / "solution.py").open("wb") as file:
        file.truncate(10 * 2**20)
    put(folder, "helper.py", b"#" * (MAX_FILE_BYTES + 1))
    submission = load(folder)

    assert_complete(submission, "too large")
    assert "is 10.0 MiB; at most 2 MiB are read" in submission.fault.message
    assert kinds(submission) == ["too_large"] * 2


def test_a_file_of_exactly_the_cap_is_read(folder):
    put(folder, "solution.py", b"#" * MAX_FILE_BYTES)

    assert load(folder).fault is None


def test_all_files_together_are_capped(folder):
    for number in range(6):
        put(folder, f"part{number}.py", b"#" * MAX_FILE_BYTES)
    submission = load(folder)

    assert sum(map(len, submission.files.values())) <= MAX_TOTAL_BYTES
    assert "solution.py" in submission.files
    assert set(kinds(submission)) == {"too_large_in_all"}
    assert submission.fault is None


def test_the_number_of_files_is_capped_and_the_entry_comes_first(folder):
    for number in range(MAX_FILES + 50):
        put(folder, f"a{number:03}.py", b"A = 1\n")
    submission = load(folder)

    assert len(submission.files) == MAX_FILES
    assert "solution.py" in submission.files
    assert kinds(submission) == ["too_many_files"]


def test_thousands_of_files_and_huge_sparse_ones_cost_little(folder):
    with (folder / "big.bin").open("wb") as file:
        file.truncate(300 * 2**30)
    (folder / "many").mkdir()
    for number in range(5000):
        (folder / "many" / f"{number}.txt").touch()
    start = time.perf_counter()
    submission = load(folder)
    elapsed_s = time.perf_counter() - start

    assert submission.files == {"solution.py": CODE}
    assert submission.fault is None
    assert len(submission.flags) < 20
    assert "more of this kind" in submission.flags[-1].message
    assert elapsed_s < 1


def test_a_forest_of_empty_folders_ends_the_walk(folder):
    for number in range(2500):
        (folder / "many" / str(number)).mkdir(parents=True)

    assert kinds(load(folder)) == ["too_many_files"]


def test_a_deep_folder_is_left_behind(folder):
    put(folder, "a/" * 12 + "x.py", b"A = 1\n")
    submission = load(folder)

    assert list(submission.files) == ["solution.py"]
    assert kinds(submission) == ["odd_name"]


@pytest.mark.parametrize("name", [b"new\nline.py", b"\xff.py", b"a\x1b[31m.py", b"c:x.py", "\u202egnp.py".encode()])
def test_names_that_mean_something_else_elsewhere_are_left_behind(folder, name):
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(CODE)
    submission = load(folder)

    assert list(submission.files) == ["solution.py"]
    assert kinds(submission) == ["odd_name"]
    assert submission.flags[0].message.isprintable()
    submission.sha256.encode()


@pytest.mark.parametrize(
    ("data", "line", "part"),
    [
        (b"x = 1\ny = '\xe9'\n", 2, "is not UTF-8 (byte 0xe9)"),
        (b"a\nb\nc\n# \xe9\n", 4, "is not UTF-8 (byte 0xe9)"),
        (b"x = 1\n\n\0\n", 3, "is binary"),
        (b"\x7fELF\x02\x01\x00", 1, "is binary"),
        ("x = 1\n".encode("utf-16"), None, "is UTF-16 text"),
        (b"# coding: klingon\nx = 1\n", 1, "unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", 1, "does not work"),
        (b"# coding: utf-7\nx = 1\n", 1, "hides what the code says"),
        (b"# coding: unicode_escape\nx = 1\n", 1, "hides what the code says"),
        (b"# coding: rot13\nk = 1\n", 1, "no text encoding"),
        (b"# coding: ascii\nx = '\xe9'\n", 2, "is not ascii, the encoding that it declares"),
    ],
)
def test_source_that_cannot_be_read_is_a_fault_with_its_line(folder, data, line, part):
    put(folder, "solution.py", data)
    submission = load(folder)

    assert_complete(submission, "unreadable text")
    assert submission.fault.line == line
    assert part in submission.fault.message


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
        "\ufeffx = 'é'\n".encode(),
        "x = 'é 你好 🙂'\n".encode(),
        b"x = 1\r\ny = 2\r\n",
    ],
)
def test_source_in_a_declared_encoding_is_accepted_as_it_is(folder, data):
    put(folder, "solution.py", data)
    submission = load(folder)

    assert submission.files == {"solution.py": data}
    assert submission.fault is None
    assert submission.flags == ()
    compile(data, "solution.py", "exec")


def test_a_helper_that_cannot_be_read_is_a_flag_alone(folder):
    put(folder, "helper.py", b"x = '\xe9'\n")
    submission = load(folder)

    assert list(submission.files) == ["solution.py"]
    assert [(flag.kind, flag.file, flag.line) for flag in submission.flags] == [("unreadable_text", "helper.py", 1)]
    assert submission.fault is None


def test_the_fault_of_the_entry_comes_before_others(tmp_path):
    put(tmp_path, "bugs.toml", b"\0")
    put(tmp_path, "train.py", b"\0")
    submission = load(tmp_path, DEBUGGING)

    assert submission.fault.file == "train.py"
    assert kinds(submission) == ["unreadable_text"] * 2


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u200b", "\u00ad", "\U000e0041", "\ufeff"])
def test_characters_that_do_not_show_are_flagged_with_their_line(folder, char):
    put(folder, "solution.py", f"x = 1\ny = 2  # a{char}b{char}\n".encode())
    submission = load(folder)

    (flag,) = submission.flags
    assert (flag.kind, flag.file, flag.line) == ("invisible_characters", "solution.py", 2)
    assert "2 characters" in flag.message
    assert f"U+{ord(char):04X}" in flag.message
    assert "solution.py" in submission.files


def test_one_file_is_the_entry_whatever_its_name(tmp_path):
    path = put(tmp_path, "40_infinite_loop.py", CODE)
    put(tmp_path, "conftest.py")
    submission = load_file(path, ASSIGNMENT)

    assert submission == Submission({"solution.py": CODE}, source=str(path))


def test_one_file_that_is_a_link_is_a_fault(tmp_path):
    put(tmp_path, "real.py", CODE)
    (tmp_path / "link.py").symlink_to("real.py")

    assert_complete(load_file(tmp_path / "link.py", ASSIGNMENT), "symbolic link")


@pytest.mark.parametrize(
    ("function", "name", "found"),
    [
        (load_folder, "nowhere", "found nothing"),
        (load_folder, "demo/solution.py", "found a file"),
        (load_file, "nowhere.py", "found nothing"),
        (load_file, "demo", "found a folder"),
    ],
)
def test_a_path_that_does_not_fit_is_the_callers_mistake(folder, function, name, found):
    path = folder.parent / name

    with pytest.raises(UsageError, match=found) as caught:
        function(path, ASSIGNMENT)
    for part in ("submission: expected a", str(path), "Name a folder with solution.py in it, or the file itself."):
        assert part in str(caught.value)


def entry(path, data=CODE, mode="100644", size=None):
    return TreeEntry(path, mode, data, len(data or b"") if size is None else size)


def tree(*entries):
    return parse_tree(entries, ASSIGNMENT, source="repo", commit="a" * 40, ref="solve/demo")


def test_a_tree_gives_the_same_submission_as_its_folder(folder):
    for name in ("helper.py", "conftest.py", "notes.txt", "pkg/model.py", "tests/test_x.py"):
        put(folder, name, CODE)
    entries = [
        entry(path.relative_to(folder).as_posix(), path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    ]
    from_tree, from_folder = tree(*entries), load(folder)

    assert from_tree.files == from_folder.files
    assert from_tree.sha256 == from_folder.sha256
    assert set(from_tree.flags) == set(from_folder.flags)
    assert (from_tree.source, from_tree.commit, from_tree.ref) == ("repo", "a" * 40, "solve/demo")


def test_an_empty_tree_misses_its_entry():
    assert_complete(tree(), "missing file")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("120000", "symbolic link"), ("160000", "submodule"), ("010644", "special file"), ("", "special file")],
)
def test_tree_entries_that_are_no_files_are_faults(mode, kind):
    assert_complete(tree(entry("solution.py", b"/etc/passwd", mode)), kind)


def test_a_submodule_elsewhere_is_a_flag():
    submission = tree(entry("solution.py"), entry("vendor", None, "160000", 0))

    assert submission.fault is None
    assert [(flag.kind, flag.file) for flag in submission.flags] == [("submodule", "vendor")]


def test_executable_files_are_files():
    assert tree(entry("solution.py", mode="100755")).fault is None


def test_a_large_blob_need_not_be_read():
    assert_complete(tree(entry("solution.py", None, size=MAX_FILE_BYTES + 1)), "too large")
    assert_complete(tree(entry("solution.py", b"#" * (MAX_FILE_BYTES + 1))), "too large")


def test_a_blob_that_was_not_read_but_is_needed_is_a_fault():
    assert_complete(tree(entry("solution.py", None, size=3)), "unreadable file")


def test_the_entry_is_found_behind_thousands_of_other_entries():
    others = [entry(f"a/{number}.txt", None, size=1) for number in range(5000)]
    submission = tree(*others, entry("solution.py"))

    assert submission.files == {"solution.py": CODE}
    assert "too_many_files" in kinds(submission)


@pytest.mark.parametrize("path", ["../solution.py", "/etc/x.py", "a//b.py", "./x.py", "a\\b.py", ""])
def test_paths_that_leave_the_folder_never_travel(path):
    submission = tree(entry("solution.py"), entry(path))

    assert list(submission.files) == ["solution.py"]
    assert kinds(submission) == ["odd_name"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("solution.py", True), ("x/helper.py", True), ("conftest.py", False), ("big.bin", False), ("tests/a.py", False)],
)
def test_what_is_wanted_can_be_told_before_it_is_read(path, wanted):
    assert is_wanted(path, ASSIGNMENT) is wanted


parts = st.sampled_from(
    ["solution.py", "own_tests", "a", ".git", "..", "conftest.py", "x.py", "tests", "\udc80", "b.txt", ""]
)
entries = st.builds(
    TreeEntry,
    path=st.lists(parts, min_size=1, max_size=4).map("/".join) | st.text(max_size=8),
    mode=st.sampled_from(["100644", "100755", "120000", "160000", "040000", "?"]),
    data=st.none() | st.binary(max_size=40),
    size=st.integers(0, 2**40),
)


@given(st.lists(entries, max_size=12), st.sampled_from([ASSIGNMENT, DEBUGGING]))
def test_no_tree_raises_and_a_submission_without_its_entry_has_a_fault(listed, assignment):
    submission = parse_tree(listed, assignment, source="repo", commit=None, ref=None)

    assert (submission.fault is not None) or f"{assignment.entry}.py" in submission.files
    assert all(is_wanted(path, assignment) for path in submission.files)
    assert all(flag.message.isprintable() and flag.message.endswith(".") for flag in submission.flags)
    assert len(submission.sha256) == 64


@given(st.lists(entries, max_size=8, unique_by=lambda item: item.path), st.randoms(use_true_random=False))
def test_the_order_of_a_tree_changes_nothing(listed, random):
    shuffled = random.sample(listed, len(listed))

    assert tree(*listed) == tree(*shuffled)
