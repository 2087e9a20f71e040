"""Make candidate repositories, apply patches, and name the grader's own commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UsageError
from grading.sandbox.tools.git import git_at

AUTHOR = "Hiring team <hiring@example.invalid>"


@dataclass(frozen=True)
class Branch:
    """A branch to be made: its files on top of those of another branch."""

    name: str
    files: Mapping[str, bytes]
    message: str
    base: str | None = None


def create_repository(
    folder: Path, branches: Sequence[Branch], *, bare: bool, at: dt.datetime | None = None
) -> dict[str, str]:
    """Make a repository whose branches hold exactly the given bytes; the first branch is checked out unless bare.

    Args:
        at: the commits' date, now by default. The same files at the same moment give the same hashes.

    Returns: branch → commit hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with git_at(folder) as git:
        first = branches[0].name
        git("init", "--quiet", "--template=", f"--initial-branch={first}", *(["--bare"] if bare else []), ".")
        when = f"{int((at or dt.datetime.now(dt.UTC)).timestamp())} +0000"
        git("fast-import", "--quiet", "--date-format=raw", stdin=b"".join(_import_stream(branches, when)))
        if not bare:
            git("reset", "--quiet", "--hard", first)
        return {branch.name: git("rev-parse", f"refs/heads/{branch.name}").decode().strip() for branch in branches}


def _import_stream(branches: Sequence[Branch], when: str) -> Iterator[bytes]:
    for branch in branches:
        message = branch.message.encode()
        yield (
            f"commit refs/heads/{branch.name}\ncommitter {AUTHOR} {when}\ndata {len(message)}\n".encode()
            + message
            + b"\n"
        )
        if branch.base is not None:
            yield f"from refs/heads/{branch.base}\n".encode()
        for path, data in sorted(branch.files.items()):
            yield f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def grader_commit(root: Path) -> str | None:
    """Return the commit of a working tree, with "-dirty" when files differ from it; None if there is none."""
    with git_at(root) as git:
        done = git.run("status", "--porcelain=v2", "--branch")
    lines = done.output.decode(errors="replace").splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    if done.status != 0 or commit == "(initial)":
        return None
    return commit if all(line.startswith("#") for line in lines) else f"{commit}-dirty"


def apply_patch(folder: Path, patch_text: str) -> None:
    """Apply a unified diff to the files of a folder.

    Raises:
        UsageError: the diff does not apply; the message is git's.
    """
    with git_at(folder) as git:
        done = git.run("apply", "--whitespace=nowarn", "-", stdin=patch_text.encode())
    if done.status != 0:
        raise UsageError(f"the patch no longer applies: {done.complaint}")
