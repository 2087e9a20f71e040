"""The model of a report: what text becomes before any format sees it."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings

from grading.model import Coverage, Graded, Isolation, Marks, Verdict
from grading.report import words
from grading.report.blocks import Style, clean, code, prose, text_of
from grading.report.build import Audience, build_report
from grading.report.markdown import render_comment
from tests.golden.examples import EXAMPLES, checks, graded
from tests.golden.hostile import TEXT


@given(TEXT)
@settings(deadline=None)
def test_clean_text_is_one_visible_line_without_commands(text: str) -> None:
    line = clean(text, 60)
    assert len(line) <= 60
    assert {unicodedata.category(c) for c in line}.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    assert "::" not in line
    assert "##[" not in line
    assert line == line.strip()


def test_clean_shows_what_it_takes_away() -> None:
    assert clean("a\u202eb\x1b[31m\tc\nd") == "a\\u202eb\\u001b[31m c d"
    assert clean("x" * 500, 10) == "x" * 9 + "…"
    assert clean("Größe 大小 naïve") == "Größe 大小 naïve"


def test_prose_turns_backticks_into_code_only_in_pairs() -> None:
    assert [span.style for span in prose("Call `eval()` first.")] == [Style.PLAIN, Style.CODE, Style.PLAIN]
    assert [(span.text, span.style) for span in prose("5` long")] == [("5` long", Style.PLAIN)]
    assert code("").text == "(empty)"


@pytest.mark.parametrize(("value", "shown"), [(Fraction(20), "20"), (Fraction(75, 10), "7.5"), (0, "0")])
def test_points_are_written_short(value: Fraction | int, shown: str) -> None:
    assert words.points(value) == shown


def decided(decision: Verdict) -> Graded:
    base = EXAMPLES["floor"]
    return graded(base.evidence, marks=Marks({"clarity": Fraction(8)}, decision))


@pytest.mark.parametrize(
    ("example", "headline", "explanation"),
    [
        (EXAMPLES["full"], "Passed by the automatic checks", "A reviewer adds up to 8 points."),
        (EXAMPLES["floor"], "A reviewer decides", "one part (Stops when patience runs out) is below its own minimum"),
        (EXAMPLES["zero"], "Below the pass mark", "With every point a reviewer can add it would be 8."),
        (EXAMPLES["ungraded"], "Not graded yet", "not your fault"),
        (EXAMPLES["reviewed"], "Passed", "85.1 automatic points and 6 from the reviewer."),
        (decided(Verdict.PASS), "Passed", "A person decided this"),
        (decided(Verdict.BELOW_BAR), "Not passed", "A person decided this"),
    ],
)
def test_each_verdict_has_its_words(example: Graded, headline: str, explanation: str) -> None:
    found, line = words.verdict_words(example.grade)
    assert found == headline
    assert explanation in text_of(line)


def test_a_review_says_how_many_points_are_missing() -> None:
    grade = replace(EXAMPLES["full"].grade, auto=Fraction(655, 10), verdict=Verdict.REVIEW)
    assert "You need 4.5 of the 8 points" in text_of(words.verdict_words(grade)[1])


def test_a_load_fault_is_told_once_and_not_beside_each_criterion() -> None:
    criteria = EXAMPLES["zero"].grade.criteria
    assert not any(words.criterion_note(c, EXAMPLES["zero"].evidence) for c in criteria)
    assert not any(words.criterion_hint(c, EXAMPLES["zero"].evidence) for c in criteria)


def test_the_linters_hint_needs_findings() -> None:
    style = next(c for c in EXAMPLES["practice"].grade.criteria if c.id == "style")
    assert not words.criterion_hint(style, EXAMPLES["practice"].evidence)
    assert words.criterion_hint(style, EXAMPLES["partial"].evidence)


def test_practice_on_a_full_sandbox_does_not_blame_the_machine() -> None:
    isolated = replace(EXAMPLES["full"], official=False)
    weak = replace(isolated, evidence=replace(isolated.evidence, isolation=Isolation.NONE))
    assert "needs full isolation" not in render_comment(isolated)
    assert "needs full isolation" in render_comment(weak)


def test_only_the_interviewer_sees_flags_and_private_details() -> None:
    example = EXAMPLES["partial"]
    private = ("private: expected 3, got 4", "notes.txt", "test_stops_2")
    for text in private:
        assert text not in render_comment(example)
        assert text in render_comment(example, audience=Audience.INTERVIEWER)
    assert str(example.evidence.seed) not in render_comment(example, audience=Audience.INTERVIEWER)


@pytest.mark.parametrize(("passes", "word"), [(True, "pass on"), (False, "do not all pass")])
def test_only_the_interviewer_sees_how_much_own_tests_cover(passes: bool, word: str) -> None:
    covered = Coverage(passes, 31, 47, 5, 9)
    example = replace(EXAMPLES["partial"], evidence=replace(EXAMPLES["partial"].evidence, own_coverage=covered))
    said = render_comment(example, audience=Audience.INTERVIEWER)
    assert word in said
    assert "31 of 47 lines and 5 of 9 branches" in said
    assert "31 of 47" not in render_comment(example)
    assert "Their own tests" not in render_comment(EXAMPLES["partial"], audience=Audience.INTERVIEWER)


def test_a_report_is_the_same_each_time() -> None:
    for example in EXAMPLES.values():
        assert build_report(example) == build_report(example)


def test_the_late_label_shows_no_flag() -> None:
    comment = render_comment(EXAMPLES["full"])
    assert "after the deadline" in comment
    assert "12 minutes" not in comment


def test_ungraded_shows_no_points() -> None:
    assert words.numbers(graded(replace(EXAMPLES["ungraded"].evidence)).grade) == ""
    assert len(checks()) == 13
