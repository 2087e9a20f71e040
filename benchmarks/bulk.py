"""Our grader kept warm: one process that grades as many submissions as it is told to, again and again.

Reads "GRADE first count" lines, grades copies of the reference that differ in a comment, and answers each with one JSON
line. `--profile FILE` writes what cProfile saw.
"""

from __future__ import annotations

import cProfile
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.places import ASSIGNMENT, REFERENCE
from grading.catalogue import load_assignment
from grading.model import Level
from grading.pipeline import Grader
from grading.report.score_json import render_score
from grading.submission import load_file


def rss_mib() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def children_cpu_s() -> float:
    """Return the CPU time of the processes that this one has waited for: the linter's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Serve until standard input ends."""
    profile = cProfile.Profile() if len(sys.argv) > 1 else None
    assignment = load_assignment(ASSIGNMENT, proof=False)
    source = REFERENCE.read_text()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with Grader(official=True) as grader, tempfile.TemporaryDirectory(prefix="take-home-bench-") as scratch:
        grader.prepare(assignment)
        for line in sys.stdin:
            first, count = map(int, line.split()[1:])
            started, cpu, linted, scores = time.perf_counter(), time.process_time(), children_cpu_s(), []
            if profile is not None:
                profile.enable()
            for number in range(first, first + count):
                path = Path(scratch, "solution.py")
                path.write_text(f"{source}\n# submission {number}\n")
                graded = grader.grade(assignment, load_file(path, assignment), level=Level.MID)
                scores.append(json.loads(render_score(graded))["auto"])
            if profile is not None:
                profile.disable()
            answer = {"wall_s": time.perf_counter() - started, "judge_cpu_s": time.process_time() - cpu}
            answer["lint_cpu_s"] = children_cpu_s() - linted
            answers.write(json.dumps({**answer, "scores": scores, "rss_mib": rss_mib()}) + "\n")
    if profile is not None:
        profile.dump_stats(sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
