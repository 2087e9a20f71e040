"""An optimizer that counts its steps, a loader that fails, and modules that are not all in one mode."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from inside.loaders import Bare, Batch
from inside.nets import Net, snapshot


class StepCounter(torch.optim.SGD):
    """SGD that counts its steps."""

    def __init__(self, model: nn.Module, lr: float) -> None:
        super().__init__(model.parameters(), lr=lr)
        self.taken = 0

    def step(self, closure: Any = None) -> Any:
        """Take a step and count it."""
        self.taken += 1
        return super().step(closure)


def count_steps(optimizer: StepCounter) -> int:
    """Return how many steps were taken."""
    return optimizer.taken


class Torn(Bare):
    """Gives its batches, then fails as a loader with a damaged file would."""

    def __iter__(self) -> Iterator[Batch]:
        yield from self._batches
        raise FileNotFoundError("a file is gone")


class Mixed(nn.Module):
    """A network in train mode with a batch norm, two levels down, that somebody froze in eval mode."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.body = nn.Sequential(net)
        net.norm.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        return self.body(x)


class Knotted(nn.Module):
    """A network whose modes do not follow from those of the parents: all of them differ, and one module has two."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.body = nn.Sequential(net)
        net.eval()
        net.drop.train()
        self.beside = nn.Sequential(net.norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        return self.body(x)


def modes(model: nn.Module) -> dict[str, bool]:
    """Return which modules are in train mode."""
    return {name: module.training for name, module in model.named_modules()}


def spoil_gradients(model: nn.Module, *, frozen_alone: bool = False) -> None:
    """Give every parameter, or the frozen ones alone, a large gradient that belongs to nothing."""
    for parameter in model.parameters():
        if not (frozen_alone and parameter.requires_grad):
            parameter.grad = torch.full_like(parameter, 1e3)


class Idle(nn.Module):
    """A network whose `idle` gets no gradient, though one stands there; `early` gets one from the first call alone."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.idle = nn.Parameter(torch.ones(3, dtype=torch.float64))
        self.idle.grad = torch.full_like(self.idle, 1e3)
        self.early = nn.Parameter(torch.ones(3, dtype=torch.float64))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        self.calls += 1
        return self.body(x) + (0 * self.early.sum() if self.calls == 1 else 0)


def evaluate_without_gradients(model: nn.Module, loader: Any, loss_fn: Any) -> bool:
    """Call `evaluate` where gradients are off, and let a loader fail; tell whether they are on afterwards."""
    import solution

    with torch.no_grad():
        with contextlib.suppress(FileNotFoundError):
            solution.evaluate(model, loader, loss_fn)
        return torch.is_grad_enabled()


def look_inside(context: Any, model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return what a model holds within a context, and after it."""
    with context:
        held = snapshot(model)
    return held, snapshot(model)


def fail_inside(context: Any) -> None:
    """Raise an error within a context."""
    with context:
        raise ZeroDivisionError("as code in a with block may")
