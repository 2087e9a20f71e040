"""Time one cold, fully isolated grade of early_stopping's reference beside plain in-process pytest on the same tests.

Both start a fresh Python process each time and are interleaved, so that a busy machine slows both. Prints the medians
and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = ROOT / "assignments" / "early_stopping"
REFERENCE = ASSIGNMENT / "solutions" / "accepted" / "reference"
RUNS = 7
BAR = 1.5

GRADE = [sys.executable, "-m", "grading", "grade", str(REFERENCE), "--assignment", "early_stopping", "--official"]
PLAIN = [sys.executable, "-m", "pytest", "-q", "-p", "grading.judge.plugin", str(ASSIGNMENT / "hidden")]
PLAIN += ["--solution", str(REFERENCE)]


def wall_s(command: list[str]) -> float:
    """Run a command that must succeed; return its wall time in seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def main() -> int:
    """Measure and print; exit 1 when the ratio passes the bar."""
    times: dict[str, list[float]] = {"grade": [], "plain": []}
    for run in range(-1, RUNS):  # the first warms the page cache and does not count
        for name, command in (("grade", GRADE), ("plain", PLAIN)):
            seconds = wall_s(command)
            if run >= 0:
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, title in (("grade", "cold, fully isolated grade"), ("plain", "plain in-process pytest")):
        spread = f"median of {RUNS}, {min(times[name]):.2f} to {max(times[name]):.2f}"
        print(f"{title:28} {medians[name]:.2f} s  ({spread})")
    ratio = medians["grade"] / medians["plain"]
    print(f"{'ratio':28} {ratio:.2f}    (bar {BAR})")
    return int(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
