"""What people add to a grade: points for reviewer criteria, a second rater's, and the decision that ends a review."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction

from grading.errors import UsageError
from grading.github.forge import Forge
from grading.github.publish import restate
from grading.ledger.events import Decided, Event, Marked
from grading.ledger.fold import Agreement, Task, agreement, fold
from grading.ledger.store import People, Store
from grading.model import Assignment, JudgedBy, Level, Verdict

_LONGEST_REASON = 2000


@dataclass(frozen=True)
class Request:
    """What somebody wants to record.

    Attributes:
        candidate: id, login, repository or name.
        second: these are a second rater's marks, given without sight of the first one's.
    """

    candidate: str
    rater: str
    reason: str
    criterion: str | None = None
    points: Fraction | None = None
    decision: Verdict | None = None
    second: bool = False


@dataclass(frozen=True)
class Recorded:
    """What was recorded, and how the two raters agree once both are through."""

    candidate: str
    comment_url: str
    agreement: Agreement | None
    missing: tuple[str, ...]


def find_candidate(people: People, text: str) -> str:
    """Return the id of the candidate that a text names: by id, login, repository or name.

    Raises:
        UsageError: it names nobody, or more than one.
    """
    wanted = text.strip().casefold()
    found = [
        candidate
        for candidate, person in people.people.items()
        if wanted in (candidate, person.login.casefold(), person.repository.casefold(), person.name.casefold())
    ]
    if len(found) != 1:
        which = "nobody" if not found else f"{len(found)} candidates ({', '.join(found)})"
        raise UsageError(f"--candidate {text!r}: expected one candidate's id, login, repository or name; found {which}")
    return found[0]


def record(
    forge: Forge, own: Forge, store: Store, assignment: Assignment, request: Request, *, home: str, now: dt.datetime
) -> Recorded:
    """Check a request, add it to the ledger, and bring the comment up to date.

    Args:
        forge: writes to the candidate's repository.
        own: sees who may write to the grading repository.
        home: the grading repository.

    Raises:
        UsageError: the rater may not, or the request does not fit the rubric.
    """
    people = store.people()
    candidate = find_candidate(people, request.candidate)
    task = fold(store.events()).get((candidate, assignment.id))
    if task is None:
        raise UsageError(f"{request.candidate}: was not given {assignment.id}")
    if not own.can_write(home, request.rater):
        raise UsageError(f"{request.rater}: may not write to {home}; only its team gives points")
    store.append(_events(task, assignment, request, now), f"{request.rater} rated {candidate}")
    repository = people.people[candidate].repository
    known = forge.repository(repository)
    if known is None or known.archived:
        state = "is archived" if known else "is not there any more"
        raise UsageError(f"{repository}: {state}, so the comment stays as it is; the ledger has the points")
    url = restate(forge, store, candidate, assignment, known.full_name)
    task = fold(store.events())[candidate, assignment.id]
    maxima = manual_maxima(assignment, _level(task))
    given = task.second if request.second else task.marks
    return Recorded(candidate, url, agreement(task, maxima), tuple(name for name in maxima if name not in given))


def manual_maxima(assignment: Assignment, level: Level) -> dict[str, int]:
    """Return what a person judges: criterion → points."""
    return {c.id: c.points[level] for c in assignment.rubric.at(level) if c.judged_by is JudgedBy.REVIEWER}


def _level(task: Task) -> Level:
    if task.invited is not None:
        return task.invited.level
    return task.record.grade.level if task.record and task.record.grade else Level.MID


def _events(task: Task, assignment: Assignment, request: Request, now: dt.datetime) -> list[Event]:
    """Return the events of a request that fits.

    Raises:
        UsageError: it does not.
    """
    reason = " ".join(request.reason.split())
    if not reason or len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise UsageError(f"--reason: expected one to {_LONGEST_REASON} plain characters; a mark without one is no use")
    if (request.criterion is None) != (request.points is None):
        raise UsageError("--criterion and --points: expected both or none")
    if request.criterion is None and request.decision is None:
        raise UsageError("expected --criterion with --points, or --decide, or all three")
    if request.second and request.decision is not None:
        raise UsageError("--second: a second rater gives points; the decision is the first rater's")
    if task.record is None:
        raise UsageError(f"{assignment.id}: has no score yet; points come on top of one")
    events: list[Event] = []
    if request.criterion is not None and request.points is not None:
        events.append(_mark(task, assignment, request, reason, now))
    if request.decision is not None:
        decided = Decided(
            task.candidate, now, assignment=assignment.id, decision=request.decision, rater=request.rater, reason=reason
        )
        events.append(decided)
    return events


def _mark(task: Task, assignment: Assignment, request: Request, reason: str, now: dt.datetime) -> Marked:
    maxima = manual_maxima(assignment, _level(task))
    criterion, points = request.criterion or "", request.points if request.points is not None else Fraction(-1)
    if criterion not in maxima:
        raise UsageError(f"--criterion {criterion!r}: expected one that a person judges: {', '.join(maxima) or 'none'}")
    if not 0 <= points <= maxima[criterion] or (points * 10).denominator != 1:
        raise UsageError(f"--points {points}: expected 0 to {maxima[criterion]} with at most one decimal")
    others = task.marks if request.second else task.second
    if any(mark.rater.casefold() == request.rater.casefold() for mark in others.values()):
        role = "first" if request.second else "second"
        raise UsageError(f"{request.rater}: is the {role} rater of this work already; the other one is somebody else")
    sha = task.record.sha if task.record else ""
    return Marked(
        task.candidate, now, assignment=assignment.id, criterion=criterion, points=points, rater=request.rater,
        reason=reason, second=request.second, sha=sha,
    )  # fmt: skip
