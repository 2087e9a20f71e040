"""Loaders whose batches are given, and what loaders hand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor
from torch.utils.data import TensorDataset

Batch = tuple[Tensor, Tensor]


class Batches:
    """The same batches on every pass, in order. With length and data set, like torch's own loader.

    Args:
        x: (rows, ...).
        y: (rows, ...).
        sizes: rows of each batch; they sum to rows.
    """

    def __init__(self, x: Tensor, y: Tensor, sizes: Sequence[int]) -> None:
        self._batches = list(zip(x.split(list(sizes)), y.split(list(sizes)), strict=True))
        self.dataset = TensorDataset(x, y)
        self.batch_size = max(sizes)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


def passes(loader: Iterable[Batch], count: int) -> list[list[Batch]]:
    """Return the batches of so many passes over a loader."""
    return [[(x, y) for x, y in loader] for _ in range(count)]
