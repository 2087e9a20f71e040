"""What is to be seen beside the candidate's code while it runs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inside.models import Net, modes


def seen_in_calls(model: Net) -> list[tuple[int, bool, bool]]:
    """Return rows, whether anything was in train mode, and whether gradients were recorded, for each call."""
    return list(model.calls)


def grad_modes_around(call: Callable[..., Any], *args: object) -> list[bool]:
    """Return torch's gradient mode after a call that was made with gradients on, and after one with gradients off."""
    seen = []
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            with contextlib.suppress(LookupError):
                call(*args)
            seen.append(torch.is_grad_enabled())
    return seen


def predict_view(predictor: Any, array: np.ndarray, view: str) -> Tensor:
    """Predict a view of an array; on the way from the judge it would become an array of its own."""
    if view == "read-only":
        array.flags.writeable = False
        return predictor.predict(array)
    views = {"reversed": array[::-1], "every third": array[::3], "turned": array.T, "columns back": array[:, ::-2]}
    return predictor.predict(views[view])


def inputs_afterwards(predictor: Any, inputs: Any, method: str = "predict") -> tuple[Tensor, Any]:
    """Return the result, and the inputs as the call left them; the judge's own never get here."""
    return getattr(predictor, method)(inputs), inputs


class Tap:
    """An iterator that counts how much of it was read.

    Args:
        rows: what it gives; None counts up from 0 for ever, as rows of one number.
        error: message of the LookupError after them; None ends it.
    """

    def __init__(self, rows: Iterable[object] | None, error: str | None = None) -> None:
        self.rows = ([float(i)] for i in itertools.count()) if rows is None else iter(rows)
        self.error = error
        self.read = 0

    def __iter__(self) -> Tap:
        return self

    def __next__(self) -> object:
        """Give the next row."""
        for row in self.rows:
            self.read += 1
            return row
        if self.error is not None:
            raise LookupError(self.error)
        raise StopIteration


Seen = tuple[Tensor | None, bool, dict[str, bool]]


def between_results(stream: Iterable[Tensor], model: nn.Module, count: int) -> list[Seen]:
    """Take some results and close the stream; return each, torch's gradient mode and the model's modes meanwhile."""
    seen: list[Seen] = []
    results = iter(stream)
    for _ in range(count):
        part = next(results)
        seen.append((part, torch.is_grad_enabled(), modes(model)))
    if hasattr(results, "close"):
        results.close()
    del results, stream
    seen.append((None, torch.is_grad_enabled(), modes(model)))
    return seen
