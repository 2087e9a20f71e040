"""The codec: what leaves arrives as it was, what nobody honest sends is refused, and neither takes much memory."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.sandbox import codec
from tests.fuzz.frames import BODIES, HONEST, TREES, decode, held

MIB = 1 << 20
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
fuzzed = settings(max_examples=400, deadline=None, database=None, suppress_health_check=QUIET)


@given(TREES, BODIES)
@fuzzed
def test_no_tree_raises_anything_but_a_codec_error(tree: Any, body: bytes) -> None:
    with contextlib.suppress(codec.CodecError):
        decode(tree, body)


@given(TREES, BODIES)
@settings(fuzzed, max_examples=150)
def test_no_small_frame_takes_much_memory(tree: Any, body: bytes) -> None:
    value, counted = None, 0
    tracemalloc.start()
    try:
        with contextlib.suppress(codec.CodecError):
            value, counted = decode(tree, body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # What the decoder counts against its cap may be copied once, and both decodings of `decode` hold it.
    assert peak + held(value) < 64 * MIB + 4 * counted
    assert counted <= codec.MAX_BODY


@given(TREES, BODIES)
@settings(fuzzed, max_examples=150)
def test_what_was_decoded_can_be_sent_on_or_is_refused_cleanly(tree: Any, body: bytes) -> None:
    with contextlib.suppress(codec.CodecError):
        round_trip(decode(tree, body)[0])


@given(HONEST)
@settings(fuzzed, max_examples=120)
def test_what_leaves_arrives_as_it_was(value: Any) -> None:
    try:
        frame = codec.pack(value)
    except codec.CodecError:
        return  # it says so where the value is; nothing was sent
    assert same(codec.unpack(*split(frame)), value), value


@given(
    st.integers(0, codec.MAX_DEPTH + 2),
    st.sampled_from(
        [
            np.float64(1),
            np.str_("x"),
            1 << 60,
            1j,
            np.zeros(2),
            np.array(["a"]),
            np.array([1, "b"], dtype=object),
            pd.Timestamp("2024-01-01", tz="UTC"),
            pd.Timedelta("1h"),
            pd.Series([1.0]),
            pd.Index(["a"], name=("a", ("b",))),
            pd.DataFrame({"t": pd.to_datetime(["2024-01-01"]).tz_localize("UTC"), "c": pd.Categorical(["u"])}),
            pd.RangeIndex(3, name=("n",)),
            pd.array([1, None]),
            torch.ones(1),
            range(3),
            slice(1, None),
        ]
    ),
    st.sampled_from([list, tuple, "key"]),
)
@fuzzed
def test_a_deep_value_is_refused_where_it_is_made_or_arrives(depth: int, leaf: Any, kind: Any) -> None:
    value = leaf
    for _ in range(depth):
        value = {"key": value} if kind == "key" else kind([value])
    with contextlib.suppress(codec.Foreign):
        try:
            frame = codec.pack(value)
        except codec.CodecError as error:
            assert "deeper" in str(error)  # noqa: PT017 - both ways out are right
            return
        codec.unpack(*split(frame))


# regressions ----------------------------------------------------------------------------------------------------------


MANY = {
    "numpy scalars": lambda: [np.float64(1)] * (codec.MAX_NODES // 2 + 1),
    "numpy texts": lambda: [np.str_("x")] * (codec.MAX_NODES // 3 + 1),
    "ranges": lambda: [range(codec.MAX_RANGE)] * 3,
    "range indexes": lambda: [pd.RangeIndex(codec.MAX_RANGE)] * 3,
    "empty axes": lambda: np.zeros((0, 1 << 29), dtype=np.uint8),
    "empty axes of a tensor": lambda: torch.zeros((0, 1 << 29), dtype=torch.uint8),
}


@pytest.mark.parametrize("name", MANY)
def test_too_much_is_refused_where_it_is_made(name: str) -> None:
    """The other end would take a refusal there for a broken protocol, which a list of numpy numbers is not."""
    with pytest.raises(codec.CodecError, match=r"parts|too large"):
        codec.pack(MANY[name]())


def integers_of_one_hash(number: int) -> np.ndarray:
    """Solve pandas' hash of 64-bit integers, high >> 1 ^ low ^ low << 11, for the low half."""
    high = np.random.default_rng(0).permutation(number).astype(np.uint64)
    wanted = high >> np.uint64(1)
    low = wanted
    for _ in range(4):
        low = wanted ^ ((low << np.uint64(11)) & np.uint64(0xFFFFFFFF))
    return ((high << np.uint64(32)) | low).astype(np.int64)


def floats_of_one_hash(number: int) -> np.ndarray:
    """Solve murmur2 over the two halves of a float for the low half."""
    word, back = np.uint32, np.uint32(pow(0x5BD1E995, -1, 1 << 32))
    high = (np.random.default_rng(0).permutation(number) + 0x40000000).astype(word)
    mixed = high * word(0x5BD1E995)
    mixed = (mixed ^ (mixed >> word(24))) * word(0x5BD1E995)
    low = ((word(12345) ^ mixed) * back ^ word(((0xC70F6907 ^ 4) * 0x5BD1E995) & 0xFFFFFFFF)) * back
    low = (low ^ (low >> word(24))) * back
    return ((high.astype(np.uint64) << np.uint64(32)) | low).view(np.float64)


N = 200_000  # pandas would look at each pair of them
COLLIDING = {
    "integers": lambda: integers_of_one_hash(N),
    "moments": lambda: integers_of_one_hash(N).view("M8[ns]"),
    "floats": lambda: floats_of_one_hash(N),
    "complex": lambda: np.arange(N) * (1 + 1j),
    "objects": lambda: np.array([k * (2**61 - 1) for k in range(2**40, 2**40 + 20_000)], dtype=object),
}


@pytest.mark.parametrize("name", COLLIDING)
def test_labels_made_to_collide_are_refused_before_they_cost_time(name: str) -> None:
    encoder = codec.Encoder()
    labels = ["pix", encoder.node(COLLIDING[name]()), None]
    codes = encoder.node(np.zeros(1, dtype=np.int8))
    for node in (labels, ["pcat", codes, labels, False]):
        with pytest.raises(codec.CodecError, match="labels"):
            codec.Decoder(b"".join(encoder.buffers), {}).value(json.loads(json.dumps(node)))


@pytest.mark.parametrize(
    "labels",
    [
        lambda: np.random.default_rng(0).permutation(N),
        lambda: np.random.default_rng(0).normal(size=N),
        lambda: pd.date_range("2020", periods=N, freq="min", tz="Europe/Berlin")[::-1],
        lambda: np.repeat([1, 2], N),
        lambda: np.array([i % 7 if i % 2 else f"k{i}" for i in range(N)], dtype=object),
        lambda: pd.array([None, *range(9000)], dtype="Int64"),
        lambda: np.arange(9000, dtype=np.int16),
    ],
    ids=["shuffled", "floats", "moments", "repeated", "mixed", "nullable", "short"],
)
def test_ordinary_labels_arrive(labels: Any) -> None:
    index = pd.Index(labels())
    pd.testing.assert_index_equal(round_trip(index), index, check_exact=True, check_freq=False)


# comparing ------------------------------------------------------------------------------------------------------------


def split(frame: bytes) -> tuple[bytes, bytes]:
    header, _ = codec.unpack_head(frame[: codec.HEAD.size])
    start = codec.HEAD.size
    return frame[start : start + header], frame[start + header :]


def round_trip(value: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return codec.unpack(*split(codec.pack(value)))


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal in type and content; not-a-number equals itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (np.ndarray, np.generic)):
        equal_nan = one.dtype.kind in "fcmM"
        return one.dtype.kind == other.dtype.kind and np.array_equal(one, other, equal_nan=equal_nan)
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, (pd.DataFrame, pd.Series)):
        check = pd.testing.assert_frame_equal if isinstance(one, pd.DataFrame) else pd.testing.assert_series_equal
        check(one, other, check_freq=False, check_exact=True)
        return True
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    return bool(one == other) or (one != one and other != other)
