"""numpy values across the border; see `codec` for the rules."""

from __future__ import annotations

import math
from typing import Any

from grading.sandbox.codec import MAX_BODY, CodecError, Decoder, Encoder, Node, bad

MAX_DIMENSIONS = 16
_KINDS = frozenset("biufc")
_SIZES = frozenset({1, 2, 4, 8, 16})
_TIME_UNITS = ("s", "ms", "us", "ns")
# numpy parses a dtype's name like a small language; only names that we write ourselves get that far.
_DTYPE_NAMES = frozenset(
    ["|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iufc" for size in (2, 4, 8, 16))]
    + [f"<{kind}8[{unit}]" for kind in "mM" for unit in _TIME_UNITS]
)


def encode(encoder: Encoder, value: Any, depth: int) -> Node:
    """Return the node of a numpy value, or None where its type does not cross by value."""
    import numpy as np

    if type(value) is np.ndarray:
        return encode_array(encoder, value, depth)
    if isinstance(value, np.generic) and type(value) in np.sctypeDict.values():
        if value.dtype.kind == "U":
            encoder.count(depth + 1)
            return ["ns", ["nU", [], [encoder.node(str(value), depth + 2)]]]
        encoder.count(depth + 1)
        node = encode_array(encoder, np.asarray(value), depth + 1)
        return None if node is None else ["ns", node]
    if isinstance(value, np.dtype) and value.kind in _KINDS and value.itemsize in _SIZES:
        return ["ndt", value.newbyteorder("=").str]
    return None


def encode_array(encoder: Encoder, array: Any, depth: int) -> Node:
    """Return the node of an exact numpy array, or None where its dtype does not cross."""
    import numpy as np

    dtype = array.dtype
    shape = list(array.shape)
    if len(shape) > MAX_DIMENSIONS:
        return None
    if 0 in shape:
        check_axes(shape)
    if dtype.kind in "UO":
        tag = "n" + dtype.kind
        encoder.grow(array.size * dtype.itemsize)  # a text array is as wide as its longest item
        return [tag, shape, [encoder.node(item, depth + 1) for item in array.reshape(-1).tolist()]]
    timed = dtype.kind in "mM" and np.datetime_data(dtype)[0] in _TIME_UNITS and np.datetime_data(dtype)[1] == 1
    if not timed and not (dtype.kind in _KINDS and dtype.itemsize in _SIZES):
        return None
    encoder.reserve(math.prod(shape) * dtype.itemsize)  # a broadcast array counts in full, before it is unrolled
    data = np.ascontiguousarray(array, dtype=dtype.newbyteorder("<")).tobytes()
    return ["n", dtype.newbyteorder("<").str, shape, *encoder.add_buffer(data)]


def check_axes(shape: list[int]) -> None:
    """Refuse huge axes of an empty array too: a sum over one axis would fill the others."""
    if math.prod(max(1, n) for n in shape) > MAX_BODY:
        raise CodecError("value too large: its axes are too long")


def parse_shape(shape: object) -> list[int]:
    """Return a shape after checking that it is one."""
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        bad("shape")
    if not all(type(n) is int and n >= 0 for n in shape):
        bad("shape")
    check_axes(shape)
    return shape


def _decode_array(decoder: Decoder, node: list[Any], _: int) -> Any:
    import numpy as np

    name, shape = node[1], parse_shape(node[2])
    if type(name) is not str or name not in _DTYPE_NAMES:
        bad("dtype")
    dtype = np.dtype(name)
    timed = dtype.kind in "mM" and np.datetime_data(dtype)[0] in _TIME_UNITS and np.datetime_data(dtype)[1] == 1
    if dtype.hasobject or not (timed or (dtype.kind in _KINDS and dtype.itemsize in _SIZES)):
        bad("dtype")
    data = decoder.buffer(node[3], node[4])
    if math.prod(shape) * dtype.itemsize != len(data):
        bad("array size")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _decode_text_array(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np

    items, shape = decoder.values(node[2], depth), parse_shape(node[1])
    if not all(type(item) is str for item in items) or math.prod(shape) != len(items):
        bad("text array")
    decoder.grow(4 * len(items) * max(map(len, items), default=0))  # as wide as its longest item
    return np.array(items, dtype=str).reshape(shape)


def _decode_object_array(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np

    items, shape = decoder.values(node[2], depth), parse_shape(node[1])
    if math.prod(shape) != len(items):
        bad("object array")
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(shape)


def _decode_scalar(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np

    array = decoder.value(node[1], depth + 1)
    if type(array) is not np.ndarray or array.shape != ():
        bad("scalar")
    return array[()]


def _decode_dtype(_: Decoder, node: list[Any], __: int) -> Any:
    import numpy as np

    if type(node[1]) is not str or node[1] not in _DTYPE_NAMES:
        bad("dtype")
    dtype = np.dtype(node[1])
    if dtype.kind not in _KINDS:
        bad("dtype")
    return dtype


DECODE = {
    "n": _decode_array,
    "nU": _decode_text_array,
    "nO": _decode_object_array,
    "ns": _decode_scalar,
    "ndt": _decode_dtype,
}
