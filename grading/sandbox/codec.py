"""Exact plain values to bytes and back, without pickle: the only language judge and worker share.

A frame is MAGIC (4 bytes), the header's length (u32), the body's length (u64), a JSON header and a body of raw
buffers. Encoding takes exact types only, so that no subclass with a lying `__eq__` crosses. Decoding calls no class
that the peer names, and checks every length against what arrived before it allocates.

Over 300 lines because the encoder and the decoder of each tag have to be read side by side.

This module runs on both sides of the border and imports nothing but the standard library; numpy, pandas and torch
values are in `codec_numpy`, `codec_pandas` and `codec_torch`, each imported when the first one turns up.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import math
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn, TypeAlias

MAGIC = b"TH1\n"
HEAD = struct.Struct(">4sIQ")
MAX_HEADER = 16 << 20
MAX_BODY = 256 << 20
MAX_DEPTH = 32
MAX_NODES = 500_000
MAX_TEXT = 1 << 20
MAX_INT_BITS = 256
MAX_RANGE = 1 << 24
MAX_COLLISIONS = 64

Node: TypeAlias = Any
"""A JSON value: None, bool, str and short int stand for themselves, all else is a list that starts with its tag."""


class CodecError(Exception):
    """A value cannot be encoded, or a frame is not one that an honest peer would send."""


class Foreign(CodecError):
    """A value has a type that does not cross by value."""


ForeignHook: TypeAlias = "Callable[[Encoder, object, int], Node]"


class Encoder:
    """Turns one value into a header tree and the raw buffers it refers to.

    Args:
        foreign: called with encoder, value and depth when a type does not cross; returns the node that stands for it.
        max_body: cap on the raw buffers, in bytes.
    """

    def __init__(self, foreign: ForeignHook | None = None, max_body: int = MAX_BODY) -> None:
        self.buffers: list[bytes] = []
        self.size = 0
        self._grown = 0
        self._nodes = 0
        self._foreign = foreign
        self._max_body = max_body

    def add_buffer(self, data: bytes) -> tuple[int, int]:
        """Append raw bytes to the body; return their offset and length."""
        self.reserve(len(data))
        offset = self.size
        self.buffers.append(data)
        self.size += len(data)
        return offset, len(data)

    def reserve(self, size: int) -> None:
        """Refuse a value before its bytes are made, if they would pass the cap."""
        if self.size + size > self._max_body:
            raise CodecError(f"value too large: more than {self._max_body >> 20} MiB")

    def grow(self, size: int) -> None:
        """Refuse a value that, with others, will take more memory at the other end than the cap, in bytes."""
        self._grown += size
        self.reserve(self._grown)

    def count(self, depth: int) -> None:
        """Count one node that is about to be written, exactly as the decoder will: what leaves must arrive."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"value nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise CodecError(f"value has more than {MAX_NODES} parts")

    def node(self, value: object, depth: int = 0) -> Node:
        """Return the header node of a value.

        Raises:
            Foreign: its type does not cross and there is no `foreign` hook.
            CodecError: too large, too deep, too many parts.
        """
        self.count(depth)
        kind = type(value)
        encode = _EXACT.get(kind)
        if encode is not None:
            return encode(self, value, depth)
        node = _encode_array_like(self, value, depth)
        if node is not None:
            return node
        if self._foreign is not None:
            return self._foreign(self, value, depth)
        raise Foreign(f"values of type {kind.__module__}.{kind.__qualname__} do not cross")


def _encode_array_like(encoder: Encoder, value: object, depth: int) -> Node:
    library = _library(type(value).__module__.partition(".")[0])
    return None if library is None else library.encode(encoder, value, depth)


def _library(name: str) -> ModuleType | None:
    """Return the codec of a library's values, imported at its first use: torch-free assignments load no torch."""
    return importlib.import_module(f"grading.sandbox.codec_{name}") if name in ("numpy", "pandas", "torch") else None


def _decoder_of(tag: str) -> Callable[[Decoder, list[Any], int], Any] | None:
    library = _library({"n": "numpy", "p": "pandas", "t": "torch"}.get(tag[:1], ""))
    return None if library is None else library.DECODE.get(tag)


def _text(_: Encoder, value: Any, __: int) -> Node:
    if len(value) > MAX_TEXT:
        raise CodecError(f"str longer than {MAX_TEXT} characters")
    # A lone surrogate cannot travel as UTF-8; JSON escapes it.
    return value


def _int(_: Encoder, value: Any, __: int) -> Node:
    if value.bit_length() > MAX_INT_BITS:
        raise CodecError(f"int of more than {MAX_INT_BITS} bits")
    return value if -(1 << 53) < value < 1 << 53 else ["i", hex(value)]


def _float(_: Encoder, value: Any, __: int) -> Node:
    return ["f", value.hex() if math.isfinite(value) else repr(value)]


def _bytes(encoder: Encoder, value: Any, _: int) -> Node:
    return ["b", *encoder.add_buffer(bytes(value))]


def _items(tag: str) -> Callable[[Encoder, Any, int], Node]:
    def encode(encoder: Encoder, value: Any, depth: int) -> Node:
        return [tag, [encoder.node(item, depth + 1) for item in value]]

    return encode


def _range(encoder: Encoder, value: Any, depth: int) -> Node:
    if len(value) > MAX_RANGE:
        raise CodecError(f"range of more than {MAX_RANGE} numbers")
    encoder.grow(8 * len(value))
    return ["range", *(encoder.node(number, depth + 1) for number in (value.start, value.stop, value.step))]


def _dict(encoder: Encoder, value: Any, depth: int) -> Node:
    return ["d", [[encoder.node(k, depth + 1), encoder.node(v, depth + 1)] for k, v in value.items()]]


_EXACT: dict[type, Callable[[Encoder, Any, int], Node]] = {
    type(None): lambda *_: None,
    bool: lambda _, value, __: value,
    str: _text,
    int: _int,
    float: _float,
    complex: lambda encoder, v, depth: ["c", encoder.node(v.real, depth + 1), encoder.node(v.imag, depth + 1)],
    bytes: _bytes,
    bytearray: lambda encoder, v, _: ["ba", *encoder.add_buffer(bytes(v))],
    list: _items("l"),
    tuple: _items("t"),
    set: _items("set"),
    frozenset: _items("fset"),
    dict: _dict,
    range: lambda encoder, v, depth: _range(encoder, v, depth),
    slice: lambda encoder, v, depth: ["slice", *(encoder.node(x, depth + 1) for x in (v.start, v.stop, v.step))],
    type(Ellipsis): lambda *_: ["ellipsis"],
    dt.date: lambda _, v, __: ["date", v.isoformat()],
    dt.datetime: lambda _, v, __: ["datetime", _plain_datetime(v).isoformat()],
    dt.timedelta: lambda _, v, __: ["timedelta", v.days, v.seconds, v.microseconds],
}


def _plain_datetime(value: dt.datetime) -> dt.datetime:
    if value.tzinfo is not None and value.tzinfo is not dt.UTC:
        raise CodecError("datetime with a time zone other than UTC")
    return value


class Decoder:
    """Turns a header tree and its body back into a value.

    Args:
        body: the frame's raw buffers.
        special: tag → function(decoder, node, depth) for handles, callbacks and records, which the two sides read
            differently.
    """

    def __init__(self, body: bytes, special: Mapping[str, Callable[[Decoder, list[Any], int], object]]) -> None:
        self._body = body
        self._special = special
        self._nodes = 0
        self._taken = 0
        self._grown = 0

    def grow(self, size: int) -> None:
        """Refuse a value before it is made, if it and others need far more memory than the bytes that describe them.

        Args:
            size: bytes that the value will take beyond its description.
        """
        self._grown += size
        if self._grown > MAX_BODY:
            bad("values larger than their description")

    def buffer(self, offset: object, length: object) -> memoryview:
        """Return a slice of the body after checking that it lies inside."""
        if type(offset) is not int or type(length) is not int or offset < 0 or length < 0:
            bad("buffer bounds")
        self._taken += length
        if offset + length > len(self._body) or self._taken > len(self._body):
            bad("buffer outside the body, or used twice")
        return memoryview(self._body)[offset : offset + length]

    def value(self, node: Node, depth: int = 0) -> Any:
        """Return the value of a node.

        Raises:
            CodecError: the node is not one that `Encoder` writes.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            bad("too many or too deep nodes")
        if node is None or type(node) in (bool, int):
            return node
        if type(node) is str:
            if len(node) > MAX_TEXT:
                bad("str")
            return node
        if type(node) is not list or not node or type(node[0]) is not str:
            bad("node")
        decode = self._special.get(node[0]) or _DECODE.get(node[0]) or _decoder_of(node[0])
        if decode is None:
            bad(f"tag {node[0]!r:.20}")
        try:
            return decode(self, node, depth)
        except CodecError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library makes of hostile bytes
            raise CodecError(f"malformed {node[0]!r:.20}: {type(error).__name__}") from None

    def values(self, nodes: object, depth: int) -> list[Any]:
        """Return the values of a list of nodes."""
        if type(nodes) is not list:
            bad("list")
        return [self.value(node, depth + 1) for node in nodes]


def bad(what: str) -> NoReturn:
    """Refuse a frame."""
    raise CodecError(f"malformed frame: {what}")


def _decode_int(_: Decoder, node: list[Any], __: int) -> int:
    text = node[1]
    if type(text) is not str or len(text) > MAX_INT_BITS // 4 + 4:
        bad("int")
    number = int(text, 16)
    if number.bit_length() > MAX_INT_BITS:
        bad("int")
    return number


def _decode_float(_: Decoder, node: list[Any], __: int) -> float:
    text = node[1]
    if type(text) is not str or len(text) > 40:
        bad("float")
    return float.fromhex(text)


def _decode_complex(decoder: Decoder, node: list[Any], depth: int) -> complex:
    real, imag = decoder.value(node[1], depth + 1), decoder.value(node[2], depth + 1)
    if type(real) is not float or type(imag) is not float:
        bad("complex")
    return complex(real, imag)


def _decode_dict(decoder: Decoder, node: list[Any], depth: int) -> dict[Any, Any]:
    if type(node[1]) is not list or not all(type(pair) is list and len(pair) == 2 for pair in node[1]):
        bad("dict")
    keys = spread([decoder.value(key, depth + 1) for key, _ in node[1]])
    return dict(zip(keys, (decoder.value(item, depth + 1) for _, item in node[1]), strict=True))


def spread(keys: list[Any]) -> list[Any]:
    """Return keys after checking that few share a hash: thousands that do would keep a dict or set busy for hours."""
    most = Counter(map(hash, keys)).most_common(1)
    if most and most[0][1] > MAX_COLLISIONS:
        bad("colliding keys")
    return keys


def spread_labels(labels: list[Any]) -> None:
    """Do the same for labels, which may repeat: only different ones that share a hash count."""
    different: dict[int, list[Any]] = {}
    for label in labels:
        same = different.setdefault(hash(label), [])
        if label not in same:
            same.append(label)
            if len(same) > MAX_COLLISIONS:
                bad("colliding labels")


def _decode_range(decoder: Decoder, node: list[Any], depth: int) -> range:
    numbers = range(*(decoder.value(part, depth + 1) for part in node[1:4]))
    if len(numbers) > MAX_RANGE:
        bad("range")
    decoder.grow(8 * len(numbers))  # a test may well unroll it
    return numbers


def _decode_three(make: Callable[..., object]) -> Callable[[Decoder, list[Any], int], object]:
    def decode(decoder: Decoder, node: list[Any], depth: int) -> object:
        return make(*(decoder.value(part, depth + 1) for part in node[1:4]))

    return decode


_DECODE: dict[str, Callable[[Decoder, list[Any], int], Any]] = {
    "i": _decode_int,
    "f": _decode_float,
    "c": _decode_complex,
    "b": lambda decoder, node, _: bytes(decoder.buffer(node[1], node[2])),
    "ba": lambda decoder, node, _: bytearray(decoder.buffer(node[1], node[2])),
    "l": lambda decoder, node, depth: decoder.values(node[1], depth),
    "t": lambda decoder, node, depth: tuple(decoder.values(node[1], depth)),
    "set": lambda decoder, node, depth: set(spread(decoder.values(node[1], depth))),
    "fset": lambda decoder, node, depth: frozenset(spread(decoder.values(node[1], depth))),
    "d": _decode_dict,
    "range": _decode_range,
    "slice": _decode_three(slice),
    "ellipsis": lambda *_: ...,
    "date": lambda _, node, __: dt.date.fromisoformat(node[1]),
    "datetime": lambda _, node, __: _plain_datetime(dt.datetime.fromisoformat(node[1])),
    "timedelta": lambda _, node, __: dt.timedelta(*node[1:4]),
}


def pack(value: object, *, foreign: ForeignHook | None = None, max_body: int = MAX_BODY) -> bytes:
    """Encode one value as a frame.

    Raises:
        Foreign: a part of it has a type that does not cross.
        CodecError: too large, too deep, too many parts.
    """
    encoder = Encoder(foreign, max_body)
    header = json.dumps(encoder.node(value), separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(header) > MAX_HEADER:
        raise CodecError(f"value too large: its description passes {MAX_HEADER >> 20} MiB")
    return b"".join([HEAD.pack(MAGIC, len(header), encoder.size), header, *encoder.buffers])


def unpack_head(head: bytes) -> tuple[int, int]:
    """Return the lengths of header and body, in bytes, that a frame's first bytes announce."""
    magic, header, body = HEAD.unpack(head)
    if magic != MAGIC or header > MAX_HEADER or body > MAX_BODY:
        bad("first bytes")
    return header, body


def unpack(
    header: bytes, body: bytes, special: Mapping[str, Callable[[Decoder, list[Any], int], object]] | None = None
) -> Any:
    """Decode one frame's header and body.

    Raises:
        CodecError: anything but what `pack` writes.
    """
    # Parsed, a bracket takes sixty bytes; so count them before. An honest node has three, and seven commas, at most.
    if header.count(b"[") + header.count(b"{") > 3 * MAX_NODES or header.count(b",") > 7 * MAX_NODES:
        bad("too many nodes")
    try:
        tree = json.loads(header, parse_int=_parse_int, parse_constant=bad, parse_float=bad)
    except Exception as error:  # noqa: BLE001 - a brace too many, or more of them than the parser can bear
        raise CodecError(f"malformed frame: {type(error).__name__} in its header") from None
    return Decoder(body, special or {}).value(tree)


def _parse_int(text: str) -> int:
    if len(text) > 20:
        bad("int")
    return int(text)
