"""What the command line shows: colours only on a terminal, progress on standard error, tables that fit."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

_BAR = 24
_PLAIN_EVERY_S = 15.0


def wants_colour(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that wants colours (https://no-color.org)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the terminal's width in columns."""
    return shutil.get_terminal_size((100, 24)).columns


class ProgressBar:
    """One line on standard error: a bar on a terminal, a line now and then elsewhere.

    Args:
        what: what is being counted, e.g. "checks".
    """

    def __init__(self, title: str, what: str) -> None:
        self._title = title
        self._what = what
        self._live = sys.stderr.isatty()
        self._started = self._printed = time.monotonic()
        self._stream = sys.stderr

    def __call__(self, done: int, total: int, free: int | None = None) -> None:
        """Show that `done` of `total` are done.

        Args:
            free: how many of those done cost no time, because an earlier run has done them; with it, show the rate.
        """
        now = time.monotonic()
        left = ""
        worked, spent = done - (free or 0), now - self._started
        if worked > 0 and done < total and spent > 3:
            rate = f", {3600 * worked / spent:,.0f} an hour" if free is not None else ""
            left = f"{rate}, about {_duration(spent * (total - done) / worked)} left"
        text = f"{self._title}: {done} of {total} {self._what}{left}"
        if self._live:
            filled = _BAR * done // max(total, 1)
            self._stream.write(f"\r\033[K{'█' * filled}{'░' * (_BAR - filled)} {text}"[: width() + 4])
            self._stream.flush()
        elif now - self._printed > _PLAIN_EVERY_S or done == total:
            self._printed = now
            self._stream.write(text + "\n")
            self._stream.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress(title: str, what: str) -> Iterator[ProgressBar]:
    """Show progress while the block runs."""
    bar = ProgressBar(title, what)
    try:
        yield bar
    finally:
        bar.clear()


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return rows as aligned text; the first row is the header.

    Args:
        right: columns to align to the right.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("─" * w for w in widths))
    return "\n".join(lines)
