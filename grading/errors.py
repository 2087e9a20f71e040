"""Everything that can go wrong, by whose mistake it is.

    TakeHomeError
    ├── UsageError          the caller's mistake                         exit 2
    │   └── FaultsError     several faults of a file, reported at once
    ├── GraderError         ours: nothing can be said about the work     exit 3
    │   └── IsolationError  the machine cannot isolate a submission
    └── SubmissionError     the candidate's: graded as a load fault, never raised to the shell

Every message says where, what, what was expected and found, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TakeHomeError(Exception):
    """Base of every error that this project raises on purpose."""


class UsageError(TakeHomeError):
    """The caller asked for something that cannot be done as asked."""


class GraderError(TakeHomeError):
    """The grader failed; the submission has no grade and the run may be repeated."""


class IsolationError(GraderError):
    """This machine cannot isolate a submission as an official grade needs."""


class SubmissionError(TakeHomeError):
    """The submission cannot be read or loaded; the candidate can mend it."""


@dataclass(frozen=True)
class Fault:
    """One fault of a file: where it stands, what was expected and found, how to mend it."""

    where: str
    what: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: expected {self.expected}; found {self.found}. {self.remedy}"


class FaultsError(UsageError):
    """All faults of one folder or file, reported at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
