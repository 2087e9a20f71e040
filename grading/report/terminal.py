"""Render a report as a scorecard for a shell: aligned plain text, with colour only when asked."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from grading.model import Graded, Status, Verdict
from grading.report import words
from grading.report.blocks import (
    Block,
    Bullets,
    Callout,
    Criteria,
    CriterionRow,
    Details,
    KeyValues,
    Line,
    Paragraph,
    Score,
    Section,
    Table,
    Tone,
    text_of,
)
from grading.report.build import Audience, build_report

MIN_WIDTH = 40
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_GREEN, _YELLOW, _RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"
_STATUS_COLOUR = {Status.PASSED: _GREEN, Status.PARTIAL: _YELLOW, Status.FAILED: _RED}
_VERDICT_COLOUR = {
    Verdict.PASS: _GREEN,
    Verdict.PASS_PENDING_MANUAL: _GREEN,
    Verdict.REVIEW: _YELLOW,
    Verdict.BELOW_BAR: _RED,
    Verdict.UNGRADED: _YELLOW,
}
_TONE_COLOUR = {Tone.NOTE: "", Tone.WARNING: _YELLOW, Tone.PROBLEM: _RED}


def render_terminal(
    graded: Graded, *, colour: bool = False, width: int = 80, audience: Audience = Audience.CANDIDATE
) -> str:
    """Return the scorecard.

    Args:
        graded: the grade and how it came about.
        colour: whether to use ANSI colours; without them the text holds no escape sequence.
        width: columns of the terminal; at least `MIN_WIDTH` are used.
        audience: who reads it.
    """
    report = build_report(graded, audience=audience)
    page = _Page(max(width, MIN_WIDTH), colour)
    figures = words.numbers(graded.grade)
    rows = [
        *page.wrap(report.title, style=_BOLD),
        *page.wrap(" · ".join(report.context), style=_DIM),
        page.paint("─" * page.width, _DIM),
        *(page.wrap(figures, style=_BOLD) if figures else ()),
        *page.block(report.score),
    ]
    for block in report.blocks:
        rows.extend(("", *page.block(block)))
    return "\n".join(row.rstrip() for row in rows) + "\n"


def display_width(text: str) -> int:
    """Return how many columns a terminal needs for text: wide letters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


class _Page:
    """The width and colours of one rendering."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour

    def paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.colour and style and text else text

    def wrap(self, text: str, *, indent: str = "", first: str | None = None, style: str = "") -> list[str]:
        """Break text into rows that fit, painted one by one so that a pager can cut them."""
        rows = textwrap.wrap(
            text,
            width=self.width,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        return [self.paint(row, style) for row in rows]

    def block(self, block: Block) -> Iterable[str]:
        match block:
            case Paragraph():
                return self.wrap(text_of(block.line))
            case Bullets():
                return self._bullets(block)
            case KeyValues():
                return self._key_values(block.items)
            case Table():
                return self._key_values([(text_of(row[0]), row[1]) for row in block.rows])
            case Score():
                return self._score(block)
            case Criteria():
                return [row for item in block.rows for row in self._criterion(item)] + self._more(block)
            case Callout():
                return self._titled(block.title, block.body, _BOLD + _TONE_COLOUR[block.tone])
            case Details():
                return self._titled(block.summary, block.body, _BOLD)
            case Section():
                return self._titled(block.title, block.body, _BOLD)

    def _titled(self, title: str, body: Sequence[Block], style: str) -> list[str]:
        return [*self.wrap(title, style=style), *(row for part in body for row in self.block(part))]

    def _score(self, score: Score) -> list[str]:
        style = _BOLD + _VERDICT_COLOUR[score.verdict]
        return [*self.wrap(f"{score.headline}.", style=style), *self.wrap(text_of(score.explanation))]

    def _bullets(self, block: Bullets) -> list[str]:
        rows: list[str] = []
        for number, item in enumerate(block.items, 1):
            first = f"{number}. " if block.ordered else "- "
            rows.extend(self.wrap(text_of(item), first=first, indent=" " * len(first)))
        return rows

    def _key_values(self, items: Sequence[tuple[str, Line]]) -> list[str]:
        longest = min(max((display_width(name) for name, _ in items), default=0), self.width // 2)
        rows: list[str] = []
        for name, value in items:
            label = shorten(name, longest)
            rows.extend(self.wrap(text_of(value), first=f"{label}  ", indent=" " * (longest + 2)))
        return rows

    def _criterion(self, row: CriterionRow) -> list[str]:
        earned = "–" if row.points is None else words.points(row.points)
        word_width = max(len(word) for word in words.STATUS_WORDS.values())
        points = f"{earned:>5} / {row.max:<3}"
        title = shorten(text_of(row.title), self.width - word_width - len(points) - 4)
        word = self.paint(row.word, _STATUS_COLOUR.get(row.status, _DIM))
        rows = [f"{title}  {points}  {word}"]
        for extra in (row.note, row.hint):
            rows.extend(self.wrap(text_of(extra), indent="    ", style=_DIM))
        return rows

    def _more(self, block: Criteria) -> list[str]:
        return [f"and {words.count(block.more, 'more line')}"] if block.more else []


def shorten(text: str, width: int) -> str:
    """Return text in exactly `width` columns: padded, or cut with an ellipsis."""
    if display_width(text) > width:
        while text and display_width(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - display_width(text))
