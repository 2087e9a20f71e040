"""One entry of a submission before it is judged, and the caps on size and number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_FILE_BYTES = 2 * 2**20
MAX_TOTAL_BYTES = 8 * 2**20
MAX_FILES = 200


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a git tree.

    Attributes:
        path: relative to the assignment's folder.
        mode: git's mode: 100644 and 100755 are files, 120000 is a symbolic link, 160000 a submodule.
        data: the content; None if it was not read, because `is_wanted` did not ask for it or it is too large.
        size: in bytes, whether read or not.
    """

    path: str
    mode: str
    data: bytes | None
    size: int


class Kind(StrEnum):
    """What an entry turned out to be; the value is how a message names it."""

    FILE = "file"
    LINK = "symbolic link"
    HARD_LINK = "hard link"
    SUBMODULE = "submodule"
    FOLDER = "folder"
    SPECIAL = "pipe, socket or device"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Item:
    """An entry from the disk or a git tree. `data` is None unless it is a file that was read whole."""

    path: str
    kind: Kind
    data: bytes | None = None
    size: int = 0


_GIT_KINDS = {"04": Kind.FOLDER, "10": Kind.FILE, "12": Kind.LINK, "16": Kind.SUBMODULE}


def item_of(entry: TreeEntry) -> Item:
    """Return what an entry of a git tree is; a mode that git does not know is special."""
    kind = _GIT_KINDS.get(entry.mode.zfill(6)[:2], Kind.SPECIAL)
    whole = entry.data if kind is Kind.FILE and entry.size <= MAX_FILE_BYTES else None
    return Item(entry.path, kind, whole, entry.size if entry.data is None else len(entry.data))
