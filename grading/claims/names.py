"""File names in claims: only such as a file of a submission can have reach a report. Pure."""

from __future__ import annotations

from grading.submission.rules import MAX_PATH, safe_name

_NO_PARTS = frozenset({"", ".", ".."})


def is_file_name(text: str) -> bool:
    """Whether a text could name a file of a submission: relative, within its folder, printable, not too long.

    Of what a submission may not hold, names in the form that `safe_name` prints pass as well: a fault may be about one.
    """
    return len(text) <= MAX_PATH and text.isprintable() and not _NO_PARTS.intersection(text.split("/"))


def file_name(text: str) -> str:
    """Return a name that `is_file_name` accepts: the text itself if it can be.

    The worker says in which file a submission did not load. A name that is refused later would turn a grade that is
    due into none.
    """
    shown = safe_name(text)[:MAX_PATH]
    return "/".join(part for part in shown.split("/") if part not in _NO_PARTS) or "?"
