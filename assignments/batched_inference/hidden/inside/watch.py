"""What is to be seen beside the candidate's code while it runs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inside.models import Net, modes, set_modes


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


def interrupted(call: Callable[..., Any], *args: object) -> bool:
    """Tell whether a call was interrupted; such an exception must not get as far as the judge."""
    try:
        call(*args)
    except KeyboardInterrupt:
        return True
    return False


def predict_view(predictor: Any, array: np.ndarray, view: str, method: str = "predict") -> Tensor:
    """Predict a view of an array; on the way from the judge it would become an array of its own."""
    if view == "read-only":
        array.flags.writeable = False
    views = {
        "reversed": array[::-1],
        "every third": array[::3],
        "turned": array.T,
        "columns back": array[:, ::-2],
        "rows that are views": list(array[:, ::-2]),
        "one row, repeated": np.broadcast_to(array[0], array.shape),
    }
    result = getattr(predictor, method)(views.get(view, array))
    return torch.cat(list(result)) if method == "predict_iter" else result


def inputs_afterwards(predictor: Any, inputs: Any, method: str = "predict") -> tuple[Tensor, Any]:
    """Return the result, and the inputs as the call left them; the judge's own never get here."""
    return getattr(predictor, method)(inputs), inputs


class Tap:
    """An iterator that counts how much of it was read.

    Args:
        rows: what it gives; None counts up from 0 for ever, as rows of one number.
        error: message of the error after them; None ends it.
        kind: the error's type.
    """

    def __init__(
        self, rows: Iterable[object] | None, error: str | None = None, kind: type[Exception] = LookupError
    ) -> None:
        self.rows = ([float(i)] for i in itertools.count()) if rows is None else iter(rows)
        self.error = error
        self.kind = kind
        self.read = 0

    def __iter__(self) -> Tap:
        return self

    def __next__(self) -> object:
        """Give the next row."""
        for row in self.rows:
            self.read += 1
            return row
        if self.error is not None:
            message, self.error = self.error, None  # once, as a generator does
            raise self.kind(message)
        raise StopIteration


class Sized:
    """Rows of one number that are made when they are read; how many there are is known."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[float]]:
        """Give the rows, from the first."""
        for i in range(self.count):
            self.read += 1
            yield [float(i)]


class Rows(Sequence):
    """The same as a sequence, to be read at any place; a row that is read again counts once."""

    def __init__(self, count: int) -> None:
        self.numbers = range(count)
        self.seen: set[int] = set()

    @property
    def read(self) -> int:
        return len(self.seen)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int | slice) -> Any:
        """Give one row, or the rows of a slice."""
        chosen = self.numbers[index]
        self.seen.update(chosen if isinstance(index, slice) else [chosen])
        return [[float(i)] for i in chosen] if isinstance(index, slice) else [float(chosen)]


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


def while_modes_change(stream: Iterable[Tensor], model: nn.Module, wanted: Iterable[tuple[bool, bool]]) -> list[Seen]:
    """Take results while the caller changes modes; return what `between_results` does.

    Args:
        wanted: the model's mode (but for one frozen part) and torch's gradient mode, for each result.
    """
    seen: list[Seen] = []
    results = iter(stream)
    for training, gradients in wanted:
        set_modes(model, training, "middle.norm")
        with torch.set_grad_enabled(gradients):
            part = next(results)
            seen.append((part, torch.is_grad_enabled(), modes(model)))
    return seen


def modes_after_stream(predictor: Any, inputs: Any, model: nn.Module, training: bool, end: str) -> Seen:
    """Take one result, change all modes, and end the stream; return what `between_results` does, once.

    Args:
        training: the model's mode (but for one frozen part) and torch's gradient mode after the change.
        end: "closed", "dropped" or "read to its end".
    """
    set_modes(model, not training, "middle.norm")
    with torch.set_grad_enabled(not training):
        results = iter(predictor.predict_iter(inputs))
        part = next(results)
        torch.set_grad_enabled(training)
        set_modes(model, training, "middle.norm")
        if end == "closed" and hasattr(results, "close"):
            results.close()
        if end == "read to its end":
            list(results)
        del results
        return part, torch.is_grad_enabled(), modes(model)


def in_turns(predictor: Any, first: Any, second: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Leave a stream after one result; then read two in turns, and predict on the way; return their results."""
    left = iter(predictor.predict_iter(first))
    next(left)
    if hasattr(left, "close"):
        left.close()
    results: tuple[list[Tensor], list[Tensor]] = ([], [])
    for pair in zip(predictor.predict_iter(first), predictor.predict_iter(second), strict=True):
        for result, part in zip(results, pair, strict=True):
            result.append(part)
        predictor.predict(second[:1])
    return results


def tap_out_of_memory(rows: Iterable[object]) -> Tap:
    """Return rows, after which their source has no memory for the next."""
    return Tap(rows, "no memory to decode a row", torch.OutOfMemoryError)
