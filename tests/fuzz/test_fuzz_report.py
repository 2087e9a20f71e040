"""Comment, page and scorecard: no text of a candidate or an author becomes markup, a command or a colour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from grading.model import Graded
from tests.fuzz.reports import graded, verify_all, verify_comment, verify_page, verify_plain
from tests.fuzz.test_fuzz_codec import fuzzed


@given(graded())
@settings(fuzzed, max_examples=120)
def test_no_text_acts(one: Graded) -> None:
    verify_all(one)


@pytest.mark.parametrize(
    "text",
    [
        "[a](//e)",
        "<b>",
        "@team",
        "see https://e",
        "~~x~~",
        "```\nx\n```",
        "\n::error::x",
        "a\u202eb",
        "\x1b[31m",
        "![a](b)",
        "<!-- takehome-score:x -->",
        "    code",
        "---\n\n***",
        "a #1",
    ],
)
def test_the_measure_finds_what_it_looks_for(text: str) -> None:
    with pytest.raises(AssertionError):
        verify_comment(f"<!-- takehome-score:x -->\n## T\n\n{text}\n")


@pytest.mark.parametrize("text", ["<script>", "<p onclick=x>", '<a href="http://e">', "<!-- x -->", "\u2066", "<?x?>"])
def test_the_measure_of_a_page_finds_what_it_looks_for(text: str) -> None:
    with pytest.raises(AssertionError):
        verify_page(f"<!doctype html><p>{text}</p>")


@pytest.mark.parametrize("text", ["\x1b", "\x9b", "##[error]", " ::x::", "\u200b"])
def test_the_measure_of_plain_text_finds_what_it_looks_for(text: str) -> None:
    with pytest.raises(AssertionError):
        verify_plain(text)
