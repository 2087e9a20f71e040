"""What the candidate waits for: `check` beside bare pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from benchmarks.places import ASSIGNMENT, BUILD, OUR_PYTHON, REFERENCE, ROOT
from benchmarks.processes import Group
from benchmarks.served import LIMIT_S


def time_check(group: Group, runs: int) -> tuple[list[float], list[float]]:
    """Time the candidate's check beside bare pytest, in an exported repository that holds the reference.

    Returns: wall times of `check` and of pytest, in seconds.
    """
    repository = BUILD / "candidate"
    shutil.rmtree(repository, ignore_errors=True)
    export = [str(OUR_PYTHON), "-m", "grading", "export", str(repository), "--candidate", "Benchmark"]
    export += ["--assignments", ASSIGNMENT.name, "--assignment-dir", str(ASSIGNMENT)]
    subprocess.run(export, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own command
    switch = ["git", "switch", "--quiet", f"task/{ASSIGNMENT.name}"]
    subprocess.run(switch, cwd=repository, check=True, capture_output=True)  # noqa: S603 - our own command
    folder = repository / "assignments" / ASSIGNMENT.name
    shutil.copy(REFERENCE, folder / "solution.py")
    commands = {
        "check": ([str(OUR_PYTHON), "-m", "grading", "check", ASSIGNMENT.name], repository),
        "pytest": ([str(OUR_PYTHON), "-m", "pytest", "-q", "tests"], folder),
    }
    said = {"check": "All visible tests pass", "pytest": "9 passed"}
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a candidate has not our plugins
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(-1, runs):  # the first warms the caches
        for name, (command, cwd) in commands.items():
            started = time.perf_counter()
            process = group.start(command, cwd=cwd, env=environment)
            out, _ = process.communicate(timeout=LIMIT_S)
            wall = time.perf_counter() - started
            if process.returncode != 0 or said[name] not in out:
                raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}\n{out[-2000:]}")
            if turn >= 0:
                times[name].append(wall)
    return times["check"], times["pytest"]
