"""Only exact plain values cross, they arrive as they were, and hostile frames do no harm."""

import contextlib
import datetime as dt
import json
import math
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.sandbox import codec

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**255), 2**255)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
)
KEYS = st.text() | st.integers(-(2**60), 2**60) | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=20,
)


def split(frame: bytes) -> tuple[bytes, bytes]:
    header, _ = codec.unpack_head(frame[: codec.HEAD.size])
    start = codec.HEAD.size
    return frame[start : start + header], frame[start + header :]


def round_trip(value):
    return codec.unpack(*split(codec.pack(value)))


@given(VALUES)
def test_builtins_arrive_as_they_were(value):
    back = round_trip(value)
    assert back == value
    assert type(back) is type(value)


def test_nan_and_infinity_arrive():
    assert math.isnan(round_trip(float("nan")))
    assert round_trip([math.inf, -math.inf]) == [math.inf, -math.inf]


@given(
    st.sampled_from(["?", "i1", "u1", "i2", "<i4", ">i4", "i8", "u8", "f2", "f4", "<f8", ">f8", "c8", "c16"]),
    st.lists(st.integers(0, 4), max_size=4),
    st.randoms(use_true_random=False),
)
def test_arrays_arrive_with_dtype_and_shape(dtype, shape, random):
    array = np.array([random.randrange(100) for _ in range(math.prod(shape))]).astype(dtype).reshape(shape)
    back = round_trip(array)
    assert type(back) is np.ndarray
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(back, array)
    assert back.flags.writeable


NUMPY = [
    np.float32(1.5),
    np.int64(-3),
    np.bool_(True),
    np.complex64(1j),
    np.str_("x"),
    np.datetime64("2024-02-29", "s"),
    np.timedelta64(5, "ms"),
    np.array(["a", "longer"]),
    np.array(["a", 1, None], dtype=object),
    np.array([], dtype="M8[us]"),
]


@pytest.mark.parametrize("value", NUMPY, ids=repr)
def test_numpy_scalars_and_odd_arrays_arrive(value):
    back = round_trip(value)
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert np.array_equal(back, value)


PANDAS = [
    pd.DataFrame({"b": [1, 2], "a": [0.5, np.nan]}, index=[7, 7]),
    pd.DataFrame({"t": pd.to_datetime(["2024-01-01", None]), "s": ["x", None]}),
    pd.DataFrame({"c": pd.Categorical(["u", "v", None]), "n": pd.array([1, None, 3], dtype="Int64")}),
    pd.DataFrame(index=pd.date_range("2024", periods=2, tz="Europe/Berlin")),
    pd.DataFrame([[1, 2]], columns=["same", "same"]),
    pd.Series([True, False], name="flag"),
    pd.Series([], dtype="float32"),
    pd.Index(["a", "b"], name="letters"),
    pd.date_range("2024-01-01", periods=3, freq="h").as_unit("s"),
    pd.RangeIndex(2, 9, 3),
]


@pytest.mark.parametrize("value", PANDAS, ids=lambda value: type(value).__name__)
def test_pandas_values_arrive(value):
    back = round_trip(value)
    assert type(back) is type(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(back, value, check_freq=False)
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(back, value)
    else:
        pd.testing.assert_index_equal(back, value, check_freq=False)


def test_pandas_scalars_arrive():
    stamp = pd.Timestamp("2024-02-29 12:00", tz="UTC")
    assert round_trip([stamp, pd.Timedelta("3h")]) == [stamp, pd.Timedelta("3h")]
    assert round_trip(pd.NaT) is pd.NaT
    assert round_trip(pd.NA) is pd.NA


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_tensors_arrive(dtype, shape):
    tensor = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(dtype)
    back = round_trip(tensor)
    assert back.dtype == dtype
    assert back.shape == tensor.shape
    assert torch.equal(back, tensor)


def test_tensors_keep_whether_they_require_gradients():
    assert round_trip(torch.ones(2, requires_grad=True)).requires_grad
    assert round_trip(torch.nn.Parameter(torch.ones(2))).requires_grad
    assert not round_trip(torch.ones(2)).requires_grad
    assert round_trip([torch.float64, torch.device("cpu"), torch.Size([2, 3])]) == [
        torch.float64, torch.device("cpu"), torch.Size([2, 3]),
    ]  # fmt: skip


class LyingFloat(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    pass


@pytest.mark.parametrize(
    "value",
    [
        LyingFloat(1),
        np.zeros(2).view(LyingArray),
        object(),
        torch.nn.Linear(1, 1),
        np.ma.array([1]),
        type("L", (list,), {})(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_and_objects_do_not_cross_by_value(value):
    with pytest.raises(codec.Foreign):
        codec.pack(value)


def test_what_does_not_cross_becomes_what_the_hook_says():
    frame = codec.pack([1, object()], foreign=lambda encoder, value, depth: ["h", 5, "thing"])
    handle = {"h": lambda decoder, node, depth: ("handle", node[1])}
    assert codec.unpack(*split(frame), handle) == [1, ("handle", 5)]


def test_caps_hold_while_encoding():
    with pytest.raises(codec.CodecError, match="too large"):
        codec.pack(np.broadcast_to(np.float64(1), (1 << 20, 1 << 20)))
    with pytest.raises(codec.CodecError, match="bits"):
        codec.pack(1 << 10_000)
    with pytest.raises(codec.CodecError, match="parts"):
        codec.pack(list(range(codec.MAX_NODES + 1)))
    nested: list = []
    for _ in range(100):
        nested = [nested]
    with pytest.raises(codec.CodecError, match="deeper"):
        codec.pack(nested)
    with pytest.raises(codec.CodecError, match="characters"):
        codec.pack("x" * (codec.MAX_TEXT + 1))


def test_a_frame_that_announces_too_much_is_refused():
    for header, body in ((codec.MAX_HEADER + 1, 0), (0, codec.MAX_BODY + 1)):
        with pytest.raises(codec.CodecError):
            codec.unpack_head(codec.HEAD.pack(codec.MAGIC, header, body))
    with pytest.raises(codec.CodecError):
        codec.unpack_head(codec.HEAD.pack(b"HTTP", 0, 0))


HOSTILE = [
    ["n", "<f8", [1 << 39, 1 << 39], 0, 8],
    ["n", "|O", [1], 0, 8],
    ["n", "<f8", [1], -8, 8],
    ["n", "<f8", [1], 0, 1 << 40],
    ["n", "<f8", [-1], 0, 8],
    ["n", "V9999999", [1], 0, 8],
    ["nU", [2], ["a"]],
    ["nO", [99], []],
    ["ns", ["l", []]],
    ["tt", "load", [1], 0, 1, True],
    ["tt", "float32", [1 << 30], 0, 4, False],
    ["tdev", "x" * 99],
    ["tdev", "nonsense"],
    ["pdf", ["l", []], ["l", [1]], []],
    ["pcat", ["l", [5]], ["l", []], True],
    ["pext", [], "object"],
    ["ptz", ["l", []], "../../etc/passwd"],
    ["pri", 0, 1, 0, None],
    ["pix", 5, None],
    ["i", "0x" + "f" * 999],
    ["f", "x"],
    ["c", 1, 2],
    ["d", [[["l", []], 1]]],
    ["d", [1]],
    ["l", 5],
    ["set", [["l", []]]],
    ["range", 1, 2, 0],
    ["slice"],
    ["zzz"],
    ["date", "x"],
    ["timedelta", 10**30, 0, 0],
    [],
    {"a": 1},
    [5],
    ["b", 0, 99],
    ["h", 1, "x"],
    ["l", [["b", 0, 8], ["b", 0, 1]]],
    ["l", [["n", "<f8", [1], 0, 8], ["tt", "float32", [1], 4, 4, False]]],
    ["n", "<f8", [0, 1 << 39], 0, 0],
    ["tsz", [-1]],
    ["range", 0, 1 << 40, 1],
    ["pri", 0, 1 << 39, 1, None],
    ["nU", [300], ["x" * codec.MAX_TEXT, *[""] * 299]],
    ["l", [["nU", [300], ["x" * 10_000, *[""] * 299]]] * 30],
    ["l", [["range", 0, codec.MAX_RANGE, 1]] * 3],
    ["l", [["pri", 0, codec.MAX_RANGE, 1, None]] * 3],
    ["pts", ["ns", ["n", "<M8[ns]", [], 0, 8]], "dateutil//etc/hostname"],
    ["pts", ["ns", ["n", "<M8[ns]", [], 0, 8]], 5],
    ["datetime", "2024-01-01T00:00:00+02:00"],
    "x" * (codec.MAX_TEXT + 1),
]


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: str(node)[:60])
def test_malformed_nodes_are_refused(node):
    with pytest.raises(codec.CodecError):
        codec.unpack(json.dumps(node).encode(), b"\0" * 8)


@pytest.mark.parametrize("piece", [b"[],", b"{},", b'"",', b"1,"])
def test_a_header_of_nothing_but_nodes_is_refused_before_it_is_parsed(piece):
    header = b"[" + piece * (codec.MAX_HEADER // len(piece) - 1) + b"1]"
    tracemalloc.start()
    with pytest.raises(codec.CodecError, match="nodes"):
        codec.unpack(header, b"")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_largest_lists_still_cross():
    floats = [0.1 + i for i in range(codec.MAX_NODES - 1)]
    head = codec.HEAD.size
    frame = codec.pack(floats)
    header, _ = codec.unpack_head(frame[:head])
    assert codec.unpack(frame[head : head + header], frame[head + header :]) == floats


def test_many_wide_text_arrays_do_not_leave_either():
    array = np.array(["x" * 10_000, *[""] * 299])
    codec.pack([array] * 20)
    with pytest.raises(codec.CodecError, match="too large"):
        codec.pack([array] * 30)


@given(st.binary(max_size=300), st.binary(max_size=40))
@settings(max_examples=300)
def test_random_headers_are_refused_or_mean_something(header, body):
    with contextlib.suppress(codec.CodecError):
        codec.unpack(header, body)


@given(VALUES, st.data())
@settings(max_examples=200, deadline=None)
def test_a_flipped_byte_is_refused_or_means_something_else(value, data):
    header, body = split(codec.pack({"id": 7, "ok": True, "value": value}))
    place = data.draw(st.integers(0, len(header) - 1))
    changed = header[:place] + bytes([data.draw(st.integers(0, 255))]) + header[place + 1 :]
    with contextlib.suppress(codec.CodecError):
        codec.unpack(changed, body)


@pytest.mark.parametrize("make", [
    lambda keys: ["set", keys],
    lambda keys: ["fset", keys],
    lambda keys: ["d", [[key, None] for key in keys]],
], ids=["set", "frozenset", "dict"])  # fmt: skip
def test_keys_made_to_collide_are_refused_before_they_cost_time(make):
    keys = [["i", hex(k * (2**61 - 1))] for k in range(2**40, 2**40 + 50_000)]
    started = time.monotonic()
    with pytest.raises(codec.CodecError, match="colliding"):
        codec.unpack(json.dumps(make(keys)).encode(), b"")
    assert time.monotonic() - started < 5


def test_many_ordinary_keys_arrive():
    keys = {*range(20_000), *(f"k{i}" for i in range(5000)), -1, -2, 0.5}
    assert round_trip(keys) == keys
    assert round_trip(dict.fromkeys(keys, 1)) == dict.fromkeys(keys, 1)


def test_an_array_that_repeats_itself_arrives_whole_or_not_at_all():
    few = np.broadcast_to(np.float32(2), (3, 4))
    assert np.array_equal(round_trip(few), few)
    with pytest.raises(codec.CodecError, match="too large"):
        codec.pack(np.broadcast_to(np.array("x" * 1000), (1 << 20, 1 << 10)))


def test_booleans_count_once_whatever_their_byte():
    bits = round_trip(np.array([200, 2, 1, 0], dtype=np.uint8).view(bool))
    assert bits.sum() == 3
    assert bits.tolist() == [True, True, True, False]
    tensor = round_trip(torch.tensor([200, 2, 1, 0], dtype=torch.uint8).view(torch.bool))
    assert int(tensor.sum()) == 3


SHAPED = st.one_of(
    st.sampled_from(NUMPY),
    st.sampled_from(PANDAS),
    st.sampled_from([torch.arange(6).reshape(2, 3), torch.zeros(0, 3), torch.tensor(1.5)]),
)


@given(SHAPED, st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_of_a_library_value_is_refused_or_means_something_else(value, data):
    header, body = split(codec.pack([value]))
    place = data.draw(st.integers(0, len(header) - 1))
    changed = header[:place] + bytes([data.draw(st.sampled_from(b'0129[]",<>|-fiubMmOUVtnp'))]) + header[place + 1 :]
    with contextlib.suppress(codec.CodecError):
        codec.unpack(changed, body)


@given(SHAPED, st.data())
@settings(max_examples=100, deadline=None)
def test_numbers_of_a_library_value_may_be_anything(value, data):
    def change(node):
        if type(node) is list:
            return [change(part) for part in node]
        if type(node) is int and data.draw(st.integers(0, 2)) == 0:
            return data.draw(st.sampled_from([-1, 0, 1, 7, 1 << 20, 1 << 31, 1 << 40, 1 << 52, None, "x", True]))
        return node

    header, body = split(codec.pack([value]))
    with contextlib.suppress(codec.CodecError):
        codec.unpack(json.dumps(change(json.loads(header))).encode(), body)


def test_deep_json_is_refused_without_harm():
    for depth in (100, 100_000):
        with pytest.raises(codec.CodecError):
            codec.unpack(b'["l",[' * depth + b"]]" * depth, b"")


def test_a_date_is_not_a_moment():
    assert type(round_trip(dt.date(2024, 1, 1))) is dt.date
