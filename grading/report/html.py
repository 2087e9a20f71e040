"""Render a report as one HTML page that needs nothing else: no script, no request, its style held to a hash."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import BaseLoader, DictLoader, Environment, StrictUndefined

from grading.model import Graded
from grading.report import words
from grading.report.blocks import Score, text_of
from grading.report.build import Audience, build_report

_TEMPLATE, _STYLE = "report.html.j2", "report.css"


def render_html(graded: Graded, *, audience: Audience = Audience.CANDIDATE) -> str:
    """Return the page as text, to be written as UTF-8."""
    report = build_report(graded, audience=audience)
    style = report_style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = (
        _environment()
        .get_template(_TEMPLATE)
        .render(report=report, figures=words.numbers(graded.grade), style=style, digest=digest)
    )
    return "\n".join(row for row in page.splitlines() if row.strip()) + "\n"


@cache
def report_style() -> str:
    """Return the page's style sheet, without blank rows, so that its hash is the one the browser computes."""
    text = _template(_STYLE)
    return "\n".join(row for row in text.splitlines() if row.strip())


def bar_text(score: Score) -> str:
    """Return in words what the bar under the headline draws."""
    parts = [f"{words.points(score.auto or 0)} automatic points"]
    if score.manual is not None and score.manual_max:
        parts.append(f"{words.points(score.manual)} points from the reviewer")
    elif score.manual_max:
        parts.append(f"up to {words.count(score.manual_max, 'point')} from a reviewer still to come")
    parts.append(f"pass mark at {score.pass_mark} of {score.auto_max + score.manual_max}")
    return ", ".join(parts)


@cache
def _environment() -> Environment:
    loader: BaseLoader = DictLoader({_TEMPLATE: _template(_TEMPLATE)})
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"points": words.points, "bar_text": bar_text, "text_of": text_of}
    return environment


def _template(name: str) -> str:
    return resources.files("grading.report").joinpath("templates", name).read_text(encoding="utf-8")
