"""Keeps one worker ahead: while a test runs, the next one's worker is forked and loads the submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np

from grading.judge.remote import Channel, Session, plain_text
from grading.model import Assignment, Level, LoadFault
from grading.sandbox.endings import WorkerError


class OpenChannel(Channel, Protocol):
    """A worker that must be closed."""

    @property
    def output(self) -> str:
        """What it printed; private."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Loaded:
    """A worker that has tried to load the submission.

    Attributes:
        problems: entry point → in what it differs from the README.
        fault: why the submission did not load, if so.
        error: what ended the worker while it loaded, if something did.
    """

    channel: OpenChannel
    session: Session
    problems: Mapping[str, str]
    fault: LoadFault | None = None
    error: WorkerError | None = None


def load_in(channel: OpenChannel, assignment: Assignment, level: Level, seed: int) -> Loaded:
    """Load the submission in a fresh worker.

    Args:
        level: whose entry points it must have.
        seed: for the global generators in the worker.
    """
    promised = [point for point in assignment.entry_points if not point.levels or level in point.levels]
    session = Session(channel, assignment.limits.load_s, assignment.exceptions)
    options = {
        "entry": assignment.entry,
        "dataclasses": {name: list(fields) for name, fields in assignment.dataclasses.items()},
        "entry_points": {point.name: point.signature for point in promised},
        "seed": _public_seed(seed),
    }
    try:
        problems, failure = session.load(options)
    except WorkerError as error:
        return Loaded(channel, session, {}, error=error)
    if failure is None:
        return Loaded(channel, session, dict(problems))
    file, line = failure.get("file"), failure.get("line")
    fault = LoadFault(
        file=plain_text(file, 200) or f"{assignment.entry}.py",
        line=line if type(line) is int else None,
        kind=plain_text(failure.get("type"), 80),
        message=plain_text(failure.get("message"), 500),
    )
    return Loaded(channel, session, {}, fault)


def _public_seed(seed: int) -> int:
    """Return a seed for the candidate's process that tells nothing of the judge's."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


class Nursery:
    """Hands out loaded workers, each once.

    Args:
        hatch: makes one; called in a thread of its own.
    """

    def __init__(self, hatch: Callable[[], Loaded]) -> None:
        self._hatch = hatch
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="nursery")
        self._next: Future[Loaded] | None = None

    def peek(self) -> Loaded:
        """Return the worker that `take` will hand out next."""
        self.prepare()
        assert self._next is not None  # noqa: S101 - prepared just now
        return self._next.result()

    def take(self) -> Loaded:
        """Return a loaded worker."""
        try:
            return self.peek()
        finally:
            self._next = None

    def prepare(self) -> None:
        """Begin the worker that `take` will hand out next."""
        if self._next is None:
            self._next = self._pool.submit(self._hatch)

    def drop(self) -> None:
        """End the worker that would be next."""
        if self._next is not None and not self._next.cancel() and self._next.exception() is None:
            self._next.result().channel.close()
        self._next = None

    def close(self) -> None:
        """End the worker that nobody took."""
        self.drop()
        self._pool.shutdown()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
