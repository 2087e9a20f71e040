"""Small models whose every number the judge can compute, and looks at models."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Line(nn.Module):
    """Outputs x @ w in train mode and -x @ w in eval mode, so a step tells in which mode it was taken.

    Args:
        weights: how many there are; all start at zero.
    """

    def __init__(self, weights: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(weights, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, weights) to (batch,)."""
        return x @ (self.w if self.training else -self.w)


class Halves(nn.Module):
    """Outputs x @ [a, b]: weights that lie in two parameters, all zero at the start."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(first, dtype=torch.float64))
        self.b = nn.Parameter(torch.zeros(second, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, weights) to (batch,)."""
        return x @ torch.cat([self.a, self.b])


class Rows(nn.Module):
    """Its inputs are its logits, whatever the mode. Notes whether gradients were on, and how many rows it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.inner = nn.Sequential(nn.Dropout(0.5))
        self.notes: list[tuple[bool, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Map logits to themselves."""
        outputs = x * self.scale
        self.notes.append((outputs.requires_grad, len(x)))
        return outputs


class Resting(nn.Module):
    """Linear, batch norm, dropout, linear: what comes out depends on the mode, and so do the buffers."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(hidden, classes)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, classes)."""
        return self.last(self.drop(self.norm(self.first(x))))


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return torch's mean cross entropy."""
    return F.cross_entropy(outputs, targets)


def load_arrays(model: nn.Module, arrays: Mapping[str, Tensor]) -> nn.Module:
    """Give a model these parameters and buffers."""
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    with torch.no_grad():
        for name, value in arrays.items():
            own[name].copy_(value)
    return model


def parameters(model: nn.Module) -> list[Tensor]:
    """Return copies of a model's parameters, in its order, each once."""
    return [p.detach().clone() for p in model.parameters()]


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers by name."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: value.detach().clone() for name, value in named}


def give_gradient(model: nn.Module, value: float) -> None:
    """Let every parameter have a gradient."""
    for p in model.parameters():
        p.grad = torch.full_like(p, value)


def gradients(model: nn.Module) -> list[tuple[bool, Tensor | None]]:
    """Return whether each parameter wants gradients, and the one it has."""
    return [(p.requires_grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()]


def modes(model: nn.Module) -> list[bool]:
    """Return whether each submodule, the model first, is in train mode."""
    return [module.training for module in model.modules()]
