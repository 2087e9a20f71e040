"""The list of sources: from the command line, from a file, from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from grading.errors import UsageError


def read_sources(named: Sequence[str], listed: Sequence[str]) -> tuple[str, ...]:
    """Return all sources in the order in which they were given, repetitions included.

    Args:
        named: sources themselves.
        listed: files with one source a line; `-` is standard input. Empty lines and lines that start with # are left
            out. A # elsewhere belongs to the source, because folders may have one in their names.

    Raises:
        UsageError: a list cannot be read, or there is no source at all.
    """
    sources = list(named)
    for name in listed:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
        except OSError as error:
            raise UsageError(f"--from {name}: cannot be read ({error.strerror}); check the path") from None
        except UnicodeDecodeError:
            raise UsageError(f"--from {name}: expected UTF-8 text, one source a line; save it so") from None
        sources += [line for line in lines if line and not line.startswith("#")]
    if not sources:
        raise UsageError("regrade: expected at least one source; found none. Name folders or REPO@REF, or use --from")
    return tuple(sources)
