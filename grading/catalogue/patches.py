"""Read the patches of solutions/wrong, variants and bugs: TOML front matter, then a unified diff. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from grading.errors import UsageError

_DIFF_START = "--- a/"
_KEYS = frozenset({"title", "provenance", "loses", "may_also_lose", "levels"})


def parse_patch(text: str, *, where: str) -> tuple[Mapping[str, list[str]], str]:
    """Split a wrong solution into its front matter and its diff.

    Raises:
        UsageError: no diff, broken TOML, a missing or unknown key.
    """
    start = 0 if text.startswith(_DIFF_START) else text.find("\n" + _DIFF_START) + 1
    if start == 0:
        raise UsageError(
            f"{where}: expected front matter and then a diff that starts with `{_DIFF_START}`; found no diff"
        )
    try:
        matter = tomllib.loads(text[:start])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: front matter is not TOML: {error}") from None
    unknown = sorted(set(matter) - _KEYS)
    if unknown:
        raise UsageError(f"{where}: unknown keys {unknown}; expected {sorted(_KEYS)}")
    for key in ("title", "provenance", "loses"):
        if key not in matter:
            raise UsageError(f"{where}: `{key}` is missing from the front matter")
    lists = [matter["loses"], matter.get("may_also_lose", []), matter.get("levels", [])]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise UsageError(f"{where}: loses, may_also_lose and levels are lists of names")
    return matter, text[start:]
