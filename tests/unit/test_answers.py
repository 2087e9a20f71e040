"""Answers of the visible tests that stand in a submission are flagged; ordinary constants are not."""

import pytest

from grading.evidence.answers import find_copied_answers
from grading.model import Submission

VISIBLE = b"""
def test_score(solution):
    assert solution.score([3, 1, 4, 1, 5, 9]) == 0.4821375
    assert solution.steps(100) == 1000
    assert solution.small() == -0.25
"""
GIVEN = b"RATE = 0.1234567\n"


def flags(source: str, name: str = "solution.py") -> list[tuple[int | None, str]]:
    submission = Submission({name: source.encode()}, "x")
    return [(flag.line, flag.message) for flag in find_copied_answers(submission, [VISIBLE, GIVEN], [GIVEN])]


@pytest.mark.parametrize("source", ["x = 1\n\n\nANSWER = 0.4821375\n", "a = b = 0\n\n\nc = [3, 1, 4, 1, 5, 9]\n"])
def test_a_copied_answer_is_flagged_with_its_line(source):
    ((line, message),) = flags(source)
    assert line == 4
    assert "solution.py:4" in message


@pytest.mark.parametrize(
    "source",
    [
        "x = 1000, 100, -0.25, 0.5",
        "RATE = 0.1234567",
        "x = [3, 1, 4]",
        "x = [3, 1, 4, 1, 5, 8]",
        "def broken(:",
        "x = '0.4821375'",
        "x = 10 ** 400, 1" + "0" * 400,
    ],
)
def test_ordinary_constants_are_not(source):
    assert flags(source) == []


def test_own_tests_may_repeat_the_visible_ones():
    assert flags("assert score() == 0.4821375", name="tests/test_own.py") == []


def test_there_is_an_end_to_them():
    source = "".join(f"x{i} = 0.4821375\n" for i in range(50)) + "y = (3, 1, 4, 1, 5, 9)\n"
    assert len(flags(source)) == 2
