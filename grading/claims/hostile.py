"""Bytes that somebody may have made to hurt us → a JSON document, and what in it breaks a schema. Pure.

Size, depth and number of values are counted before the parser runs: parsed, a bracket takes sixty bytes, and a schema
takes microseconds over each value.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from grading.errors import Fault

MAX_FAULTS = 30
_MAX_DEPTH = 8
_MAX_DIGITS = 40
_LONGEST_FOUND = 60
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A whole string, so that what stands in it does not count, or one sign of structure.

A string that never ends is a match too: else the search would start again at each quote in it.
"""


class OddJsonError(ValueError):
    """These bytes are no document that an honest writer makes; the message says what was expected and found."""


def read_json(data: bytes, *, most_bytes: int, most_values: int) -> Any:
    """Parse JSON from somewhere else.

    Args:
        most_bytes: cap on the size.
        most_values: cap on what lists and objects hold together.

    Raises:
        OddJsonError: too large, too deep, too many values, not JSON in UTF-8, a repeated key, a number that JSON does
            not know, half a character.
    """
    if len(data) > most_bytes:
        raise OddJsonError(f"expected at most {most_bytes} bytes; found more")
    _count(data, most_values)
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_parse_int,
            parse_float=_parse_float,
            parse_constant=_refuse_constant,
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # half a surrogate pair could be written nowhere
    except OddJsonError:
        raise
    except (ValueError, RecursionError) as error:
        where = f" ({error.msg}, line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise OddJsonError(f"expected JSON in UTF-8; found {type(error).__name__}{where}") from None
    return document


def _count(data: bytes, most_values: int) -> None:
    depth = values = 0
    for match in _STRUCTURE.finditer(data):
        sign = match.group()[:1]
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
        values += sign != b'"'
        if depth > _MAX_DEPTH:
            raise OddJsonError(f"expected at most {_MAX_DEPTH} levels; found more")
        if values > most_values:
            raise OddJsonError(f"expected at most {most_values} values; found more")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise OddJsonError(f"expected every key once; found {show(twice)} twice")
    return found


def _parse_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise OddJsonError(f"expected numbers of at most {_MAX_DIGITS} digits; found {len(text)}")
    return int(text)


def _parse_float(text: str) -> float:
    if len(text) > _MAX_DIGITS:
        raise OddJsonError(f"expected numbers of at most {_MAX_DIGITS} digits; found {len(text)}")
    return float(text)


def _refuse_constant(name: str) -> NoReturn:
    raise OddJsonError(f"expected numbers; found {name}")


def schema_faults(document: object, schema: Mapping[str, Any], where: str) -> list[Fault]:
    """Return where a document breaks a JSON Schema, the first `MAX_FAULTS` of the places.

    Args:
        where: the file's name.
    """
    from jsonschema import Draft202012Validator  # it takes longer to import than a claim to read

    errors = Draft202012Validator(schema).iter_errors(document)
    faults = []
    for error in itertools.islice(errors, MAX_FAULTS):
        place = "".join(_steps(error.absolute_path))
        found = show(error.instance)
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            expected, found = "the keys " + ", ".join(missing), "none of these"
        elif error.validator == "additionalProperties" and isinstance(error.instance, dict):
            known = error.schema.get("properties", {})
            expected, found = "no other keys", ", ".join(show(key) for key in error.instance if key not in known)[:200]
        else:
            expected = f"{error.validator} {json.dumps(error.validator_value)[:200]}"
        faults.append(Fault(where, place.lstrip(".") or "document", expected, found, "Nothing of it counts."))
    return faults


def _steps(path: Iterator[str | int] | Any) -> Iterator[str]:
    for step in path:
        yield f"[{step}]" if isinstance(step, int) else f".{show(step)[1:-1]}"


def show(value: object) -> str:
    """Return a value for a message: short, on one line, in plain signs."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > _LONGEST_FOUND:
        return f"{value[:_LONGEST_FOUND]!a}… ({len(value)} characters)"
    return ascii(value)
