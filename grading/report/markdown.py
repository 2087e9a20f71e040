"""Render a report as a pull request comment in GitHub's Markdown.

GitHub turns mentions, issue numbers and bare addresses into links after Markdown is parsed, but never inside code.
So text of a candidate stands in code spans, and the words of authors have such patterns broken by a word joiner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grading.model import Graded
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
    Span,
    Style,
    Table,
    Tone,
)
from grading.report.build import Audience, build_report

MAX_CHARACTERS = 65_535
"""GitHub refuses a comment of more than 65,536 characters."""

_ALERTS = {Tone.NOTE: "NOTE", Tone.WARNING: "WARNING", Tone.PROBLEM: "CAUTION"}
_JOINER = "\u2060"
_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&!$]")
_LINKING = re.compile(r"(?<=@)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=#)(?=\d)|(?<=GH)(?=-\d)", re.IGNORECASE)
_LINE_START = re.compile(r"^([-+=]|\d+(?=[.)]))")


def comment_marker(assignment: str) -> str:
    """Return the hidden first line by which a comment of ours is found again (together with its author)."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", assignment)[:64]
    return f"<!-- takehome-score:{name} -->"


def render_comment(graded: Graded, *, audience: Audience = Audience.CANDIDATE) -> str:
    """Return a comment of at most `MAX_CHARACTERS` characters, whatever the input."""
    report = build_report(graded, audience=audience)
    figures = words.numbers(graded.grade)
    title = _plain(report.title) + (f": {figures}" if figures else "")
    context = " · ".join(map(_plain, report.context))
    head = f"{comment_marker(report.assignment)}\n## {title}\n\n{context}\n\n{_score(report.score)}"
    comment = _join([head, *(_block(block) for block in report.blocks)])
    # Every part is capped, so only an interviewer's report with very many checks can come here: fold from the end.
    blocks = list(report.blocks)
    while len(comment) > MAX_CHARACTERS and blocks:
        blocks.pop(max(range(len(blocks)), key=lambda index: len(_block(blocks[index]))))
        left_out = "The longest part is left out here, because GitHub limits a comment's length."
        comment = _join([head, *(_block(block) for block in blocks), left_out])
    return comment


def render_line(spans: Line) -> str:
    """Return one line of Markdown that can open no other block."""
    text = "".join(_span(span) for span in spans)
    return _LINE_START.sub(lambda match: _escape_start(match.group(1)), text)


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return render_line(block.line)
        case Bullets():
            return _bullets(block)
        case KeyValues():
            return "\n".join(f"- {_plain(name)}: {render_line(value)}" for name, value in block.items)
        case Table():
            return _table(block.header, [[render_line(cell) for cell in row] for row in block.rows])
        case Score():
            return _score(block)
        case Criteria():
            return _criteria(block)
        case Callout():
            inner = _join([f"**{_plain(block.title)}**", *(_block(part) for part in block.body)])
            quoted = "\n".join(f"> {row}".rstrip() for row in inner.strip().splitlines())
            return f"> [!{_ALERTS[block.tone]}]\n{quoted}"
        case Details():
            summary = f"<details>\n<summary>{_plain(block.summary)}</summary>"
            return _join([summary, *(_block(part) for part in block.body), "</details>"]).strip()
        case Section():
            return _join([f"### {_plain(block.title)}", *(_block(part) for part in block.body)]).strip()


def _score(score: Score) -> str:
    return f"**{_plain(score.headline)}.** {render_line(score.explanation)}"


def _criteria(criteria: Criteria) -> str:
    rows = [[render_line(row.title), _points(row), row.word] for row in criteria.rows]
    if criteria.more:
        rows.append([f"and {words.count(criteria.more, 'more line')}", "", ""])
    lost = [_lost(row) for row in criteria.rows if row.note or row.hint]
    table = _table(("Criterion", "Points", "Status"), rows)
    return _join([table, "**Why points are missing**", "\n".join(lost)] if lost else [table]).strip()


def _points(row: CriterionRow) -> str:
    earned = "–" if row.points is None else words.points(row.points)
    return f"{earned} / {row.max}"


def _lost(row: CriterionRow) -> str:
    parts = [part for part in (render_line(row.note), render_line(row.hint)) if part]
    return f"- **{render_line(row.title)}**: {' '.join(parts)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    width = len(header)
    align = [":--" if index != 1 else "--:" for index in range(width)]
    lines = [header, align, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(block: Bullets) -> str:
    marks = (f"{index}." if block.ordered else "-" for index in range(1, len(block.items) + 1))
    return "\n".join(f"{mark} {render_line(item)}" for mark, item in zip(marks, block.items, strict=True))


def _span(span: Span) -> str:
    match span.style:
        case Style.CODE:
            return _code(span.text)
        case Style.STRONG:
            return f"**{_plain(span.text)}**"
        case Style.PLAIN:
            return _plain(span.text)


def _code(text: str) -> str:
    """Fence text with one backtick more than it holds.

    Two things act even inside code and are pulled apart: a bar ends a table's cell, and a comment's opening could pass
    for the marker by which a report is found.
    """
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{pad}{text.replace('|', '¦').replace('<!--', '<! --')}{pad}{fence}"


def _plain(text: str) -> str:
    joined = _LINKING.sub(_JOINER, text)
    return _SPECIAL.sub(lambda match: f"\\{match.group()}", joined)


def _escape_start(start: str) -> str:
    return f"{start}{_JOINER}" if start[0].isdigit() else f"\\{start}"


def _join(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
