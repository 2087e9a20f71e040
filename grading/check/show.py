"""Say what was found: text for a terminal, Markdown for a summary, annotations for a diff, JSON. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from grading.check import Criterion, Problem, Result, Visible

_SHOWN_PROBLEMS = 20
_SHOWN_FINDINGS = 20
_TEXT_LINES = 6
_ANNOTATIONS = 10
"""How many of each kind GitHub shows for one step."""
_RED, _GREEN, _YELLOW, _BOLD, _DIM = "31", "32", "33", "1", "2"
_BY_HAND = {"reviewer": "read by a person", "own_tests": "judged by hidden checks", "tests": "hidden checks only"}


def render_text(result: Result, *, colour: bool = False) -> str:
    """Return the whole result as text for a terminal."""

    def paint(text: str, *codes: str) -> str:
        return f"\033[{';'.join(codes)}m{text}\033[0m" if colour and text else text

    task = result.task
    about = [task.id, f"level {task.level}", f"{task.minutes} minutes", *([f"due {task.due}"] if task.due else [])]
    lines = [f"{paint(task.title, _BOLD)} {paint('(' + ', '.join(about) + ')', _DIM)}", ""]
    rows = [("criterion", "points", "visible", "hidden", "status"), *_rows(result)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for number, (title, points, visible, hidden, status) in enumerate(rows):
        cells = [title.ljust(widths[0]), points.rjust(widths[1]), visible.rjust(widths[2]), hidden.rjust(widths[3])]
        code = _DIM if not number else _colour_of(status)
        lines.append("  " + "  ".join([*cells, paint(status, code) if code else status]).rstrip())
    for problem in result.problems[:_SHOWN_PROBLEMS]:
        lines += ["", paint(f"✗ {_heading(problem, result)}", _RED)]
        lines += [f"    {line}" for line in _details(problem)]
    lines += _more(len(result.problems), _SHOWN_PROBLEMS, "problems")
    if result.findings:
        lines += ["", paint(f"ruff: {_count(len(result.findings), 'finding')}", _YELLOW)]
        lines += [f"    {f.file}:{f.line}  {f.rule}  {_clean(f.message)}" for f in result.findings[:_SHOWN_FINDINGS]]
        lines += _more(len(result.findings), _SHOWN_FINDINGS, "findings")
    lines += ["", *_next_steps(result), paint(f"({result.seconds:.1f} s)", _DIM)]
    return "\n".join(lines)


def render_summary(result: Result) -> str:
    """Return the result as Markdown for GitHub's job summary."""
    task = result.task
    lines = [f"## {_escape(task.title)}", ""]
    lines += ["| Criterion | Points | Visible tests | Hidden checks | Status |", "|---|---:|---:|---:|---|"]
    lines += ["| " + " | ".join(map(_escape, row)) + " |" for row in _rows(result)]
    lines += ["", *(f"`{step.strip()}`" if step.startswith("  ") else _escape(step) for step in _next_steps(result))]
    for problem in result.problems[:_SHOWN_PROBLEMS]:
        body = "\n".join(_details(problem))
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
        lines += ["", f"**{_escape(_heading(problem, result))}**", "", f"{fence}text", body, fence]
    lines += map(_escape, _more(len(result.problems), _SHOWN_PROBLEMS, "problems"))
    if result.findings:
        lines += ["", f"**ruff: {_count(len(result.findings), 'finding')}**", ""]
        findings = result.findings[:_SHOWN_FINDINGS]
        lines += [f"- {_escape(f'{f.file}:{f.line} {f.rule} {_clean(f.message)}')}" for f in findings]
        lines += map(_escape, _more(len(result.findings), _SHOWN_FINDINGS, "findings"))
    return "\n".join(lines) + "\n"


def render_annotations(results: Sequence[Result]) -> Iterator[str]:
    """Yield workflow commands that put problems and findings on their lines: ten errors, ten warnings."""
    problems = [(problem, result) for result in results for problem in result.problems if problem.file]
    for problem, result in problems[:_ANNOTATIONS]:
        title = _heading(problem, result)
        yield _command("error", problem.file or "", problem.line or 1, title, "\n".join(_details(problem)))
    for finding in [finding for result in results for finding in result.findings][:_ANNOTATIONS]:
        yield _command("warning", finding.file, finding.line, f"ruff {finding.rule}", _clean(finding.message))


def to_json(results: Sequence[Result]) -> dict[str, object]:
    """Return all results as plain values."""
    tasks = []
    for result in results:
        criteria = [
            {**asdict(c), "visible": len(_tests_of(c, result)), "passed": _passed(_tests_of(c, result))}
            for c in result.task.criteria
        ]
        tasks.append(
            {
                "id": result.task.id,
                "version": result.task.version,
                "level": result.task.level,
                "clean": result.clean,
                "criteria": criteria,
                "tests": [asdict(test) for test in result.tests],
                "problems": [asdict(problem) for problem in result.problems],
                "lint": [asdict(finding) for finding in result.findings],
                "seconds": round(result.seconds, 3),
            }
        )
    return {"schema": 1, "tasks": tasks}


def _rows(result: Result) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield criterion, points, visible, hidden, status."""
    for criterion in result.task.criteria:
        tests = _tests_of(criterion, result)
        visible = f"{_passed(tests)}/{len(tests)}" if tests else "-"
        hidden = str(criterion.hidden) if criterion.hidden else "-"
        yield criterion.title, str(criterion.points), visible, hidden, _status(criterion, tests, result)
    known = {criterion.id for criterion in result.task.criteria}
    others = [test for test in result.tests if test.criterion not in known]
    if others:
        yield "other visible tests", "-", f"{_passed(others)}/{len(others)}", "-", _status_of(others)


def _tests_of(criterion: Criterion, result: Result) -> list[Visible]:
    return [test for test in result.tests if test.criterion == criterion.id]


def _passed(tests: Sequence[Visible]) -> int:
    return sum(test.outcome == "passed" for test in tests)


def _status(criterion: Criterion, tests: Sequence[Visible], result: Result) -> str:
    if criterion.judged_by == "lint":
        return _count(len(result.findings), "finding") if result.findings else "clean"
    if tests:
        return _status_of(tests)
    if criterion.judged_by != "reviewer" and not result.tests:
        return "not run"
    return _BY_HAND.get(criterion.judged_by, "")


def _status_of(tests: Sequence[Visible]) -> str:
    passed = _passed(tests)
    if passed == len(tests):
        return "visible tests pass"
    if all(test.outcome == "not run" for test in tests):
        return "not run"
    if passed:
        return "some visible tests fail"
    return "skipped" if all(test.outcome == "skipped" for test in tests) else "visible tests fail"


def _colour_of(status: str) -> str:
    if status in ("visible tests pass", "clean"):
        return _GREEN
    if status.endswith("fail") or status == "not run":
        return _RED
    return _YELLOW if "finding" in status else ""


def _heading(problem: Problem, result: Result) -> str:
    titles = {criterion.id: criterion.title for criterion in result.task.criteria}
    if problem.test is None:
        return {"missing file": "A file is missing", "syntax error": "Python cannot read a file"}.get(
            problem.kind, "The tests could not run"
        )
    name = problem.test.split("::", 1)[-1]
    more = f" (and {_count(problem.more, 'more case')})" if problem.more else ""
    return (f"{titles[problem.criterion]}: {name}" if problem.criterion in titles else name) + more


def _details(problem: Problem) -> list[str]:
    """Return where, the source line, and the first lines of the message."""
    where = f"{problem.file}:{problem.line}" if problem.file and problem.line else ""
    if where and problem.function not in ("", "<module>"):
        where += f" in {problem.function}"
    message = _clean(problem.message).splitlines()
    if problem.kind == "timeout" and where:
        message = ["Out of time: this line was running. Is there a loop that does not end?", *message[:1]]
    lines = [where, f"  {_clean(problem.source)}" if problem.source else ""]
    return [line for line in [*lines, *message[:_TEXT_LINES]] if line]


def _next_steps(result: Result) -> list[str]:
    task = result.task
    tested = [problem for problem in result.problems if problem.test is not None]
    hidden = sum(criterion.hidden for criterion in task.criteria)
    if result.problems and not tested:
        return ["Next: mend this first; nothing else can be tested before."]
    if tested:
        name = (tested[0].test or "").split("::")[-1]
        return ["Next: one failure at a time. Run the first alone:", f"  python -m pytest {task.folder} -k {name}"]
    if result.findings:
        return [
            "Next: tidy up. This mends what can be mended automatically:",
            f"  python -m ruff check --fix {task.folder}",
        ]
    return [
        f"All visible tests pass. Points come from {_count(hidden, 'hidden check')}: read the task's README.md once",
        f"more and try inputs that the visible tests leave out. Then push. Pass mark: {task.pass_mark} of 100.",
    ]


def _more(number: int, shown: int, what: str) -> list[str]:
    return ["", f"... and {number - shown} more {what}"] if number > shown else []


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _clean(text: str) -> str:
    """Drop what could steer a terminal; tabs become spaces."""
    return "".join(char for char in text.expandtabs(4) if char == "\n" or char.isprintable())


def _escape(text: str) -> str:
    """Make text harmless in Markdown."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(text.strip(), quote=False))


def _command(kind: str, file: str, line: int, title: str, message: str) -> str:
    def escape(text: str, more: str = "") -> str:
        for char in "%\r\n" + more:
            text = text.replace(char, f"%{ord(char):02X}")
        return text

    return f"::{kind} file={escape(file, ':,')},line={line},title={escape(title, ':,')}::{escape(message)}"
