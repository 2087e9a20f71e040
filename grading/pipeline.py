"""The only module that knows the order: submission → sandboxed tests, lint, integrity → evidence → grade.

The sandbox starts first and loads its libraries while the judge loads its own; that is why `grading.judge`, which
imports pytest and numpy, is imported inside the functions that need it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import secrets
import site
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from grading.catalogue import hidden_sha256, rubric_sha256
from grading.draw import idle_checks
from grading.errors import GraderError, IsolationError
from grading.evidence.answers import find_copied_answers, read_sources
from grading.evidence.integrity import find_flags
from grading.evidence.lint import lint_submission
from grading.evidence.own_tests import OwnTestsRun, lone_refusal_flags, peeking_flags, run_own_tests
from grading.model import Assignment, Blame, Evidence, Graded, Isolation, Level, Marks, Provenance, Submission
from grading.sandbox.bubblewrap import Capability, probe_isolation
from grading.sandbox.host import Zygote, ZygoteKey
from grading.sandbox.tools import grader_commit
from grading.scoring import score_evidence

if TYPE_CHECKING:
    from grading.judge.run import JudgeRun

ROOT = Path(__file__).resolve().parent.parent
LINT_CONFIGURATION = ROOT / ".github" / "candidate" / "pyproject.toml"
SEED_BITS = 63
_GRADER_TRIES = 2
_SETTLE_S = 2.0

Progress = Callable[[int, int], None]
"""Called with checks done and checks in all."""


class Grader:
    """Grades submissions one after another, keeping preloaded sandboxes between them.

    Args:
        official: refuse to grade without full isolation.
        remember_own_tests: judge own tests that were seen before, in other submissions, by what came of them then. For
            `validate`, where a hundred solutions carry the same ones; never for candidates.

    Raises:
        IsolationError: official, and this machine cannot isolate a submission.
    """

    def __init__(
        self, *, official: bool = False, capability: Capability | None = None, remember_own_tests: bool = False
    ) -> None:
        self.capability = capability or probe_isolation()
        self.official = official
        if official and self.capability.isolation is not Isolation.FULL:
            raise IsolationError(
                f"an official grade needs full isolation, and this machine gives {self.capability.isolation.value} "
                f"isolation: {self.capability.reason}. Mend that, or leave out --official for a practice grade."
            )
        self._zygotes: dict[ZygoteKey, Zygote] = {}
        self._own_tests: dict[object, OwnTestsRun] | None = {} if remember_own_tests else None

    def forget_own_tests(self) -> None:
        """Judge own tests afresh that were seen before."""
        if self._own_tests is not None:
            self._own_tests.clear()

    def prepare(self, assignment: Assignment, hash_seed: int = 0) -> Zygote:
        """Start the sandbox that an assignment needs, unless it runs already. Returns at once."""
        key = ZygoteKey(assignment.libraries, assignment.forbidden, hash_seed)
        zygote = self._zygotes.get(key)
        if zygote is not None and not zygote.alive:
            zygote.close()
            zygote = None
        if zygote is None:
            zygote = self._zygotes[key] = Zygote(self.capability, key)
        return zygote

    def grade(
        self,
        assignment: Assignment,
        submission: Submission,
        *,
        level: Level,
        seed: int | None = None,
        marks: Marks | None = None,
        hash_seed: int = 0,
        order_seed: int | None = None,
        on_progress: Progress | None = None,
        draw: int | None = 0,
    ) -> Graded:
        """Grade one submission.

        Args:
            seed: decides every random input; None draws a secret one.
            hash_seed: PYTHONHASHSEED of the candidate's process.
            order_seed: shuffles the tests; None keeps their order.
            draw: which draw of bugs the starter had, where the assignment draws; only the checks of drawn bugs count.
                None counts all, as for a solution that is to be right in everything.

        Returns: the grade; where the grader failed for good it is ungraded, with the reason in its evidence.
        """
        seed = secrets.randbits(SEED_BITS) if seed is None else seed
        idle = frozenset() if draw is None else idle_checks(assignment, level, draw)
        evidence = self._observe(assignment, submission, level, idle, seed, hash_seed, order_seed, on_progress)
        return Graded(
            grade=score_evidence(evidence, assignment, level, marks or Marks()),
            submission=submission,
            evidence=evidence,
            provenance=replace(provenance_of(assignment), draw=draw if assignment.draw else None),
            official=self.official,
        )

    def _observe(
        self,
        assignment: Assignment,
        submission: Submission,
        level: Level,
        idle: Collection[str],
        seed: int,
        hash_seed: int,
        order_seed: int | None,
        on_progress: Progress | None,
    ) -> Evidence:
        started = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            linting = pool.submit(lint_submission, submission, LINT_CONFIGURATION)
            pool.submit(provenance_of, assignment)  # it is remembered; look while the libraries load
            starter = read_sources(assignment.directory / "starter" / level.value)
            copied = find_copied_answers(submission, read_sources(assignment.visible), starter)
            peeks = peeking_flags(assignment, submission)
            flags = (*submission.flags, *find_flags(submission), *copied, *peeks)
            run, own, fault = self._run_twice(
                assignment, submission, level, idle, seed, hash_seed, order_seed, on_progress
            )
            findings, lint_error = linting.result()
        return Evidence(
            checks=(*run.checks, *own.checks),
            isolation=self.capability.isolation,
            load_faults=run.load_faults,
            lint=findings,
            lint_error=lint_error,
            flags=(*flags, *lone_refusal_flags(own.checks)),
            seed=seed,
            output=run.output,
            timings={**run.timings, **own.timings, "total_s": time.monotonic() - started},
            grader_fault=fault,
            own_coverage=own.coverage,
        )

    def _run_twice(
        self,
        assignment: Assignment,
        submission: Submission,
        level: Level,
        idle: Collection[str],
        seed: int,
        hash_seed: int,
        order_seed: int | None,
        on_progress: Progress | None,
    ) -> tuple[JudgeRun, OwnTestsRun, str | None]:
        """Run hidden and own tests; once more in a new sandbox if the first died. Return the grader's fault, if any."""
        fault = ""
        for attempt in range(_GRADER_TRIES):
            zygote = self.prepare(assignment, hash_seed)
            try:
                from grading.judge.run import run_hidden_tests

                run = run_hidden_tests(
                    assignment,
                    submission,
                    level=level,
                    zygote=zygote,
                    seed=seed,
                    order_seed=order_seed,
                    on_progress=on_progress,
                    idle=idle,
                )
                own = self._judge_own_tests(assignment, submission, level, zygote, seed)
            except GraderError as error:
                fault = str(error)
                if not zygote.dies_within(_SETTLE_S):
                    break
            else:
                spoiled = any(check.blame is Blame.GRADER for check in run.checks)
                if not spoiled or attempt + 1 == _GRADER_TRIES or not zygote.dies_within(_SETTLE_S):
                    return run, own, None
        from grading.judge.run import JudgeRun

        return JudgeRun(checks=(), load_faults=(), output="", timings={}), OwnTestsRun(), fault

    def _judge_own_tests(
        self, assignment: Assignment, submission: Submission, level: Level, zygote: Zygote, seed: int
    ) -> OwnTestsRun:
        if self._own_tests is None or assignment.own_tests is None:
            return run_own_tests(assignment, submission, level=level, zygote=zygote, seed=seed)
        files = frozenset((name, data) for name, data in submission.files.items() if assignment.is_own_test(name))
        key = (assignment.directory, level, files)
        if key not in self._own_tests:
            self._own_tests[key] = run_own_tests(assignment, submission, level=level, zygote=zygote, seed=seed)
        return replace(self._own_tests[key], coverage=None, timings={})

    def close(self) -> None:
        """End every sandbox."""
        while self._zygotes:
            self._zygotes.popitem()[1].close()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def provenance_of(assignment: Assignment) -> Provenance:
    """Return the hashes of what makes a score: tests, rubric, grader, environment."""
    return Provenance(
        hidden_sha256=hidden_sha256(assignment),
        rubric_sha256=rubric_sha256(assignment),
        grader_commit=_own_commit(),
        environment_sha256=_environment_sha256(),
    )


@functools.cache
def _own_commit() -> str | None:
    """Return the commit of the code that this process runs."""
    return grader_commit(ROOT)


@functools.cache
def _environment_sha256() -> str:
    """Hash what is installed; once, for this process has loaded it by then.

    Libraries that load meanwhile must not change it: setuptools adds its own copies of packages to `sys.path`, and
    importlib_metadata a second finder, which lists everything twice.
    """
    folders = site.getsitepackages() + [site.getusersitepackages()] * bool(site.ENABLE_USER_SITE)
    installed = {f"{d.metadata['Name']}=={d.version}" for d in importlib.metadata.distributions(path=folders)}
    text = "\n".join([platform.python_version(), platform.machine(), *sorted(installed)])
    return hashlib.sha256(text.encode()).hexdigest()
