"""What this project asks of GitHub: about twenty calls, typed. `client` answers them with PyGithub.

Everything here is a value or a promise; nothing reaches the network.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from grading.errors import GraderError


class ForgeError(GraderError):
    """GitHub did not do what was asked; `status` is HTTP's, 0 when there was no answer.

    The message says which call, what GitHub said and what to do.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


class MissingFeatureError(ForgeError):
    """The organization's plan or the App's permissions lack something that the work can go on without."""


class Role(StrEnum):
    """What a collaborator may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Repository:
    """A repository of the organization.

    Attributes:
        full_name: owner/name, as GitHub spells it now; a renamed repository answers under its new one.
        id: stays when the repository is renamed.
        archived: read-only, so that nothing can be posted.
    """

    full_name: str
    id: int
    clone_url: str
    default_branch: str
    private: bool
    archived: bool
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pull:
    """An open or closed pull request.

    Attributes:
        head_sha, head_ref, head_repo: what is proposed; head_repo is None when the fork was deleted.
        base_ref: where to; it names the task.
        base_repo: whose pull request it is, by its present name.
        author, author_id: login, and the number that stays when it changes.
        author_is_nobody: a program, or an account that is gone.
    """

    number: int
    state: str
    head_sha: str
    head_ref: str
    head_repo: str | None
    base_ref: str
    author: str
    updated_at: dt.datetime
    base_repo: str = ""
    author_id: int = 0
    author_is_nobody: bool = False


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request."""

    id: int
    author: str
    body: str
    url: str


@dataclass(frozen=True)
class Annotation:
    """A remark on a line of a check run."""

    path: str
    line: int
    title: str
    message: str


@dataclass(frozen=True)
class CheckRun:
    """What a check run shows; `external_id` finds it again."""

    name: str
    head_sha: str
    external_id: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Push:
    """When GitHub saw a commit become the head of a branch."""

    sha: str
    ref: str
    at: dt.datetime

    @property
    def is_there(self) -> bool:
        """Whether the branch had a commit afterwards: it was not deleted."""
        return set(self.sha) != {"0"}


@dataclass(frozen=True)
class Budget:
    """Calls made by this client, and what GitHub says is left this hour (None before the first answer)."""

    made: int
    left: int | None
    limit: int | None


@dataclass(frozen=True)
class Ruleset:
    """A push ruleset: paths that nobody but an administrator may push."""

    name: str
    paths: tuple[str, ...] = field(default=())


class Forge(Protocol):
    """The calls. Every one may raise ForgeError; those that a plan may lack, MissingFeatureError."""

    @property
    def login(self) -> str:
        """Name under which our comments appear."""

    @property
    def budget(self) -> Budget:
        """Calls made so far."""

    def repository(self, name: str) -> Repository | None:
        """Return a repository by owner/name, or None."""

    def create_repository(self, name: str, description: str) -> Repository:
        """Make a private, empty repository in the organization."""

    def protect_branch(self, name: str, branch: str) -> None:
        """Forbid force-pushes, deletion and direct pushes to a branch."""

    def add_ruleset(self, name: str, ruleset: Ruleset) -> None:
        """Forbid pushes that touch some paths, once."""

    def invite(self, name: str, login: str, role: Role) -> bool:
        """Make somebody a collaborator; False when they are one already."""

    def set_topics(self, name: str, topics: Sequence[str]) -> None:
        """Replace the repository's topics."""

    def pulls(self, name: str) -> tuple[Pull, ...]:
        """Return all pull requests, closed ones too, those that changed last first."""

    def pull(self, name: str, number: int) -> Pull | None:
        """Return one pull request, or None."""

    def pushes(self, name: str, ref: str) -> tuple[Push, ...]:
        """Return the latest pushes to a branch, newest first; none where GitHub does not show them."""

    def comments(self, name: str, number: int) -> tuple[Comment, ...]:
        """Return a pull request's comments, oldest first."""

    def create_comment(self, name: str, number: int, body: str) -> Comment:
        """Write a comment."""

    def edit_comment(self, name: str, comment_id: int, body: str) -> None:
        """Replace a comment's text."""

    def delete_comment(self, name: str, comment_id: int) -> None:
        """Delete a comment; one that is gone already is fine."""

    def put_check(self, name: str, check: CheckRun) -> None:
        """Make or bring up to date the check run with this external id; annotations go in batches of 50."""

    def set_labels(self, name: str, number: int, ours: Mapping[str, bool]) -> None:
        """Add the labels that are True and remove those that are False; leave all others alone."""

    def dispatch(self, name: str, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow."""

    def can_write(self, name: str, login: str) -> bool:
        """Whether somebody has write access to a repository."""
