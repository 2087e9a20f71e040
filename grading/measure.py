"""Grades many solutions in several processes and tells what each scored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from grading.catalogue import load_assignment
from grading.errors import TakeHomeError
from grading.model import Assignment, JudgedBy, Level, Outcome
from grading.pipeline import Grader
from grading.processes import grading_pool
from grading.solutions import Kind, Solution

Progress = Callable[[int, int], None]
"""Called with gradings done and gradings in all."""


@dataclass(frozen=True)
class Job:
    """One grading of the matrix.

    Attributes:
        draw: whose bugs' checks count; None counts those of the whole pool.
    """

    directory: Path
    level: Level
    solution: Solution
    hash_seed: int = 0
    order_seed: int | None = None
    draw: int | None = None


@dataclass(frozen=True)
class Measured:
    """What one grading found.

    Attributes:
        points: criterion → points, for criteria judged by tests.
        maxima: criterion → points it could have.
        killed: hidden tests that did not pass.
        error: why there is no grade, if there is none.
    """

    job: Job
    auto: Fraction
    auto_max: int
    points: Mapping[str, Fraction]
    maxima: Mapping[str, int]
    killed: tuple[str, ...]
    checks: tuple[str, ...]
    suite_s: float
    error: str | None = None


def measure_all(plan: Sequence[Job], jobs: int, on_progress: Progress | None) -> list[Measured]:
    """Grade every job, several at a time; return the results in the order of the plan."""
    if not plan:
        return []
    results: dict[int, Measured] = {}
    with grading_pool(min(jobs, len(plan))) as pool:
        futures = {pool.submit(measure, job): i for i, job in enumerate(plan)}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            if on_progress is not None:
                on_progress(len(results), len(plan))
    return [results[i] for i in range(len(plan))]


@functools.cache
def _grader() -> Grader:
    return Grader(remember_own_tests=True)


@functools.cache
def _assignment(directory: Path) -> Assignment:
    return load_assignment(directory)


def measure(job: Job) -> Measured:
    """Grade one solution. Runs in a process of its own, which keeps its sandboxes from job to job."""
    assignment = _assignment(job.directory)
    empty = Measured(job, Fraction(0), 0, {}, {}, (), (), 0.0)
    if job.solution.fault is not None:
        return _failed(empty, job.solution.fault)
    if job.solution.kind is Kind.ACCEPTED:
        _grader().forget_own_tests()  # these are judged as often as the plan says
    try:
        graded = _grader().grade(
            assignment,
            job.solution.submission,
            level=job.level,
            hash_seed=job.hash_seed,
            order_seed=job.order_seed,
            draw=job.draw,
        )
    except TakeHomeError as error:
        return _failed(empty, str(error))
    if graded.grade.auto is None:
        evidence = graded.evidence
        details = [check.detail for check in evidence.checks if check.blame is not None and check.detail]
        why = [evidence.grader_fault, *details, evidence.lint_error]
        return _failed(empty, f"ungraded: {next(filter(None, why), '')[:600]}")
    tested = [c for c in graded.grade.criteria if c.judged_by in (JudgedBy.TESTS, JudgedBy.OWN_TESTS)]
    checks = [check for check in graded.evidence.checks if check.criterion is not None]
    return Measured(
        job=job,
        auto=graded.grade.auto,
        auto_max=graded.grade.auto_max,
        points={c.id: c.points or Fraction(0) for c in tested},
        maxima={c.id: c.max for c in tested},
        killed=tuple(check.name for check in checks if check.outcome is not Outcome.PASSED),
        checks=tuple(check.name for check in checks),
        suite_s=graded.evidence.timings["tests_s"],
    )


def _failed(empty: Measured, error: str) -> Measured:
    return Measured(**{**empty.__dict__, "error": error})
