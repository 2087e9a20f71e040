"""Kill random parts of gradings at random moments, many times: `python -m tests.faults.soak --runs N`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.machine import TARGETS, faults_of, grade, killer


def main() -> int:
    """Run; return 1 if a run ended wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=60, metavar="N", help="gradings that are disturbed; default: 60")
    parser.add_argument("--seed", type=int, default=0, help="decides what is killed when; default: 0")
    parser.add_argument("--target", choices=TARGETS, action="append", help="kill only this part; may be repeated")
    options = parser.parse_args()
    luck = random.Random(options.seed)  # noqa: S311 - not a secret
    counts: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        clean = grade(Path(folder) / "clean")
        for number in range(options.runs):
            target = (options.target or TARGETS)[number % len(options.target or TARGETS)]
            run = grade(Path(folder) / str(number), fault=killer(target, luck))
            ended = {0: "graded", 3: "ungraded"}.get(run.status, "killed" if run.status < 0 else str(run.status))
            counts[f"{target}: {ended if run.hit else 'not hit'}"] += 1
            counts[f"{target}: left temporary files"] += bool(run.files)
            for fault in faults_of(run, target, clean):
                wrong += 1
                print(f"run {number}, {target}: {fault}", flush=True)
    for what, count in sorted(counts.items()):
        if count:
            print(f"{what:40} {count}")
    print(f"{options.runs} runs, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
