"""Graded submissions with hostile text, another one in each place, and what a report of them may hold."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grading.model import (
    Evidence,
    FailureKind,
    Flag,
    Graded,
    Isolation,
    Level,
    LintFinding,
    LoadFault,
    Marks,
    Submission,
)
from grading.report.build import Audience
from grading.report.html import render_html
from grading.report.markdown import MAX_CHARACTERS, render_comment
from grading.report.score_json import render_score
from grading.report.terminal import render_terminal
from grading.scoring import score_evidence
from tests.golden.examples import ASSIGNMENT, CHECK_COUNTS, EXAMPLES, PROVENANCE, checks, failed
from tests.golden.hostile import NASTY

PIECES = [
    *NASTY,
    *(
        "<a href=//e>",
        "<details open>",
        "<summary>",
        "</summary>",
        "<h2",
        "<!--",
        "--!>",
        "<![CDATA[",
        "<?php",
        "</li>",
    ),
    *("[x]: //e", "[x][y]", "![][", "](", "<e@e.e>", "<mailto:e>", "ftp://e", "xmpp:e@e", "@", "#", "w", "http:", "/"),
    *(
        "\n",
        "\r",
        "\v",
        "\f",
        "\x1c",
        "\x85",
        "\u2028",
        "\t",
        " ",
        "\\",
        "\\`",
        "`\\",
        "``` ",
        ":--",
        "| |",
        "\n|",
        "$$",
    ),
    *(
        "::",
        ": :",
        "::warning file=x::",
        "::add-mask::",
        "##[",
        "::stop-commands::",
        "\x9b31m",
        "\x1bP",
        "\x1b\\",
        "\x90",
    ),
    *("\u061c", "\u200e", "\u202a", "\u2068", "\u180e", "\u00ad", "\U000e0041", "\ufeff", "\u0600", "\u2060"),
    *(
        "&#64;",
        "&commat;x",
        "&lt;",
        "&#x202e;",
        "&colon;",
        "0",
        "1.",
        "2)",
        "- [ ] ",
        "* * *",
        "===",
        "[^1]",
        "> [!NOTE]",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=6).map("".join)


@st.composite
def graded(draw: st.DrawFn) -> Graded:
    """Return a submission with a text of its own in each place that a candidate or an author fills."""
    spoiled = {
        f"{name}/1": failed(draw(st.sampled_from(list(FailureKind))), draw(TEXTS)) for name in list(CHECK_COUNTS)[:3]
    }
    faults = st.builds(LoadFault, TEXTS, st.none() | st.integers(0, 9), TEXTS, TEXTS)
    findings = st.builds(LintFinding, TEXTS, st.integers(0, 9), TEXTS, TEXTS)
    flags = st.builds(Flag, TEXTS | st.just("late"), TEXTS, st.none() | TEXTS, st.none() | st.integers(0, 9))
    evidence = Evidence(
        checks=checks(spoiled),
        isolation=draw(st.sampled_from(Isolation)),
        load_faults=tuple(draw(st.lists(faults, max_size=2))),
        lint=tuple(draw(st.lists(findings, max_size=2))),
        lint_error=draw(st.none() | TEXTS),
        flags=tuple(draw(st.lists(flags, max_size=2))),
        output=draw(TEXTS),
        grader_fault=draw(st.none() | TEXTS),
    )
    submission = Submission({"solution.py": b""}, draw(TEXTS), draw(st.none() | TEXTS), draw(st.none() | TEXTS))
    grade = score_evidence(evidence, ASSIGNMENT, Level.MID, Marks())
    if draw(st.booleans()):
        texts = [draw(TEXTS) for _ in range(4)]
        first = replace(grade.criteria[0], title=texts[0], hint=texts[1], points=Fraction(0), below_floor=True)
        grade = replace(grade, criteria=(first, *grade.criteria[1:]), title=texts[2], assignment=texts[3])
    return Graded(grade, submission, evidence, PROVENANCE, draw(st.booleans()))


# what a comment may hold ----------------------------------------------------------------------------------------------

_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_BLOCKS = {
    *("heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "ordered_list", "list_item"),
    *("blockquote", "strong"),
}
_LEAVES = {"inline", "text", "code_inline", "softbreak", "html_block", "html_inline", "text_special"}
_TOKENS = _LEAVES | {f"{name}_{end}" for name in _BLOCKS for end in ("open", "close")}
_HTML = re.compile(r"(<!-- takehome-score:\w* -->|<details>|</details>|<summary>[^<>]*</summary>|\s)*")
_LINKING = re.compile(r"(?<!\w)@\w|://|www\.|(?<!\w)#\d|\bGH-\d|\w@\w+\.\w", re.IGNORECASE)
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = re.compile(
    f"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200d\ufeff{_BIDI}\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


def verify_comment(comment: str) -> None:
    """Check that a comment holds no markup but ours."""
    assert len(comment) <= MAX_CHARACTERS
    assert comment.count("takehome-score:") >= 1
    assert comment.count("<!--") == 1
    verify_plain(comment)
    for token in _tokens(_PARSER.parse(comment)):
        assert token.type in _TOKENS, token
        if token.type.startswith("html"):
            assert _HTML.fullmatch(token.content), token
        if token.type in ("text", "text_special"):
            assert _LINKING.search(token.content) is None, token
        assert set(token.attrs) <= {"style", "start"}, token


def _tokens(tokens: list[Token]) -> list[Token]:
    found: list[Token] = []
    for token in tokens:
        found += [token, *_tokens(token.children or [])]
    return found


def verify_plain(text: str) -> None:
    """Check that a text holds nothing that acts on a terminal, a log or the direction of reading."""
    assert _UNSEEN.search(text) is None, _UNSEEN.search(text)
    assert _COMMAND.search(text) is None, _COMMAND.search(text)
    text.encode()


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str, str]] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, "", "")} | {(tag, name, _shape(name, value)) for name, value in attrs}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")


def _shape(name: str, value: str | None) -> str:
    """Return an attribute's value without its numbers, for these differ from page to page."""
    return re.sub(r"\d+(\.\d+)?", "0", value or "") if name != "aria-label" else ""


def _known_elements() -> set[tuple[str, str, str]]:
    pages = (render_html(example, audience=audience) for example in EXAMPLES.values() for audience in Audience)
    found = set().union(*(_Elements(page).found for page in pages))
    statuses = {("span", "class", f"chip {status}") for status in ("passed", "partial", "failed", "pending")}
    return found | statuses | {("span", "class", f"chip {status}") for status in ("not_assessed", "ungraded")}


KNOWN = _known_elements()


def verify_page(page: str) -> None:
    """Check that a page has no element, attribute or value but the templates'."""
    unknown = _Elements(page).found - KNOWN
    assert not unknown, unknown
    verify_plain(page)


def verify_all(one: Any) -> None:
    """Check every rendering of one graded submission."""
    for audience in Audience:
        verify_comment(render_comment(one, audience=audience))
        verify_page(render_html(one, audience=audience))
        verify_plain(render_terminal(one, colour=False, width=60, audience=audience))
        painted = render_terminal(one, colour=True, width=100, audience=audience)
        verify_plain(re.sub(r"\x1b\[\d+m", "", painted))
    document = render_score(one)
    assert document.isascii()
    verify_plain(document)
