"""The calls of `forge`, answered by GitHub through PyGithub, which signs, throttles and retries.

One method is one call, so that the budget can be counted; lists take one more for each further page of 100.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import github
import jwt
import requests
from github import Auth
from github.GithubRetry import GithubRetry
from urllib3.util import Retry

from grading.github import answers
from grading.github.forge import (
    Annotation,
    Budget,
    CheckRun,
    Comment,
    ForgeError,
    Pull,
    Push,
    Repository,
    Role,
    Ruleset,
)

PUBLIC_API = "https://api.github.com"
ANNOTATIONS_A_CALL = 50
_PER_PAGE = 100
_MOST_PAGES = 100
_PUSHES = 100
_TIMEOUT_S = 30
_TRIES = 5
_LONGEST_WAIT_S = 120.0
_BETWEEN_WRITES_S = 1.0
"""github.com asks for a second between writes, or its secondary limits come; a server of one's own has none."""

_Json = Any


def connect(api: str, app_id: str, private_key: str, organization: str, permissions: Mapping[str, str]) -> Client:
    """Mint a token of one hour with no more than these permissions, and return a client that uses it.

    Raises:
        ForgeError: the key is not one, GitHub refuses it, or the App is not installed in the organization.
    """
    where = "APP_PRIVATE_KEY"
    try:
        app = _Caller(api, Auth.AppAuth(app_id, private_key))
        installation = app.ask("GET", f"/orgs/{_part(organization)}/installation")
    except (ValueError, TypeError, AssertionError, jwt.PyJWTError) as error:
        raise ForgeError(
            f"{where}: expected the App's private key, a PEM text that begins with -----BEGIN; found {error}. "
            "Copy the whole file that GitHub gave you into the secret."
        ) from error
    except ForgeError as error:
        raise ForgeError(_why_not_connected(error, app_id, organization), error.status) from error
    granted: Mapping[str, str] = installation.get("permissions") or {}
    missing = [
        f"{name}: {how}" for name, how in permissions.items() if granted.get(name) not in (how, "write", "admin")
    ]
    if missing and granted:
        raise ForgeError(
            f"the App {app_id} lacks {', '.join(missing)} in {organization}. Add it in the App's settings (Permissions "
            "& events), and accept the change in the organization's installation.",
            403,
        )
    wanted = {"permissions": dict(permissions)}
    token = app.ask("POST", f"/app/installations/{int(installation['id'])}/access_tokens", wanted)
    return Client(api, str(token["token"]), f"{installation['app_slug']}[bot]")


def _why_not_connected(error: ForgeError, app_id: str, organization: str) -> str:
    if error.status == 401:
        return (
            f"GitHub refuses APP_PRIVATE_KEY for the App {app_id}: {error}. The key may be revoked, another App's, or "
            "this machine's clock wrong. Make a new key in the App's settings and put it into the secret."
        )
    if error.status == 404:
        return (
            f"the App {app_id} is not installed in the organization {organization}. "
            "Install it there (App settings, Install App), or correct TAKEHOME_ORGANIZATION."
        )
    return str(error)


class Client:
    """Talks to GitHub with one token. `forge.Forge` says what each call does.

    Args:
        api: address of the API, without a slash at its end.
        token: an installation's or a workflow's token.
        login: under which name our comments appear; "" where none are written.
    """

    def __init__(self, api: str, token: str, login: str = "") -> None:
        self._caller = _Caller(api, Auth.Token(token))
        self._login = login
        self.token = token

    @property
    def login(self) -> str:
        """Name under which our comments appear."""
        return self._login

    @property
    def budget(self) -> Budget:
        """Calls made so far."""
        return self._caller.budget

    # repositories -----------------------------------------------------------------------------------------------------

    def repository(self, name: str) -> Repository | None:
        """Return a repository by owner/name, or None."""
        found = self._or_none("GET", _repo(name))
        return None if found is None else answers.repository(found)

    def create_repository(self, name: str, description: str) -> Repository:
        """Make a private, empty repository in the organization."""
        organization, _, short = name.partition("/")
        wanted = {"name": short, "description": description, "private": True, "has_wiki": False, "has_projects": False}
        return answers.repository(self._caller.ask("POST", f"/orgs/{_part(organization)}/repos", wanted))

    def protect_branch(self, name: str, branch: str) -> None:
        """Forbid force-pushes, deletion and direct pushes to a branch."""
        reviews = {"required_approving_review_count": 1, "dismiss_stale_reviews": False}
        wanted = {
            "required_status_checks": None,
            "enforce_admins": False,
            "required_pull_request_reviews": reviews,
            "restrictions": None,
            "allow_force_pushes": False,
            "allow_deletions": False,
        }
        self._caller.ask("PUT", f"{_repo(name)}/branches/{urllib.parse.quote(branch, safe='')}/protection", wanted)

    def add_ruleset(self, name: str, ruleset: Ruleset) -> None:
        """Forbid pushes that touch some paths, once."""
        there = self._caller.pages(f"{_repo(name)}/rulesets", {})
        if any(row["name"] == ruleset.name for row in there):
            return
        rule = {"type": "file_path_restriction", "parameters": {"restricted_file_paths": list(ruleset.paths)}}
        wanted = {"name": ruleset.name, "target": "push", "enforcement": "active", "rules": [rule]}
        self._caller.ask("POST", f"{_repo(name)}/rulesets", wanted)

    def invite(self, name: str, login: str, role: Role) -> bool:
        """Make somebody a collaborator; False when they are one already."""
        permission = {Role.READ: "pull", Role.WRITE: "push"}[role]
        path = f"{_repo(name)}/collaborators/{_part(login)}"
        return self._caller.ask("PUT", path, {"permission": permission}) is not None

    def set_topics(self, name: str, topics: Sequence[str]) -> None:
        """Replace the repository's topics."""
        self._caller.ask("PUT", f"{_repo(name)}/topics", {"names": list(topics)})

    def can_write(self, name: str, login: str) -> bool:
        """Whether somebody has write access to a repository."""
        found = self._or_none("GET", f"{_repo(name)}/collaborators/{_part(login)}/permission")
        return found is not None and found.get("permission") in ("write", "admin")

    # pull requests ----------------------------------------------------------------------------------------------------

    def pulls(self, name: str) -> tuple[Pull, ...]:
        """Return all pull requests, closed ones too, those that changed last first."""
        query = {"state": "all", "sort": "updated", "direction": "desc"}
        return tuple(answers.pull(row) for row in self._caller.pages(f"{_repo(name)}/pulls", query))

    def pull(self, name: str, number: int) -> Pull | None:
        """Return one pull request, or None."""
        found = self._or_none("GET", f"{_repo(name)}/pulls/{number:d}")
        return None if found is None else answers.pull(found)

    def pushes(self, name: str, ref: str) -> tuple[Push, ...]:
        """Return the latest pushes to a branch, newest first."""
        query = {"ref": f"refs/heads/{ref}", "per_page": str(_PUSHES)}
        try:
            rows = self._caller.ask("GET", f"{_repo(name)}/activity", parameters=query)
        except ForgeError as error:
            if error.status in (403, 404, 409, 422, 451):  # a fork that we may not see, or that is gone
                return ()
            raise
        found = (answers.push(row) for row in rows)
        return tuple(push for push in found if push.ref == f"refs/heads/{ref}")

    def set_labels(self, name: str, number: int, ours: Mapping[str, bool]) -> None:
        """Add the labels that are True and remove those that are False; leave all others alone."""
        path = f"{_repo(name)}/issues/{number:d}/labels"
        there = {row["name"] for row in self._caller.pages(path, {})}
        missing = [label for label, wanted in ours.items() if wanted and label not in there]
        if missing:
            self._caller.ask("POST", path, {"labels": missing})
        for label, wanted in ours.items():
            if not wanted and label in there:
                self._or_none("DELETE", f"{path}/{urllib.parse.quote(label, safe='')}")

    # comments and check runs ------------------------------------------------------------------------------------------

    def comments(self, name: str, number: int) -> tuple[Comment, ...]:
        """Return a pull request's comments, oldest first."""
        rows = self._caller.pages(f"{_repo(name)}/issues/{number:d}/comments", {})
        return tuple(answers.comment(row) for row in rows)

    def create_comment(self, name: str, number: int, body: str) -> Comment:
        """Write a comment."""
        return answers.comment(self._caller.ask("POST", f"{_repo(name)}/issues/{number:d}/comments", {"body": body}))

    def edit_comment(self, name: str, comment_id: int, body: str) -> None:
        """Replace a comment's text."""
        self._caller.ask("PATCH", f"{_repo(name)}/issues/comments/{comment_id:d}", {"body": body})

    def delete_comment(self, name: str, comment_id: int) -> None:
        """Delete a comment; one that is gone already is fine."""
        self._or_none("DELETE", f"{_repo(name)}/issues/comments/{comment_id:d}")

    def put_check(self, name: str, check: CheckRun) -> None:
        """Make or bring up to date the check run with this external id; annotations go in batches of 50."""
        query = {"check_name": check.name, "filter": "all"}
        found = self._caller.pages(f"{_repo(name)}/commits/{check.head_sha}/check-runs", query, key="check_runs")
        ours = [row for row in found if row.get("external_id") == check.external_id and self._is_ours(row)]
        batches = list(_batches(check.annotations)) or [()]
        ended = {"status": "completed", "conclusion": "neutral"}
        if ours:
            # Annotations add up on GitHub's side; a run that has some already gets those that are missing.
            there = int((ours[0].get("output") or {}).get("annotations_count") or 0)
            path = f"{_repo(name)}/check-runs/{int(ours[0]['id'])}"
            for batch in list(_batches(check.annotations[there:])) or [()]:
                self._caller.ask("PATCH", path, ended | {"output": _output(check, batch)})
            return
        about = {"name": check.name, "head_sha": check.head_sha, "external_id": check.external_id}
        body = about | ended | {"output": _output(check, batches[0])}
        made = self._caller.ask("POST", f"{_repo(name)}/check-runs", body)
        for batch in batches[1:]:
            more = {"output": _output(check, batch)}
            self._caller.ask("PATCH", f"{_repo(name)}/check-runs/{int(made['id'])}", more)

    def _is_ours(self, row: _Json) -> bool:
        """Whether a check run is our App's: the candidate's own workflow may copy its name and id."""
        return f"{(row.get('app') or {}).get('slug')}[bot]" == self._login

    def dispatch(self, name: str, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow."""
        path = f"{_repo(name)}/actions/workflows/{_part(workflow)}/dispatches"
        self._caller.ask("POST", path, {"ref": ref, "inputs": dict(inputs)})

    def _or_none(self, verb: str, path: str) -> _Json | None:
        try:
            return self._caller.ask(verb, path)
        except ForgeError as error:
            if error.status == 404:
                return None
            raise


class _Patience(GithubRetry):
    """GithubRetry, but POST is sent again only where GitHub said that it did nothing: a limit.

    After any other failure the comment or the run may be there already; who asked looks before asking again.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether to send a request again."""
        if method.upper() == "POST":
            return bool(self.total) and status_code in (403, 429)
        return super().is_retry(method, status_code, has_retry_after)


class _Caller:
    """One kind of credentials: sends, counts, follows pages, and turns failures into `ForgeError`."""

    def __init__(self, api: str, auth: Auth.Auth) -> None:
        again = Retry.DEFAULT_ALLOWED_METHODS | {"PATCH"}
        retry = _Patience(
            total=_TRIES,
            backoff_factor=1,
            backoff_max=60,
            allowed_methods=again,
            status_forcelist=[*range(500, 600), 429],
            max_rate_limit_wait=_LONGEST_WAIT_S,
        )
        self._github = github.Github(
            auth=auth,
            base_url=api or PUBLIC_API,
            timeout=_TIMEOUT_S,
            retry=retry,
            lazy=True,
            user_agent="ml-take-home",
            seconds_between_requests=None,
            seconds_between_writes=_BETWEEN_WRITES_S if (api or PUBLIC_API) == PUBLIC_API else None,
        )
        self._made = 0

    @property
    def budget(self) -> Budget:
        left, limit = self._github.rate_limiting if self._made else (-1, -1)
        return Budget(self._made, left if left >= 0 else None, limit if limit >= 0 else None)

    def ask(
        self, verb: str, path: str, body: Mapping[str, _Json] | None = None, *, parameters: dict[str, str] | None = None
    ) -> _Json:
        """Make one call and return its answer, None where there is nothing to return."""
        return self._send(verb, path, body, parameters)[1]

    def pages(self, path: str, query: Mapping[str, str], key: str | None = None) -> list[_Json]:
        """Return the rows of all pages."""
        rows: list[_Json] = []
        for number in range(1, _MOST_PAGES + 1):
            parameters = {**query, "per_page": str(_PER_PAGE)} | ({"page": str(number)} if number > 1 else {})
            head, data = self._send("GET", path, None, parameters)
            rows.extend(data[key] if key else data)
            if 'rel="next"' not in head.get("link", ""):
                return rows
        raise ForgeError(f"GitHub: GET {path}: expected at most {_MOST_PAGES * _PER_PAGE} rows; there are more")

    def _send(
        self,
        verb: str,
        path: str,
        body: Mapping[str, _Json] | None,
        parameters: dict[str, str] | None,
    ) -> tuple[Mapping[str, str], _Json]:
        self._made += 1
        try:
            head, data = self._github.requester.requestJsonAndCheck(
                verb, path, parameters=parameters, input=dict(body) if body is not None else None
            )
        except github.GithubException as error:
            raise answers.failure(verb, path, error) from error
        except (requests.RequestException, RuntimeError) as error:
            raise ForgeError(
                f"GitHub: {verb} {path}: no answer ({type(error).__name__}). Look at GitHub's status page and the "
                "network; the next run tries again."
            ) from error
        if str(head.get("status", "")).startswith("30"):  # PyGithub takes a redirected write for done
            raise ForgeError(f"GitHub: {verb} {path}: moved; the repository was renamed. Run this again.", 307)
        return head, data


def _repo(name: str) -> str:
    owner, _, short = name.partition("/")
    return f"/repos/{_part(owner)}/{_part(short)}"


def _part(text: str) -> str:
    """Return one segment of a path, which cannot leave its place."""
    if not text or text in (".", "..") or "/" in text:
        raise ForgeError(f"GitHub: {text!r} cannot be part of an address; expected one name")
    return urllib.parse.quote(text, safe="")


def _batches(annotations: Sequence[Annotation]) -> Iterator[Sequence[Annotation]]:
    for start in range(0, len(annotations), ANNOTATIONS_A_CALL):
        yield annotations[start : start + ANNOTATIONS_A_CALL]


def _output(check: CheckRun, annotations: Sequence[Annotation]) -> dict[str, _Json]:
    rows = [
        {
            "path": item.path,
            "start_line": item.line,
            "end_line": item.line,
            "annotation_level": "notice",
            "title": item.title,
            "message": item.message,
        }
        for item in annotations
    ]
    return {"title": check.title, "summary": check.summary, "annotations": rows}
