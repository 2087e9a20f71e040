"""The pytest plugin that turns hidden tests into checks: fixtures, one fresh worker a test, outcomes."""

from __future__ import annotations

import math
import random
import sys
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from _pytest.assertion import util
from _pytest.runner import call_and_report, runtestprotocol

from grading.catalogue.hidden import may_hold_checks
from grading.errors import GraderError
from grading.judge.modules import load_oracle, single_thread
from grading.judge.nursery import Loaded
from grading.judge.outcomes import (
    CaseResult,
    Collected,
    NotLoadedError,
    case_name,
    check_name,
    died_by_foreign_signal,
    plan_check,
    rule,
)
from grading.judge.remote import Handle, Session
from grading.model import Assignment, Blame, FailureKind, Level, LoadFault, Outcome
from grading.sandbox.endings import WorkerError

MAX_DETAIL = 8000


class _EndedError(Exception):
    """A worker ended while it loaded the submission. pytest clears a fixture away after an `Exception` only."""

    def __init__(self, error: WorkerError) -> None:
        super().__init__(str(error))
        self.error = error


class JudgePlugin:
    """Runs one submission through an assignment's hidden tests.

    Args:
        take: returns a fresh worker that has loaded the submission.
        try_loading: called once when the tests are collected; returns the fault that keeps every test from running,
            and all faults to show.
    """

    def __init__(
        self,
        assignment: Assignment,
        level: Level,
        seed: int,
        take: Callable[[], Loaded],
        try_loading: Callable[[], tuple[LoadFault | None, tuple[LoadFault, ...]]] | None = None,
    ) -> None:
        self.assignment = assignment
        self.level = level
        self.seed = seed
        self.collected = Collected()
        self._take = take
        self._try_loading = try_loading
        self._load_fault: LoadFault | None = None
        self.load_faults: tuple[LoadFault, ...] = ()
        self.grader_error: GraderError | None = None
        self.on_progress: Callable[[int, int], None] | None = None
        self.order_seed: int | None = None
        self.only: str | None = None
        self.has_gpu = False
        self.idle: Collection[str] = ()
        self._total = 0
        self._deadline = math.inf
        self._error: BaseException | None = None
        self._when = ""
        self._share: Fraction | None = None
        self.prepare_next: Callable[[], None] = lambda: None
        self._more = False
        self._shared: tuple[str, Loaded] | None = None
        self._reused = False

    # fixtures ---------------------------------------------------------------------------------------------------------

    @pytest.fixture
    def _session(self, request: pytest.FixtureRequest) -> Iterator[Session]:
        mark = request.node.get_closest_marker("limit")
        limits = self.assignment.limits
        test_s = float(mark.kwargs["test_s"]) if mark else limits.test_s
        criterion = plan_check(request.node).criterion
        loaded = self._worker_for(criterion)
        try:
            if loaded.error is not None:
                raise _EndedError(loaded.error)
            if loaded.fault is not None:
                raise NotLoadedError(loaded.fault)
            loaded.session.allow(test_s)
            yield loaded.session
        finally:
            if self.assignment.limits.share_worker and criterion is not None and self._error is None:
                self._shared = criterion, loaded
            else:
                self._end(loaded)

    def _worker_for(self, criterion: str | None) -> Loaded:
        """Return the worker that earlier checks of this criterion passed in, if there is one, else a fresh one."""
        shared, self._shared = self._shared, None
        self._reused = shared is not None and shared[0] == criterion
        if shared is not None and self._reused:
            return shared[1]
        if shared is not None:
            self._end(shared[1])
        loaded = self._take()
        if self._more:
            self.prepare_next()
        return loaded

    def _end(self, loaded: Loaded) -> None:
        loaded.channel.close()
        if loaded.channel.output:
            self.collected.output = (self.collected.output + loaded.channel.output)[-MAX_DETAIL:]

    @pytest.fixture
    def solution(self, _session: Session) -> Handle:
        """The candidate's entry module."""
        return _session.solution

    @pytest.fixture
    def inside(self, _session: Session) -> Handle:
        """Our package beside the candidate's code."""
        return _session.inside

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """A generator that is fresh for each run and test, and repeated by the run's seed."""
        return np.random.default_rng(self._seed_of(case_name(request.node)))

    @pytest.fixture
    def oracle(self) -> ModuleType:
        """The assignment's `hidden/oracle.py`, loaded in the judge."""
        return load_oracle(self.assignment.hidden / "oracle.py")

    @pytest.fixture
    def award(self) -> Callable[[Fraction | float | int], None]:
        """Set the share (0 to 1) that a measured check earns."""

        def set_share(share: Fraction | float | int) -> None:
            exact = Fraction(share)
            if not 0 <= exact <= 1:
                raise ValueError(f"award({share}): expected a share from 0 to 1")
            self._share = exact

        return set_share

    def _seed_of(self, case: str) -> np.random.SeedSequence:
        return np.random.SeedSequence([self.seed, zlib.crc32(case.encode())])

    # hooks ------------------------------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Keep tracebacks short: they are private notes, and long ones take longer than the tests."""
        config.option.tbstyle = "short"

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Collect the files whose checks the catalogue counts, and no others."""
        hidden, path = self.assignment.hidden.resolve(), collection_path.resolve()
        return not may_hold_checks(path, hidden) if path.is_relative_to(hidden) else None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop tests of other levels, of bugs that were not drawn and, where `only` asks for it, of other kinds.

        A test that needs a GPU where there is none is not run and nobody's fault: it stays unassessed.
        """
        kept = []
        for item in items:
            levels, plan = item.get_closest_marker("levels"), plan_check(item)
            elsewhere = levels is not None and self.level.value not in levels.args
            if elsewhere or plan.name in self.idle or self.only not in (None, plan.informational):
                continue
            self.collected.plans[plan.name] = plan
            if plan.informational == "gpu" and not self.has_gpu:
                self.collected.cases[plan.name] = [CaseResult(Outcome.NOT_RUN, detail="this run shows no GPU")]
            else:
                kept.append(item)
        items[:] = kept
        if self.order_seed is not None:
            random.Random(self.order_seed).shuffle(items)  # noqa: S311 - an order of tests, not a secret
        self._total = len(kept)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong while the hidden tests were imported; a file that skips itself takes its checks away."""
        if not report.passed:
            self.collected.collection_errors.append(str(report.longrepr)[:MAX_DETAIL])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool | None:
        """Load the submission once before any test; without a working sandbox, run none."""
        single_thread(sys.modules)
        self._deadline = time.monotonic() + self.assignment.limits.run_s
        if self._try_loading is None:
            return None
        try:
            self._load_fault, self.load_faults = self._try_loading()
        except GraderError as error:
            self.grader_error = error
            return True
        return None

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one case; once more, in a fresh worker, if it failed in a shared one or by a signal that was not ours."""
        cases = self.collected.cases.setdefault(check_name(item), [])
        if any(case.blame is Blame.CANDIDATE for case in cases):
            # The check has failed; its other cases cannot change that, and may each cost a time limit.
            cases += self._pass_over(item, nextitem)
        elif self._load_fault is not None:
            detail = f"{self._load_fault.file}: {self._load_fault.message}"
            cases.append(CaseResult(Outcome.FAILED, Blame.CANDIDATE, FailureKind.LOAD, detail))
        elif time.monotonic() > self._deadline:
            detail = "the submission used up the time of the whole run"
            cases.append(CaseResult(Outcome.TIMED_OUT, Blame.CANDIDATE, FailureKind.TIMEOUT, detail))
            cases += self._pass_over(item, nextitem)
        else:
            self._more = nextitem is not None and not self._can_share(item, nextitem)
            result = self._run_case(item, nextitem)
            if self._error is not None and self._reused:
                result = self._run_again(item, nextitem)
            if self._error is not None and died_by_foreign_signal(self._error):
                result = self._run_again(item, nextitem)
            cases.append(result)
        if self.on_progress is not None:
            self.on_progress(nextitem.session.items.index(nextitem) if nextitem else self._total, self._total)
        return True

    def _pass_over(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[CaseResult]:
        """End the fixtures that a case which is not run shares with earlier ones and not with the next.

        pytest does so after each item that it runs. Left standing, they would make the next file's first test a failure
        of ours, so that a candidate could spoil a grade by failing the last check of a file.

        Returns: what went wrong in that, if something did.
        """
        self._error = None
        result = self._result(item, [call_and_report(item, "teardown", log=False, nextitem=nextitem)])
        return [] if result.outcome is Outcome.PASSED else [result]

    def _can_share(self, item: pytest.Item, other: pytest.Item) -> bool:
        criterion = plan_check(item).criterion
        return (
            self.assignment.limits.share_worker and criterion is not None and criterion == plan_check(other).criterion
        )

    def _run_again(self, item: pytest.Item, nextitem: pytest.Item | None) -> CaseResult:
        """Run a case once more, in a fresh worker."""
        item._initrequest()  # type: ignore[attr-defined] # as pytest's own rerun plugins do
        return self._run_case(item, nextitem)

    def _run_case(self, item: pytest.Item, nextitem: pytest.Item | None) -> CaseResult:
        self._error, self._when, self._share = None, "", None
        # pytest would explain `==` by a diff, which takes hours where the candidate returns long lists.
        util._reprcompare = None
        return self._result(item, runtestprotocol(item, log=False, nextitem=nextitem))

    def _result(self, item: pytest.Item, reports: list[pytest.TestReport]) -> CaseResult:
        duration = sum(report.duration for report in reports)
        if self._error is None:
            return CaseResult(Outcome.PASSED, duration_s=duration, share=self._share)
        ruling = rule(self._error, in_setup=self._when != "call")
        text = "\n".join(str(report.longrepr) for report in reports if report.longrepr is not None)
        detail = f"{type(self._error).__name__}: {self._error}\n{text}"[:MAX_DETAIL]
        skipped = isinstance(self._error, pytest.skip.Exception)
        if ruling.blame is Blame.GRADER and item.get_closest_marker("gpu") and skipped:
            return CaseResult(Outcome.NOT_RUN, detail=detail, duration_s=duration)
        return CaseResult(ruling.outcome, ruling.blame, ruling.kind, detail, duration)

    def pytest_sessionfinish(self) -> None:
        """End the worker that the last checks shared."""
        if self._shared is not None:
            self._end(self._shared[1])
            self._shared = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Keep the first exception of a case."""
        if call.excinfo is not None and self._error is None:
            error = call.excinfo.value
            self._error, self._when = error.error if isinstance(error, _EndedError) else error, call.when
        return (yield)
