"""Values of numpy, pandas and torch across the border; see `codec` for the rules.

A library is imported only when a value of it is met, so torch-free assignments never load torch.
"""

from __future__ import annotations

import math
from typing import Any

from grading.sandbox.codec import CodecError, Decoder, Encoder, Node, bad

MAX_DIMENSIONS = 16
_KINDS = frozenset("biufc")
_SIZES = frozenset({1, 2, 4, 8, 16})
_TIME_UNITS = ("s", "ms", "us", "ns")
_EXTENSION_DTYPES = frozenset(
    [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)] + ["Float32", "Float64", "boolean"]
)
_TORCH_REALS = ["uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32", "float64"]
_TORCH_DTYPES = frozenset(["bool", "complex64", "complex128", *_TORCH_REALS])


def encode(encoder: Encoder, value: Any, depth: int) -> Node:
    """Return the node of a numpy, pandas or torch value, or None where its type does not cross by value."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if root == "numpy":
        return _encode_numpy(encoder, value, depth)
    if root == "pandas":
        return _encode_pandas(encoder, value, depth)
    return _encode_torch(encoder, value)


# numpy ----------------------------------------------------------------------------------------------------------------


def _encode_numpy(encoder: Encoder, value: Any, depth: int) -> Node:
    import numpy as np

    if type(value) is np.ndarray:
        return _encode_array(encoder, value, depth)
    if isinstance(value, np.generic) and type(value) in np.sctypeDict.values():
        if value.dtype.kind == "U":
            return ["ns", ["nU", [], [encoder.node(str(value), depth + 1)]]]
        node = _encode_array(encoder, np.asarray(value), depth)
        return None if node is None else ["ns", node]
    if isinstance(value, np.dtype) and value.kind in _KINDS and value.itemsize in _SIZES:
        return ["ndt", value.newbyteorder("=").str]
    return None


def _encode_array(encoder: Encoder, array: Any, depth: int) -> Node:
    import numpy as np

    dtype = array.dtype
    shape = list(array.shape)
    if len(shape) > MAX_DIMENSIONS:
        return None
    if dtype.kind in "UO":
        tag = "n" + dtype.kind
        return [tag, shape, [encoder.node(item, depth + 1) for item in array.reshape(-1).tolist()]]
    timed = dtype.kind in "mM" and np.datetime_data(dtype)[0] in _TIME_UNITS and np.datetime_data(dtype)[1] == 1
    if not timed and not (dtype.kind in _KINDS and dtype.itemsize in _SIZES):
        return None
    encoder.reserve(math.prod(shape) * dtype.itemsize)  # a broadcast array counts in full, before it is unrolled
    data = np.ascontiguousarray(array, dtype=dtype.newbyteorder("<")).tobytes()
    return ["n", dtype.newbyteorder("<").str, shape, *encoder.add_buffer(data)]


def _shape(shape: object) -> list[int]:
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        bad("shape")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        bad("shape")
    return shape


def _decode_array(decoder: Decoder, node: list[Any], _: int) -> Any:
    import numpy as np

    name, shape = node[1], _shape(node[2])
    if type(name) is not str or len(name) > 8:
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

    items, shape = decoder.values(node[2], depth), _shape(node[1])
    if not all(type(item) is str for item in items) or math.prod(shape) != len(items):
        bad("text array")
    return np.array(items, dtype=str).reshape(shape)


def _decode_object_array(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import numpy as np

    items, shape = decoder.values(node[2], depth), _shape(node[1])
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

    if type(node[1]) is not str or len(node[1]) > 8:
        bad("dtype")
    dtype = np.dtype(node[1])
    if dtype.kind not in _KINDS:
        bad("dtype")
    return dtype


# pandas ---------------------------------------------------------------------------------------------------------------


def _encode_pandas(encoder: Encoder, value: Any, depth: int) -> Node:
    import pandas as pd

    kind = type(value)
    if value is pd.NaT:
        return ["nat"]
    if value is pd.NA:
        return ["na"]
    if kind is pd.Timestamp:
        return ["ts", encoder.node(value.to_datetime64(), depth + 1), _zone(value.tz)]
    if kind is pd.Timedelta:
        return ["td", encoder.node(value.to_timedelta64(), depth + 1)]
    if kind is pd.RangeIndex:
        return [
            "ri",
            *(encoder.node(int(n)) for n in (value.start, value.stop, value.step)),
            _name(encoder, value.name),
        ]
    if kind in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex):
        return ["ix", _encode_column(encoder, value, depth + 1), _name(encoder, value.name)]
    if kind is pd.Series:
        index = encoder.node(value.index, depth + 1)
        return ["se", index, _encode_column(encoder, value, depth + 1), _name(encoder, value.name)]
    if kind is pd.DataFrame:
        columns = [_encode_column(encoder, value.iloc[:, j], depth + 1) for j in range(value.shape[1])]
        return ["df", encoder.node(value.index, depth + 1), encoder.node(value.columns, depth + 1), columns]
    if isinstance(value, pd.api.extensions.ExtensionArray):
        node = _encode_column(encoder, value, depth + 1)
        return ["pa", node]
    return None


def _name(encoder: Encoder, name: object) -> Node:
    if type(name) is tuple:
        return ["t", [_name(encoder, part) for part in name]]
    return encoder.node(name)


def _zone(zone: object) -> str | None:
    if zone is None:
        return None
    text = str(zone)
    if len(text) > 64:
        raise CodecError("time zone")
    return text


def _encode_column(encoder: Encoder, column: Any, depth: int) -> Node:
    """Encode the values of a Series, an Index or an extension array with their dtype."""
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        node = _encode_array(encoder, np.asarray(column), depth)
        if node is None:
            raise CodecError(f"pandas values of dtype {dtype} do not cross")
        return node
    if isinstance(dtype, pd.DatetimeTZDtype):
        utc = pd.DatetimeIndex(column).tz_convert("UTC").tz_localize(None).to_numpy()
        return ["ptz", _encode_array(encoder, utc, depth), _zone(dtype.tz)]
    if isinstance(dtype, pd.CategoricalDtype):
        values = pd.Categorical(column)
        codes = _encode_array(encoder, np.asarray(values.codes), depth)
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
    import pandas as pd

    stamp = pd.Timestamp(decoder.value(node[1], depth + 1))
    return stamp if node[2] is None else stamp.tz_localize("UTC").tz_convert(node[2])


def _decode_range_index(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    start, stop, step, name = (decoder.value(part, depth + 1) for part in node[1:5])
    if len(range(start, stop, step)) > 1 << 40:
        bad("range index")
    return pd.RangeIndex(start, stop, step, name=name)


def _decode_index(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    return pd.Index(decoder.value(node[1], depth + 1), name=decoder.value(node[2], depth + 1))


def _decode_series(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    index, values = decoder.value(node[1], depth + 1), decoder.value(node[2], depth + 1)
    return pd.Series(values, index=index, name=decoder.value(node[3], depth + 1))


def _decode_frame(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    index, names = decoder.value(node[1], depth + 1), decoder.value(node[2], depth + 1)
    columns = decoder.values(node[3], depth)
    if len(columns) != len(names) or any(len(column) != len(index) for column in columns):
        bad("frame size")
    frame = pd.DataFrame(dict(enumerate(columns)), index=index)
    frame.columns = names
    return frame


def _decode_zoned(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    zone = node[2]
    if type(zone) is not str or len(zone) > 64:
        bad("time zone")
    return pd.DatetimeIndex(decoder.value(node[1], depth + 1)).tz_localize("UTC").tz_convert(zone)


def _decode_categorical(decoder: Decoder, node: list[Any], depth: int) -> Any:
    import pandas as pd

    codes, categories = decoder.value(node[1], depth + 1), decoder.value(node[2], depth + 1)
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
    import pandas as pd

    return pd.Timedelta(decoder.value(node[1], depth + 1))


# torch ----------------------------------------------------------------------------------------------------------------


def _encode_torch(encoder: Encoder, value: Any) -> Node:
    import torch

    kind = type(value)
    if kind in (torch.Tensor, torch.nn.Parameter):
        return _encode_tensor(encoder, value)
    if kind is torch.Size:
        return ["tsz", [int(n) for n in value]]
    if kind is torch.dtype:
        name = str(value).removeprefix("torch.")
        return ["tdt", name] if name in _TORCH_DTYPES else None
    if kind is torch.device:
        return ["tdev", str(value)]
    return None


def _encode_tensor(encoder: Encoder, tensor: Any) -> Node:
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout is not torch.strided or name not in _TORCH_DTYPES or tensor.dim() > MAX_DIMENSIONS:
        return None
    encoder.reserve(tensor.numel() * tensor.element_size())
    plain = tensor.detach().to("cpu").resolve_conj().resolve_neg().contiguous()
    data = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return ["tt", name, list(tensor.shape), *encoder.add_buffer(data), bool(tensor.requires_grad)]


def _decode_tensor(decoder: Decoder, node: list[Any], _: int) -> Any:
    import torch

    name, shape = node[1], _shape(node[2])
    if name not in _TORCH_DTYPES:
        bad("tensor dtype")
    dtype = getattr(torch, name)
    data = decoder.buffer(node[3], node[4])
    if math.prod(shape) * dtype.itemsize != len(data):
        bad("tensor size")
    if not len(data):
        return torch.empty(shape, dtype=dtype)
    tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype).reshape(shape)
    if node[5] is True and (dtype.is_floating_point or dtype.is_complex):
        tensor.requires_grad_(True)
    return tensor


def _decode_torch_dtype(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    if node[1] not in _TORCH_DTYPES:
        bad("tensor dtype")
    return getattr(torch, node[1])


def _decode_size(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    return torch.Size(_shape(node[1]))


def _decode_device(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    if type(node[1]) is not str or len(node[1]) > 32:
        bad("device")
    try:
        return torch.device(node[1])
    except RuntimeError:
        bad("device")


DECODE = {
    "n": _decode_array,
    "nU": _decode_text_array,
    "nO": _decode_object_array,
    "ns": _decode_scalar,
    "ndt": _decode_dtype,
    "nat": lambda *_: _pandas_constant("NaT"),
    "na": lambda *_: _pandas_constant("NA"),
    "ts": _decode_timestamp,
    "td": _decode_timedelta,
    "ri": _decode_range_index,
    "ix": _decode_index,
    "se": _decode_series,
    "df": _decode_frame,
    "pa": lambda decoder, node, depth: decoder.value(node[1], depth + 1),
    "ptz": _decode_zoned,
    "pcat": _decode_categorical,
    "pstr": _decode_strings,
    "pext": _decode_extension,
    "tt": _decode_tensor,
    "tsz": _decode_size,
    "tdt": _decode_torch_dtype,
    "tdev": _decode_device,
}
