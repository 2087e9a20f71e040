"""Grade in a process of its own while something goes wrong, and look at what is left afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample"
REFERENCE = SAMPLE / "solutions" / "accepted" / "reference"
SEED = 7
GRADED, UNGRADED, KILLED = 0, 3, -signal.SIGKILL
TARGETS = ("worker", "keeper", "zygote", "inner bwrap", "bwrap", "judge")
_POLL_S = 0.005
_GONE_S = 10.0
_LATEST_S = {"worker": 0.4, "keeper": 0.4, "judge": 2.0}
"""How long after it first shows a part is killed at the latest; a grading takes about two seconds."""


@dataclass(frozen=True)
class Run:
    """What one run left behind.

    Attributes:
        score: `score.json`, or None where there is none.
        hit: whether the fault came before the run's end.
        processes: those of the run that outlived it.
        files: temporary files that outlived it.
    """

    status: int
    score: dict[str, Any] | None
    errors: str
    hit: bool
    processes: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def auto(self) -> float | None:
        """The automatic points."""
        return None if self.score is None else self.score["auto"]

    @property
    def lasting(self) -> dict[str, Any]:
        """The score without what differs from run to run."""
        return {name: value for name, value in (self.score or {}).items() if name != "timings"}


def grade(
    scratch: Path,
    submission: Path = REFERENCE,
    *,
    fault: Callable[[int], bool] | None = None,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    out: Path | None = None,
    preexec: Callable[[], None] | None = None,
) -> Run:
    """Grade with a fixed seed.

    Args:
        scratch: an empty folder for the result and the temporary files.
        fault: called again and again with the judge's process id until it returns True or the run is over.
        before: a command that starts the judge, such as `unshare --net`.
    """
    temporary, out = scratch / "tmp", out or scratch / "out"
    temporary.mkdir(parents=True, exist_ok=True)
    command = [*before, sys.executable, "-m", "grading", "grade", str(submission), "--assignment-dir", str(SAMPLE)]
    command += ["--seed", str(SEED), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), **(env or {})}
    seen: dict[int, str] = {}
    hit = False
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec,
    ) as judge:
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.append(judge.stderr.read() if judge.stderr else ""))
        reader.start()
        deadline = time.monotonic() + 120
        while judge.poll() is None:
            if time.monotonic() > deadline:
                judge.kill()
                raise TimeoutError(f"no end after two minutes: {command}")
            for pid, _ in below(judge.pid):
                seen.setdefault(pid, birth(pid))
            if fault is not None and not hit:
                hit = fault(judge.pid)
            time.sleep(_POLL_S)
        left = outlive(seen)
        reader.join(_GONE_S)
    document = out / "score.json"
    score = json.loads(document.read_text()) if document.exists() else None
    files = tuple(sorted(str(path.relative_to(scratch)) for path in temporary.iterdir()))
    return Run(judge.returncode, score, "".join(errors), hit, left, files)


# processes ------------------------------------------------------------------------------------------------------------


def below(pid: int) -> list[tuple[int, int]]:
    """Return every process below one with its depth, parents first."""
    found: list[tuple[int, int]] = []
    todo = [(pid, 0)]
    for parent, depth in todo:
        try:
            threads = list(Path(f"/proc/{parent}/task").iterdir())
        except OSError:
            continue
        for thread in threads:
            try:
                children = [(int(child), depth + 1) for child in (thread / "children").read_text().split()]
            except OSError:
                continue
            found += children
            todo += children
    return found


def birth(pid: int) -> str:
    """Return what tells a process from a later one of the same number; empty if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def name_of(pid: int) -> str:
    """Return a process's short name."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def outlive(seen: Mapping[int, str]) -> tuple[str, ...]:
    """Wait a moment; return the processes that are still there."""
    deadline = time.monotonic() + _GONE_S
    while True:
        left = [pid for pid, born in seen.items() if born and birth(pid) == born]
        if not left or time.monotonic() > deadline:
            return tuple(f"{pid} {name_of(pid)}" for pid in left)
        time.sleep(0.02)


def find(judge: int, target: str) -> int | None:
    """Return a process of a grading by its part: judge, bwrap, inner bwrap, zygote, keeper or worker."""
    if target == "judge":
        return judge
    chain = [pid for pid, _ in below(judge) if name_of(pid) == "bwrap"]
    if target == "bwrap":
        return chain[0] if chain else None
    if target == "inner bwrap":
        return chain[1] if len(chain) > 1 else None
    above = chain[-1] if chain else None
    for part in ("zygote", "keeper", "worker"):
        if above is None:
            return None
        above = next((pid for pid, depth in below(above) if depth == 1), None)
        if part == target:
            return above if above is not None and name_of(above).startswith("python") else None
    return None


def killer(target: str, luck: random.Random) -> Callable[[int], bool]:
    """Return a fault that kills a part, once, some time after it first shows."""
    delay, first = luck.uniform(0, _LATEST_S.get(target, 1.2)), 0.0

    def strike(judge: int) -> bool:
        nonlocal first
        pid = find(judge, target)
        if pid is None:
            return False
        first = first or time.monotonic()
        if time.monotonic() - first < delay:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    return strike


# what a run must look like --------------------------------------------------------------------------------------------


def faults_of(run: Run, target: str, clean: Run) -> list[str]:
    """Return what is wrong with a run in which a part was killed; nothing, where all is well."""
    wrong = [f"left a process: {one}" for one in run.processes]
    if target == "judge" and run.hit:
        if run.status != KILLED:
            wrong.append(f"expected to be killed, found status {run.status}")
        if run.score is not None and run.lasting != clean.lasting:
            wrong.append("a score that is not the one of an undisturbed run")
        return wrong
    wrong += [f"left a file: {one}" for one in run.files]
    if run.status == GRADED:
        if run.lasting != clean.lasting:
            wrong.append(f"graded with {run.auto}, without the fault {clean.auto}")
        return wrong
    if target in ("worker", "keeper"):
        return [*wrong, f"one death of a worker: expected a grade, found status {run.status}: {run.errors}"]
    if run.status != UNGRADED or run.score is None or run.score["verdict"] != "ungraded" or run.auto is not None:
        wrong.append(f"expected a grade or status 3 and no number; found {run.status}, {run.score and run.auto}")
    if "sandbox" not in run.errors and "grader" not in run.errors:
        wrong.append(f"expected the reason, found {run.errors!r}")
    if "Traceback" in run.errors:
        wrong.append(f"a traceback: {run.errors[-1500:]}")
    return wrong
