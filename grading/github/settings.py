"""Where the grading repository, GitHub and the App are: read from a workflow's environment, or a person's shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import Fault, FaultsError
from grading.github.client import PUBLIC_API, Client, connect
from grading.ledger.store import Store
from grading.sandbox.tools import Access

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_SHA = re.compile(r"[0-9a-f]{40}")
_PUBLIC_SERVER = "https://github.com"


@dataclass(frozen=True)
class Settings:
    """What the commands need to know about GitHub.

    Attributes:
        home: owner/name of the grading repository.
        organization: where candidate repositories live.
        token: for the grading repository: ledger and dispatches.
        app_id, app_key: of the App that sees candidate repositories.
    """

    home: str
    organization: str
    api: str
    server: str
    token: str = field(repr=False)
    app_id: str = ""
    app_key: str = field(default="", repr=False)

    @property
    def own_access(self) -> Access:
        """What git needs for the grading repository."""
        return Access(self.server, self.token)

    def store(self) -> Store:
        """Return the ledger and the people store."""
        return Store(self.address(self.home), self.own_access)

    def address(self, repository: str) -> str:
        """Return where git finds a repository."""
        return f"{self.server}/{repository}.git"

    def own_client(self) -> Client:
        """Return a client for the grading repository."""
        return Client(self.api, self.token)

    def app_client(self, permissions: Mapping[str, str]) -> Client:
        """Mint a token for the candidate repositories with no more than these permissions.

        Raises:
            ForgeError: the key is wrong or expired, or the App is not installed.
        """
        return connect(self.api, self.app_id, self.app_key, self.organization, permissions)


@dataclass(frozen=True)
class Identity:
    """Which head a run is about: from the run's inputs alone, never from what a run left behind."""

    repository: str
    pull: int
    sha: str


def read_settings(environment: Mapping[str, str], *, app: bool = True) -> Settings:
    """Read the environment.

    Args:
        app: whether the App's key is needed.

    Raises:
        FaultsError: variables are missing or wrong; all at once.
    """
    faults: list[Fault] = []
    home = environment.get("GITHUB_REPOSITORY", "")
    if not _NAME.fullmatch(home):
        remedy = "Name the grading repository; workflows have it set."
        faults.append(Fault("GITHUB_REPOSITORY", "environment", "owner/name", repr(home), remedy))
    if not environment.get("GITHUB_TOKEN"):
        remedy = "Make one that may read and write this repository; workflows pass ${{ github.token }}."
        faults.append(Fault("GITHUB_TOKEN", "environment", "a token for the grading repository", "none", remedy))
    app_id, key = environment.get("APP_ID", ""), _key(environment.get("APP_PRIVATE_KEY", ""), faults)
    if app and not _NUMBER.fullmatch(app_id):
        remedy = "Copy it from the App's settings into the variable GRADER_APP_ID."
        faults.append(Fault("APP_ID", "environment", "the App's number", repr(app_id), remedy))
    if app and not key:
        remedy = "Put the App's private key into the secret GRADER_APP_KEY, or name its file as @FILE."
        faults.append(Fault("APP_PRIVATE_KEY", "environment", "a PEM text or @FILE", "none", remedy))
    if faults:
        raise FaultsError(faults)
    return Settings(
        home=home,
        organization=environment.get("TAKEHOME_ORGANIZATION") or home.partition("/")[0],
        api=(environment.get("GITHUB_API_URL") or PUBLIC_API).rstrip("/"),
        server=(environment.get("GITHUB_SERVER_URL") or _PUBLIC_SERVER).rstrip("/"),
        token=environment["GITHUB_TOKEN"],
        app_id=app_id,
        app_key=key,
    )


def read_identity(environment: Mapping[str, str]) -> Identity:
    """Read REPO, PR and SHA.

    Raises:
        FaultsError: one of them is not what it must be.
    """
    wanted = {
        "REPO": (_NAME, "owner/name of the candidate's repository"),
        "PR": (_NUMBER, "the pull request's number"),
        "SHA": (_SHA, "a full commit hash, 40 hexadecimal digits"),
    }
    remedy = "Start the workflow with all three inputs."
    faults = [
        Fault(name, "environment", expected, repr(environment.get(name, ""))[:80], remedy)
        for name, (pattern, expected) in wanted.items()
        if not pattern.fullmatch(environment.get(name, ""))
    ]
    if faults:
        raise FaultsError(faults)
    return Identity(environment["REPO"], int(environment["PR"]), environment["SHA"])


def read_place(environment: Mapping[str, str]) -> tuple[str, int | None] | None:
    """Read REPO and PR where they may be empty: all repositories, one, or one pull request of it.

    Raises:
        FaultsError: one of them is not what it must be.
    """
    repository, number = environment.get("REPO", ""), environment.get("PR", "")
    faults = []
    if (repository or number) and not _NAME.fullmatch(repository):
        faults.append(Fault("REPO", "environment", "owner/name, or nothing", repr(repository)[:80], "Correct it."))
    if number and not _NUMBER.fullmatch(number):
        faults.append(Fault("PR", "environment", "a number, or nothing", repr(number)[:80], "Correct it."))
    if faults:
        raise FaultsError(faults)
    return (repository, int(number) if number else None) if repository else None


def is_repository_name(text: str) -> bool:
    """Whether a text is owner/name."""
    return _NAME.fullmatch(text) is not None


def _key(text: str, faults: list[Fault]) -> str:
    """Return the key, read from a file where the text is @FILE."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        faults.append(Fault("APP_PRIVATE_KEY", "environment", "a file that can be read", str(error), "Correct @FILE."))
        return ""
