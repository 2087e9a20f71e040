"""What the ledger records: one immutable JSON file for each event. Pure.

An event names its candidate by an opaque id. Who that is stands in the people store, which keeps no history, so that
a person can be forgotten while the record stays whole.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, TypeAlias

from grading.errors import GraderError
from grading.model import Flag, Level, Provenance, Verdict

SCHEMA = 1
_CANDIDATE = re.compile(r"c-[0-9a-f]{12}")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_Json = Any


@dataclass(frozen=True)
class Base:
    """What every event has.

    Attributes:
        candidate: opaque id.
        at: when it was recorded, UTC.
        id: tells events of the same moment apart.
    """

    candidate: str
    at: dt.datetime
    id: str = field(default_factory=lambda: secrets.token_hex(6), kw_only=True)


@dataclass(frozen=True)
class Invited(Base):
    """Assignments were handed out, or their conditions changed; the last one counts.

    Attributes:
        due: the deadline that everybody has, UTC, or None.
        extra_hours: accommodation on top of it.
        bases: assignment → commit that its branch was handed out with.
        draws: assignment → seed of what was drawn for this candidate.
    """

    kind: ClassVar[str] = "invited"
    level: Level
    assignments: tuple[str, ...]
    due: dt.datetime | None = None
    extra_hours: int = 0
    bases: Mapping[str, str] = field(default_factory=dict)
    draws: Mapping[str, int] = field(default_factory=dict)
    by: str = ""

    @property
    def deadline(self) -> dt.datetime | None:
        """When this candidate's work is due."""
        return None if self.due is None else self.due + dt.timedelta(hours=self.extra_hours)


@dataclass(frozen=True)
class Dispatched(Base):
    """A grading run was started for a head."""

    kind: ClassVar[str] = "dispatched"
    assignment: str
    pull: int
    sha: str


@dataclass(frozen=True)
class GradedHead(Base):
    """A run's result. `verdict` is ungraded where the grader failed, and `reason` says why.

    Attributes:
        pushed_at: when GitHub saw the head; None where it does not tell, and then `at` of the first event counts.
        claims: the evidence as the run left it, without what the candidate's code printed; None if there is none.
        submission_sha256, flags: of the files as they were fetched.
        auto: automatic points, for reading; the claims decide.
    """

    kind: ClassVar[str] = "graded"
    assignment: str
    pull: int
    sha: str
    level: Level
    verdict: Verdict
    pushed_at: dt.datetime | None = None
    auto: Fraction | None = None
    claims: Mapping[str, _Json] | None = None
    submission_sha256: str = ""
    flags: tuple[Flag, ...] = ()
    provenance: Provenance | None = None
    reason: str = ""


@dataclass(frozen=True)
class Marked(Base):
    """A person gave points for one criterion. A second rater's are kept apart."""

    kind: ClassVar[str] = "marked"
    assignment: str
    criterion: str
    points: Fraction
    rater: str
    reason: str
    second: bool = False
    sha: str = ""


@dataclass(frozen=True)
class Decided(Base):
    """A person ended a review."""

    kind: ClassVar[str] = "decided"
    assignment: str
    decision: Verdict
    rater: str
    reason: str


Event: TypeAlias = Invited | Dispatched | GradedHead | Marked | Decided
_KINDS: Mapping[str, type[Event]] = {cls.kind: cls for cls in (Invited, Dispatched, GradedHead, Marked, Decided)}


def new_candidate() -> str:
    """Return an id that tells nothing."""
    return f"c-{secrets.token_hex(6)}"


def event_path(event: Event) -> str:
    """Return the file of an event; names sort by time."""
    return f"events/{event.candidate}/{event.at.astimezone(dt.UTC):%Y%m%dT%H%M%S%fZ}-{event.kind}-{event.id}.json"


def render_event(event: Event) -> bytes:
    """Return an event as JSON."""
    document = {"schema": SCHEMA, "kind": event.kind}
    document |= {name: _plain(value) for name, value in vars(event).items()}
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n").encode()


def parse_event(data: bytes, where: str) -> Event:
    """Read one event.

    Raises:
        GraderError: it is none; events are written by this project alone, so the ledger was edited by hand.
    """
    try:
        document = json.loads(data)
        if document.pop("schema") != SCHEMA:
            raise ValueError("a schema that this version does not know")  # noqa: TRY301 - one message for all
        cls = _KINDS[document.pop("kind")]
        event = cls(**{name: _READ[name](value) if name in _READ else value for name, value in document.items()})
        if not _CANDIDATE.fullmatch(event.candidate) or not _SHA.fullmatch(getattr(event, "sha", "") or "0" * 40):
            raise ValueError("an odd candidate or commit")  # noqa: TRY301
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise GraderError(
            f"ledger: {where}: expected an event of schema {SCHEMA}; found {type(error).__name__}: {error}. "
            "Events are never edited: restore the file from the branch's history."
        ) from error
    return event


def _plain(value: object) -> _Json:
    match value:
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case Flag() | Provenance():
            return {name: _plain(part) for name, part in vars(value).items()}
        case tuple():
            return [_plain(part) for part in value]
        case Mapping():
            return dict(value)
        case _:
            return value


def _optional(read: Callable[[_Json], _Json]) -> Callable[[_Json], _Json]:
    return lambda value: None if value is None else read(value)


_READ: Mapping[str, Callable[[_Json], _Json]] = {
    "at": dt.datetime.fromisoformat,
    "due": _optional(dt.datetime.fromisoformat),
    "pushed_at": _optional(dt.datetime.fromisoformat),
    "level": Level,
    "verdict": Verdict,
    "decision": Verdict,
    "assignments": tuple,
    "points": Fraction,
    "auto": _optional(Fraction),
    "flags": lambda rows: tuple(Flag(**row) for row in rows),
    "provenance": _optional(lambda row: Provenance(**row)),
}
