"""Rendered reports, kept as files so that a change of wording is seen in review.

Regenerate with `TAKEHOME_GOLDEN=write python -m pytest tests/unit/test_report_golden.py`, then read the diff.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grading.model import Graded
from grading.report.html import render_html
from grading.report.markdown import render_comment
from grading.report.score_json import render_score
from grading.report.terminal import render_terminal
from tests.golden.examples import EXAMPLES

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS: Mapping[str, Callable[[Graded], str]] = {
    "comment.md": render_comment,
    "report.html": render_html,
    "score.json": render_score,
    "scorecard.txt": lambda graded: render_terminal(graded, colour=False, width=80),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("file", FORMATS)
def test_a_report_looks_as_agreed(name: str, file: str) -> None:
    path = GOLDEN / name / file
    text = FORMATS[file](EXAMPLES[name])
    if os.environ.get("TAKEHOME_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_there_is_no_forgotten_golden_file() -> None:
    kept = {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("*/*") if "__pycache__" not in path.parts}
    assert kept == {f"{name}/{file}" for name in EXAMPLES for file in FORMATS}
