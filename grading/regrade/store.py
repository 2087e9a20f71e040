"""The folder of results. A result is there as a whole or not at all, whatever ends the program."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from grading.errors import UsageError

SEED_BITS = 63
_RECORD = "regrade.json"
_INDEX = "index.csv"
_NEW = ".new"  # what is being written; a folder, so that no pattern for results finds a part of one
_FILES = ("score.json", "comment.md", "report.html")


@dataclass(frozen=True)
class Row:
    """One line of `index.csv`. A number is missing where there is no grade; then `error` says why."""

    source: str
    key: str = ""
    auto: float | None = None
    total: float | None = None
    verdict: str = ""
    error: str = ""


class Store:
    """Results in `folder/<key>/`, the run's seed in `regrade.json`, all sources in `index.csv`.

    Only one run writes at a time. What an earlier run had begun to write is swept away.

    Raises:
        UsageError: the folder cannot be written to, or another run is writing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: TextIO | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel gives it back when the process ends
            shutil.rmtree(folder / _NEW, ignore_errors=True)
            (folder / _NEW).mkdir()
        except BlockingIOError:
            self.close()
            raise UsageError(f"--out {folder}: another regrade is writing there; wait for it or name another") from None
        except OSError as error:
            self.close()
            raise UsageError(f"--out {folder}: cannot be written to ({error.strerror}); name another folder") from None

    def seed(self, wanted: int | None) -> int:
        """Return the seed of this folder's results; the first run decides it.

        Raises:
            UsageError: another one is wanted, or the record cannot be read.
        """
        path = self.folder / _RECORD
        try:
            known = json.loads(path.read_bytes())["seed"]
        except FileNotFoundError:
            chosen = secrets.randbits(SEED_BITS) if wanted is None else wanted
            self._write(path, json.dumps({"schema": 1, "seed": chosen}) + "\n", mode=0o600)
            return chosen
        except (ValueError, KeyError, TypeError):
            known = None
        if type(known) is not int:
            raise UsageError(f'{path}: expected {{"schema": 1, "seed": N}}; found something else. Name another folder.')
        if wanted not in (None, known):
            raise UsageError(
                f"--seed {wanted}: {path} says that these results have the seed {known}, and grades compare only under "
                "one. Leave --seed out, or name another folder."
            )
        return known

    def find(self, key: str) -> Mapping[str, Any] | None:
        """Return the document of a result that is there, or None."""
        try:
            document = json.loads((self.folder / key / _FILES[0]).read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) and isinstance(document.get("auto"), float) else None

    def keep(self, key: str, files: Mapping[str, str]) -> None:
        """Write a result so that it survives whatever ends the program or the machine right after.

        Raises:
            OSError: the disk is full, or the like; then nothing of it is there.
        """
        new, final = self.folder / _NEW / key, self.folder / key
        shutil.rmtree(new, ignore_errors=True)
        try:
            new.mkdir()
            for name in _FILES:
                _write_through(new / name, files[name])
            _sync_folder(new)
            if final.exists():  # a person has touched it, for `find` did not recognise it
                shutil.rmtree(final)
            new.rename(final)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _sync_folder(self.folder)

    def write_index(self, rows: Iterable[Row]) -> None:
        """Write `index.csv` anew."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows([_cell(value) for value in astuple(row)] for row in rows)
        self._write(self.folder / _INDEX, text.getvalue())

    def close(self) -> None:
        """Let other runs write here."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (self.folder / _NEW).rmdir()
            self._lock.close()

    def _write(self, path: Path, text: str, mode: int = 0o644) -> None:
        new = self.folder / _NEW / path.name
        _write_through(new, text)
        new.chmod(mode)
        new.replace(path)
        _sync_folder(self.folder)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def row_of(source: str, key: str, document: Mapping[str, Any]) -> Row:
    """Return the line of a graded source from its `score.json`."""
    return Row(source, key, document["auto"], document.get("total"), str(document.get("verdict")))


def _cell(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _write_through(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
