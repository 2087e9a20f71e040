"""Build the one report that every format renders.

A candidate sees what helps and what is theirs; an interviewer also sees flags and the private side of each check.
The seed appears in neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from grading.model import (
    CheckResult,
    CriterionGrade,
    Flag,
    Graded,
    Informational,
    Isolation,
    LintFinding,
    LoadFault,
    Outcome,
    Status,
    Verdict,
)
from grading.report import words
from grading.report.blocks import (
    NAME_CHARACTERS,
    Block,
    Bullets,
    Callout,
    Criteria,
    CriterionRow,
    Details,
    KeyValues,
    Line,
    Paragraph,
    Report,
    Score,
    Section,
    Table,
    Tone,
    clean,
    code,
    line,
    plain,
    prose,
)

LATE_FLAG = "late"
"""Kind of the one flag that a candidate may see, as fixed words: this commit came after the deadline."""

MAX_CRITERIA = 25
MAX_FAULTS = 8
MAX_FINDINGS = 15
MAX_FLAGS = 50
MAX_CHECKS = 200


class Audience(StrEnum):
    """Who reads a report."""

    CANDIDATE = "candidate"
    INTERVIEWER = "interviewer"


def build_report(graded: Graded, *, audience: Audience = Audience.CANDIDATE) -> Report:
    """Return the report of one graded submission."""
    grade = graded.grade
    headline, explanation = words.verdict_words(grade)
    score = Score(
        verdict=grade.verdict,
        headline=headline,
        explanation=explanation,
        auto=grade.auto,
        auto_max=grade.auto_max,
        manual=grade.manual,
        manual_max=grade.manual_max,
        total=grade.total,
        pass_mark=grade.pass_mark,
    )
    blocks: list[Block] = [*_callouts(graded)]
    if grade.verdict is not Verdict.UNGRADED:
        blocks.append(Section("Points", (_criteria(graded),)))
    blocks.append(Section("What to do next", (_steps(graded),)))
    if grade.verdict is not Verdict.UNGRADED:
        blocks.extend(_hidden(grade.criteria))
        blocks.extend(_informational(grade.informational))
        blocks.extend(_lint(graded.evidence.lint))
    if audience is Audience.INTERVIEWER:
        blocks.append(_private(graded))
    blocks.append(Details("How this score was made", (_provenance(graded),)))
    return Report(
        assignment=grade.assignment,
        title=clean(grade.title, NAME_CHARACTERS),
        context=_context(graded),
        score=score,
        blocks=tuple(blocks),
    )


def _context(graded: Graded) -> tuple[str, ...]:
    commit = graded.submission.commit
    official = "official" if graded.official else "practice, not official"
    context = [f"{graded.grade.level} level", official]
    if commit:
        context.append(f"commit {clean(commit[:8], 8)}")
    return tuple(context)


def _callouts(graded: Graded) -> list[Block]:
    """Return what must be seen before the points."""
    callouts: list[Block] = []
    faults = graded.evidence.load_faults
    if faults and graded.grade.verdict is not Verdict.UNGRADED:
        shown = [_fault_line(fault) for fault in faults[:MAX_FAULTS]]
        callouts.append(Callout(Tone.PROBLEM, "Your code did not load", (_bullets(shown, len(faults), "fault"),)))
    if any(flag.kind == LATE_FLAG for flag in _flags(graded)):
        text = "This commit was pushed after the deadline. It is graded all the same, and marked late."
        callouts.append(Callout(Tone.NOTE, "Late", (Paragraph(line(text)),)))
    callouts += [Callout(Tone.NOTE, "Which commit counts", (Paragraph(prose(note)),)) for note in graded.notes]
    if not graded.official:
        walls = graded.evidence.isolation is not Isolation.FULL
        why = " An official score needs full isolation, which this machine does not offer." if walls else ""
        text = f"The checks and the points are the same as in an official run, but this score does not count.{why}"
        callouts.append(Callout(Tone.NOTE, "Practice, not official", (Paragraph(line(text)),)))
    return callouts


def _fault_line(fault: LoadFault) -> Line:
    where = (code(fault.file, NAME_CHARACTERS), f", line {fault.line}" if fault.line is not None else "")
    message = (": ", code(fault.message)) if fault.message else ()
    return line(*where, ": ", code(fault.kind, NAME_CHARACTERS), *message)


def _criteria(graded: Graded) -> Criteria:
    criteria = graded.grade.criteria
    rows = []
    for criterion in criteria[:MAX_CRITERIA]:
        rows.append(
            CriterionRow(
                title=prose(criterion.title, NAME_CHARACTERS),
                points=criterion.points,
                max=criterion.max,
                status=criterion.status,
                word=words.STATUS_WORDS[criterion.status],
                note=words.criterion_note(criterion, graded.evidence),
                hint=words.criterion_hint(criterion, graded.evidence),
            )
        )
    return Criteria("Points of each criterion", tuple(rows), more=max(0, len(criteria) - MAX_CRITERIA))


def _steps(graded: Graded) -> Block:
    steps = words.next_steps(graded)
    return Paragraph(steps[0]) if len(steps) == 1 else Bullets(steps, ordered=True)


def _hidden(criteria: Sequence[CriterionGrade]) -> list[Block]:
    """Say how much is hidden and why."""
    counted = [criterion for criterion in criteria if criterion.checks]
    if not counted:
        return []
    total = sum(criterion.checks for criterion in counted)
    why = (
        "They stay hidden, and their inputs are drawn anew for each run, so that a solution is judged by what it does "
        "and not by whether it fits known cases. For each criterion you see its points, its hint and how checks "
        "failed; the inputs and expected values you do not see."
    )
    rows = tuple((prose(c.title, NAME_CHARACTERS), line(str(c.checks))) for c in counted[:MAX_CRITERIA])
    table = Table("Hidden checks of each criterion", ("Criterion", "Hidden checks"), rows)
    return [Details(f"What is hidden: {words.count(total, 'check')}", (Paragraph(line(why)), table))]


def _informational(results: Sequence[Informational]) -> list[Block]:
    """Count checks without points by kind; their names could tell what a hidden test does."""
    if not results:
        return []
    items = []
    for kind in sorted({result.kind for result in results}):
        counts = Counter(result.status for result in results if result.kind == kind)
        parts = [f"{number} {words.STATUS_WORDS[status]}" for status in Status if (number := counts[status])]
        missing = " on this machine" if counts[Status.NOT_ASSESSED] else ""
        name = words.INFORMATIONAL_WORDS.get(kind, clean(kind, NAME_CHARACTERS))
        items.append(line(plain(f"{name}: {', '.join(parts)}{missing}")))
    return [Section("Checks without points", (Bullets(tuple(items)),))]


def _lint(findings: Sequence[LintFinding]) -> list[Block]:
    if not findings:
        return []
    ordered = sorted(findings, key=lambda f: (f.file, f.line, f.rule, f.message))
    shown = [
        line(code(f"{f.file}:{f.line}", NAME_CHARACTERS), " ", code(f.rule, 20), " ", code(f.message))
        for f in ordered[:MAX_FINDINGS]
    ]
    return [Details(f"Style: {words.count(len(findings), 'finding')}", (_bullets(shown, len(findings), "finding"),))]


def _provenance(graded: Graded) -> KeyValues:
    made, grade = graded.provenance, graded.grade
    items = [
        ("Isolation", line(words.ISOLATION_WORDS[graded.evidence.isolation])),
        (
            "Assignment",
            line(code(grade.assignment, NAME_CHARACTERS), f", version {grade.version}, {grade.level} level"),
        ),
    ]
    if graded.submission.commit:
        items.append(("Commit", line(code(graded.submission.commit, 64))))
    if graded.submission.ref:
        items.append(("Branch", line(code(graded.submission.ref, NAME_CHARACTERS))))
    items.append(("Submitted files", _hash(graded.submission.sha256)))
    items.append(("Hidden tests", _hash(made.hidden_sha256)))
    items.append(("Rubric", _hash(made.rubric_sha256)))
    items.append(("Environment", _hash(made.environment_sha256)))
    if made.grader_commit:
        items.append(("Grader", line(code(made.grader_commit, 64))))
    return KeyValues(tuple(items))


def _hash(value: str) -> Line:
    return line("sha256 ", code(value[:16], 16))


def _private(graded: Graded) -> Section:
    """Return what only the interviewer sees: flags, our own failures, and each check with its explanation."""
    body: list[Block] = []
    flags = _flags(graded)
    if flags:
        shown = [_flag_line(flag) for flag in flags[:MAX_FLAGS]]
        body.append(_bullets(shown, len(flags), "flag"))
    else:
        body.append(Paragraph(line("No flags.")))
    if graded.evidence.grader_fault is not None:
        body.append(Paragraph(line("The grader failed: ", code(graded.evidence.grader_fault))))
    if graded.evidence.lint_error is not None:
        body.append(Paragraph(line("The linter failed: ", code(graded.evidence.lint_error))))
    if graded.provenance.draw is not None:
        body.append(Paragraph(line(f"The starter's bugs: draw {graded.provenance.draw}.")))
    covered = graded.evidence.own_coverage
    if covered is not None:
        body.append(Paragraph(line(words.coverage_words(covered))))
    checks = sorted(graded.evidence.checks, key=lambda check: (check.outcome is Outcome.PASSED, check.name))
    if checks:
        shown = [_check_line(check) for check in checks[:MAX_CHECKS]]
        body.append(Details("Every hidden check", (_bullets(shown, len(checks), "check"),)))
    return Section("For the interviewer only", tuple(body))


def _flags(graded: Graded) -> tuple[Flag, ...]:
    return tuple(dict.fromkeys((*graded.submission.flags, *graded.evidence.flags)))


def _flag_line(flag: Flag) -> Line:
    where = "" if flag.file is None else flag.file if flag.line is None else f"{flag.file}:{flag.line}"
    return line(code(flag.kind, 40), " ", code(flag.message), *((" in ", code(where)) if where else ()))


def _check_line(check: CheckResult) -> Line:
    kind = f" ({check.kind})" if check.kind else ""
    blame = f", blame: {check.blame}" if check.blame else ""
    detail = (": ", code(check.detail)) if check.detail else ()
    outcome = check.outcome.replace("_", " ")
    return line(code(check.name, NAME_CHARACTERS), f" {outcome}{kind}{blame}", *detail)


def _bullets(shown: Sequence[Line], total: int, noun: str) -> Bullets:
    """List lines, and count those that are left out."""
    rest = total - len(shown)
    more = (line(f"and {words.count(rest, f'more {noun}')}"),) if rest > 0 else ()
    return Bullets((*shown, *more))
