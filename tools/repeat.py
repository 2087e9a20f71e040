"""Grade right solutions again and again: `python -m tools.repeat assignments/*`. Exit 1 when a run differs.

With a seed, the reference must give the same score.json to the byte, timings aside. Without one, all accepted solutions
take turns at all levels with inputs drawn anew, and must keep every point; what is lost is told with the seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grading.model import Assignment, Level
    from grading.pipeline import Grader
    from grading.solutions import Solution

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Run:
    """One grading: the document without its timings, and what was not full about it."""

    folder: Path
    document: str
    lost: str


@functools.cache
def _grader() -> Grader:
    from grading.pipeline import Grader

    return Grader()


@functools.cache
def _places(folder: Path) -> tuple[Assignment, list[tuple[Level, Solution]]]:
    """Return an assignment, and every accepted solution at every level: the reference at the highest one first."""
    from grading.catalogue import load_assignment
    from grading.solutions import load_accepted

    assignment = load_assignment(folder, proof=False)
    accepted = sorted(load_accepted(assignment), key=lambda solution: solution.name != assignment.reference.name)
    return assignment, [(level, solution) for level in reversed(assignment.levels) for solution in accepted]


def grade_once(folder: Path, turn: int, seed: int | None) -> Run:
    """Grade an accepted solution; the process keeps its sandbox for the next time."""
    from grading.model import Outcome
    from grading.pipeline import SEED_BITS
    from grading.report.score_json import render_score

    assignment, places = _places(folder)
    level, solution = places[0 if seed is not None else turn % len(places)]
    drawn = secrets.randbits(SEED_BITS) if seed is None else seed
    graded = _grader().grade(assignment, solution.submission, level=level, seed=drawn)
    evidence = dataclasses.replace(graded.evidence, timings={})
    failed = [check.name for check in evidence.checks if check.outcome is not Outcome.PASSED]
    full = graded.grade.auto == graded.grade.auto_max
    what = "" if full else evidence.grader_fault or ", ".join(failed) or "style"
    lost = f"{level} {solution.name}, seed {drawn}: {what}" if what else ""
    return Run(folder, render_score(dataclasses.replace(graded, evidence=evidence)), lost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Repeat and report."""
    from grading.console import progress
    from grading.processes import grading_pool

    parser = argparse.ArgumentParser(prog="python -m tools.repeat", description=__doc__)
    parser.add_argument("assignments", nargs="+", type=Path, help="folders of assignments")
    parser.add_argument("--runs", type=int, default=200, help="gradings of each assignment (default: 200)")
    parser.add_argument("--seed", type=int, help="use this seed in every run; by default each draws its own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="gradings at a time")
    options = parser.parse_args(arguments)
    runs: list[Run] = []
    plan = [(folder, turn) for turn in range(options.runs) for folder in options.assignments]
    try:
        with (
            grading_pool(options.jobs) as pool,
            progress("Repeating", "gradings") as bar,
        ):
            waiting = [pool.submit(grade_once, folder, turn, options.seed) for folder, turn in plan]
            for done in as_completed(waiting):
                runs.append(done.result())
                bar(len(runs), len(plan))
    except KeyboardInterrupt:
        print(f"interrupted after {len(runs)} of {len(plan)} gradings", file=sys.stderr)
    bad = 0
    for folder in options.assignments:
        mine = [run for run in runs if run.folder == folder]
        documents = Counter(run.document for run in mine)
        lost = Counter(run.lost for run in mine if run.lost)
        different = max(len(documents) - 1, 0) if options.seed is not None else 0
        bad += sum(lost.values()) + different
        print(f"{folder.name}: {len(mine)} runs, {sum(lost.values())} not full", end="")
        print(f", {len(documents)} distinct documents" if options.seed is not None else "")
        for what, times in lost.most_common(10):
            print(f"  {times} x {what[:300]}")
    return int(bad > 0) if len(runs) == len(plan) else 130


if __name__ == "__main__":
    sys.exit(main())
