"""The list of sources: from the command line, from a file, from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UsageError


@dataclass(frozen=True)
class Source:
    """Where a submission is.

    Attributes:
        name: a folder, a file, or REPO@REF.
        draw: the seed of the bugs in its starter; None where that of the whole run holds.
    """

    name: str
    draw: int | None = None


def read_sources(named: Sequence[str], listed: Sequence[str]) -> tuple[Source, ...]:
    """Return all sources in the order in which they were given, repetitions included.

    Args:
        named: sources themselves.
        listed: files with one source a line, with its draw after a tab where it has one of its own; `-` is standard
            input. Empty lines and lines that start with # are left out. A # elsewhere belongs to the source, because
            folders may have one in their names.

    Raises:
        UsageError: a list cannot be read, a draw is no number, or there is no source at all.
    """
    sources = [Source(name) for name in named]
    for name in listed:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
        except OSError as error:
            raise UsageError(f"--from {name}: cannot be read ({error.strerror}); check the path") from None
        except UnicodeDecodeError:
            raise UsageError(f"--from {name}: expected UTF-8 text, one source a line; save it so") from None
        for number, line in enumerate(lines, 1):
            if line and not line.startswith("#"):
                sources.append(_parse(line, f"--from {name}, line {number}"))
    if not sources:
        raise UsageError("regrade: expected at least one source; found none. Name folders or REPO@REF, or use --from")
    return tuple(sources)


def _parse(line: str, where: str) -> Source:
    name, tab, draw = line.partition("\t")
    if not tab:
        return Source(line)
    if not (draw.strip().isascii() and draw.strip().isdigit()):
        raise UsageError(f"{where}: expected the number of a draw after the tab; found {draw.strip()[:40]!r}")
    return Source(name.strip(), int(draw))
