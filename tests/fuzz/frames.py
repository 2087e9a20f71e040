"""Header trees that no honest peer would send, and honest values of every kind that crosses."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd

from grading.sandbox import codec, codec_numpy, codec_pandas, codec_torch

BODY = 256
TAGS = sorted({*codec._DECODE, *codec_numpy.DECODE, *codec_pandas.DECODE, *codec_torch.DECODE, "h", "cb", "rec", ""})
DTYPES = [
    *sorted(codec_numpy._DTYPE_NAMES),
    *sorted(codec_torch._TORCH_DTYPES),
    *sorted(codec_pandas._EXTENSION_DTYPES),
    *("str", "string", "object", "O", "V8", "S4", "<U4", "f4,f4", "M8[D]", "datetime64", "load", "__class__"),
]
ZONES = ["UTC", "Europe/Berlin", "UTC+02:00", "Etc/GMT+12", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "A", ""]
SIZES = [0, 1, 2, 3, 4, 7, 8, 16, 64, 255, 256, 257, 1 << 16, 1 << 24, 1 << 31, 1 << 39, (1 << 53) - 1, 1 << 63]
TEXTS = ["2024-01-01", "2024-02-30T25:00", "0x1p+3", "nan", "inf", "-0x1", "0x" + "f" * 64, "1e400", "cpu", "cuda:9"]

sizes = st.sampled_from(SIZES) | st.integers(-2, 40)
names = st.sampled_from(DTYPES) | st.sampled_from(ZONES) | st.sampled_from(TEXTS) | st.text(max_size=8)
leaves = st.none() | st.booleans() | sizes | names
shapes = st.lists(sizes, max_size=4)


def _known(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return nodes that begin as the decoder wants them, so that fuzzing comes past its first look."""
    offset = st.sampled_from([0, 0, 0, 8, 16, -1, 1 << 40])
    array = st.tuples(st.just("n"), st.sampled_from(DTYPES), shapes, offset, sizes).map(list)
    fitting = st.sampled_from([["n", "<i8", [2], 0, 16], ["n", "|i1", [3], 16, 3], ["n", "<M8[ns]", [2], 32, 16]])
    column = array | fitting | inner
    index = st.tuples(st.just("pix"), column, inner).map(list) | st.tuples(st.just("pri"), sizes, sizes, sizes, inner)
    index = index.map(list)
    items = st.lists(inner, max_size=4)
    return st.one_of(
        array,
        fitting,
        index,
        st.tuples(st.sampled_from(["l", "t", "set", "fset", "d"]), items).map(list),
        st.tuples(st.just("d"), st.lists(st.tuples(inner, inner).map(list), max_size=3)).map(list),
        st.tuples(st.sampled_from(["nU", "nO"]), shapes, items).map(list),
        st.tuples(st.sampled_from(["ns", "pa", "ptd", "tsz", "tdt", "tdev", "ndt"]), column | names | shapes).map(list),
        st.tuples(st.just("tt"), st.sampled_from(DTYPES), shapes, offset, sizes, st.booleans()).map(list),
        st.tuples(st.just("pse"), index, column, inner).map(list),
        st.tuples(st.just("pdf"), index, index, st.lists(column, max_size=3)).map(list),
        st.tuples(st.just("pcat"), column, index, inner).map(list),
        st.tuples(st.sampled_from(["pstr", "pext"]), items, st.sampled_from(DTYPES)).map(list),
        st.tuples(st.sampled_from(["pts", "ptz"]), column, st.sampled_from(ZONES) | inner).map(list),
        st.tuples(st.sampled_from(["range", "slice", "timedelta", "c"]), inner, inner, inner).map(list),
        st.tuples(st.sampled_from(["b", "ba"]), sizes, sizes).map(list),
        st.tuples(st.sampled_from(["i", "f", "date", "datetime"]), names).map(list),
        st.lists(inner, max_size=5).map(lambda rest: rest),
        st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=5)).map(lambda pair: [pair[0], *pair[1]]),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
    )


TREES = st.recursive(leaves, _known, max_leaves=24)
BODIES = st.binary(max_size=BODY) | st.just(bytes(range(256)))


def decode(tree: Any, body: bytes) -> tuple[Any, int]:
    """Decode a tree as the judge does; return the value and the bytes that the decoder accounted for.

    Raises:
        CodecError: the tree means nothing. Any other exception is a finding.
    """
    text = json.dumps(tree, separators=(",", ":")).encode()
    decoder = codec.Decoder(body, {})
    value = decoder.value(json.loads(text))
    again = codec.unpack(text, body)
    assert type(again) is type(value)
    return value, decoder._grown


def held(value: Any) -> int:
    """Return the bytes of a value's tensors: torch takes memory where Python does not see it."""
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes()
    if isinstance(value, (list, tuple)):
        return sum(map(held, value))
    return sum(map(held, value.values())) if isinstance(value, dict) else 0


# honest values --------------------------------------------------------------------------------------------------------

_moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - bounds without a zone
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**255), 2**255),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.dates(),
    _moments,
    st.timedeltas(),
    st.just(...),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 99)),
    st.builds(slice, st.none() | st.integers(), st.integers()),
)
_arrays = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(),
        hnp.unsigned_integer_dtypes(),
        hnp.floating_dtypes(),
        hnp.complex_number_dtypes(),
        hnp.datetime64_dtypes(),
        hnp.timedelta64_dtypes(),
        hnp.unicode_string_dtypes(),
        hnp.byte_string_dtypes(),
    ),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
_zones = st.sampled_from([None, "UTC", "Europe/Berlin", dt.timezone(dt.timedelta(hours=-3)), "Asia/Kolkata"])
_stamps = st.builds(lambda moment, zone: pd.Timestamp(moment, tz=zone), _moments, _zones).filter(
    lambda s: s is not None
)
_labels = st.text(max_size=4) | st.integers(-9, 9) | st.tuples(st.text(max_size=2), st.integers(0, 2)) | st.none()
_columns = st.one_of(
    hpd.series(dtype=float),
    hpd.series(dtype=int),
    hpd.series(dtype=bool),
    hpd.series(elements=st.text(max_size=3)),
    st.lists(st.none() | st.integers(-99, 99), max_size=4).map(lambda x: pd.Series(x, dtype="Int64")),
    st.lists(st.none() | st.booleans(), max_size=4).map(lambda x: pd.Series(x, dtype="boolean")),
    st.lists(st.none() | st.text(max_size=3), max_size=4).map(lambda x: pd.Series(x, dtype="string")),
    st.lists(st.none() | st.text("ab", max_size=2), max_size=5).map(lambda x: pd.Series(pd.Categorical(x))),
    st.lists(st.integers(0, 3), max_size=5).map(lambda x: pd.Series(pd.Categorical(x, ordered=True))),
    st.builds(
        lambda x, z: pd.Series(pd.DatetimeIndex(x).tz_localize("UTC").tz_convert(z)),
        st.lists(_moments, max_size=3),
        _zones.filter(bool),
    ),
    st.lists(st.timedeltas(dt.timedelta(-9), dt.timedelta(9)), max_size=3).map(pd.Series),
)
_frames = st.builds(
    lambda columns, labels, name: _frame(columns, labels, name),
    st.lists(_columns, max_size=3),
    st.lists(_labels),
    _labels,
)
_tensors = st.builds(
    lambda dtype, shape: torch.zeros(shape, dtype=dtype),
    st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64, torch.uint8]),
    st.lists(st.integers(0, 3), max_size=4),
)
HONEST = st.recursive(
    st.one_of(
        _scalars, _arrays, _stamps, _columns, _frames, _tensors, _arrays.map(lambda a: a.flat[0] if a.size else a)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def _frame(columns: list[pd.Series], labels: list[Any], name: Any) -> pd.DataFrame:
    frame = pd.DataFrame(dict(enumerate(columns)))
    if len(labels) == frame.shape[1]:
        frame.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    frame.index.name = name
    return frame
