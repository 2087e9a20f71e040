"""The two branches of the grading repository that hold the record.

`ledger`: one JSON file an event, only ever added to. `people`: names and repositories as one commit without history,
replaced whole, so that a person who is taken out of it is gone (GitHub drops the old commit in time).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from grading.errors import GraderError
from grading.ledger.events import Event, event_path, parse_event, render_event
from grading.sandbox.tools import Access, add_files, read_branch, replace_files

LEDGER_BRANCH, PEOPLE_BRANCH = "ledger", "people"
_PEOPLE_FILE = "people.json"
_TRIES = 10
_PAUSE_S = 0.3


class HandOut(StrEnum):
    """How a candidate got the work."""

    REPOSITORY = "repository"  # a repository of their own
    FORK = "fork"  # a fork of one template repository that all share


@dataclass(frozen=True)
class Person:
    """Who a candidate is. Nothing of this stands in the ledger.

    Attributes:
        repository: owner/name; the shared template for forks.
        repository_id, login_id: survive a rename.
        accommodations: why there is extra time; for the people who decide, never shown.
        closed: the poll does not look there any more.
    """

    name: str
    login: str
    repository: str
    repository_id: int = 0
    hand_out: HandOut = HandOut.REPOSITORY
    accommodations: str = ""
    login_id: int = 0
    closed: bool = False


@dataclass(frozen=True)
class Template:
    """A repository that candidates fork: whoever opens a pull request there becomes a candidate on these conditions."""

    repository: str
    candidate: str
    """Id under which the conditions stand in the ledger, as an invitation of nobody in particular."""


@dataclass(frozen=True)
class People:
    """The content of the people store.

    Attributes:
        people: candidate id → person.
        templates: repositories that candidates fork.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    templates: tuple[Template, ...] = ()

    def candidate_of(self, repository: str, author: str, author_id: int = 0) -> str | None:
        """Return the candidate whose work a pull request is, by the repository, or by its author in a template.

        Args:
            author_id: counts instead of the login where both are known: logins change hands.
        """
        for candidate, person in self.people.items():
            if person.repository.casefold() != repository.casefold():
                continue
            same = person.login.casefold() == author.casefold()
            if author_id and person.login_id:
                same = author_id == person.login_id
            if person.hand_out is HandOut.REPOSITORY or same:
                return candidate
        return None

    def with_person(self, candidate: str, person: Person) -> People:
        """Return the store with one person added or changed."""
        return replace(self, people={**self.people, candidate: person})

    def with_names(self, renamed: Mapping[str, str]) -> People:
        """Return the store with repositories under their new names: old → new."""
        return replace(
            self,
            people={
                c: replace(person, repository=renamed.get(person.repository, person.repository))
                for c, person in self.people.items()
            },
            templates=tuple(replace(t, repository=renamed.get(t.repository, t.repository)) for t in self.templates),
        )


class Store:
    """Reads and writes both branches of one repository.

    Args:
        repo: address or path of the grading repository.
        access: a token that may write to it.
    """

    def __init__(self, repo: str, access: Access | None = None) -> None:
        self.repo = repo
        self.access = access

    def events(self) -> tuple[Event, ...]:
        """Return every event, oldest first.

        Raises:
            UsageError: the repository cannot be read.
            GraderError: a file is no event.
        """
        files = read_branch(self.repo, LEDGER_BRANCH, self.access).files
        found = [parse_event(data, path) for path, data in files.items() if path.startswith("events/")]
        return tuple(sorted(found, key=lambda event: (event.at, event.id)))

    def append(self, events: Sequence[Event], message: str) -> None:
        """Add events; others may do so at the same moment."""
        if events:
            files = {event_path(event): render_event(event) for event in events}
            add_files(self.repo, LEDGER_BRANCH, files, message, self.access)

    def people(self) -> People:
        """Return who the candidates are."""
        return _parse_people(read_branch(self.repo, PEOPLE_BRANCH, self.access).files)

    def change_people(self, change: Callable[[People], People], message: str) -> People:
        """Change the people store on top of what others wrote meanwhile, and return it.

        Args:
            change: from what is there to what should be; called again when somebody else was faster.
        """
        for attempt in range(_TRIES):
            there = read_branch(self.repo, PEOPLE_BRANCH, self.access)
            before = _parse_people(there.files)
            after = change(before)
            if after == before:
                return after
            files = {_PEOPLE_FILE: _render_people(after)}
            if replace_files(self.repo, PEOPLE_BRANCH, files, message, there.commit, self.access):
                return after
            time.sleep(_PAUSE_S * (attempt + 1))
        raise GraderError(f"{self.repo}: {PEOPLE_BRANCH}: others wrote {_TRIES} times at the same moment; try again")


def _render_people(people: People) -> bytes:
    document = {
        "people": {candidate: vars(person) for candidate, person in people.people.items()},
        "templates": [vars(template) for template in people.templates],
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _parse_people(files: Mapping[str, bytes]) -> People:
    try:
        document = json.loads(files.get(_PEOPLE_FILE, b"{}"))
        people = {
            candidate: Person(**{**row, "hand_out": HandOut(row["hand_out"])})
            for candidate, row in document.get("people", {}).items()
        }
        templates = tuple(Template(**row) for row in document.get("templates", ()))
        return People(people, templates)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraderError(
            f"people: {_PEOPLE_FILE}: expected what this project wrote; found {type(error).__name__}: {error}. "
            "Mend the file on the branch; a missing one counts as empty."
        ) from error
