"""Read and write branches of a remote repository that others write to as well. Nothing is checked out."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grading.errors import GraderError, UsageError
from grading.sandbox.tools.git import Access, Git, fresh_repository, git_at, repository_address
from grading.sandbox.tools.reading import read_blobs
from grading.sandbox.tools.writing import AUTHOR

_TRIES = 10
_PAUSE_S = 0.2
_PUSH_S = 120.0
_RACED = re.compile(
    r"non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref|incorrect old value", re.IGNORECASE
)


@dataclass(frozen=True)
class BranchFiles:
    """All files of a branch; no commit where the branch does not exist yet."""

    commit: str | None
    files: Mapping[str, bytes]


def read_branch(repo: str, branch: str, access: Access | None = None) -> BranchFiles:
    """Return every file of a branch's newest commit.

    Raises:
        UsageError: no such repository, or no answer in time.
    """
    with _at_branch(repo, branch, access) as (git, commit):
        return BranchFiles(commit, dict(read_blobs(git, commit)) if commit else {})


def add_files(repo: str, branch: str, files: Mapping[str, bytes], message: str, access: Access | None = None) -> str:
    """Add new files on top of a branch, making it if need be; return the commit.

    Somebody who pushes at the same moment loses nothing and neither do we: the files go on top of theirs.

    Raises:
        UsageError: the repository refuses, or one of the files exists with another content.
    """
    for attempt in range(_TRIES):
        with _at_branch(repo, branch, access) as (git, commit):
            there = dict(read_blobs(git, commit, only=frozenset(files))) if commit else {}
            changed = sorted(path for path, data in there.items() if data != files[path])
            if changed:
                raise UsageError(f"{repo}: {branch}: {changed[0]} exists with another content; records never change")
            new = {path: data for path, data in files.items() if path not in there}
            if not new and commit:
                return commit
            made = _commit(git, new, message, commit)
            if _push(git, repo, f"{made}:refs/heads/{branch}", None):
                return made
        _pause(attempt)
    raise GraderError(f"{repo}: {branch}: others pushed {_TRIES} times at the same moment; try again")


def replace_files(
    repo: str, branch: str, files: Mapping[str, bytes], message: str, seen: str | None, access: Access | None = None
) -> bool:
    """Replace a branch by one commit without history that holds just these files.

    Args:
        seen: the commit whose content the caller has taken into account; None if the branch did not exist.

    Returns: False when the branch has changed since, so that the caller has to look again.

    Raises:
        UsageError: the repository refuses.
    """
    with _at_branch(repo, branch, access) as (git, commit):
        if commit != seen:
            return False
        made = _commit(git, files, message, None)
        lease = f"--force-with-lease=refs/heads/{branch}:{commit or ''}"
        # No "+" before the commit: it would overrule the lease.
        return _push(git, repo, f"{made}:refs/heads/{branch}", lease)


def list_branches(repo: str, access: Access | None = None) -> dict[str, str]:
    """Return branch → commit of a repository, none for an empty one.

    Raises:
        UsageError: it cannot be read.
    """
    repo = repository_address(repo)
    with fresh_repository(access) as git:
        done = git.run("ls-remote", "--quiet", "--heads", "--", repo)
    if done.status != 0:
        raise UsageError(f"{repo}: cannot be read ({done.complaint}). Check the address and the token's access.")
    rows = (line.split("\trefs/heads/") for line in done.output.decode(errors="replace").splitlines())
    return {name: commit for commit, name in rows}


def push_branches(source: Path, repo: str, branches: Sequence[str], access: Access | None = None) -> None:
    """Push branches of a repository of ours to another; those that are there already stay as they are.

    Raises:
        UsageError: a branch is there with other content, or the repository refuses.
    """
    with git_at(source, access) as git:
        specs = [f"refs/heads/{branch}:refs/heads/{branch}" for branch in branches]
        done = git.run("push", "--quiet", "--", repo, *specs, timeout_s=_PUSH_S)
    if done.status != 0:
        raise UsageError(f"{repo}: git could not push {', '.join(branches)}: {done.complaint}")


@contextmanager
def _at_branch(repo: str, branch: str, access: Access | None) -> Iterator[tuple[Git, str | None]]:
    """Fetch a branch's newest commit into a fresh repository; yield git there and the commit, None without a branch."""
    ref, repo = f"refs/heads/{branch}", repository_address(repo)
    with fresh_repository(access) as git:
        listing = git.run("ls-remote", "--quiet", "--", repo, ref)
        if listing.status != 0:
            raise UsageError(f"{repo}: cannot be read ({listing.complaint}). Check the address and the token's access.")
        line = listing.output.decode(errors="replace").split()
        if not line:
            yield git, None
            return
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules")
        done = git.run("fetch", *options, "--", repo, f"+{ref}:refs/fetched/head", timeout_s=_PUSH_S)
        if done.status != 0:
            raise UsageError(f"{repo}: git could not fetch {branch}: {done.complaint}")
        yield git, git("rev-parse", "refs/fetched/head").decode().strip()


def _commit(git: Git, files: Mapping[str, bytes], message: str, parent: str | None) -> str:
    """Make a commit that adds files to its parent's, and return its hash."""
    text = message.encode()
    stream = [f"commit refs/heads/made\ncommitter {AUTHOR} now\ndata {len(text)}\n".encode(), text, b"\n"]
    if parent is not None:
        stream.append(f"from {parent}\n".encode())
    for path, data in sorted(files.items()):
        stream += [f"M 100644 inline {path}\ndata {len(data)}\n".encode(), data, b"\n"]
    git("fast-import", "--quiet", "--force", "--date-format=now", stdin=b"".join(stream))
    return git("rev-parse", "refs/heads/made").decode().strip()


def _push(git: Git, repo: str, spec: str, lease: str | None) -> bool:
    """Push one commit; False when somebody else was faster."""
    options = [lease] if lease else []
    done = git.run("push", "--quiet", "--porcelain", *options, "--", repo, spec, timeout_s=_PUSH_S)
    if done.status == 0:
        return True
    said = f"{done.output.decode(errors='replace')} {done.complaint}"
    if _RACED.search(said):
        return False
    branch = spec.rpartition(":")[2]
    raise UsageError(f"{repo}: git could not push {branch}: {done.complaint}. Check what the token may do.")


def _pause(attempt: int) -> None:
    """Wait a little longer each time, and not as long as the others do."""
    time.sleep(_PAUSE_S * 2 ** min(attempt, 5) * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the tries
