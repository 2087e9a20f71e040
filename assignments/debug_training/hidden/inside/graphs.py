"""A model that counts how many graphs of its outputs are alive."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import torch
from torch import Tensor, nn

# A loss in a variable and the next one beside it: more than that is a collection.
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


class CountingModel(nn.Module):
    """A line through the origin whose every output carries a token in its graph."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.tokens: weakref.WeakSet[_Token] = weakref.WeakSet()
        self.most = 0
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1) to (batch,)."""
        outputs = x[:, 0] * self.w
        if not outputs.requires_grad:
            return outputs
        token = _Token()
        kept: Tensor = _Keep.apply(outputs, token)
        self.tokens.add(token)
        del token
        self.calls += 1
        if len(self.tokens) > MANY_GRAPHS:
            gc.collect()  # garbage in cycles does not count
        self.most = max(self.most, len(self.tokens))
        return kept


def count_graphs(model: CountingModel) -> tuple[int, int]:
    """Return calls with gradients on, and the highest number of graphs alive at one of them."""
    return model.calls, model.most
