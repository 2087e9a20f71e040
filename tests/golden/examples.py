"""Submissions whose reports are kept as golden files: one for each thing that a report can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from grading.model import (
    Anchors,
    Assignment,
    Blame,
    CheckResult,
    Credit,
    Criterion,
    EntryPoint,
    Evidence,
    FailureKind,
    Flag,
    Graded,
    Isolation,
    JudgedBy,
    Level,
    LintFinding,
    LoadFault,
    Marks,
    Outcome,
    Provenance,
    Rubric,
    Submission,
)
from grading.scoring import score_evidence

MID = Level.MID
SEED = 918273645
COMMIT = "4f1c9a7be2d05836a1f49be07c52d6e8930b1a27"

RUBRIC = Rubric(
    pass_mark=70,
    criteria=(
        Criterion(
            "stops",
            "Stops when patience runs out",
            {MID: 30},
            floor=Fraction(1, 2),
            hint="Count epochs without improvement from the best one: `patience=2` allows two.",
        ),
        Criterion(
            "restores",
            "Best weights return",
            {MID: 25},
            credit=Credit.ALL,
            hint="`state_dict()` holds references: what you keep must not train on.",
        ),
        Criterion(
            "modes", "Train and eval mode", {MID: 20}, hint="Dropout is off while you validate, and on after it."
        ),
        Criterion(
            "quality",
            "Validation loss after training",
            {MID: 15},
            credit=Credit.MEASURED,
            hint="The best epoch counts, not the last.",
        ),
        Criterion(
            "style", "Style", {MID: 2}, judged_by=JudgedBy.LINT, hint="Run `ruff check` with the configuration you got."
        ),
        Criterion(
            "clarity",
            "Code quality",
            {MID: 8},
            judged_by=JudgedBy.REVIEWER,
            anchors=Anchors("Each function has one job.", "Names help, the loop is long.", "Hard to follow."),
        ),
    ),
)

ASSIGNMENT = Assignment(
    id="early_stopping",
    version=3,
    title="Early stopping",
    directory=Path("assignments/early_stopping"),
    minutes={MID: 90},
    files=("solution.py",),
    entry="solution",
    entry_points=(EntryPoint("train", "(model, train_loader)"),),
    rubric=RUBRIC,
)

CHECK_COUNTS = {"stops": 5, "restores": 4, "modes": 3, "quality": 1}

PROVENANCE = Provenance(
    hidden_sha256="6d" * 32, rubric_sha256="b7" * 32, grader_commit="9e" * 20, environment_sha256="03" * 32
)

SUBMISSION = Submission(
    files={"solution.py": b"def train(model): ...\n"},
    source="candidate@solve/early_stopping",
    commit=COMMIT,
    ref="solve/early_stopping",
    flags=(Flag("extra_file", "notes.txt was ignored", "notes.txt"),),
)


def checks(spoiled: Mapping[str, CheckResult] | None = None) -> tuple[CheckResult, ...]:
    """Return every check of the example, passed unless `spoiled` names it as `criterion/number`."""
    spoiled = spoiled or {}
    results = []
    for criterion, number in CHECK_COUNTS.items():
        for index in range(1, number + 1):
            name = f"test_{criterion}_{index}"
            result = CheckResult(name, criterion, duration_s=0.25)
            change = spoiled.get(f"{criterion}/{index}")
            if change is not None:
                result = replace(change, name=name, criterion=criterion)
            results.append(result)
    return tuple(results)


def failed(kind: FailureKind, detail: str = "private: expected 3, got 4") -> CheckResult:
    """Return a check that failed by the candidate's doing."""
    return CheckResult("", None, outcome=Outcome.FAILED, blame=Blame.CANDIDATE, kind=kind, detail=detail)


def graded(
    evidence: Evidence, *, marks: Marks | None = None, official: bool = True, submission: Submission = SUBMISSION
) -> Graded:
    """Score evidence as the pipeline would."""
    grade = score_evidence(evidence, ASSIGNMENT, MID, marks or Marks())
    return Graded(grade, submission, evidence, PROVENANCE, official)


def _evidence(results: tuple[CheckResult, ...], **changes: object) -> Evidence:
    evidence = Evidence(results, Isolation.FULL, seed=SEED, timings={"load": 0.61234, "checks": 2.5})
    return replace(evidence, **changes)  # type: ignore[arg-type]


_PARTLY = {
    "stops/2": failed(FailureKind.WRONG_VALUE),
    "stops/5": replace(failed(FailureKind.TIMEOUT), outcome=Outcome.TIMED_OUT),
    "restores/1": failed(FailureKind.WRONG_VALUE),
    "quality/1": CheckResult("", None, share=Fraction(7, 9)),
}
_GPU = tuple(CheckResult(f"test_gpu_{i}", None, outcome=Outcome.NOT_RUN, informational="gpu") for i in (1, 2))
_EXTENSION = (CheckResult("test_extension_1", None, informational="extension"),)
_FINDINGS = (
    LintFinding("solution.py", 12, "F841", "Local variable `best` is assigned to but never used"),
    LintFinding("solution.py", 30, "B007", "Loop control variable `epoch` not used within loop body"),
)
_NOT_LOADED = {
    f"{criterion}/{index}": failed(FailureKind.LOAD)
    for criterion, n in CHECK_COUNTS.items()
    for index in range(1, n + 1)
}
_GRADER = CheckResult("", None, outcome=Outcome.ERRORED, blame=Blame.GRADER, detail="zygote died by signal 9")
_LOAD_FAULT = LoadFault("solution.py", 14, "SyntaxError", "'(' was never closed")

EXAMPLES: dict[str, Graded] = {
    "full": graded(_evidence(checks(), flags=(Flag("late", "pushed 12 minutes after the deadline"),))),
    "partial": graded(_evidence((*checks(_PARTLY), *_GPU, *_EXTENSION), lint=_FINDINGS)),
    "floor": graded(_evidence(checks({f"stops/{i}": failed(FailureKind.EXCEPTION) for i in (1, 2, 3)}))),
    "zero": graded(_evidence(checks(_NOT_LOADED), load_faults=(_LOAD_FAULT,))),
    "ungraded": graded(_evidence(checks({"modes/2": _GRADER}))),
    "practice": graded(_evidence(checks(_PARTLY), isolation=Isolation.REDUCED), official=False),
    "reviewed": graded(
        _evidence(checks({"modes/1": failed(FailureKind.WRONG_TYPE)})), marks=Marks({"clarity": Fraction(6)})
    ),
}
