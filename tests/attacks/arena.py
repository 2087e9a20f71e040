"""Try one cheat on the grader and measure what it gained, leaked and left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grading.catalogue import load_assignment
from grading.model import Assignment, Level, Limits, Status
from grading.pipeline import Grader
from grading.report.markdown import render_comment
from grading.submission import load_file, load_folder

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
SAMPLE = HERE.parent / "fixtures" / "sample"
CANARIES = ("HIDDEN-CANARY-sample-71c0", "ENVIRONMENT-CANARY-5b", "SIBLING-CANARY-9d", "HOME-CANARY-3e", "LEAK")
ASSIGNMENTS = {
    "sample": dataclasses.replace(
        load_assignment(SAMPLE), limits=Limits(test_s=1.5, load_s=2.0, memory_mib=256, processes=48)
    ),
    "early_stopping": load_assignment(HERE.parents[1] / "assignments" / "early_stopping", proof=False),
}
ASSIGNMENT = ASSIGNMENTS["sample"]
PORT = 8099


@dataclass(frozen=True)
class Cheat:
    """One submission of the corpus. `expect`: criteria that must earn nothing."""

    path: Path
    kind: str
    attacks: str
    expect: dict[str, int]
    assignment: Assignment = ASSIGNMENT


@dataclass(frozen=True)
class Result:
    """What a cheat did."""

    cheat: Cheat
    points: dict[str, float]
    ungraded: bool
    leaks: tuple[str, ...]
    survivors: tuple[str, ...]
    seconds: float

    @property
    def gained(self) -> dict[str, float]:
        """Points that it must not have."""
        return {name: self.points[name] for name in self.cheat.expect if self.points[name] > 0}


def corpus() -> list[Cheat]:
    """Return every cheat, in order."""
    return [read_cheat(path) for path in sorted(CORPUS.iterdir()) if path.name != "__pycache__"]


def read_cheat(path: Path) -> Cheat:
    """Read a cheat's header."""
    header = (path / "solution.py" if path.is_dir() else path).read_text()
    fields = dict(re.findall(r"^# (class|assignment|attacks|expect): (.*)$", header, flags=re.MULTILINE))
    assignment = ASSIGNMENTS[fields.get("assignment", "sample")]
    return Cheat(path, fields["class"], fields["attacks"], json.loads(fields["expect"]), assignment)


@contextmanager
def traps() -> Iterator[list[str]]:
    """Set canaries and a listener; yield a list that names what walked into them."""
    caught: list[str] = []
    os.environ["TAKEHOME_CANARY"] = "ENVIRONMENT-CANARY-5b"
    sibling = Path(tempfile.mkdtemp(prefix="sibling-"))
    (sibling / "solution.py").write_text("# SIBLING-CANARY-9d\n")
    home = Path.home() / f".canary-{os.getpid()}"
    home.write_text("HOME-CANARY-3e\n")
    listener = socket.create_server(("127.0.0.1", PORT), reuse_port=True)
    listener.setblocking(False)
    try:
        yield caught
        try:
            listener.accept()
            caught.append("network")
        except BlockingIOError:
            pass
    finally:
        listener.close()
        (sibling / "solution.py").unlink()
        sibling.rmdir()
        home.unlink()
        del os.environ["TAKEHOME_CANARY"]


def below(pid: int) -> dict[int, str]:
    """Return every process below one: number → name."""
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        for listing in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            try:
                children = [int(child) for child in listing.read_text().split()]
            except OSError:
                continue
            for child in children:
                try:
                    found[child] = Path(f"/proc/{child}/comm").read_text().strip()
                except OSError:
                    continue
                todo.append(child)
    return found


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """Make this process's temporary files go to a folder of their own, so that other grades do not meet it."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


def attempt(grader: Grader, cheat: Cheat) -> Result:
    """Grade a cheat and look around afterwards."""
    load = load_folder if cheat.path.is_dir() else load_file
    grader.prepare(cheat.assignment).wait_ready()
    processes = set(below(os.getpid()))
    started = time.monotonic()
    with traps() as caught, own_temporary_folder() as folder:
        graded = grader.grade(cheat.assignment, load(cheat.path, cheat.assignment), level=Level.MID)
        seconds = time.monotonic() - started
        files = sorted(path.name for path in folder.iterdir())
    told = render_comment(graded) + graded.evidence.output
    leaks = [canary for canary in CANARIES if canary in told]
    deadline = time.monotonic() + 3
    while (left := set(below(os.getpid())) - processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    names = below(os.getpid())
    survivors = [f"process {pid} {names.get(pid, '')}" for pid in sorted(left)]
    survivors += [f"file {name}" for name in files]
    points = {c.id: float(c.points or 0) for c in graded.grade.criteria}
    ungraded = any(c.status is Status.UNGRADED for c in graded.grade.criteria)
    return Result(cheat, points, ungraded, (*leaks, *caught), tuple(survivors), seconds)
