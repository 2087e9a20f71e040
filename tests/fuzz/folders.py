"""Folders as no candidate should hand them in: odd names, links, pipes, holes, depth."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from grading.errors import UsageError
from grading.model import Submission
from grading.submission import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, load_file, load_folder
from tests.unit.test_submission import ASSIGNMENT as SINGLE
from tests.unit.test_submission import DEBUGGING as FOLDERS

KNOWN = [
    *(b"solution.py", b"train.py", b"bugs.toml", b"own_tests", b"src", b"deep", b"model.py", b"tests", b"data"),
    *(b"conftest.py", b"pyproject.toml", b".git", b".hidden", b"__pycache__", b"a.pyc", b"a.so", b"torch.py"),
    *(b"README.md", b"task.toml", b"SOLUTION.PY", b"solution.py ", b"inside", b"oracle.py", b"x.pth"),
]
ODD = [
    *(b"\xff\xfe.py", b"\x1b[31m.py", b"\n::error::x.py", "\u202egnp.py".encode(), b"a:b.py", b"a\\b.py", b"-rf.py"),
    *(
        b"[x](http://e).py",
        b"@team.py",
        b"`|`.py",
        "\u200b.py".encode(),
        b"\r.py",
        b"x" * 250 + b".py",
        b"~",
        b"$(id).py",
    ),
    *("Ä.py".encode(), "𝒳.py".encode(), b"\xed\xa0\x80.py", b"##[error]x.py", b"..py", b"...", b"<img>.py"),
]
TEXTS = [
    b"",
    b"def f():\n    return 1\n",
    b"\xef\xbb\xbfx = 1\n",
    b"\xff\xfex\0",
    b"\0",
    b"# coding: latin-1\n\xe9",
    b"\x7fELF",
    *(
        b"# coding: %s\nx = 1\xff" % name
        for name in (
            b"utf-7",
            b"utf_16",
            b"idna",
            b"punycode",
            b"undefined",
            b"rot13",
            b"hex",
            b"zlib",
            b"base64",
            b"bz2",
            b"mbcs",
            b"oem",
            b"unicode_escape",
            b"raw_unicode_escape",
            b"utf-8-sig",
            b"utf8",
            b"cp437",
            b"shift_jis",
            b"iso2022_jp",
            b"hz",
            b"gb18030",
            b"big5hkscs",
            b"aliases",
            b"nowhere",
            b"x" * 300,
            b"..",
            b"utf-8 ",
            b"charmap",
            b"ptcp154",
        )
    ),
    "x = '\u202e'\n".encode(),
    b"\xed\xa0\x80",
    b"\r\r\n",
    b"x" * 5000,
]

_names = st.sampled_from(KNOWN) | st.sampled_from(ODD) | st.binary(min_size=1, max_size=12)
_paths = st.lists(_names, min_size=1, max_size=4) | st.lists(_names, min_size=7, max_size=11)
_texts = (
    st.sampled_from(TEXTS) | st.binary(max_size=60) | st.text(max_size=30).map(lambda t: t.encode("utf-8", "replace"))
)


@dataclass(frozen=True)
class Made:
    """One thing to make below the folder."""

    path: tuple[bytes, ...]
    kind: str
    data: bytes = b""


_kinds = ["file"] * 6 + ["folder", "link", "loop", "hard link", "pipe", "socket", "sparse", "closed", "closed folder"]
MADE = st.lists(
    st.builds(Made, path=_paths.map(tuple), kind=st.sampled_from(_kinds), data=_texts), min_size=0, max_size=10
)


def make(root: bytes, things: list[Made]) -> None:
    """Make the things that the system allows; a name it refuses is none that can arrive."""
    for thing in things:
        parts = [part.replace(b"/", b"_").replace(b"\0", b"_") for part in thing.path]
        if {b".", b".."} & set(parts):
            continue
        with contextlib.suppress(OSError):
            target = b"/".join([root, *parts])
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 - bytes, which pathlib refuses
            _make_one(root, target, thing)


def _make_one(root: bytes, target: bytes, thing: Made) -> None:
    match thing.kind:
        case "folder":
            os.mkdir(target)  # noqa: PTH102
        case "link":
            os.symlink(b"/etc/hostname", target)  # noqa: PTH211
        case "loop":
            os.symlink(root, target)  # noqa: PTH211
        case "hard link":
            _write(target + b".py", thing.data)
            os.link(target + b".py", target)
        case "pipe":
            os.mkfifo(target)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(target)
        case "sparse":
            _write(target, b"")
            os.truncate(target, MAX_FILE_BYTES + 1 + len(thing.data))
        case "closed":
            _write(target, thing.data)
            os.chmod(target, 0)  # noqa: PTH101
        case "closed folder":
            os.mkdir(target, mode=0)  # noqa: PTH102
        case _:
            _write(target, thing.data)


def _write(target: bytes, data: bytes) -> None:
    with open(target, "xb") as stream:  # noqa: PTH123 - not over a pipe of the same name, which would wait
        stream.write(data)


def read_both(root: Path) -> list[Submission]:
    """Read a folder for two assignments, and each of its files as a submission of its own."""
    read = [load_folder(root, assignment) for assignment in (SINGLE, FOLDERS)]
    for path in list(root.iterdir())[:4]:
        with contextlib.suppress(UsageError):
            read.append(load_file(path, SINGLE))
    return read


def verify(submission: Submission) -> None:
    """Check what the rest of the grader takes for granted."""
    assert len(submission.files) <= MAX_FILES
    assert sum(map(len, submission.files.values())) <= MAX_TOTAL_BYTES
    assert len(submission.sha256) == 64
    for path in submission.files:
        assert path.isprintable()
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))
    for flag in submission.flags:
        assert flag.message.isprintable()
        assert (flag.file or "x").isprintable()
        assert len(flag.message) < 1200
    if submission.fault is not None:
        assert submission.fault.message.isprintable()
