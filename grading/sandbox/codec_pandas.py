"""pandas values across the border; see `codec` for the rules."""

from __future__ import annotations

import re
from typing import Any

from grading.sandbox.codec import MAX_COLLISIONS, MAX_RANGE, CodecError, Decoder, Encoder, Node, bad, spread_labels
from grading.sandbox.codec_numpy import encode_array

MAX_COLUMNS = 20_000
_FEW_LABELS = 4096
_MURMUR = 0x5BD1E995

_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}|UTC[+-]\d\d:\d\d")
_EXTENSION_DTYPES = frozenset(
    [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)] + ["Float32", "Float64", "boolean"]
)


def encode(encoder: Encoder, value: Any, depth: int) -> Node:
    """Return the node of a pandas value, or None where its type does not cross by value."""
    import pandas as pd

    kind = type(value)
    if kind in (pd.Series, pd.DataFrame) and not all(type(axis) in _indexes() for axis in value.axes):
        return None
    if value is pd.NaT:
        return ["pnat"]
    if value is pd.NA:
        return ["pna"]
    if kind is pd.Timestamp:
        return ["pts", encoder.node(value.to_datetime64(), depth + 1), _zone(value.tz)]
    if kind is pd.Timedelta:
        return ["ptd", encoder.node(value.to_timedelta64(), depth + 1)]
    if kind is pd.RangeIndex:
        if len(value) > MAX_RANGE:
            raise CodecError(f"RangeIndex of more than {MAX_RANGE} numbers")
        encoder.grow(8 * len(value))
        numbers = [encoder.node(int(n), depth + 1) for n in (value.start, value.stop, value.step)]
        return ["pri", *numbers, _name(encoder, value.name, depth + 1)]
    if kind in _indexes():
        return ["pix", _encode_column(encoder, value, depth + 1), _name(encoder, value.name, depth + 1)]
    if kind is pd.Series:
        index = encoder.node(value.index, depth + 1)
        return ["pse", index, _encode_column(encoder, value, depth + 1), _name(encoder, value.name, depth + 1)]
    if kind is pd.DataFrame:
        if value.shape[1] > MAX_COLUMNS:
            raise CodecError(f"frame of more than {MAX_COLUMNS} columns")
        columns = [_encode_column(encoder, value.iloc[:, j], depth + 1) for j in range(value.shape[1])]
        return ["pdf", encoder.node(value.index, depth + 1), encoder.node(value.columns, depth + 1), columns]
    if isinstance(value, pd.api.extensions.ExtensionArray):
        node = _encode_column(encoder, value, depth + 1)
        return ["pa", node]
    return None


def _indexes() -> tuple[type, ...]:
    """Return the kinds of index that cross by value; a multi-index does not."""
    import pandas as pd

    return pd.Index, pd.RangeIndex, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex


def _name(encoder: Encoder, name: object, depth: int) -> Node:
    if type(name) is tuple:
        encoder.count(depth)
        return ["t", [_name(encoder, part, depth + 1) for part in name]]
    return encoder.node(name, depth)


def _zone(zone: object) -> str | None:
    if zone is None:
        return None
    return _plain_zone(str(zone))


def _plain_zone(text: object) -> str:
    """Return a time zone's IANA name or offset from UTC; for other texts pandas would open files."""
    if type(text) is not str or len(text) > 64 or not _ZONE.fullmatch(text):
        raise CodecError("time zone without an IANA name")
    return text


def _encode_column(encoder: Encoder, column: Any, depth: int) -> Node:
    """Encode the values of a Series, an Index or an extension array with their dtype."""
    import numpy as np
    import pandas as pd

    encoder.count(depth)
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        node = encode_array(encoder, np.asarray(column), depth)
        if node is None:
            raise CodecError(f"pandas values of dtype {dtype} do not cross")
        return node
    if isinstance(dtype, pd.DatetimeTZDtype):
        utc = pd.DatetimeIndex(column).tz_convert("UTC").tz_localize(None).to_numpy()
        encoder.count(depth + 1)
        return ["ptz", encode_array(encoder, utc, depth + 1), _zone(dtype.tz)]
    if isinstance(dtype, pd.CategoricalDtype):
        values = pd.Categorical(column)
        encoder.count(depth + 1)
        codes = encode_array(encoder, np.asarray(values.codes), depth + 1)
        return ["pcat", codes, encoder.node(values.categories, depth + 1), bool(dtype.ordered)]
    if isinstance(dtype, pd.StringDtype):
        missing = column.isna()
        items = [None if gone else str(item) for item, gone in zip(column, missing, strict=True)]
        return ["pstr", [encoder.node(item, depth + 1) for item in items], str(dtype)]
    if str(dtype) in _EXTENSION_DTYPES:
        items = [None if item is pd.NA else item for item in pd.array(column, dtype=dtype).tolist()]
        return ["pext", [encoder.node(item, depth + 1) for item in items], str(dtype)]
    raise CodecError(f"pandas values of dtype {dtype} do not cross")


def _decode_timestamp(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np
    import pandas as pd

    moment = decoder.value(node[1], depth + 1)
    if type(moment) is not np.datetime64:
        bad("timestamp")
    stamp = pd.Timestamp(moment)
    return stamp if node[2] is None else stamp.tz_localize("UTC").tz_convert(_plain_zone(node[2]))


def _decode_range_index(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    start, stop, step, name = (decoder.value(part, depth + 1) for part in node[1:5])
    if not all(type(n) is int for n in (start, stop, step)) or len(range(start, stop, step)) > MAX_RANGE:
        bad("range index")
    decoder.grow(8 * len(range(start, stop, step)))
    return pd.RangeIndex(start, stop, step, name=name)


def _decode_index(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    values, name = _decode_column(decoder, node[1], depth), decoder.value(node[2], depth + 1)
    index = pd.Index(values, name=name, tupleize_cols=False, dtype=_dtype(values))
    if len(index) > _FEW_LABELS:
        _check_spread(index)
    return index


def _dtype(values: Any) -> Any:
    """Return the dtype that pandas must not guess: objects stay objects, even where all of them are texts."""
    return values.dtype if values.dtype == object else None


def _check_spread(index: Any) -> None:
    """Refuse labels made to share a hash: pandas looks them up in tables, which thousands of those keep busy for hours.

    Source: pandas/_libs/src/klib/khash_python.h: the hashes of 64-bit integers and of floats (murmur2).
    """
    import numpy as np

    values = index.asi8 if hasattr(index, "asi8") else index.dropna().to_numpy()
    if values.dtype.kind == "c":
        bad("complex labels")  # all whose parts are equal share one hash
    if values.dtype.kind == "O":
        return spread_labels(values.tolist())
    if values.dtype.itemsize != 8 or values.dtype.kind not in "iuf":
        return None  # small numbers have a hash each
    bits = np.sort(values.view(np.uint64))
    bits = bits[np.append(True, bits[1:] != bits[:-1])]
    low, high = bits.astype(np.uint32), (bits >> np.uint64(32)).astype(np.uint32)
    if values.dtype.kind == "f":
        start = ((0xC70F6907 ^ 4) * _MURMUR) & 0xFFFFFFFF
        hashes = (_mixed(low) ^ np.uint32(start)) * np.uint32(_MURMUR) ^ _mixed(high)
    else:
        signed = bits.view(np.int64) if values.dtype.kind == "i" else bits
        hashes = (signed >> 33).astype(np.uint32) ^ low ^ (low << np.uint32(11))
    hashes.sort()
    if (hashes[MAX_COLLISIONS:] == hashes[:-MAX_COLLISIONS]).any():
        bad("colliding labels")
    return None


def _mixed(words: Any) -> Any:
    import numpy as np

    words = words * np.uint32(_MURMUR)
    return (words ^ (words >> np.uint32(24))) * np.uint32(_MURMUR)


def _decode_axis(decoder: Decoder, node: Node, depth: int) -> Any:
    index = decoder.value(node, depth + 1)
    if type(index) not in _indexes():
        bad("index")
    return index


def _decode_column(decoder: Decoder, node: Node, depth: int) -> Any:
    """Return one column's values. Nothing lazy: a range or a scalar would be as long as its index claims to be."""
    import numpy as np
    import pandas as pd

    values = decoder.value(node, depth + 1)
    if type(values) is not np.ndarray and not isinstance(values, (pd.DatetimeIndex, pd.api.extensions.ExtensionArray)):
        bad("column")
    if values.ndim != 1:
        bad("column")
    return values


def _decode_series(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    index, values = _decode_axis(decoder, node[1], depth), _decode_column(decoder, node[2], depth)
    if len(index) != len(values):
        bad("series size")
    return pd.Series(values, index=index, dtype=_dtype(values), name=decoder.value(node[3], depth + 1))


def _decode_frame(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    index, names = _decode_axis(decoder, node[1], depth), _decode_axis(decoder, node[2], depth)
    if type(node[3]) is not list or len(node[3]) > MAX_COLUMNS:
        bad("frame size")
    columns = [_decode_column(decoder, column, depth) for column in node[3]]
    if len(columns) != len(names) or any(len(column) != len(index) for column in columns):
        bad("frame size")
    series = (pd.Series(column, index=index, dtype=_dtype(column), copy=False) for column in columns)
    frame = pd.DataFrame(dict(enumerate(series)), index=index)
    frame.columns = names
    return frame


def _decode_zoned(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np
    import pandas as pd

    moments = decoder.value(node[1], depth + 1)
    if type(moments) is not np.ndarray or moments.dtype.kind != "M" or moments.ndim != 1:
        bad("moments")
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(_plain_zone(node[2]))


def _decode_categorical(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    codes, categories = _decode_column(decoder, node[1], depth), _decode_axis(decoder, node[2], depth)
    return pd.Categorical.from_codes(codes, categories=categories, ordered=node[3] is True)


def _decode_strings(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    if node[2] not in ("str", "string"):
        bad("string dtype")
    return pd.array(decoder.values(node[1], depth), dtype=node[2])


def _decode_extension(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    if node[2] not in _EXTENSION_DTYPES:
        bad("extension dtype")
    return pd.array(decoder.values(node[1], depth), dtype=node[2])


def _pandas_constant(name: str) -> Any:
    import pandas as pd

    return getattr(pd, name)


def _decode_timedelta(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np
    import pandas as pd

    span = decoder.value(node[1], depth + 1)
    if type(span) is not np.timedelta64:
        bad("timedelta")
    return pd.Timedelta(span)


DECODE = {
    "pnat": lambda *_: _pandas_constant("NaT"),
    "pna": lambda *_: _pandas_constant("NA"),
    "pts": _decode_timestamp,
    "ptd": _decode_timedelta,
    "pri": _decode_range_index,
    "pix": _decode_index,
    "pse": _decode_series,
    "pdf": _decode_frame,
    "pa": lambda decoder, node, depth: decoder.value(node[1], depth + 1),
    "ptz": _decode_zoned,
    "pcat": _decode_categorical,
    "pstr": _decode_strings,
    "pext": _decode_extension,
}
