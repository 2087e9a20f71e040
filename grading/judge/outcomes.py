"""From an exception in a hidden test to an outcome: was it the candidate's doing, and what may they be told?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from grading.errors import GraderError
from grading.judge.expect import WrongType
from grading.judge.remote import CandidateError
from grading.model import Blame, CheckResult, FailureKind, LoadFault, Outcome
from grading.sandbox.codec import Foreign
from grading.sandbox.endings import CrashedError, OutOfMemoryError, OutOfTimeError, WorkerError

# In the judge's process these come from our tests or this machine, whatever the candidate returned.
# Not so a plain `CodecError`: a value of the candidate's that a test hands on can be too large or too deep to send.
_OURS = (GraderError, Foreign, NameError, ImportError, SyntaxError, MemoryError, OSError)


class NotLoadedError(Exception):
    """The candidate's code did not load in this test."""

    def __init__(self, fault: LoadFault) -> None:
        super().__init__(f"{fault.file}: {fault.message}")
        self.fault = fault


@dataclass(frozen=True)
class CaseResult:
    """One hidden test with one set of parameters."""

    outcome: Outcome
    blame: Blame | None = None
    kind: FailureKind | None = None
    detail: str = ""
    duration_s: float = 0.0
    share: Fraction | None = None


@dataclass(frozen=True)
class Ruling:
    """What an exception means."""

    outcome: Outcome
    blame: Blame
    kind: FailureKind | None = None


def rule(error: BaseException, *, in_setup: bool) -> Ruling:
    """Decide what an exception that ended a hidden test means."""
    candidate = Blame.CANDIDATE
    if isinstance(error, NotLoadedError):
        return Ruling(Outcome.FAILED, candidate, FailureKind.LOAD)
    if isinstance(error, WorkerError):
        return _rule_worker(error)
    if isinstance(error, CandidateError) or isinstance(error.__cause__, CandidateError):
        kind = FailureKind.MEMORY if isinstance(error, MemoryError) else FailureKind.EXCEPTION
        return Ruling(Outcome.FAILED, candidate, kind)
    if in_setup or isinstance(error, (*_OURS, pytest.skip.Exception)):
        return Ruling(Outcome.ERRORED, Blame.GRADER)
    if isinstance(error, WrongType):
        return Ruling(Outcome.FAILED, candidate, FailureKind.WRONG_TYPE)
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return Ruling(Outcome.FAILED, candidate, FailureKind.WRONG_VALUE)
    # Our test stumbled over what the candidate returned: an index that is not there, a missing attribute.
    return Ruling(Outcome.FAILED, candidate, FailureKind.WRONG_TYPE)


def _rule_worker(error: WorkerError) -> Ruling:
    if isinstance(error, OutOfTimeError):
        return Ruling(Outcome.TIMED_OUT, Blame.CANDIDATE, FailureKind.TIMEOUT)
    if isinstance(error, OutOfMemoryError):
        return Ruling(Outcome.FAILED, Blame.CANDIDATE, FailureKind.MEMORY)
    return Ruling(Outcome.FAILED, Blame.CANDIDATE, FailureKind.CRASH)


def died_by_foreign_signal(error: BaseException) -> bool:
    """Tell whether a worker died by a signal that the judge did not send: once, it may be the machine's doing."""
    return isinstance(error, CrashedError) and error.signal is not None


@dataclass(frozen=True)
class CheckPlan:
    """What a hidden test function says of itself by its markers."""

    name: str
    criterion: str | None
    weight: int
    informational: str | None


def check_name(item: pytest.Item) -> str:
    """Return a check's name: file, class and function without parameters, whose ids may hold any character."""
    return _full_name(item, item.originalname if isinstance(item, pytest.Function) else item.name)


def case_name(item: pytest.Item) -> str:
    """Return the name of a check with one set of parameters."""
    return _full_name(item, item.name)


def _full_name(item: pytest.Item, function: str) -> str:
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return "::".join((item.path.name, *classes, function))


def plan_check(item: pytest.Item) -> CheckPlan:
    """Read a check's markers."""
    mark = item.get_closest_marker("criterion")
    informational = next((name for name in ("gpu", "extension") if item.get_closest_marker(name)), None)
    criterion = mark.args[0] if mark and informational is None else None
    weight = mark.kwargs.get("weight", 1) if mark else 1
    return CheckPlan(check_name(item), criterion, weight, informational)


def combine(plan: CheckPlan, cases: Sequence[CaseResult]) -> CheckResult:
    """Make one check of a test function's parameter sets: it passes if all do.

    The first failure speaks for it, a fault of ours before the candidate's.
    """
    worst = _worst(cases)
    shares = [case.share if case.share is not None else Fraction(case.outcome is Outcome.PASSED) for case in cases]
    measured = any(case.share is not None for case in cases)
    return CheckResult(
        name=plan.name,
        criterion=plan.criterion,
        weight=plan.weight,
        informational=plan.informational,
        outcome=worst.outcome,
        blame=worst.blame,
        kind=worst.kind,
        share=sum(shares, Fraction(0)) / len(shares) if measured else None,
        detail=worst.detail,
        duration_s=sum(case.duration_s for case in cases),
    )


def _worst(cases: Iterable[CaseResult]) -> CaseResult:
    failed = [case for case in cases if case.outcome is not Outcome.PASSED]
    ours = [case for case in failed if case.blame is Blame.GRADER]
    if ours or failed:
        return (ours or failed)[0]
    return CaseResult(Outcome.PASSED)


@dataclass
class Collected:
    """What a run of hidden tests leaves behind."""

    plans: dict[str, CheckPlan] = field(default_factory=dict)
    cases: dict[str, list[CaseResult]] = field(default_factory=dict)
    collection_errors: list[str] = field(default_factory=list)
    output: str = ""

    def checks(self) -> tuple[CheckResult, ...]:
        """Return one result a check, those that never ran included."""
        results = []
        for name, plan in self.plans.items():
            missing = CaseResult(Outcome.NOT_RUN, Blame.GRADER, detail="the check did not run")
            results.append(combine(plan, self.cases.get(name) or [missing]))
        return tuple(results)
