"""Grade references again and again: `python -m tools.repeat assignments/*`. Exit 1 when a run differs.

With a seed, the same submission must give the same score.json to the byte, timings aside. Without one, inputs are drawn
anew for each run, and a correct solution must still keep every point.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Run:
    """One grading: the document without its timings, and what was not full about it."""

    folder: Path
    document: str
    lost: str


@functools.cache
def _grader() -> object:
    from grading.pipeline import Grader

    return Grader()


def grade_once(folder: Path, seed: int | None) -> Run:
    """Grade an assignment's reference; the process keeps its sandbox for the next time."""
    from grading.catalogue import load_assignment
    from grading.model import Outcome
    from grading.report.score_json import render_score
    from grading.submission import load_folder

    assignment = load_assignment(folder, proof=False)
    submission = load_folder(folder / "solutions" / "accepted" / "reference", assignment)
    graded = _grader().grade(assignment, submission, level=assignment.levels[-1], seed=seed)  # type: ignore[attr-defined]
    evidence = dataclasses.replace(graded.evidence, timings={})
    failed = [check.name for check in evidence.checks if check.outcome is not Outcome.PASSED]
    full = graded.grade.auto == graded.grade.auto_max
    lost = "" if full else evidence.grader_fault or ", ".join(failed) or "style"
    return Run(folder, render_score(dataclasses.replace(graded, evidence=evidence)), lost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Repeat and report."""
    from grading.console import progress
    from grading.processes import grading_pool

    parser = argparse.ArgumentParser(prog="python -m tools.repeat", description=__doc__)
    parser.add_argument("assignments", nargs="+", type=Path, help="folders of assignments")
    parser.add_argument("--runs", type=int, default=200, help="gradings of each reference (default: 200)")
    parser.add_argument("--seed", type=int, help="use this seed in every run; by default each draws its own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="gradings at a time")
    options = parser.parse_args(arguments)
    runs: list[Run] = []
    plan = [folder for folder in options.assignments for _ in range(options.runs)]
    try:
        with (
            grading_pool(options.jobs) as pool,
            progress("Repeating", "gradings") as bar,
        ):
            waiting = [pool.submit(grade_once, folder, options.seed) for folder in plan]
            for done in as_completed(waiting):
                runs.append(done.result())
                bar(len(runs), len(plan))
    except KeyboardInterrupt:
        print(f"interrupted after {len(runs)} of {len(plan)} gradings", file=sys.stderr)
        return 130
    bad = 0
    for folder in options.assignments:
        mine = [run for run in runs if run.folder == folder]
        documents = Counter(run.document for run in mine)
        lost = Counter(run.lost for run in mine if run.lost)
        different = len(documents) - 1 if options.seed is not None else 0
        bad += sum(lost.values()) + different
        print(f"{folder.name}: {len(mine)} runs, {sum(lost.values())} not full", end="")
        print(f", {len(documents)} distinct documents" if options.seed is not None else "")
        for what, times in lost.most_common(5):
            print(f"  {times} x {what[:300]}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
