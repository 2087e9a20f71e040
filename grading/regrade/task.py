"""One piece of work that can travel to another machine, and the key that says what makes its result. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from grading.catalogue import hidden_sha256, rubric_sha256
from grading.model import Assignment, Level, Submission

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Order:
    """What holds for every submission of a run.

    Attributes:
        seed: decides every random input, the same for all, so that grades compare.
        official: refuse to grade without full isolation.
        draw: the seed of the bugs in the starters, where the assignment draws them.
    """

    level: Level
    seed: int
    official: bool
    draw: int = 0


@dataclass(frozen=True)
class Task:
    """One submission to grade. It carries the candidate's files, and of the assignment only where it lies.

    Attributes:
        key: equal keys mean equal results.
        place: the assignment's folder, relative to the grading repository where it lies inside.
        fingerprint: what the assignment must be like where the task runs.
    """

    key: str
    assignment: str
    place: str
    fingerprint: str
    order: Order
    submission: Submission


@dataclass(frozen=True)
class Result:
    """What came of a task: the three files; or why there is no grade; or why this worker must not grade at all."""

    files: dict[str, str]
    ungraded: str | None = None
    refusal: str | None = None


def make_task(assignment: Assignment, submission: Submission, order: Order, fingerprint: str) -> Task:
    """Return the task of one submission."""
    directory = assignment.directory
    place = directory.relative_to(ROOT) if directory.is_relative_to(ROOT) else directory
    key = _digest({"assignment": fingerprint, "submission": _identity(submission), **asdict(order)})
    return Task(key[:32], assignment.id, place.as_posix(), fingerprint, order, submission)


def fingerprint_of(assignment: Assignment) -> str:
    """Hash everything of an assignment that may change a grade; what it says to people does not count."""
    return _digest(
        {
            "id": assignment.id,
            "version": assignment.version,
            "hidden": hidden_sha256(assignment),
            "rubric": rubric_sha256(assignment),
            "recipe": [
                assignment.files,
                assignment.entry,
                [asdict(point) for point in assignment.entry_points],
                sorted(assignment.draw.items()),
                sorted(assignment.dataclasses.items()),
                assignment.exceptions,
                assignment.preload,
                assignment.forbidden,
                assignment.data,
                {name: str(value) for name, value in asdict(assignment.limits).items()},
            ],
        }
    )


def _identity(submission: Submission) -> dict[str, object]:
    """Return what makes two submissions the same.

    Flags and fault count as well: of two folders with the same solution, one may hold a planted `conftest.py`, and its
    private flag must not end up in the other's record.
    """
    return {
        "commit": submission.commit,
        "sha256": submission.sha256,
        "flags": [asdict(flag) for flag in submission.flags],
        "fault": None if submission.fault is None else asdict(submission.fault),
    }


def _digest(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
