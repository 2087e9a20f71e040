"""Print one table over the corpus: `python -m tests.attacks`. Exit 1 when anything is gained, leaked or left."""

import argparse
import dataclasses
import sys

from grading.console import progress, table
from grading.pipeline import Grader
from tests.attacks.arena import Cheat, attempt, corpus


def with_shared_workers(cheat: Cheat) -> Cheat:
    """Return a cheat on an assignment whose checks share workers."""
    limits = dataclasses.replace(cheat.assignment.limits, share_worker=True)
    return dataclasses.replace(cheat, assignment=dataclasses.replace(cheat.assignment, limits=limits))


def main() -> int:
    """Try every cheat and print what it did."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--share-worker", action="store_true", help="let the checks of a criterion share a worker")
    shared = parser.parse_args().share_worker
    cheats = [with_shared_workers(cheat) for cheat in corpus()] if shared else corpus()
    rows = [["cheat", "class", "points", "leaks", "survivors", "seconds"]]
    bad = 0
    with Grader(official=True) as grader, progress("Attacks", "cheats") as bar:
        for number, cheat in enumerate(cheats, 1):
            result = attempt(grader, cheat)
            gained = sum(result.gained.values())
            bad += bool(gained or result.leaks or result.survivors or result.ungraded)
            counts = [f"{gained:g}", str(len(result.leaks)), str(len(result.survivors)), f"{result.seconds:.1f}"]
            rows.append([cheat.path.stem, cheat.kind, *counts])
            bar(number, len(cheats))
    print(table(rows, right=range(2, 6)))
    print(f"{len(cheats)} cheats, {bad} with a gain, a leak or something left behind")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
