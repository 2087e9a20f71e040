"""The scorecard for a shell."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.report.build import Audience
from grading.report.terminal import MIN_WIDTH, display_width, render_terminal, shorten
from tests.golden.examples import EXAMPLES
from tests.golden.hostile import NASTY, TEXT, authored, hostile

COLOUR = re.compile(r"\x1b\[\d+m")


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("width", [MIN_WIDTH, 80, 200])
def test_rows_fit_and_colour_changes_nothing_but_colour(name: str, width: int) -> None:
    text = render_terminal(EXAMPLES[name], colour=False, width=width)
    assert "\x1b" not in text
    assert max(display_width(row) for row in text.splitlines()) <= width
    painted = render_terminal(EXAMPLES[name], colour=True, width=width)
    assert COLOUR.sub("", painted) == text
    assert painted.count("\x1b[0m") * 2 <= painted.count("\x1b")


@given(TEXT)
@settings(max_examples=60, deadline=None)
def test_no_text_reaches_the_terminal_as_a_command(text: str) -> None:
    for graded in (hostile(text), authored(text)):
        for audience in Audience:
            card = render_terminal(graded, colour=False, width=60, audience=audience)
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", card)
            assert not re.search(r"^\s*::", card, re.MULTILINE)
            assert "##[" not in card
            card.encode()


@pytest.mark.parametrize("text", NASTY)
def test_known_tricks_add_no_rows_of_their_own(text: str) -> None:
    card = render_terminal(hostile(text), colour=False, width=500)
    assert len(card.splitlines()) == len(render_terminal(hostile("plain"), colour=False, width=500).splitlines())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"])), st.integers(2, 30))
@settings(deadline=None)
def test_shorten_fills_exactly_its_width(text: str, width: int) -> None:
    assert display_width(shorten(text, width)) == width


def test_points_stand_under_each_other() -> None:
    rows = [row for row in render_terminal(EXAMPLES["partial"]).splitlines() if re.search(r" / \d", row)]
    assert len({row.index(" / ") for row in rows}) == 1
    assert len(rows) == 6
