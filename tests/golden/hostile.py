"""Text that tries to break out of a report, and submissions that put it everywhere a candidate can."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

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
from grading.scoring import score_evidence
from tests.golden.examples import ASSIGNMENT, CHECK_COUNTS, PROVENANCE, SEED, checks, failed

NASTY = (
    "@octocat",
    "@org/team",
    "#123",
    "GH-7",
    "owner/repo#5",
    "http://evil.example",
    "https://evil.example/?q=`x`",
    "www.evil.example",
    "me@evil.example",
    "[a](http://evil.example)",
    "![a](//evil.example/x.png)",
    "<http://evil.example>",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</details></code></table>",
    "<!-- takehome-score:other -->",
    "-->",
    "`",
    "``",
    "`` ` ```",
    "|",
    "\\|",
    "\\\\|",
    "a | b\n|--|--|\n| c | d |",
    "\n\n# heading\n\n",
    "\r\n> quote\r\n- list",
    "\n::error::pwned",
    "::set-output name=x::y",
    "##[error]pwned",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\u202egnp.exe",
    "\u2066\u2069\u200b\u200d\ufeff",
    "\x00\x07\x08\x7f\x85\u2028\u2029",
    "\ud800",
    "Z\u0301\u0302\u0303\u0304\u0305\u0306",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;b&gt;&#64;x",
    "*bold* _em_ ~~no~~ $x$",
    ":smile:",
    "end\\",
    "1. one",
    "    indented",
    "```",
    "~~~",
    "   ",
)

TEXT = (
    st.lists(st.sampled_from(NASTY) | st.text(max_size=20), min_size=1, max_size=5)
    .map("".join)
    .map(lambda text: text or " ")
)
LONG = "@a `|<b>\u202e#1 http://x " * 5_000


def hostile(text: str, *, count: int = 1, official: bool = True) -> Graded:
    """Return a submission that has `text` in every place that a candidate controls."""
    spoiled = {f"{name}/1": failed(kind, text) for name, kind in zip(CHECK_COUNTS, FailureKind, strict=False)}
    evidence = Evidence(
        checks=checks(spoiled),
        isolation=Isolation.FULL,
        load_faults=(LoadFault(text, 1, text, text),) * count,
        lint=(LintFinding(text, 1, text, text),) * count,
        flags=tuple(Flag(text, text, text, index) for index in range(count)),
        seed=SEED,
    )
    submission = Submission({"solution.py": b""}, source=text, commit="a" * 40, ref=text)
    grade = score_evidence(evidence, ASSIGNMENT, Level.MID, Marks())
    return Graded(grade, submission, evidence, PROVENANCE, official)


def authored(text: str) -> Graded:
    """Return a submission to an assignment whose titles and hints are `text`, with as many criteria as can be."""
    graded = hostile(text, count=100)
    criterion = replace(graded.grade.criteria[0], title=text, hint=text, max=1, points=Fraction(0), below_floor=True)
    grade = replace(graded.grade, title=text, assignment=text, criteria=(criterion,) * 100)
    return replace(graded, grade=grade)
