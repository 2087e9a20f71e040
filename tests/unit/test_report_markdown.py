"""The comment: safe, short enough, and saying what a candidate needs."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from grading.report.blocks import prose
from grading.report.build import Audience
from grading.report.markdown import MAX_CHARACTERS, comment_marker, render_comment, render_line
from tests.golden.examples import EXAMPLES, SEED
from tests.golden.hostile import LONG, NASTY, TEXT, authored, hostile

ALLOWED = {
    "h2", "h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "blockquote",
    "details", "summary",
}  # fmt: skip
LINKING = re.compile(r"(?:^|\W)@\w|https?://|www\.|#\d|\bGH-\d|\w@\w", re.IGNORECASE)


class Page(HTMLParser):
    """The tags and attributes of rendered Markdown, and its text outside code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.comments: list[str] = []
        self.text = ""
        self.cells = 0
        self.rows: list[int] = []
        self._code = 0
        # html on, as at GitHub: what a candidate smuggles in must be harmless before any sanitizer
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        self._code += tag == "code"
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += "\x01" if self._code else data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def verify(comment: str) -> Page:
    page = Page(comment)
    assert set(page.tags) <= ALLOWED, set(page.tags) - ALLOWED
    assert page.names <= {"style", "start"}  # the alignment of a column, by markdown-it
    assert len(page.comments) == comment.count("<!--") == 1
    assert LINKING.search(page.text) is None, LINKING.search(page.text)
    assert set(page.rows) <= {2, 3}
    assert len(comment) <= MAX_CHARACTERS
    assert not re.search(r"^\s*::", comment, re.MULTILINE)
    assert "##[" not in comment
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", comment)
    return page


@given(TEXT)
@settings(max_examples=150, deadline=None)
def test_no_text_of_a_candidate_becomes_markup(text: str) -> None:
    reference = verify(render_comment(hostile("plain")))
    page = verify(render_comment(hostile(text)))
    assert page.tags == reference.tags


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("audience", Audience)
def test_each_known_trick_stays_text(text: str, audience: Audience) -> None:
    reference = Page(render_comment(hostile("plain"), audience=audience))
    assert verify(render_comment(hostile(text), audience=audience)).tags == reference.tags


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_titles_and_hints_of_authors_are_text_too(text: str) -> None:
    verify(render_comment(authored(text)))


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("text", [LONG, "\\*" * 9_000, "\u202e" * 9_000, "`" * 9_001, "𝒳" * 9_000])
def test_a_comment_is_never_too_long(text: str, audience: Audience) -> None:
    for graded in (hostile(text, count=5_000), authored(text)):
        comment = render_comment(graded, audience=audience)
        assert len(comment) <= MAX_CHARACTERS
        assert len(comment.encode()) < 4 * MAX_CHARACTERS
        verify(comment)


def test_what_does_not_fit_is_counted() -> None:
    comment = render_comment(hostile("x", count=500))
    assert "and 492 more faults" in comment
    assert "and 485 more findings" in comment
    assert "and 75 more lines" in render_comment(authored("x"))


def test_the_marker_comes_first_and_cannot_be_spoofed() -> None:
    assert render_comment(EXAMPLES["full"]).startswith("<!-- takehome-score:early_stopping -->\n")
    assert comment_marker("a--><b>") == "<!-- takehome-score:a_b_ -->"


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_comment_shows_what_is_private(name: str) -> None:
    comment = render_comment(EXAMPLES[name])
    for private in (str(SEED), "private:", "notes.txt", "zygote", "test_", "deadline\n12"):
        assert private not in comment


def test_ungraded_shows_no_number_and_asks_for_nothing() -> None:
    comment = render_comment(EXAMPLES["ungraded"])
    visible = comment.split("<details>")[0].replace("4f1c9a7b", "").split("\n", 1)[1]
    assert not re.search(r"\d", visible.replace("## ", ""))
    assert "not your fault" in comment
    assert "nothing to do" in comment


def test_load_faults_stand_above_the_points() -> None:
    comment = render_comment(EXAMPLES["zero"])
    assert comment.index("`solution.py`, line 14: `SyntaxError`") < comment.index("### Points")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_comment_says_isolation_commit_and_what_next(name: str) -> None:
    comment = render_comment(EXAMPLES[name])
    for part in ("Isolation: ", "commit 4f1c9a7b", "### What to do next", "How this score was made"):
        assert part in comment
    assert ("practice, not official" in comment) == (name == "practice")


@pytest.mark.parametrize("text", ["1. one", "12) twelve", "- dash", "+ plus", "=====", "# no", "> no"])
def test_a_line_opens_no_block_of_its_own(text: str) -> None:
    assert Page(render_line(prose(text))).tags == ["p"]


def test_the_commit_beside_the_title_mentions_nobody() -> None:
    graded = next(iter(EXAMPLES.values()))
    comment = render_comment(replace(graded, submission=replace(graded.submission, commit="@octocat")))
    assert not LINKING.search(Page(comment).text)
