"""Events → where each candidate's work stands. Pure; the order in which events arrive does not matter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from grading.ledger.events import Decided, Dispatched, Event, GradedHead, Invited, Marked
from grading.model import Marks, Verdict

RUN_TAKES = dt.timedelta(minutes=60)
"""A run that has not answered by then is taken for lost."""

MOST_TRIES = 4
"""A head that stayed ungraded is started again three times; then a person has to look."""


@dataclass(frozen=True)
class Head:
    """One commit that was the head of a pull request.

    Attributes:
        seen: when the first event about it was recorded.
        pushed: when it was pushed, by GitHub's clock; `seen` where GitHub did not tell.
        exact: whether GitHub told.
        grade: the last result with a number, or None.
        failure: the last result without a number, if it is newer than the grade.
    """

    assignment: str
    pull: int
    sha: str
    seen: dt.datetime
    pushed: dt.datetime
    exact: bool
    dispatched: tuple[dt.datetime, ...]
    grade: GradedHead | None
    failure: GradedHead | None

    def needs_attention(self, now: dt.datetime) -> bool:
        """Whether it was tried often enough in vain: its runs failed, or never answered."""
        return self.grade is None and len(self.dispatched) >= MOST_TRIES and self._is_idle(now)

    def may_start(self, now: dt.datetime) -> bool:
        """Whether a run should be started for it."""
        return self.grade is None and len(self.dispatched) < MOST_TRIES and self._is_idle(now)

    def _is_idle(self, now: dt.datetime) -> bool:
        """Whether no run is under way: the last one answered, or is taken for lost."""
        last = max(self.dispatched, default=None)
        if last is None:
            return True
        answered = self.failure is not None and self.failure.at >= last
        return answered or now - last >= RUN_TAKES


@dataclass(frozen=True)
class Task:
    """One candidate's work on one assignment.

    Attributes:
        heads: in the order in which they were pushed.
        marks: criterion → the first rater's last mark.
        second: criterion → the second rater's last mark.
    """

    candidate: str
    assignment: str
    invited: Invited | None
    heads: tuple[Head, ...] = ()
    marks: Mapping[str, Marked] = field(default_factory=dict)
    second: Mapping[str, Marked] = field(default_factory=dict)
    decided: Decided | None = None

    @property
    def deadline(self) -> dt.datetime | None:
        """When it is due, extra time included."""
        return self.invited.deadline if self.invited else None

    @property
    def draw(self) -> int:
        """The seed of the bugs in the starter that was handed out, where the assignment draws them."""
        return self.invited.draws.get(self.assignment, 0) if self.invited else 0

    def is_late(self, head: Head) -> bool:
        """Whether a head was pushed after the deadline."""
        return self.deadline is not None and head.pushed > self.deadline

    @property
    def newest(self) -> Head | None:
        """The head pushed last among those with a result; a number counts before a failure of the same head."""
        return next((head for head in reversed(self.heads) if head.grade or head.failure), None)

    @property
    def record(self) -> Head | None:
        """The head that counts: the last with a number that was pushed in time; else the first late one."""
        graded = [head for head in self.heads if head.grade]
        in_time = [head for head in graded if not self.is_late(head)]
        return in_time[-1] if in_time else graded[0] if graded else None

    def scored_marks(self) -> Marks:
        """Return what scoring takes from people: the first rater's marks and the decision."""
        points = {name: mark.points for name, mark in self.marks.items()}
        return Marks(points, self.decided.decision if self.decided else None)


@dataclass(frozen=True)
class Agreement:
    """How two raters agree, once both have marked everything.

    Attributes:
        same: share of criteria with equal points, 0 to 1.
        difference: mean absolute difference as a share of the points, 0 to 1.
        apart: criteria where they differ by at least half of the points.
    """

    same: Fraction
    difference: Fraction
    apart: tuple[str, ...]


def fold(events: Iterable[Event]) -> Mapping[tuple[str, str], Task]:
    """Return the state of each candidate's assignments: (candidate, assignment) → task."""
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    invited: dict[str, Invited] = {}
    tasks: dict[tuple[str, str], list[Event]] = {}
    for event in ordered:
        if isinstance(event, Invited):
            invited[event.candidate] = event
            for assignment in event.assignments:
                tasks.setdefault((event.candidate, assignment), [])
        else:
            tasks.setdefault((event.candidate, event.assignment), []).append(event)
    return {
        (candidate, assignment): _task(candidate, assignment, invited.get(candidate), rows)
        for (candidate, assignment), rows in tasks.items()
    }


def _task(candidate: str, assignment: str, invited: Invited | None, events: Sequence[Event]) -> Task:
    about: dict[tuple[int, str], list[Dispatched | GradedHead]] = {}
    marks: dict[bool, dict[str, Marked]] = {False: {}, True: {}}
    decided = None
    for event in events:
        match event:
            case Dispatched() | GradedHead():
                about.setdefault((event.pull, event.sha), []).append(event)
            case Marked():
                marks[event.second][event.criterion] = event
            case Decided():
                decided = event
            case Invited():
                pass
    heads = sorted((_head(assignment, pull, sha, rows) for (pull, sha), rows in about.items()), key=_by_push)
    known = invited if invited and assignment in invited.assignments else None
    return Task(candidate, assignment, known, tuple(heads), marks[False], marks[True], decided)


def _head(assignment: str, pull: int, sha: str, events: Sequence[Dispatched | GradedHead]) -> Head:
    results = [event for event in events if isinstance(event, GradedHead)]
    numbered = [event for event in results if event.verdict is not Verdict.UNGRADED]
    times = [event.pushed_at for event in results if event.pushed_at is not None]
    failed = [event for event in results if event.verdict is Verdict.UNGRADED]
    grade = numbered[-1] if numbered else None
    failure = failed[-1] if failed and (grade is None or failed[-1].at > grade.at) else None
    seen = min(event.at for event in events)
    dispatched = tuple(event.at for event in events if isinstance(event, Dispatched))
    return Head(assignment, pull, sha, seen, min(times, default=seen), bool(times), dispatched, grade, failure)


def _by_push(head: Head) -> tuple[dt.datetime, dt.datetime, int, str]:
    return head.pushed, head.seen, head.pull, head.sha


def agreement(task: Task, maxima: Mapping[str, int]) -> Agreement | None:
    """Return how the two raters agree, None until both have marked every criterion of `maxima`."""
    if not maxima or not all(name in task.marks and name in task.second for name in maxima):
        return None
    gaps = {name: abs(task.marks[name].points - task.second[name].points) for name in maxima}
    same = Fraction(sum(gap == 0 for gap in gaps.values()), len(gaps))
    shares = {name: gap / maxima[name] for name, gap in gaps.items()}
    apart = tuple(name for name, share in shares.items() if share >= Fraction(1, 2))
    return Agreement(same, sum(shares.values(), Fraction(0)) / len(shares), apart)
