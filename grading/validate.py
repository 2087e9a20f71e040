"""Proves assignments against their solutions: the matrix of solutions × criteria, and what must be true of it.

An assignment deviates when a solution scores other than it should, when a hidden test catches no wrong solution, when a
starter is not what the reference gives, or when the exported repository holds something private.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from grading.catalogue.draw import bugs_of_checks, load_pool
from grading.catalogue.own_tests import CATCHES, RIGHT
from grading.draw import draw_of, starter_files
from grading.errors import TakeHomeError
from grading.export import export_candidate, find_leaks
from grading.measure import Job, Measured, Progress, measure_all
from grading.model import Assignment, JudgedBy, Level, Submission
from grading.proofs import drifted_starters, visible_test_faults
from grading.solutions import Kind, Solution, load_solutions

REPEATS = 3
SOAK_REPEATS = 20
HASH_SEEDS = (0, 1, 2, 3, 4)
MAX_STUB_POINTS = 5
MIN_WRONG_PER_CRITERION = 2


class Effort(Enum):
    """How much `validate` tries."""

    QUICK = "quick"
    FULL = "full"
    SOAK = "soak"


_DRAWS = {Effort.QUICK: 3, Effort.FULL: 50, Effort.SOAK: 50}
_REPEATS = {Effort.QUICK: 1, Effort.FULL: REPEATS, Effort.SOAK: SOAK_REPEATS}


@dataclass(frozen=True)
class Row:
    """The proof of one assignment at one level."""

    assignment: str
    level: Level
    counts: Mapping[Kind, int]
    checks: int
    median_s: float
    deviations: tuple[str, ...]


@dataclass(frozen=True)
class Validation:
    """The proof of several assignments."""

    rows: tuple[Row, ...]
    gradings: int
    matrix: tuple[Measured, ...] = field(default=(), repr=False)

    @property
    def deviations(self) -> int:
        """How many deviations there are in all."""
        return sum(len(row.deviations) for row in self.rows)


def validate(
    assignments: Sequence[Assignment],
    *,
    levels: Sequence[Level] = (),
    effort: Effort = Effort.FULL,
    jobs: int = 2,
    on_progress: Progress | None = None,
) -> Validation:
    """Grade every solution of each assignment and report what deviates.

    Args:
        levels: only these, where an assignment has them; by default each assignment's highest, with a soak all.
        effort: a soak grades accepted solutions 20 times, in random order, over five hash seeds; a quick look grades
            them once, and of the wrong ones two for each criterion.
        jobs: gradings at a time, each in a process of its own.
    """
    plan: list[Job] = []
    places = [(assignment, at) for assignment in assignments for at in _levels(assignment, levels, effort)]
    for assignment, at in places:
        plan.extend(_plan(assignment, at, effort))
    matrix = measure_all(plan, jobs, on_progress)
    by_place: dict[tuple[Path, Level], list[Measured]] = defaultdict(list)
    for measured in matrix:
        by_place[measured.job.directory, measured.job.level].append(measured)
    rows = [_judge(assignment, at, by_place[assignment.directory, at], effort) for assignment, at in places]
    return Validation(tuple(rows), len(matrix), tuple(matrix))


def _levels(assignment: Assignment, levels: Sequence[Level], effort: Effort) -> tuple[Level, ...]:
    if levels:
        return tuple(level for level in assignment.levels if level in levels)
    return assignment.levels if effort is Effort.SOAK else assignment.levels[-1:]


def _draws(assignment: Assignment, level: Level, effort: Effort) -> Iterator[Job]:
    """Plan the starters of many draws, each judged by the checks of its own bugs alone."""
    for seed in range(_DRAWS[effort]):
        try:
            files = starter_files(assignment, level, draw_of(assignment, level, seed))
            submission = Submission({name: text.encode() for name, text in files.items()}, f"draw {seed}")
            solution = Solution(Kind.STARTER, f"draw {seed}", submission)
        except TakeHomeError as error:
            solution = Solution(Kind.STARTER, f"draw {seed}", Submission({}, f"draw {seed}"), fault=str(error))
        yield Job(assignment.directory, level, solution, draw=seed)


def _plan(assignment: Assignment, level: Level, effort: Effort) -> Iterator[Job]:
    solutions = load_solutions(assignment, level)
    if assignment.draw:
        solutions = tuple(solution for solution in solutions if solution.kind is not Kind.STARTER)
        yield from _draws(assignment, level, effort)
    for solution in _few(solutions) if effort is Effort.QUICK else solutions:
        soak = effort is Effort.SOAK
        repeats = _REPEATS[effort] if solution.kind is Kind.ACCEPTED else 1
        for repeat in range(repeats):
            hash_seed = HASH_SEEDS[repeat % len(HASH_SEEDS)] if soak else 0
            yield Job(assignment.directory, level, solution, hash_seed, repeat if soak else None)


def _few(solutions: Iterable[Solution]) -> Iterator[Solution]:
    """Leave out wrong solutions whose criteria others have shown often enough, and solutions that do not load."""
    seen: Counter[str] = Counter()
    for solution in solutions:
        if solution.kind is Kind.WRONG and solution.fault is None:
            if all(seen[criterion] >= MIN_WRONG_PER_CRITERION for criterion in solution.loses):
                continue
            seen.update(solution.loses)
        yield solution


# judging --------------------------------------------------------------------------------------------------------------


def _judge(assignment: Assignment, level: Level, matrix: Sequence[Measured], effort: Effort) -> Row:
    deviations = [
        *(text for measured in matrix for text in deviations_of(measured)),
        *_coverage_deviations(assignment, level, matrix, effort),
        *drifted_starters(assignment),
        *visible_test_faults(assignment, level),
        *_leaks(assignment, level),
    ]
    counts = {kind: len({m.job.solution.name for m in matrix if m.job.solution.kind is kind}) for kind in Kind}
    times = [m.suite_s for m in matrix if m.job.solution.kind is Kind.ACCEPTED and m.error is None]
    return Row(
        assignment=assignment.id,
        level=level,
        counts=counts,
        checks=max((len(m.checks) for m in matrix), default=0),
        median_s=statistics.median(times) if times else 0.0,
        deviations=tuple(deviations),
    )


def deviations_of(measured: Measured) -> Iterator[str]:
    """Say in what one grading differs from what its solution is there to prove."""
    solution = measured.job.solution
    name = f"{solution.kind.value}/{solution.name}"
    if measured.error is not None:
        yield f"{name}: {measured.error}"
        return
    auto = f"{float(measured.auto):g} of {measured.auto_max}"
    if solution.kind in (Kind.STARTER, Kind.CHEAT) and measured.auto > 0:
        yield f"{name}: expected no automatic point; found {auto}"
    elif solution.kind is Kind.STUB and measured.auto > MAX_STUB_POINTS:
        yield f"{name}: expected at most {MAX_STUB_POINTS} automatic points; found {auto}"
    elif solution.kind is Kind.ACCEPTED and measured.auto != measured.auto_max:
        yield f"{name}: expected every automatic point; found {auto}; did not pass: {_names(measured.killed)}"
    elif solution.kind is Kind.WRONG:
        yield from _wrong_deviations(measured, name)


def _wrong_deviations(measured: Measured, name: str) -> Iterator[str]:
    solution = measured.job.solution
    unknown = sorted({*solution.loses, *solution.may_also_lose} - set(measured.maxima))
    if unknown:
        yield f"{name}: names criteria that tests do not judge at this level: {_names(unknown)}"
    if not solution.loses:
        yield f"{name}: expected at least one criterion in `loses`"
    lost = {c for c, points in measured.points.items() if points < measured.maxima[c]}
    for criterion in solution.loses:
        if criterion in measured.maxima and criterion not in lost:
            yield f"{name}: expected a loss in {criterion}; it kept all {measured.maxima[criterion]} points"
    extra = sorted(lost - {*solution.loses, *solution.may_also_lose})
    if extra:
        yield f"{name}: lost points in {_names(extra)} without saying so; did not pass: {_names(measured.killed)}"


def _coverage_deviations(
    assignment: Assignment, level: Level, matrix: Sequence[Measured], effort: Effort
) -> Iterator[str]:
    wrong = [m for m in matrix if m.job.solution.kind is Kind.WRONG and m.error is None]
    for criterion in assignment.rubric.at(level):
        if criterion.judged_by in (JudgedBy.TESTS, JudgedBy.OWN_TESTS):
            hits = sum(criterion.id in m.job.solution.loses for m in wrong)
            if hits < MIN_WRONG_PER_CRITERION:
                yield f"criterion {criterion.id}: hit by {hits} wrong solutions; expected {MIN_WRONG_PER_CRITERION}"
    yield from _own_tests_deviations(assignment, matrix)
    yield from _bug_deviations(assignment, matrix)
    if effort is Effort.QUICK:
        return  # too few wrong solutions to say what none of them is caught by
    killers = {check for m in wrong for check in m.killed}
    idle = sorted({check for m in matrix for check in m.checks} - killers)
    for check in idle:
        if check.startswith((RIGHT, CATCHES)):
            continue
        yield f"hidden test {check}: catches no wrong solution; add one that it catches, or delete it"


def _own_tests_deviations(assignment: Assignment, matrix: Sequence[Measured]) -> Iterator[str]:
    """Say which planted bugs no accepted solution's own tests catch: perhaps nobody's can."""
    accepted = [m for m in matrix if m.job.solution.kind is Kind.ACCEPTED and m.error is None]
    for variant in assignment.own_tests.variants if assignment.own_tests is not None and accepted else ():
        name = f"{CATCHES}[{variant}]"
        runs = [m for m in accepted if name in m.checks]
        if runs and all(name in m.killed for m in runs):
            yield f"planted bug {variant}: caught by no accepted solution's own tests; write one, or plant another bug"


def _bug_deviations(assignment: Assignment, matrix: Sequence[Measured]) -> Iterator[str]:
    """Say where a bug of the pool, alone or among those of a draw, passes a check of its own."""
    if not assignment.draw:
        return
    bug_of = bugs_of_checks(assignment)
    pool = {bug.name for bug in load_pool(assignment)}
    for measured in (m for m in matrix if m.error is None):
        solution, passed = measured.job.solution, set(measured.checks) - set(measured.killed)
        alone = solution.kind is Kind.WRONG and solution.name in pool
        for check in sorted(passed):
            if check in bug_of and (solution.kind is Kind.STARTER or (alone and bug_of[check] == solution.name)):
                yield f"{solution.kind.value}/{solution.name}: has the bug {bug_of[check]} and passes its check {check}"


def _leaks(assignment: Assignment, level: Level) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="take-home-") as folder:
        repository = Path(folder) / "candidate.git"
        try:
            export_candidate(
                repository,
                candidate="validation",
                assignments=[assignment.id],
                level=level,
                due=None,
                assignments_root=assignment.directory.parent,
            )
        except TakeHomeError as error:
            yield f"export: {error}"
            return
        yield from (f"leak: {leak}" for leak in find_leaks(repository, [assignment]))


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
