"""A network that counts how many graphs of its outputs are alive."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from inside.nets import Net

# A loss in a variable, the next one beside it, one in a closure: more than that is a collection.
MANY_GRAPHS = 4


class _Token:
    """Lives as long as the graph it was put into."""


class _Keep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, outputs: Tensor, token: _Token) -> Tensor:
        ctx.token = token
        return outputs.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return gradient, None


class _Count:
    """What all copies of a network share."""

    def __init__(self) -> None:
        self.tokens: weakref.WeakSet[_Token] = weakref.WeakSet()
        self.most = 0
        self.calls = 0

    def __deepcopy__(self, memo: object) -> _Count:
        return self

    def alive(self) -> int:
        """Return how many graphs live; garbage in cycles does not count."""
        if len(self.tokens) > MANY_GRAPHS:
            gc.collect()
        return len(self.tokens)


class CountingNet(Net):
    """A network whose every output carries a token in its graph, so that a loss made of it does, too."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(sizes)
        self.count = _Count()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        outputs = super().forward(x)
        if not outputs.requires_grad:
            return outputs
        token = _Token()
        kept: Tensor = _Keep.apply(outputs, token)
        self.count.tokens.add(token)
        del token
        self.count.calls += 1
        self.count.most = max(self.count.most, self.count.alive())
        return kept


def count_graphs(model: CountingNet) -> tuple[int, int, int]:
    """Return calls with gradients on, the highest number of graphs alive at one of them, and those alive now."""
    return model.count.calls, model.count.most, model.count.alive()
