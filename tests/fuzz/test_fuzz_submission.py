"""The submission reader, on real folders: whatever lies there, it is read or left behind, and nothing raises."""

from __future__ import annotations

import os
import shutil
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.errors import UsageError
from grading.submission import MAX_TOTAL_BYTES, load_file, load_folder
from grading.submission.text import text_problem
from tests.fuzz.folders import MADE, ODD, SINGLE, TEXTS, Made, make, read_both, verify
from tests.fuzz.test_fuzz_codec import MIB, fuzzed


@given(MADE)
@settings(fuzzed, max_examples=200)
def test_no_folder_raises(things: list[Made]) -> None:
    root = tempfile.mkdtemp(prefix="fuzz-")
    try:
        make(os.fsencode(root), things)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
        for submission in read_both(Path(root)):
            verify(submission)
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    finally:
        shutil.rmtree(root)


@given(st.sampled_from(TEXTS) | st.binary(max_size=80), st.booleans(), st.text(max_size=20))
@fuzzed
def test_no_text_raises(data: bytes, python: bool, coding: str) -> None:
    for text in (data, b"# -*- coding: " + coding.encode("utf-8", "replace") + b" -*-\n" + data):
        problem = text_problem(text, python=python)
        if problem is not None:
            assert problem[1].isprintable()


@pytest.mark.parametrize("name", ["\0", "a\0b", "x" * 5000, "\udcff", ""], ids=repr)
def test_a_source_with_an_impossible_name_is_the_callers_mistake(tmp_path: Path, name: str) -> None:
    for load in (load_folder, load_file):
        with pytest.raises(UsageError):
            load(tmp_path / "nowhere" / name / "x", SINGLE)


def test_thousands_of_odd_names_take_little_memory_and_few_flags(tmp_path: Path) -> None:
    for number in range(3000):
        name = ODD[number % len(ODD)][:200].replace(b"/", b"_") + b"%d" % number
        (tmp_path / os.fsdecode(name)).write_bytes(b"x" * 100)
    (tmp_path / "solution.py").write_bytes(b"x = 1\n")
    tracemalloc.start()
    try:
        submission = load_folder(tmp_path, SINGLE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    verify(submission)
    assert "solution.py" in submission.files
    assert len(submission.flags) < 60
    assert peak < MAX_TOTAL_BYTES + 16 * MIB


def test_a_folder_deeper_than_a_path_can_be_is_left_behind(tmp_path: Path) -> None:
    before = Path.cwd()
    (tmp_path / "solution.py").write_bytes(b"x = 1\n")
    os.chdir(tmp_path)
    try:
        for _ in range(300):
            os.mkdir("d" * 100)  # noqa: PTH102 - relative to where we are, for no path is this long
            os.chdir("d" * 100)
    finally:
        os.chdir(before)
    submission = load_folder(tmp_path, SINGLE)
    verify(submission)
    assert submission.fault is None
    shutil.rmtree(tmp_path / ("d" * 100), ignore_errors=True)
