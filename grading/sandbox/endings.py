"""The ways in which a worker ends."""

from __future__ import annotations

from dataclasses import dataclass


class WorkerError(BaseException):
    """The worker cannot go on; the check fails.

    Not an `Exception`, so that neither a test nor a callback swallows it by accident.
    """


class OutOfTimeError(WorkerError):
    """No answer within the time limit."""


class OutOfMemoryError(WorkerError):
    """The worker's processes used more memory than they may."""


class ViolationError(WorkerError):
    """The worker broke the protocol: a forged, extra or malformed frame, or endless output."""


class CrashedError(WorkerError):
    """The worker ended without being told to.

    Attributes:
        signal: number of the signal it died by, or None after an ordinary exit.
    """

    def __init__(self, message: str, number: int | None) -> None:
        super().__init__(message)
        self.signal = number


@dataclass(frozen=True)
class Ending:
    """How a worker ended: an exit code or a signal."""

    code: int | None
    signal: int | None
