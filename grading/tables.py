"""Read TOML tables with types, collecting every fault instead of stopping at the first. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from typing import TypeGuard, TypeVar

from grading.errors import Fault

Choice = TypeVar("Choice", bound=StrEnum)


class _Absent(Enum):
    """Tells a key that is not there from every value that TOML can hold."""

    ABSENT = "nothing"


ABSENT = _Absent.ABSENT
_LONGEST_FOUND = 60
_MOST_DIGITS = 18
"""Before or after the point. The exact fraction of a number like 1e-999999999 would never be done."""


class Table:
    """One TOML table whose values are read by type.

    A value that is not as the format says leaves a fault behind and comes back empty or as its default, so that reading
    goes on. Callers build nothing as long as `faults` is not empty.

    Args:
        data: the table; decimals as `Decimal` or `float`.
        where: file and key path, for messages.
        faults: shared list that faults are added to.
        known: the keys that the format knows; None leaves unknown keys to another reader of the same table.
    """

    def __init__(
        self, data: Mapping[str, object], where: str, faults: list[Fault], known: Iterable[str] | None = None
    ) -> None:
        self.data = data
        self.where = where
        self.faults = faults
        if known is None:
            return
        names = tuple(known)
        for key in data:
            if key not in names:
                remedy = f"{suggest(key, names)}Rename or delete it."
                self._add(key, f"a known key ({', '.join(names)})", "an unknown one", remedy)

    def fault(self, key: str, expected: str, found: object, remedy: str) -> None:
        """Add a fault about one key; `found` is the value as it was read."""
        self._add(key, expected, show(found), remedy)

    def get(self, key: str) -> object:
        """Return a raw value, or `ABSENT`."""
        return self.data.get(key, ABSENT)

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a string of one line that is not blank; with a fault, "" or the default."""
        value = self.get(key)
        if value is ABSENT and default is not None:
            return default
        if isinstance(value, str) and value.strip() and "\n" not in value:
            return value
        self.fault(key, "text on one line", value, f'Write {key} = "...".')
        return default or ""

    def integer(self, key: str, least: int, most: int | None = None, *, default: int | None = None) -> int:
        """Return an integer within bounds; with a fault, `least` or the default. A bool is no integer."""
        value = self.get(key)
        if value is ABSENT and default is not None:
            return default
        if is_integer(value) and least <= value <= (value if most is None else most):
            return value
        expected = f"an integer ≥ {least}" if most is None else f"an integer from {least} to {most}"
        self.fault(key, expected, value, f"Write {key} = {default or least}, or what fits.")
        return least if default is None else default

    def number(self, key: str, most: int, *, default: Fraction | None = None) -> Fraction | None:
        """Return a number over 0 and at most `most`, exactly as it is written; the default if absent or at fault."""
        value = self.get(key)
        if value is ABSENT:
            return default
        exact = _exact(value)
        if exact is not None and 0 < exact <= most:
            return exact
        self.fault(key, f"a number over 0 and at most {most}", value, "Correct it, or delete the key.")
        return default

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return true or false; the default if absent or at fault."""
        value = self.get(key)
        if value is ABSENT or isinstance(value, bool):
            return default if value is ABSENT else value
        self.fault(key, "true or false", value, "Write it without quotes.")
        return default

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Return a list of different texts that are not blank, less those at fault."""
        value = self.get(key)
        if value is ABSENT and not required:
            return ()
        if not isinstance(value, list) or (required and not value):
            self.fault(
                key, f"a list of texts{' with at least one' if required else ''}", value, f'Write {key} = ["..."].'
            )
            return ()
        kept: list[str] = []
        for item in value:
            if not isinstance(item, str) or not item.strip():
                self.fault(key, "texts that are not blank", item, "Correct or delete this one.")
            elif item in kept:
                self.fault(key, "each text once", item, "Delete the repeated one.")
            else:
                kept.append(item)
        return tuple(kept)

    def choice(self, key: str, kind: type[Choice], default: Choice) -> Choice:
        """Return a member of an enum, given by its value; the default if absent or at fault."""
        value = self.get(key)
        if value is ABSENT:
            return default
        options = [member.value for member in kind]
        if isinstance(value, str) and value in options:
            return kind(value)
        hint = suggest(value, options) if isinstance(value, str) else ""
        self.fault(key, f"one of {', '.join(options)}", value, f"{hint}Choose one of them.")
        return default

    def table(self, key: str, *, known: Iterable[str] | None = None, required: bool = False) -> Table:
        """Return a nested table; an empty one if absent or at fault."""
        value = self.get(key)
        if isinstance(value, Mapping) and (value or not required):
            return Table(value, f"{self.where}: {key}", self.faults, known)
        if value is not ABSENT or required:
            self.fault(
                key, f"a table{' with at least one key' if required else ''}", value, f"Write [{key}] above its keys."
            )
        return Table({}, f"{self.where}: {key}", self.faults)

    def _add(self, key: str, expected: str, found: str, remedy: str) -> None:
        self.faults.append(Fault(self.where, key, expected, found, remedy))


def _exact(value: object) -> Fraction | None:
    """Return a number as it is written (0.1 is a tenth), or None for all else, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    written = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return Fraction(written) if written.is_finite() and abs(written.adjusted()) <= _MOST_DIGITS else None


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer; Python counts true as 1, TOML does not."""
    return isinstance(value, int) and not isinstance(value, bool)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `Did you mean "x"? ` for a word close to a known one, else nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f'Did you mean "{by_lower[close[0]]}"? ' if close else ""


def show(value: object) -> str:
    """Return a TOML value as a message names it, shortened."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = f'"{value}"'.replace("\n", "\\n")
    elif isinstance(value, Mapping):
        text = f"a table with {', '.join(map(str, value))}" if value else "an empty table"
    elif isinstance(value, list):
        text = f"[{', '.join(show(item) for item in value)}]"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[: _LONGEST_FOUND - 1]}…"
