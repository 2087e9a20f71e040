"""Read folders, changes and history of a repository without checking anything out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from grading.sandbox.tools.git import Access, Git, fetched
from grading.submission.items import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, TreeEntry

_MAX_CHANGED = 100
_HASH = 40


@dataclass(frozen=True)
class GitTree:
    """One commit's files below a folder.

    Attributes:
        commit: full hash.
        entries: everything below the folder, paths relative to it; content only as far as it was wanted and allowed.
        assignments: names of the folders in `assignments/`.
    """

    commit: str
    entries: tuple[TreeEntry, ...]
    assignments: tuple[str, ...]


@dataclass(frozen=True)
class GitObject:
    """A file (or a commit's text) somewhere in a repository's history."""

    ref: str
    path: str
    hash: str
    data: bytes


def fetch_tree(
    repo: str, ref: str, under: str, *, wanted: Callable[[str], bool] | None = None, access: Access | None = None
) -> GitTree:
    """Read one folder of one commit of a repository, without checking anything out.

    Args:
        repo: a path (bare or not) or a URL.
        ref: branch, tag, full ref or full commit hash.
        under: folder, e.g. `assignments/early_stopping`.
        wanted: which paths (relative to `under`) to read; all by default. 2 MiB a file, 8 MiB and 200 files in all.
        access: a token, where the repository is private.

    Raises:
        UsageError: no such repository or ref, no commits, or no answer in time.
    """
    with fetched(repo, {"head": ref}, access) as (git, commits):
        prefix = f"{under.strip('/')}/" if under.strip("/") else ""
        found = [_parse_entry(record, prefix) for record in _list_tree(git, "head", prefix)]
        readable: dict[str, str] = {}
        room = MAX_TOTAL_BYTES
        for path, mode, sha, size in found:
            asked = mode.startswith("10") and (wanted is None or wanted(path))
            # The file that goes over a cap is still read, so that the submission can say which one it was.
            if asked and size <= MAX_FILE_BYTES and room > 0 and len(readable) <= MAX_FILES:
                readable[path] = sha
                room -= size
        contents = dict(_read_objects(git, list(readable.values())))
        entries = [TreeEntry(path, mode, contents.get(readable.get(path, "")), size) for path, mode, _, size in found]
        folders = _records(
            git("ls-tree", "-d", "-z", "--name-only", "--full-tree", "refs/fetched/head", "assignments/")
        )
        return GitTree(commits["head"], tuple(entries), tuple(PurePosixPath(name).name for name in folders))


def changed_outside(repo: str, ref: str, base: str, under: str, *, access: Access | None = None) -> tuple[str, ...]:
    """Return at most 100 paths outside a folder that differ between two refs of a repository.

    Raises:
        UsageError: as `fetch_tree`, for either ref.
    """
    with fetched(repo, {"head": ref, "base": base}, access) as (git, _):
        # Two listings and not `git diff-tree`, which gathers all of a tree bomb before it says a word.
        before, after = (
            {_path_of(record): record for record in _list_tree(git, name, "")} for name in ("base", "head")
        )
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        return tuple(path for path in changed if not path.startswith(f"{under.strip('/')}/"))[:_MAX_CHANGED]


def read_history(repo: str) -> Iterator[GitObject]:
    """Yield every version of every file, and every commit's text, that any ref of a repository reaches.

    Raises:
        UsageError: no such repository, no commits, or no answer in time.
    """
    with fetched(repo, None) as (git, _):
        seen: list[str] = []
        for ref in git("for-each-ref", "--format=%(refname)", "refs/fetched").decode().split():
            listing = git("rev-list", "--objects", ref, *(f"^{other}" for other in seen)).decode(errors="replace")
            seen.append(ref)
            names = {line[:_HASH]: line[_HASH + 1 :] for line in listing.split("\n") if line}
            name = ref.removeprefix("refs/fetched/").removeprefix("heads/")
            for sha, data in _read_objects(git, list(names)):
                yield GitObject(name, names[sha] or "commit message", sha, data)


def read_blobs(git: Git, commit: str, *, only: frozenset[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files of a commit that is there, all or only some."""
    records = _records(git("ls-tree", "-r", "-l", "-z", "--full-tree", commit))
    entries = [_parse_entry(record, "") for record in records]
    wanted = [(path, sha) for path, _, sha, _ in entries if only is None or path in only]
    contents = dict(_read_objects(git, list(dict.fromkeys(sha for _, sha in wanted))))
    yield from ((path, contents[sha]) for path, sha in wanted if sha in contents)


def _list_tree(git: Git, name: str, prefix: str) -> list[str]:
    """Return the records of `ls-tree -l` for everything below a folder, cut where they grow beyond all bounds."""
    places = ["--", prefix] if prefix else []
    return _records(git("ls-tree", "-r", "-l", "-z", "--full-tree", f"refs/fetched/{name}", *places, cut=True))


def _path_of(record: str) -> str:
    return record.split("\t", 1)[1]


def _records(listing: bytes) -> list[str]:
    """Split a NUL-terminated listing; an unfinished last record is dropped."""
    return [record.decode(errors="backslashreplace") for record in listing.split(b"\0")[:-1]]


def _parse_entry(record: str, prefix: str) -> tuple[str, str, str, int]:
    """Return path, mode, hash and size of one record of `ls-tree -l`; a submodule's size is 0."""
    about, path = record.split("\t", 1)
    mode, _, sha, size = about.split()
    return path.removeprefix(prefix), mode, sha, int(size) if size.isdigit() else 0


def _read_objects(git: Git, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield hash and content of the files and commits among some objects."""
    output = git("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in hashes).encode()) if hashes else b""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        sha, kind, size = output[at:end].decode().split()
        at = end + 1 + int(size)
        if kind in ("blob", "commit"):
            yield sha, output[end + 1 : at]
        at += 1
