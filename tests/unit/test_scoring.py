"""Scoring: from evidence to points and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grading.errors import FaultsError, GraderError, UsageError
from grading.model import (
    Assignment,
    Blame,
    CheckResult,
    Credit,
    Criterion,
    CriterionGrade,
    EntryPoint,
    Evidence,
    FailureKind,
    Grade,
    Isolation,
    JudgedBy,
    Level,
    LintFinding,
    LoadFault,
    Marks,
    Outcome,
    Rubric,
    Status,
    Verdict,
)
from grading.scoring import score_evidence

MID = Level.MID
FINDING = LintFinding("solution.py", 1, "F401", "unused import")


def criterion(
    name: str,
    points: int,
    *,
    judged_by: JudgedBy = JudgedBy.TESTS,
    credit: Credit = Credit.PER_TEST,
    floor: Fraction | None = None,
) -> Criterion:
    return Criterion(name, name.title(), {MID: points}, judged_by, credit, floor, hint="A hint.")


def assignment(*criteria: Criterion, pass_mark: int = 70) -> Assignment:
    return Assignment(
        id="sample",
        version=1,
        title="Sample",
        directory=Path("sample"),
        minutes={MID: 60},
        files=("solution.py",),
        entry="solution",
        entry_points=(EntryPoint("f", "(x)"),),
        rubric=Rubric(pass_mark, criteria),
    )


def check(name: str, passed: bool = True, **changes: object) -> CheckResult:
    outcome = Outcome.PASSED if passed else Outcome.FAILED
    blame = None if passed else Blame.CANDIDATE
    result = CheckResult(f"test_{name}", name, outcome=outcome, blame=blame)
    return replace(result, **changes)  # type: ignore[arg-type]


def evidence(*checks: CheckResult, lint: Sequence[LintFinding] = (), lint_error: str | None = None) -> Evidence:
    return Evidence(checks, Isolation.FULL, lint=tuple(lint), lint_error=lint_error)


def one(credit: Credit, *checks: CheckResult, points: int = 100) -> CriterionGrade:
    grade = score_evidence(evidence(*checks), assignment(criterion("a", points, credit=credit)), MID)
    return grade.criteria[0]


# Credit


def test_per_test_credit_is_the_weighted_share_of_passed_checks() -> None:
    graded = one(Credit.PER_TEST, check("a", weight=3), check("a", passed=False, weight=1))
    assert (graded.points, graded.status) == (Fraction(75), Status.PARTIAL)
    assert (graded.checks, graded.passed) == (2, 1)


def test_all_credit_needs_every_check() -> None:
    assert one(Credit.ALL, check("a"), check("a")).points == 100
    graded = one(Credit.ALL, check("a"), check("a", passed=False))
    assert (graded.points, graded.status) == (Fraction(0), Status.FAILED)


def test_all_credit_is_not_given_while_a_check_did_not_run() -> None:
    assert one(Credit.ALL, check("a"), check("a", outcome=Outcome.NOT_RUN)).points == 0


def test_measured_credit_is_the_weighted_mean_of_the_shares() -> None:
    graded = one(
        Credit.MEASURED,
        check("a", weight=2, share=Fraction(1, 2)),
        check("a", weight=1),  # passed without a share: all of it
        check("a", weight=1, passed=False, share=Fraction(1)),  # failed: nothing, whatever it measured
    )
    assert graded.points == 50


def test_a_share_means_nothing_outside_measured_credit() -> None:
    assert one(Credit.PER_TEST, check("a", share=Fraction(0))).points == 100


def test_points_are_rounded_down_to_a_tenth() -> None:
    graded = one(Credit.PER_TEST, check("a"), check("a"), check("a", passed=False))
    assert graded.points == Fraction(666, 10)


def test_auto_sums_the_rounded_points() -> None:
    thirds = [check(name, passed=index > 0) for name in ("a", "b") for index in range(3)]
    grade = score_evidence(evidence(*thirds), assignment(criterion("a", 50), criterion("b", 50)), MID)
    assert grade.auto == Fraction(333, 10) * 2


def test_a_criterion_without_an_executed_check_earns_nothing() -> None:
    grade = score_evidence(
        evidence(check("a"), check("b", outcome=Outcome.NOT_RUN, blame=Blame.CANDIDATE)),
        assignment(criterion("a", 40), criterion("b", 40), criterion("c", 20)),
        MID,
    )
    assert [g.points for g in grade.criteria] == [40, 0, 0]
    assert grade.auto == 40


def test_own_tests_score_like_tests() -> None:
    rubric = assignment(criterion("own", 100, judged_by=JudgedBy.OWN_TESTS))
    assert score_evidence(evidence(check("own"), check("own", passed=False)), rubric, MID).auto == 50


def test_failures_are_counted_by_kind_in_a_fixed_order() -> None:
    graded = one(
        Credit.PER_TEST,
        check("a", passed=False, kind=FailureKind.EXCEPTION),
        check("a", passed=False, outcome=Outcome.TIMED_OUT),
        check("a", passed=False, kind=FailureKind.WRONG_VALUE),
        check("a", passed=False, kind=FailureKind.EXCEPTION),
        check("a", outcome=Outcome.NOT_RUN, blame=Blame.CANDIDATE),
    )
    assert list(graded.failures.items()) == [
        (FailureKind.WRONG_VALUE, 1),
        (FailureKind.EXCEPTION, 2),
        (FailureKind.TIMEOUT, 1),
    ]


# Blame


@pytest.mark.parametrize("outcome", [Outcome.NOT_RUN, Outcome.ERRORED, Outcome.TIMED_OUT, Outcome.FAILED])
def test_a_check_that_the_grader_spoiled_leaves_no_number(outcome: Outcome) -> None:
    grade = score_evidence(
        evidence(check("a"), check("b", outcome=outcome, blame=Blame.GRADER)),
        assignment(criterion("a", 60), criterion("b", 40)),
        MID,
    )
    assert (grade.auto, grade.total, grade.verdict) == (None, None, Verdict.UNGRADED)
    assert (grade.criteria[1].points, grade.criteria[1].status) == (None, Status.UNGRADED)
    assert grade.criteria[1].failures == {}


def test_an_error_that_nobody_explained_counts_as_ours() -> None:
    assert one(Credit.PER_TEST, check("a", outcome=Outcome.ERRORED)).status is Status.UNGRADED


def test_a_grader_fault_outside_every_criterion_leaves_no_number() -> None:
    stray = CheckResult("collection", None, outcome=Outcome.ERRORED, blame=Blame.GRADER)
    grade = score_evidence(evidence(check("a"), stray), assignment(criterion("a", 100)), MID)
    assert (grade.auto, grade.verdict) == (None, Verdict.UNGRADED)


def test_no_check_at_all_without_a_load_fault_is_ours() -> None:
    grade = score_evidence(evidence(), assignment(criterion("a", 100)), MID)
    assert (grade.auto, grade.verdict) == (None, Verdict.UNGRADED)


def test_no_check_at_all_after_a_load_fault_is_the_candidates() -> None:
    fault = LoadFault("solution.py", 1, "SyntaxError", "invalid syntax")
    found = Evidence((), Isolation.FULL, load_faults=(fault,))
    grade = score_evidence(found, assignment(criterion("a", 100)), MID)
    assert (grade.auto, grade.verdict) == (Fraction(0), Verdict.BELOW_BAR)


def test_a_crashed_linter_leaves_no_number() -> None:
    rubric = assignment(criterion("a", 98), criterion("style", 2, judged_by=JudgedBy.LINT))
    grade = score_evidence(evidence(check("a"), lint_error="ruff: exit 101"), rubric, MID)
    assert (grade.auto, grade.verdict) == (None, Verdict.UNGRADED)
    assert [g.status for g in grade.criteria] == [Status.PASSED, Status.UNGRADED]


def test_style_is_ungraded_with_the_tests_it_depends_on() -> None:
    rubric = assignment(criterion("a", 98), criterion("style", 2, judged_by=JudgedBy.LINT))
    grade = score_evidence(evidence(check("a", outcome=Outcome.ERRORED, blame=Blame.GRADER)), rubric, MID)
    assert [g.status for g in grade.criteria] == [Status.UNGRADED, Status.UNGRADED]


def test_no_decision_overrules_ungraded() -> None:
    grade = score_evidence(
        evidence(check("a", outcome=Outcome.ERRORED, blame=Blame.GRADER)),
        assignment(criterion("a", 100)),
        MID,
        Marks(decision=Verdict.PASS),
    )
    assert grade.verdict is Verdict.UNGRADED


# Style


@pytest.mark.parametrize(("findings", "expected"), [(0, "10"), (3, "7"), (10, "0"), (25, "0")])
def test_a_finding_costs_a_tenth_of_the_style_points(findings: int, expected: str) -> None:
    rubric = assignment(criterion("a", 90), criterion("style", 10, judged_by=JudgedBy.LINT))
    grade = score_evidence(evidence(check("a"), lint=[FINDING] * findings), rubric, MID)
    assert grade.criteria[1].points == Fraction(expected)


def test_style_is_earned_in_proportion_to_exact_test_points() -> None:
    rubric = assignment(
        criterion("a", 60), criterion("b", 30, credit=Credit.ALL), criterion("style", 10, judged_by=JudgedBy.LINT)
    )
    checks = [check("a"), check("a"), check("a", passed=False), check("b", passed=False)]
    grade = score_evidence(evidence(*checks, lint=[FINDING]), rubric, MID)
    # 40 of 90 test points, one finding: 10 × 9/10 × 4/9 = 4
    assert grade.criteria[2].points == 4


def test_a_clean_file_that_does_nothing_has_no_style() -> None:
    rubric = assignment(criterion("a", 98), criterion("style", 2, judged_by=JudgedBy.LINT))
    assert score_evidence(evidence(check("a", passed=False)), rubric, MID).auto == 0


# Informational


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.PASSED),
        ({"outcome": Outcome.FAILED, "blame": Blame.CANDIDATE}, Status.FAILED),
        ({"outcome": Outcome.NOT_RUN}, Status.NOT_ASSESSED),
        ({"outcome": Outcome.ERRORED, "blame": Blame.GRADER}, Status.NOT_ASSESSED),
    ],
)
def test_informational_checks_carry_no_points(changes: Mapping[str, object], status: Status) -> None:
    extra = replace(CheckResult("test_gpu", None, informational="gpu"), **changes)  # type: ignore[arg-type]
    grade = score_evidence(evidence(check("a"), extra), assignment(criterion("a", 100)), MID)
    assert (grade.auto, grade.informational[0].status) == (Fraction(100), status)


# Verdict

MANUAL = (
    criterion("a", 60, floor=Fraction(1, 2)),
    criterion("b", 20),
    criterion("clarity", 20, judged_by=JudgedBy.REVIEWER),
)


def verdict(a: int, b: int, marks: Marks | None = None) -> Grade:
    """Grade ten checks per criterion, of which `a` and `b` passed."""
    checks = [*(check("a", passed=i < a) for i in range(10)), *(check("b", passed=i < b) for i in range(10))]
    return score_evidence(evidence(*checks), assignment(*MANUAL), MID, marks or Marks())


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (10, 10, Verdict.PASS_PENDING_MANUAL),
        (10, 5, Verdict.PASS_PENDING_MANUAL),  # 70 exactly
        (10, 4, Verdict.REVIEW),  # 68
        (5, 10, Verdict.REVIEW),  # 50 + 20 = 70 exactly
        (4, 10, Verdict.BELOW_BAR),  # 44 + 20
        (0, 0, Verdict.BELOW_BAR),
    ],
)
def test_three_way_verdict_while_marks_are_missing(a: int, b: int, expected: Verdict) -> None:
    grade = verdict(a, b)
    assert (grade.verdict, grade.manual, grade.total) == (expected, None, None)
    assert grade.criteria[2].status is Status.PENDING


def test_the_verdict_is_final_when_nothing_is_judged_by_hand() -> None:
    rubric = assignment(criterion("a", 100))
    done = score_evidence(evidence(check("a")), rubric, MID)
    assert (done.verdict, done.manual, done.total) == (Verdict.PASS, Fraction(0), Fraction(100))
    assert score_evidence(evidence(check("a", passed=False)), rubric, MID).verdict is Verdict.BELOW_BAR


@pytest.mark.parametrize(
    ("mark", "total", "expected"), [("2", 70, Verdict.PASS), ("1.5", Fraction("69.5"), Verdict.BELOW_BAR)]
)
def test_with_every_mark_in_the_total_decides(mark: str, total: Fraction, expected: Verdict) -> None:
    grade = verdict(10, 4, Marks({"clarity": Fraction(mark)}))
    assert (grade.total, grade.verdict, grade.manual) == (total, expected, Fraction(mark))


FLOORED = assignment(
    criterion("a", 30, floor=Fraction(1, 2)),
    criterion("b", 60),
    criterion("clarity", 10, judged_by=JudgedBy.REVIEWER),
    pass_mark=60,
)


def floored(passed: int, marks: Marks | None = None) -> Grade:
    checks = [check("b"), *(check("a", passed=i < passed) for i in range(4))]
    return score_evidence(evidence(*checks), FLOORED, MID, marks or Marks())


def test_a_floor_turns_an_automatic_pass_into_a_review() -> None:
    assert floored(2).verdict is Verdict.PASS_PENDING_MANUAL  # at the floor is not under it
    low = floored(1)
    assert (low.verdict, low.criteria[0].below_floor) == (Verdict.REVIEW, True)


def test_a_floor_outlives_the_marks_until_a_person_decides() -> None:
    marks = {"clarity": Fraction(10)}
    assert floored(1, Marks(marks)).verdict is Verdict.REVIEW
    assert floored(1, Marks(marks, Verdict.PASS)).verdict is Verdict.PASS
    assert floored(1, Marks(marks, Verdict.BELOW_BAR)).verdict is Verdict.BELOW_BAR


def test_a_decision_ends_a_review_and_nothing_else() -> None:
    assert verdict(10, 4, Marks(decision=Verdict.PASS)).verdict is Verdict.PASS
    assert verdict(10, 4, Marks(decision=Verdict.BELOW_BAR)).verdict is Verdict.BELOW_BAR
    assert verdict(10, 10, Marks(decision=Verdict.BELOW_BAR)).verdict is Verdict.PASS_PENDING_MANUAL
    assert verdict(0, 0, Marks(decision=Verdict.PASS)).verdict is Verdict.BELOW_BAR


# Faults


def test_every_wrong_mark_is_named_at_once() -> None:
    marks = Marks({"a": Fraction(5), "clarity": Fraction(41, 2), "nobody": Fraction(1)}, Verdict.REVIEW)
    with pytest.raises(FaultsError) as caught:
        verdict(10, 10, marks)
    assert [fault.where for fault in caught.value.faults] == [
        "marks.a",
        "marks.clarity",
        "marks.nobody",
        "marks.decision",
    ]
    assert "0 to 20" in str(caught.value)


def test_a_mark_has_at_most_one_decimal() -> None:
    with pytest.raises(FaultsError, match="one decimal"):
        verdict(10, 10, Marks({"clarity": Fraction(1, 3)}))


def test_a_level_that_is_not_offered_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError, match="expected one of mid; found senior"):
        score_evidence(evidence(), assignment(criterion("a", 100)), Level.SENIOR)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (check("unknown"), "expected one of a; found 'unknown'"),
        (check("a", weight=0), "weight: expected at least 1"),
        (check("a", share=Fraction(3, 2)), "share: expected 0 to 1"),
    ],
)
def test_evidence_that_does_not_fit_the_rubric_is_refused(bad: CheckResult, message: str) -> None:
    with pytest.raises(GraderError, match=message):
        score_evidence(evidence(bad), assignment(criterion("a", 100)), MID)


# Properties

PROPERTY = assignment(
    criterion("a", 31, floor=Fraction(1, 3)),
    criterion("b", 23, credit=Credit.ALL),
    criterion("c", 27, credit=Credit.MEASURED),
    criterion("own", 7, judged_by=JudgedBy.OWN_TESTS),
    criterion("style", 3, judged_by=JudgedBy.LINT),
    criterion("clarity", 9, judged_by=JudgedBy.REVIEWER),
)
RESULTS = st.builds(
    CheckResult,
    name=st.sampled_from(["x", "y", "z"]),
    criterion=st.sampled_from(["a", "b", "c", "own"]),
    weight=st.integers(1, 5),
    outcome=st.sampled_from([Outcome.PASSED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUN]),
    blame=st.just(Blame.CANDIDATE),
    share=st.none() | st.fractions(0, 1, max_denominator=12),
)
EVIDENCE = st.builds(
    lambda checks, findings: evidence(*checks, lint=[FINDING] * findings),
    st.lists(RESULTS, min_size=1, max_size=12),
    st.integers(0, 12),
)
MARKS = st.builds(
    lambda tenths, decision: Marks({} if tenths is None else {"clarity": Fraction(tenths, 10)}, decision),
    st.none() | st.integers(0, 90),
    st.sampled_from([None, Verdict.PASS, Verdict.BELOW_BAR]),
)


def number(value: Fraction | None) -> Fraction:
    assert value is not None
    return value


@given(EVIDENCE, MARKS)
@settings(deadline=None)
def test_points_stay_in_bounds_and_add_up(found: Evidence, marks: Marks) -> None:
    grade = score_evidence(found, PROPERTY, MID, marks)
    for graded in grade.criteria:
        if graded.points is not None:
            assert 0 <= graded.points <= graded.max
            assert (graded.points * 10).denominator == 1
        assert 0 <= graded.passed <= graded.checks
        assert sum(graded.failures.values()) <= graded.checks - graded.passed
    automatic = [g for g in grade.criteria if g.judged_by is not JudgedBy.REVIEWER]
    assert grade.auto == sum(number(g.points) for g in automatic)
    assert grade.auto_max + grade.manual_max == 100
    if marks.points:
        assert grade.total == number(grade.auto) + number(grade.manual)
    else:
        assert grade.total is None


@given(EVIDENCE, st.randoms(use_true_random=False), MARKS)
@settings(deadline=None)
def test_order_does_not_matter(found: Evidence, random: Random, marks: Marks) -> None:
    checks = list(found.checks)
    random.shuffle(checks)
    shuffled = replace(found, checks=tuple(checks), lint=tuple(reversed(found.lint)))
    assert score_evidence(shuffled, PROPERTY, MID, marks) == score_evidence(found, PROPERTY, MID, marks)


@given(EVIDENCE, st.data())
@settings(deadline=None)
def test_passing_one_more_check_never_costs_points(found: Evidence, data: st.DataObject) -> None:
    candidates = [i for i, result in enumerate(found.checks) if result.outcome is not Outcome.PASSED]
    assume(candidates)
    index = data.draw(st.sampled_from(candidates))
    checks = list(found.checks)
    checks[index] = replace(checks[index], outcome=Outcome.PASSED, blame=None, kind=None)
    before = score_evidence(found, PROPERTY, MID)
    after = score_evidence(replace(found, checks=tuple(checks)), PROPERTY, MID)
    assert number(after.auto) >= number(before.auto)
    for old, new in zip(before.criteria, after.criteria, strict=True):
        if old.points is not None:
            assert number(new.points) >= old.points


@given(EVIDENCE)
@settings(deadline=None)
def test_one_more_finding_never_earns_points(found: Evidence) -> None:
    worse = replace(found, lint=(*found.lint, FINDING))
    assert number(score_evidence(worse, PROPERTY, MID).auto) <= number(score_evidence(found, PROPERTY, MID).auto)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1), st.integers(1, 100))
@settings(max_examples=200, deadline=None)
def test_rounding_never_exceeds_the_exact_share(weights: list[tuple[int, bool]], points: int) -> None:
    checks = [check("a", passed=passed, weight=weight) for weight, passed in weights]
    graded = one(Credit.PER_TEST, *checks, points=points)
    exact = Fraction(sum(w for w, passed in weights if passed) * points, sum(w for w, _ in weights))
    assert exact - Fraction(1, 10) < number(graded.points) <= exact


@given(EVIDENCE, MARKS)
@settings(deadline=None)
def test_one_spoiled_check_always_leaves_no_number(found: Evidence, marks: Marks) -> None:
    spoiled = replace(found.checks[0], outcome=Outcome.ERRORED, blame=Blame.GRADER)
    grade = score_evidence(replace(found, checks=(spoiled, *found.checks[1:])), PROPERTY, MID, marks)
    assert (grade.auto, grade.total, grade.verdict) == (None, None, Verdict.UNGRADED)
