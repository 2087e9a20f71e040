"""The sentences of a report: what a verdict means, why points are missing, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from grading.model import (
    Coverage,
    CriterionGrade,
    Evidence,
    FailureKind,
    Grade,
    Graded,
    Isolation,
    JudgedBy,
    Status,
    Verdict,
)
from grading.report.blocks import NAME_CHARACTERS, Line, clean, line, prose, strong

STATUS_WORDS: Mapping[Status, str] = {
    Status.PASSED: "passed",
    Status.PARTIAL: "partly passed",
    Status.FAILED: "not passed",
    Status.PENDING: "awaits a reviewer",
    Status.NOT_ASSESSED: "not assessed",
    Status.UNGRADED: "not graded",
}

ISOLATION_WORDS: Mapping[Isolation, str] = {
    Isolation.FULL: "full: the code ran in a sandbox with no network and no way to the grader",
    Isolation.REDUCED: "reduced: the code ran in a separate process, without all walls of the sandbox",
    Isolation.NONE: "none: the code ran without a sandbox",
}

INFORMATIONAL_WORDS: Mapping[str, str] = {"gpu": "GPU", "extension": "Extension"}


def points(value: Fraction | int) -> str:
    """Return points as people write them: `20`, `7.5`."""
    number = Fraction(value)
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.1f}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 check`, `2 checks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def decided(grade: Grade) -> bool:
    """Whether a person's decision, not the points, made the verdict."""
    possible = _possible(grade)
    if possible is None or grade.auto is None:
        return False
    certain = grade.auto if grade.total is None else grade.total
    by_points = certain >= grade.pass_mark and not any(c.below_floor for c in grade.criteria)
    if grade.verdict is Verdict.PASS:
        return grade.total is None or not by_points
    return grade.verdict is Verdict.BELOW_BAR and possible >= grade.pass_mark


def closed(grade: Grade) -> bool:
    """Whether nothing is left for a reviewer to do."""
    return decided(grade) or (grade.total is not None and grade.verdict in (Verdict.PASS, Verdict.BELOW_BAR))


def numbers(grade: Grade) -> str:
    """Return the points that headline the report, or an empty string when there are none."""
    if grade.total is not None and grade.manual_max:
        return f"{points(grade.total)} of {grade.auto_max + grade.manual_max} points"
    if grade.auto is not None:
        return f"{points(grade.auto)} of {grade.auto_max} automatic points"
    return ""


def verdict_words(grade: Grade) -> tuple[str, Line]:
    """Return a verdict as a headline and one or two sentences."""
    mark = f"The pass mark is {grade.pass_mark}."
    match grade.verdict:
        case Verdict.UNGRADED:
            ours = "Something failed on our side, so there is no score for this commit. That is not your fault."
            return "Not graded yet", line(ours, " We run it again; you have nothing to do.")
        case Verdict.PASS:
            reason = "A person decided this in the review." if decided(grade) else _made_of(grade)
            return "Passed", line(f"{reason} {mark}")
        case Verdict.PASS_PENDING_MANUAL:
            headline = "Passed by the automatic checks"
            return headline, line(f"A reviewer adds up to {count(grade.manual_max, 'point')}. {mark}")
        case Verdict.REVIEW:
            return "A reviewer decides", line(f"{_why_review(grade)} {mark}")
        case Verdict.BELOW_BAR:
            if decided(grade):
                return "Not passed", line(f"A person decided this in the review. {mark}")
            if grade.total is not None:
                return "Below the pass mark", line(f"{_made_of(grade)} {mark}")
            best = points(_possible(grade) or 0)
            return "Below the pass mark", line(f"With every point a reviewer can add it would be {best}. {mark}")


def criterion_note(criterion: CriterionGrade, evidence: Evidence) -> Line:
    """Say why a criterion lacks points; empty when it lacks none."""
    if not _explained(criterion, evidence):
        return ()
    note = ""
    if criterion.judged_by is JudgedBy.LINT:
        findings = len(evidence.lint)
        scaled = "Style counts in proportion to the test points."
        note = f"{count(findings, 'finding')} of the linter. {scaled}" if findings else scaled
    elif criterion.judged_by is not JudgedBy.REVIEWER:
        note = _checks_note(criterion, evidence)
    if criterion.below_floor:
        note += " Below this part's minimum for a pass without review."
    return line(note.strip()) if note else ()


def criterion_hint(criterion: CriterionGrade, evidence: Evidence) -> Line:
    """Return the author's hint where it helps: points are missing, and not for want of loading or of test points."""
    by_lint = criterion.judged_by is JudgedBy.LINT
    return prose(criterion.hint) if _explained(criterion, evidence) and (evidence.lint or not by_lint) else ()


def coverage_words(coverage: Coverage) -> str:
    """Say how much of the candidate's code their own tests run; it earns nothing, and is their process's word."""
    passing = "pass" if coverage.passes else "do not all pass"
    return (
        f"Their own tests {passing} on their own code, and run {coverage.lines} of {coverage.of_lines} lines "
        f"and {coverage.branches} of {coverage.of_branches} branches of it. Their process says so; it earns no point."
    )


def next_steps(graded: Graded) -> tuple[Line, ...]:
    """Say what the candidate does next, in order."""
    grade = graded.grade
    if grade.verdict is Verdict.UNGRADED:
        return (line("Nothing. We grade this commit again and replace this report."),)
    if closed(grade) and grade.manual_max:
        return (line("Nothing. The review of this commit is complete."),)
    if grade.verdict is Verdict.PASS:
        return (line("Nothing has to be done."),)
    check = prose(f"Run `python -m grading check {grade.assignment}` before you push: it shows what we will see first.")
    push = line("Push to the same branch: each push is graded anew, and the last one before the deadline counts.")
    if graded.evidence.load_faults:
        first = "Mend the fault shown above first. Until the code loads, no check can pass."
        return (line(first), check, push)
    lost = _most_lost(grade)
    look = (line("Look first at ", lost, "."),) if lost else ()
    if grade.verdict is Verdict.BELOW_BAR:
        return (*look, check, push)
    reviewer = line("Nothing has to be done: a reviewer reads your code next.")
    if not lost:
        return (reviewer,)
    better = line("Want more automatic points? Look first at ", lost, ", and push again before the deadline.")
    return (reviewer, better)


def _explained(criterion: CriterionGrade, evidence: Evidence) -> bool:
    """Whether a criterion deserves words of its own: a load fault, shown once at the top, explains the others."""
    if criterion.status not in (Status.PARTIAL, Status.FAILED):
        return False
    by_fault = set(criterion.failures) <= {FailureKind.LOAD} and criterion.points == 0
    return not (evidence.load_faults and by_fault and criterion.judged_by is not JudgedBy.REVIEWER)


def _checks_note(criterion: CriterionGrade, evidence: Evidence) -> str:
    if criterion.note:
        return criterion.note
    if criterion.checks == 0:
        return "No check ran."
    kinds = [(kind.value, number) for kind, number in criterion.failures.items()]
    missing = criterion.checks - criterion.passed - sum(number for _, number in kinds)
    if missing > 0:
        kinds.append(("did not run", missing))
    if not kinds:
        return "Every check passed; how well it did earns part of the points."
    failed = sum(number for _, number in kinds)
    reasons = kinds[0][0] if len(kinds) == 1 else ", ".join(f"{number} {name}" for name, number in kinds)
    note = f"{failed} of {count(criterion.checks, 'check')} failed: {reasons}."
    shares = [check.share for check in evidence.checks if check.criterion == criterion.id]
    # Checks passed, none of them was measured, and still no point: the criterion is all or nothing.
    if criterion.passed and criterion.points == 0 and not any(share is not None for share in shares):
        note += " These points need every check."
    return note


def _why_review(grade: Grade) -> str:
    auto = grade.auto or Fraction(0)
    low = [c for c in grade.criteria if c.below_floor]
    reached = auto if grade.total is None else grade.total
    if reached >= grade.pass_mark and low:
        where = f"one part ({clean(low[0].title, NAME_CHARACTERS)})" if len(low) == 1 else f"{len(low)} parts"
        return f"The points would pass, but {where} is below its own minimum, so a person looks first."
    needed = points(grade.pass_mark - auto)
    return f"You need {needed} of the {count(grade.manual_max, 'point')} that a reviewer can add."


def _made_of(grade: Grade) -> str:
    if grade.manual is None or grade.auto is None or not grade.manual_max:
        return "There are no points to add by hand."
    return f"{points(grade.auto)} automatic points and {points(grade.manual)} from the reviewer."


def _possible(grade: Grade) -> Fraction | None:
    if grade.auto is None:
        return None
    return grade.auto + grade.manual_max if grade.total is None else grade.total


def _most_lost(grade: Grade) -> Line:
    lost: Sequence[tuple[Fraction, CriterionGrade]] = sorted(
        (
            (c.max - c.points, c)
            for c in grade.criteria
            if c.points is not None and c.judged_by is not JudgedBy.REVIEWER
        ),
        key=lambda pair: -pair[0],
    )
    if not lost or lost[0][0] == 0:
        return ()
    missing, criterion = lost[0]
    unit = "point" if missing == 1 else "points"
    return line(strong(criterion.title, NAME_CHARACTERS), f" ({points(missing)} {unit} lost)")
