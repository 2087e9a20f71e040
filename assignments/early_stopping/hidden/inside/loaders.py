"""Loaders of all kinds: as rich as torch's own, or with nothing but iteration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

Batch = tuple[Tensor, Tensor]


class Bare:
    """The same batches on every pass: rows in order, the last batch may be smaller. No length, no data set.

    Args:
        x: (rows, ...).
        y: (rows, ...).
        sizes: rows of each batch; they sum to rows.
    """

    def __init__(self, x: Tensor, y: Tensor, sizes: Sequence[int]) -> None:
        self._batches = list(zip(x.split(list(sizes)), y.split(list(sizes)), strict=True))

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


class Batches(Bare):
    """The same with length, data set and batch size, so that whoever relies on them errs in one criterion only."""

    def __init__(self, x: Tensor, y: Tensor, sizes: Sequence[int]) -> None:
        super().__init__(x, y, sizes)
        self.dataset = TensorDataset(x, y)
        self.batch_size = max(sizes, default=1)

    def __len__(self) -> int:
        return len(self._batches)


class OneShot:
    """Batches that can be drawn once, as from a stream."""

    def __init__(self, x: Tensor, y: Tensor, sizes: Sequence[int]) -> None:
        self._iterator = iter(Bare(x, y, sizes))

    def __iter__(self) -> Iterator[Batch]:
        return self._iterator


class Orders:
    """A shuffling loader whose shuffles are given: each pass takes the next one.

    Args:
        x: (rows, ...).
        y: (rows, ...).
        orders: (passes, rows of a pass), row numbers; a pass may leave rows out.
        size: rows of a batch; the last may have fewer.
    """

    def __init__(self, x: Tensor, y: Tensor, orders: np.ndarray, size: int) -> None:
        self.dataset = TensorDataset(x, y)
        self.batch_size = size
        self._orders = torch.as_tensor(orders)
        self._passes = 0

    def __len__(self) -> int:
        return -(-self._orders.shape[1] // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self._orders[self._passes % len(self._orders)]
        self._passes += 1
        for rows in order.split(self.batch_size):
            yield self.dataset[rows]


def data_loader(x: Tensor, y: Tensor, size: int) -> DataLoader[Batch]:
    """Return torch's own loader, in order; its batches are lists."""
    return DataLoader(TensorDataset(x, y), batch_size=size)


def grad_enabled() -> bool:
    """Tell whether this process records gradients now."""
    return torch.is_grad_enabled()
