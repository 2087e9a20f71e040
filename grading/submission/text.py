"""Whether source text can be read as Python reads it, and what in it does not show on a screen. Pure."""

from __future__ import annotations

import codecs
import io
import re
import tokenize

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)
_UNREADABLE_CODECS = (
    "utf-7",
    "utf-16",
    "utf-32",
    "unicode-escape",
    "raw-unicode-escape",
    "punycode",
    "idna",
    "undefined",
)
"""Codecs that a source file can name and that hide what the code says, or take very long to decode."""


def text_problem(data: bytes, *, python: bool) -> tuple[int | None, str] | None:
    """Return line and message if a text cannot be read, else None.

    Args:
        data: the file's content.
        python: whether it may declare its encoding in the way of PEP 263; else it must be UTF-8.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, "is UTF-16 text; save it as UTF-8"
    if b"\0" in data:
        return _line(data, data.index(b"\0")), "is binary (it holds a NUL byte); hand in text, saved as UTF-8"
    encoding = "utf-8-sig"
    if python:
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        except SyntaxError as error:
            # Also raised for bytes that are not UTF-8 near a file's start; those get their line below.
            if _decode_problem(data, encoding) is None:
                return 1, f"declares an encoding that does not work ({error}); save it as UTF-8"
    return _decode_problem(data, encoding)


def _decode_problem(data: bytes, encoding: str) -> tuple[int, str] | None:
    if codecs.lookup(encoding).name.startswith(_UNREADABLE_CODECS):
        return 1, f"declares the encoding {encoding}, which hides what the code says; save it as UTF-8"
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding.startswith("utf-8") else f"{encoding}, the encoding that it declares"
        return _line(data, error.start), f"is not {name} (byte {data[error.start]:#04x}); save it as UTF-8"
    except LookupError:
        return 1, f"declares {encoding}, which is no text encoding; save it as UTF-8"
    return None


def invisible_characters(data: bytes) -> tuple[int, str] | None:
    """Return the first line with characters that do not show or that turn the reading direction, and a message."""
    # A byte order mark at the start is an editor's habit and not worth a look.
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    first = _INVISIBLE.search(text)
    if first is None:
        return None
    number = len(_INVISIBLE.findall(text))
    what = f"U+{ord(first.group()):04X}"
    count = f"{number} characters" if number > 1 else "a character"
    return text.count("\n", 0, first.start()) + 1, f"holds {count} that cannot be seen or turn the text (first {what})"


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
