"""Small functions around one decorated method; halves a batch by recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

_CHECKS = {"cuda": lambda: torch.cuda.is_available(), "mps": lambda: torch.backends.mps.is_available()}


def resolve_device(preference: str | torch.device = "auto") -> torch.device:
    if isinstance(preference, str) and preference == "auto":
        found = [name for name, check in _CHECKS.items() if check()]
        return torch.device(found[0] if found else "cpu")
    device = torch.device(preference)
    if device.type in _CHECKS and not _CHECKS[device.type]():
        raise RuntimeError(f"{device} was asked for, but there is none")
    return device


def _row(value: object) -> Tensor:
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def _stack(values: object) -> Tensor:
    if isinstance(values, Tensor):
        return values
    if isinstance(values, np.ndarray):
        return torch.from_numpy(values.copy())
    return torch.stack([_row(value) for value in values]) if len(values) else torch.zeros(0)


def _chunks(rows: Iterable, size) -> Iterator[list]:
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= size():
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class BatchPredictor:
    def __init__(self, model: nn.Module, *, batch_size: int = 32, device: str | torch.device = "auto") -> None:
        if batch_size <= 0:
            raise ValueError(f"batch_size is {batch_size}")
        self.device = resolve_device(device)
        self.model, self.batch_size = model, batch_size
        model.to(device=self.device)

    @torch.no_grad()
    def _once(self, *tensors: Tensor) -> Tensor | None:
        """Call the model; None if it does not fit."""
        was = [module.training for module in self.model.modules()]
        for module in self.model.modules():
            module.eval()
        try:
            return self.model(*map(partial(torch.Tensor.to, device=self.device), tensors)).detach().cpu()
        except torch.OutOfMemoryError:
            if self.batch_size == 1 or len(tensors) > 1:
                raise
        finally:
            for module, training in zip(self.model.modules(), was, strict=True):
                module.training = training
        return None

    def _fitting(self, rows: Tensor) -> list[Tensor]:
        if len(rows) > self.batch_size:
            return [piece for part in rows.split(self.batch_size) for piece in self._fitting(part)]
        piece = self._once(rows)
        if piece is not None:
            return [piece]
        self.batch_size //= 2
        return self._fitting(rows)

    def _in_dtype(self, rows: Tensor) -> Tensor:
        dtype = next((p.dtype for p in self.model.parameters() if p.dtype.is_floating_point), None)
        return rows if dtype is None or not rows.dtype.is_floating_point else rows.to(dtype)

    def predict(self, inputs: object) -> Tensor:
        rows = _stack(inputs)
        pieces, start = [], 0
        while start < len(rows):
            batch = rows[start : start + self.batch_size]
            pieces += self._fitting(self._in_dtype(batch))
            start += len(batch)
        return torch.cat(pieces) if pieces else torch.empty(0)

    def predict_iter(self, inputs: Iterable) -> Iterator[Tensor]:
        for chunk in _chunks(inputs, lambda: self.batch_size):
            yield from self._fitting(self._in_dtype(_stack(chunk)))

    def predict_sequences(self, sequences, *, pad_value: float = 0.0) -> Tensor:
        if not len(sequences):
            return torch.empty(0)
        lengths = torch.tensor([s.shape[0] for s in sequences])
        order = torch.argsort(lengths, stable=True)
        found: list[Tensor | None] = [None] * len(sequences)
        for group in order.split(self.batch_size):
            longest = int(lengths[group].max())
            first = sequences[int(group[0])]
            padded = torch.full((len(group), longest, *first.shape[1:]), pad_value, dtype=first.dtype)
            for k, i in enumerate(group.tolist()):
                padded[k, : lengths[i]] = sequences[i]
            for i, row in zip(group.tolist(), self._once(self._in_dtype(padded), lengths[group]), strict=True):
                found[i] = row
        return torch.stack(found)
