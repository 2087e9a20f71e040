"""GitHub's JSON → the values of `forge`, and its refusals → words. Pure."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import github

from grading.github.forge import Comment, ForgeError, MissingFeatureError, Pull, Push, Repository

_Json = Any
_PLAN = re.compile(
    r"upgrade to github|not available (?:for|on)|plan does not|requires? github (?:pro|team|enterprise)", re.I
)
_ARCHIVED = re.compile(r"archived", re.I)
_PERMISSION = re.compile(r"not accessible by integration|must have admin|resource not accessible", re.I)


def repository(row: _Json) -> Repository:
    """Read a repository."""
    return Repository(
        full_name=str(row["full_name"]),
        id=int(row["id"]),
        clone_url=str(row.get("clone_url") or ""),
        default_branch=str(row.get("default_branch") or "main"),
        private=bool(row.get("private")),
        archived=bool(row.get("archived")),
        topics=tuple(row.get("topics") or ()),
    )


def pull(row: _Json) -> Pull:
    """Read a pull request."""
    head, user = row["head"], row.get("user") or {}
    return Pull(
        number=int(row["number"]),
        state=str(row["state"]),
        head_sha=str(head["sha"]),
        head_ref=str(head["ref"]),
        head_repo=str(head["repo"]["full_name"]) if head.get("repo") else None,
        base_ref=str(row["base"]["ref"]),
        author=str(user.get("login") or "ghost"),
        updated_at=moment(str(row["updated_at"])),
        base_repo=str((row["base"].get("repo") or {}).get("full_name") or ""),
        author_id=int(user.get("id") or 0),
        author_is_nobody=user.get("login") in (None, "ghost") or user.get("type") == "Bot",
    )


def comment(row: _Json) -> Comment:
    """Read a comment."""
    author = str((row.get("user") or {}).get("login") or "ghost")
    return Comment(int(row["id"]), author, str(row.get("body") or ""), str(row.get("html_url") or ""))


def push(row: _Json) -> Push:
    """Read one entry of a repository's activity."""
    return Push(sha=str(row["after"]), ref=str(row["ref"]), at=moment(str(row["timestamp"])))


def moment(text: str) -> dt.datetime:
    """Read a time as GitHub writes it: 2026-11-21T10:00:00Z."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def failure(verb: str, path: str, error: github.GithubException) -> ForgeError:
    """Say what GitHub refused, and what to do about it."""
    data = error.data if isinstance(error.data, dict) else {}
    said = " ".join(str(data.get("message") or error.message or "no message").split())[:300]
    details = [
        str(row.get("message") or row.get("code") or "") if isinstance(row, dict) else str(row)
        for row in data.get("errors") or ()
    ]
    said += f" ({'; '.join(filter(None, details))[:200]})" if any(details) else ""
    what = f"GitHub: {verb} {path}: {error.status} {said}"
    if error.status == 403 and _PLAN.search(said):
        return MissingFeatureError(f"{what}. The organization's plan does not include this.", 403)
    if error.status == 403 and _ARCHIVED.search(said):
        return ForgeError(f"{what}. The repository is archived: unarchive it, or leave it as it is.", 403)
    if error.status in (403, 404) and _PERMISSION.search(said):
        headers = {str(key).lower(): str(value) for key, value in (error.headers or {}).items()}
        wanted = headers.get("x-accepted-github-permissions", "")
        which = f"the permission {wanted}" if wanted else "a permission for this"
        remedy = "Add it in the App's settings (Permissions & events) and accept it in the organization."
        return ForgeError(f"{what}. The App lacks {which}. {remedy}", error.status)
    if error.status == 429 or (error.status == 403 and "rate limit" in said.lower()):
        return ForgeError(f"{what}. GitHub asks for patience; the next run goes on from here.", error.status)
    return ForgeError(what, error.status)
