"""Questions a hidden test asks before it compares values: is this what the README promises, and of that shape?

A wrong type or shape fails the check like any assertion, but the candidate is told that it was the type or shape.
Accepting is generous where a README leaves a choice (a numpy float is a float) and exact where lying would pay: values
that crossed the border have exact types, so no subclass gets here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


class WrongType(AssertionError):
    """A value has another type or shape than the README promises."""


def _name(value: object) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None or not isinstance(shape, tuple) else f"{type(value).__name__}{shape}"


def expect_float(value: Any, what: str, *, allow_nan: bool = False) -> float:
    """Return a real number as float; bool is none."""
    if type(value) not in (int, float) and not isinstance(value, (np.floating, np.integer)):
        raise WrongType(f"{what}: expected a float, found {_name(value)}")
    number = float(value)
    if not allow_nan and not math.isfinite(number):
        raise AssertionError(f"{what}: expected a finite number, found {number}")
    return number


def expect_int(value: Any, what: str) -> int:
    """Return a whole number as int; bool is none."""
    if type(value) is not int and not isinstance(value, np.integer):
        raise WrongType(f"{what}: expected an int, found {_name(value)}")
    return int(value)


def expect_bool(value: Any, what: str) -> bool:
    """Return a truth value as bool."""
    if type(value) is not bool and not isinstance(value, np.bool_):
        raise WrongType(f"{what}: expected a bool, found {_name(value)}")
    return bool(value)


def expect_str(value: Any, what: str) -> str:
    """Return a str."""
    if type(value) is not str and not isinstance(value, np.str_):
        raise WrongType(f"{what}: expected a str, found {_name(value)}")
    return str(value)


def expect_array(
    value: Any, what: str, *, shape: Sequence[int] | None = None, dtype: Any = None, kind: str | None = None
) -> np.ndarray[Any, Any]:
    """Return a numpy array.

    Args:
        shape: exact shape, if it matters.
        dtype: exact dtype, if it matters.
        kind: allowed dtype kinds, e.g. "iu" for integers.
    """
    if type(value) is not np.ndarray:
        raise WrongType(f"{what}: expected a numpy array, found {_name(value)}")
    if shape is not None and value.shape != tuple(shape):
        raise WrongType(f"{what}: expected shape {tuple(shape)}, found {value.shape}")
    if dtype is not None and value.dtype != np.dtype(dtype):
        raise WrongType(f"{what}: expected dtype {np.dtype(dtype)}, found {value.dtype}")
    if kind is not None and value.dtype.kind not in kind:
        raise WrongType(f"{what}: expected a dtype of kind {kind!r}, found {value.dtype}")
    return value


def expect_tensor(
    value: Any, what: str, *, shape: Sequence[int] | None = None, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Return a torch tensor; shape and dtype must be exact where given."""
    import torch

    if type(value) is not torch.Tensor:
        raise WrongType(f"{what}: expected a tensor, found {_name(value)}")
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise WrongType(f"{what}: expected shape {tuple(shape)}, found {tuple(value.shape)}")
    if dtype is not None and value.dtype != dtype:
        raise WrongType(f"{what}: expected dtype {dtype}, found {value.dtype}")
    return value


def expect_keys(value: Any, what: str, keys: Collection[str]) -> Mapping[str, Any]:
    """Return a dict that has exactly these keys."""
    if type(value) is not dict:
        raise WrongType(f"{what}: expected a dict, found {_name(value)}")
    if set(value) != set(keys):
        raise WrongType(f"{what}: expected the keys {sorted(keys)}, found {sorted(map(str, value))}")
    return value


def expect_close(actual: Any, expected: Any, what: str, *, rtol: float, atol: float) -> None:
    """Compare numbers, arrays or tensors of equal shape: |actual - expected| <= atol + rtol * |expected|; NaN never."""
    # Shapes first: widening a huge answer to compare it would take many times its memory.
    shape = np.shape(expected)
    if np.shape(actual) != shape:
        raise WrongType(f"{what}: expected shape {shape}, found {np.shape(actual)}")
    left, right = _plain(actual, what), _plain(expected, what)
    gap = np.abs(left - right)
    # Written so that a NaN fails.
    if not bool(np.all(gap <= atol + rtol * np.abs(right))):
        raise AssertionError(f"{what}: off by {np.max(gap):.3g}, allowed {atol:g} + {rtol:g} of the expected value")


def _plain(value: Any, what: str) -> np.ndarray[Any, Any]:
    if hasattr(value, "detach"):
        value = value.detach().to("cpu").numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise WrongType(f"{what}: expected numbers, found {_name(value)}")
    return array.astype(complex if array.dtype.kind == "c" else np.longdouble)
