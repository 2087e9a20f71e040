"""Read files from the disk so that no link, pipe or growing file turns a read into something else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from grading.submission.items import MAX_FILE_BYTES, Item, Kind

MAX_SEEN = 2_000
"""Entries of one folder that are looked at; a folder of a million files costs no more."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_folder(
    root: Path, first: Sequence[str], wanted: Callable[[str], bool], entered: Callable[[str], bool]
) -> Iterator[Item]:
    """Yield what lies below a folder: `first`, then each folder's files before its subfolders. Reads as it goes.

    Args:
        root: the folder; links in its own path are the caller's and followed.
        first: paths that are yielded before all else, if they are there, and perhaps again later.
        wanted: whether a path's content is read.
        entered: whether a folder is looked into; it must end the descent at some depth.
    """
    with _opened(os.path.realpath(root), None) as descriptor:
        for path in first:
            yield from _read_path(descriptor, path)
        yield from _read_below(descriptor, "", wanted, entered)


def read_file(path: Path, name: str) -> Item:
    """Read one file that the caller named; its last part may be no link."""
    with _opened(os.path.realpath(path.parent), None) as descriptor:
        return _read_entry(descriptor, path.name, name, read=True)


@contextmanager
def _opened(name: str, parent: int | None) -> Iterator[int]:
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_path(root: int, path: str) -> Iterator[Item]:
    """Yield the entry at a path with folders in it, or nothing: the walk tells what stands in the way."""
    folder, _, rest = path.partition("/")
    if not rest:
        try:
            os.stat(folder, dir_fd=root, follow_symlinks=False)
        except OSError:
            return
        yield _read_entry(root, folder, folder, read=True)
        return
    try:
        with _opened(folder, root) as descriptor:
            for item in _read_path(descriptor, rest):
                yield Item(path, item.kind, item.data, item.size)
    except OSError:
        return


def _read_below(
    folder: int, prefix: str, wanted: Callable[[str], bool], entered: Callable[[str], bool]
) -> Iterator[Item]:
    with os.scandir(folder) as entries:
        names = sorted((entry.is_dir(follow_symlinks=False), entry.name) for entry in islice(entries, MAX_SEEN))
    for is_folder, name in names:
        path = prefix + name
        if not is_folder:
            yield _read_entry(folder, name, path, read=wanted(path))
            continue
        # Folders are yielded too, so that whoever counts items ends the walk through a forest of empty ones.
        if not entered(path):
            yield Item(path, Kind.FOLDER)
            continue
        try:
            with _opened(name, folder) as descriptor:
                yield Item(path, Kind.FOLDER)
                yield from _read_below(descriptor, f"{path}/", wanted, entered)
        except OSError:
            yield Item(path, Kind.UNREADABLE)


def _read_entry(folder: int, name: str, path: str, *, read: bool) -> Item:
    """Look at one entry and read it if it is a file of its own that is not too large."""
    try:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        item = Item(path, _kind(info), size=info.st_size)
        if item.kind is not Kind.FILE or not read or item.size > MAX_FILE_BYTES:
            return item
        descriptor = os.open(name, _FILE, dir_fd=folder)
        try:
            # Between the look and the open the entry may have been exchanged; only what is open counts.
            kind = _kind(os.fstat(descriptor))
            data = _read_descriptor(descriptor) if kind is Kind.FILE else None
        finally:
            os.close(descriptor)
    except OSError:
        return Item(path, Kind.UNREADABLE)
    if data is None or len(data) > MAX_FILE_BYTES:
        return Item(path, kind, size=len(data or b""))
    return Item(path, kind, data, len(data))


def _read_descriptor(descriptor: int) -> bytes:
    """Read one byte more than is allowed at most, so that a file that grew shows itself."""
    parts, left = [], MAX_FILE_BYTES + 1
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _kind(info: os.stat_result) -> Kind:
    if stat.S_ISREG(info.st_mode):
        # A second name of the same file can be a file that is not the candidate's.
        return Kind.FILE if info.st_nlink == 1 else Kind.HARD_LINK
    if stat.S_ISLNK(info.st_mode):
        return Kind.LINK
    return Kind.FOLDER if stat.S_ISDIR(info.st_mode) else Kind.SPECIAL
