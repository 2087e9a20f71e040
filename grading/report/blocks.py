"""The parts of a report, independent of its format. Text is cleaned and capped when it is made.

A `Line` is a run of spans. Text that a candidate controls enters only through `code`: every renderer shows a code
span literally, so that it can neither link, mention, format nor break out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, TypeAlias

from grading.model import Status, Verdict

NAME_CHARACTERS = 100
TEXT_CHARACTERS = 300
_MAX_COMBINING = 2
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Style(StrEnum):
    """How a span looks."""

    PLAIN = "plain"
    STRONG = "strong"
    CODE = "code"


class Tone(StrEnum):
    """What a callout asks of its reader."""

    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Span:
    """Text in one style."""

    text: str
    style: Style = Style.PLAIN


Line: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    kind: ClassVar[str] = "paragraph"
    line: Line


@dataclass(frozen=True)
class Bullets:
    """A list; ordered where the order matters."""

    kind: ClassVar[str] = "bullets"
    items: tuple[Line, ...]
    ordered: bool = False


@dataclass(frozen=True)
class KeyValues:
    """Names with their values."""

    kind: ClassVar[str] = "key_values"
    items: tuple[tuple[str, Line], ...]


@dataclass(frozen=True)
class Table:
    """A small table; the first column names its row."""

    kind: ClassVar[str] = "table"
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Score:
    """The headline: the verdict in words, and the numbers behind it (None while nobody can know them)."""

    kind: ClassVar[str] = "score"
    verdict: Verdict
    headline: str
    explanation: Line
    auto: Fraction | None
    auto_max: int
    manual: Fraction | None
    manual_max: int
    total: Fraction | None
    pass_mark: int


@dataclass(frozen=True)
class CriterionRow:
    """One criterion: `note` says why points are missing, `hint` what to look at."""

    title: Line
    points: Fraction | None
    max: int
    status: Status
    word: str
    note: Line = ()
    hint: Line = ()


@dataclass(frozen=True)
class Criteria:
    """The rubric with what was earned; `more` lines and their points are left out."""

    kind: ClassVar[str] = "criteria"
    caption: str
    rows: tuple[CriterionRow, ...]
    more: int = 0


@dataclass(frozen=True)
class Callout:
    """Something to see before all else."""

    kind: ClassVar[str] = "callout"
    tone: Tone
    title: str
    body: tuple[Block, ...]


@dataclass(frozen=True)
class Details:
    """Something to unfold."""

    kind: ClassVar[str] = "details"
    summary: str
    body: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    kind: ClassVar[str] = "section"
    title: str
    body: tuple[Block, ...]


Block: TypeAlias = Paragraph | Bullets | KeyValues | Table | Score | Criteria | Callout | Details | Section


@dataclass(frozen=True)
class Report:
    """All that a report says, in reading order.

    Attributes:
        assignment: id, for the marker that finds the comment again.
        context: level, version and other words that stand beside the title.
    """

    assignment: str
    title: str
    context: tuple[str, ...]
    score: Score
    blocks: tuple[Block, ...]


def clean(text: str, limit: int = TEXT_CHARACTERS) -> str:
    r"""Return text on one line that shows what it holds, at most `limit` characters.

    Control, bidirectional, zero-width and surrogate characters become visible escapes such as `\u202e`; stacks of
    combining marks are thinned; what a workflow log would take for a command is pulled apart.
    """
    head = text[: 2 * limit]
    shown: list[str] = []
    combining = 0
    for character in head:
        category = unicodedata.category(character)
        combining = combining + 1 if category[0] == "M" else 0
        if character.isspace():
            shown.append(" ")
        elif category in _INVISIBLE:
            shown.append(f"\\u{ord(character):04x}")
        elif combining <= _MAX_COMBINING:
            shown.append(character)
    line = " ".join("".join(shown).split())
    line = re.sub(r":(?=:)", ": ", line).replace("##[", "## [")
    if len(line) > limit or len(head) < len(text):
        return line[: limit - 1] + "…"
    return line


def plain(text: str, limit: int = TEXT_CHARACTERS) -> Span:
    """Return plain text of ours."""
    return _span(text, limit, Style.PLAIN)


def strong(text: str, limit: int = TEXT_CHARACTERS) -> Span:
    """Return emphasised text of ours."""
    return _span(text, limit, Style.STRONG)


def code(text: str, limit: int = TEXT_CHARACTERS) -> Span:
    """Return text that is shown literally: the only way in for what a candidate controls."""
    return Span(clean(text, limit) or "(empty)", Style.CODE)


def prose(text: str, limit: int = TEXT_CHARACTERS) -> Line:
    """Return an author's sentence, in which backticks mark code."""
    parts = clean(text, limit).split("`")
    if len(parts) % 2 == 0:  # an odd number of backticks: none of them marks code
        return (Span("`".join(parts)),)
    spans = (Span(part, Style.CODE if index % 2 else Style.PLAIN) for index, part in enumerate(parts))
    return tuple(span for span in spans if span.text)


def line(*parts: str | Span | Line) -> Line:
    """Join strings of ours, spans and lines into one line."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            spans.append(Span(part))
        elif isinstance(part, Span):
            spans.append(part)
        else:
            spans.extend(part)
    return tuple(spans)


def text_of(spans: Sequence[Span]) -> str:
    """Return a line's text without its styles."""
    return "".join(span.text for span in spans)


def _span(text: str, limit: int, style: Style) -> Span:
    return Span(clean(text, limit), style)
