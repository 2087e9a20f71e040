"""Turn evidence and a rubric into a grade. Pure: nothing here reads, runs or prints.

Shares are exact fractions from 0 to 1. Only the points of a criterion are rounded, down to 0.1,
and `auto` sums the rounded points, so that the numbers a person sees always add up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from grading.catalogue.own_tests import CATCHES, RIGHT
from grading.errors import Fault, FaultsError, GraderError, UsageError
from grading.model import (
    Assignment,
    Blame,
    CheckResult,
    Credit,
    Criterion,
    CriterionGrade,
    Evidence,
    FailureKind,
    Grade,
    Informational,
    JudgedBy,
    Level,
    Marks,
    Outcome,
    OwnTests,
    Rubric,
    Status,
    Verdict,
)

NO_MARKS = Marks()
LINT_LOSS = Fraction(1, 10)
"""Share of the style points that one finding of the linter costs."""

_BY_CHECKS = (JudgedBy.TESTS, JudgedBy.OWN_TESTS)
_DECISIONS = (Verdict.PASS, Verdict.BELOW_BAR)
_ZERO, _ONE = Fraction(0), Fraction(1)


def score_evidence(evidence: Evidence, assignment: Assignment, level: Level, marks: Marks = NO_MARKS) -> Grade:
    """Score one submission.

    Args:
        evidence: what was observed; the order of its checks and findings does not matter.
        assignment: whose rubric applies.
        level: which of the rubric's point columns applies.
        marks: what reviewers added so far.

    Returns: the grade. Its `auto` and `total` are None when the grader is to blame for anything that carries points.

    Raises:
        UsageError: the assignment is not offered at this level, or the marks do not fit the rubric (FaultsError, all
            at once).
        GraderError: the evidence does not fit the rubric, so that any number would be a guess.
    """
    if level not in assignment.levels:
        offered = ", ".join(assignment.levels)
        raise UsageError(f"{assignment.id}: level: expected one of {offered}; found {level}. Choose an offered level.")
    criteria = assignment.rubric.at(level)
    _verify_checks(evidence.checks, assignment)
    _verify_marks(marks, criteria, level)

    shares = _shares(assignment, criteria, evidence, level)
    grades = tuple(_criterion_grade(c, c.points[level], shares[c.id], evidence, marks) for c in criteria)
    automatic = [g for g in grades if g.judged_by is not JudgedBy.REVIEWER]
    by_hand = [g for g in grades if g.judged_by is JudgedBy.REVIEWER]
    ungraded = _grader_to_blame(evidence.checks) or any(g.status is Status.UNGRADED for g in grades)
    auto = None if ungraded else _sum(automatic)
    manual = None if any(g.status is Status.PENDING for g in by_hand) else _sum(by_hand)
    total = None if auto is None or manual is None else auto + manual
    manual_max = sum(g.max for g in by_hand)
    return Grade(
        assignment=assignment.id,
        title=assignment.title,
        version=assignment.version,
        level=level,
        pass_mark=assignment.rubric.pass_mark,
        auto=auto,
        auto_max=sum(g.max for g in automatic),
        manual=manual,
        manual_max=manual_max,
        total=total,
        verdict=_verdict(auto, total, manual_max, assignment.rubric, any(g.below_floor for g in grades), marks),
        criteria=grades,
        informational=_informational(evidence.checks),
    )


def _shares(
    assignment: Assignment, criteria: Sequence[Criterion], evidence: Evidence, level: Level
) -> Mapping[str, Fraction | None]:
    """Return each automatic criterion's exact share; None where the grader is to blame or a person judges."""
    scored = [check for check in evidence.checks if check.informational is None]
    # The judge collects the tests, so a candidate cannot make the list empty: an empty list is our own failure.
    nothing_ran = evidence.grader_fault is not None or (not scored and not evidence.load_faults)
    shares: dict[str, Fraction | None] = {}
    for criterion in criteria:
        if criterion.judged_by in _BY_CHECKS:
            checks = [check for check in scored if check.criterion == criterion.id]
            own = assignment.own_tests if criterion.judged_by is JudgedBy.OWN_TESTS else None
            share = _checks_share(criterion.credit, checks) if own is None else _own_tests_share(own, checks)
            shares[criterion.id] = None if nothing_ran else share
    tests = [(shares[c.id], c.points[level]) for c in criteria if c.judged_by in _BY_CHECKS]
    for criterion in criteria:
        if criterion.judged_by is JudgedBy.LINT:
            shares[criterion.id] = _lint_share(evidence, tests)
        elif criterion.judged_by is JudgedBy.REVIEWER:
            shares[criterion.id] = None
    return shares


def _checks_share(credit: Credit, checks: Sequence[CheckResult]) -> Fraction | None:
    """Return the share that a criterion's checks earn, or None when the grader is to blame for one of them."""
    if _grader_to_blame(checks):
        return None
    if all(check.outcome is Outcome.NOT_RUN for check in checks):
        return _ZERO
    if credit is Credit.ALL:
        return _ONE if all(check.outcome is Outcome.PASSED for check in checks) else _ZERO
    earned = sum((check.weight * _awarded(credit, check) for check in checks), _ZERO)
    return earned / sum(check.weight for check in checks)


def _own_tests_share(own: OwnTests, checks: Sequence[CheckResult]) -> Fraction | None:
    """Return the share of own tests: of the bugs needed, those caught; nothing unless every right solution passed."""
    if _grader_to_blame(checks):
        return None
    rights, bugs = _split(checks)
    if not rights or not all(check.outcome is Outcome.PASSED for check in rights):
        return _ZERO
    caught = sum(check.outcome is Outcome.PASSED for check in bugs)
    return min(_ONE, Fraction(caught, own.need))


def _split(checks: Sequence[CheckResult]) -> tuple[list[CheckResult], list[CheckResult]]:
    """Return the checks of own tests on right solutions, and those on planted bugs."""
    rights = [check for check in checks if check.name.startswith(f"{RIGHT}[")]
    return rights, [check for check in checks if check.name.startswith(f"{CATCHES}[")]


def _own_tests_note(checks: Sequence[CheckResult]) -> str:
    """Return what a candidate learns about their own tests: counts, and no name of a solution or a bug."""
    rights, bugs = _split(checks)
    if not rights or _grader_to_blame(checks):
        return ""
    passed, caught = (sum(check.outcome is Outcome.PASSED for check in part) for part in (rights, bugs))
    if passed < len(rights):
        return f"Your tests pass on right solutions: {passed} of {len(rights)}. Until they pass on all, no bug counts."
    return f"Your tests pass on right solutions: {passed} of {len(rights)}. They catch {caught} of {len(bugs)} bugs."


def _awarded(credit: Credit, check: CheckResult) -> Fraction:
    """Return what one check earns: a measured check that passed without naming a share earns all of it."""
    if check.outcome is not Outcome.PASSED:
        return _ZERO
    return check.share if credit is Credit.MEASURED and check.share is not None else _ONE


def _lint_share(evidence: Evidence, tests: Sequence[tuple[Fraction | None, int]]) -> Fraction | None:
    """Return the style share: a tenth lost per finding, times the share of test points (an empty file has no style)."""
    if evidence.lint_error is not None:
        return None
    earned = _ZERO
    for share, points in tests:
        if share is None:
            return None
        earned += share * points
    available = sum(points for _, points in tests)
    clean = max(_ZERO, _ONE - LINT_LOSS * len(evidence.lint))
    return clean * earned / available if available else _ZERO


def _grader_to_blame(checks: Sequence[CheckResult]) -> bool:
    """Whether we, not the candidate, spoiled a check that carries points; an unexplained error counts as ours."""
    return any(
        check.blame is Blame.GRADER or (check.outcome is Outcome.ERRORED and check.blame is None)
        for check in checks
        if check.informational is None
    )


def _criterion_grade(
    criterion: Criterion, maximum: int, share: Fraction | None, evidence: Evidence, marks: Marks
) -> CriterionGrade:
    checks = [c for c in evidence.checks if c.informational is None and c.criterion == criterion.id]
    status, points = Status.UNGRADED, None
    if criterion.judged_by is JudgedBy.REVIEWER:
        status = Status.PENDING
        if criterion.id in marks.points:
            share = marks.points[criterion.id] / maximum
    if share is not None:
        points = _round_down(share * maximum)
        status = Status.PASSED if share == 1 else Status.FAILED if points == 0 else Status.PARTIAL
    return CriterionGrade(
        id=criterion.id,
        title=criterion.title,
        points=points,
        max=maximum,
        status=status,
        judged_by=criterion.judged_by,
        hint=criterion.hint,
        failures=_failures(checks),
        checks=len(checks),
        passed=sum(check.outcome is Outcome.PASSED for check in checks),
        below_floor=criterion.floor is not None and share is not None and share < criterion.floor,
        note=_own_tests_note(checks),
    )


def _failures(checks: Sequence[CheckResult]) -> Mapping[FailureKind, int]:
    """Count the candidate's failures by kind, in the order of `FailureKind`; checks that did not run have no kind."""
    inferred = {
        Outcome.FAILED: FailureKind.WRONG_VALUE,
        Outcome.ERRORED: FailureKind.CRASH,
        Outcome.TIMED_OUT: FailureKind.TIMEOUT,
    }
    counts = Counter(
        check.kind or inferred[check.outcome]
        for check in checks
        if check.outcome in inferred and not _grader_to_blame([check])
    )
    return {kind: counts[kind] for kind in FailureKind if counts[kind]}


def _verdict(
    auto: Fraction | None, total: Fraction | None, manual_max: int, rubric: Rubric, below_floor: bool, marks: Marks
) -> Verdict:
    """Return the three-way verdict. A decision ends a review and overrules nothing else."""
    if auto is None:
        return Verdict.UNGRADED
    # Until the last mark is in, only automatic points count, so that the verdict does not wander mark by mark.
    certain = auto if total is None else total
    possible = auto + manual_max if total is None else total
    if possible < rubric.pass_mark:
        return Verdict.BELOW_BAR
    if certain >= rubric.pass_mark and not below_floor:
        return Verdict.PASS_PENDING_MANUAL if total is None else Verdict.PASS
    return marks.decision or Verdict.REVIEW


def _informational(checks: Sequence[CheckResult]) -> tuple[Informational, ...]:
    """Return checks without points by kind and name; what we could not run is not assessed, never failed."""
    results = []
    for check in checks:
        if check.informational is None:
            continue
        if check.outcome is Outcome.NOT_RUN or check.blame is Blame.GRADER:
            status = Status.NOT_ASSESSED
        else:
            status = Status.PASSED if check.outcome is Outcome.PASSED else Status.FAILED
        results.append(Informational(check.name, check.informational, status))
    return tuple(sorted(results, key=lambda item: (item.kind, item.name, item.status)))


def _verify_checks(checks: Sequence[CheckResult], assignment: Assignment) -> None:
    known = {criterion.id for criterion in assignment.rubric.criteria}
    for check in checks:
        where = f"{assignment.id}: evidence: check {check.name!r}"
        if check.informational is None and check.criterion is not None and check.criterion not in known:
            raise GraderError(
                f"{where}: criterion: expected one of {', '.join(sorted(known))}; found {check.criterion!r}. "
                "Grade again with the tests and the rubric of one version."
            )
        if check.weight < 1:
            raise GraderError(f"{where}: weight: expected at least 1; found {check.weight}. Mend the test's marker.")
        if check.share is not None and not 0 <= check.share <= 1:
            raise GraderError(f"{where}: share: expected 0 to 1; found {check.share}. Mend what the test awards.")


def _verify_marks(marks: Marks, criteria: Sequence[Criterion], level: Level) -> None:
    manual = {c.id: c.points[level] for c in criteria if c.judged_by is JudgedBy.REVIEWER}
    faults = []
    for name, points in marks.points.items():
        where = f"marks.{name}"
        if name not in manual:
            expected = f"a reviewer's criterion of this level ({', '.join(manual) or 'there is none'})"
            faults.append(Fault(where, "criterion", expected, repr(name), "Mark only what a reviewer judges."))
            continue
        maximum = manual[name]
        if not 0 <= points <= maximum or (points * 10).denominator != 1:
            expected = f"0 to {maximum} with at most one decimal"
            faults.append(Fault(where, "points", expected, str(points), "Enter the mark again."))
    if marks.decision is not None and marks.decision not in _DECISIONS:
        expected = " or ".join(_DECISIONS)
        faults.append(Fault("marks.decision", "decision", expected, marks.decision, "Decide one way or the other."))
    if faults:
        raise FaultsError(faults)


def _round_down(points: Fraction) -> Fraction:
    return Fraction(math.floor(points * 10), 10)


def _sum(grades: Sequence[CriterionGrade]) -> Fraction:
    return sum((grade.points for grade in grades if grade.points is not None), _ZERO)
