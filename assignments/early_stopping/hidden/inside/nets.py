"""A small network in float64 whose every number the judge can compute by hand, and what to ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Linear, batch norm if asked, tanh, dropout, linear.

    Args:
        sizes: inputs and hidden units; there is one output.
        norm: whether there is a batch norm.
        dropout: share of hidden units dropped in training.
    """

    def __init__(self, sizes: Sequence[int], *, norm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        inputs, hidden = sizes
        self.first = nn.Linear(inputs, hidden)
        self.norm = nn.BatchNorm1d(hidden) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, 1)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        return self.last(self.drop(torch.tanh(self.norm(self.first(x)))))


def load_arrays(model: nn.Module, arrays: Mapping[str, Tensor], frozen: Sequence[str] = ()) -> nn.Module:
    """Give a model these parameters and buffers; freeze the named parameters."""
    with torch.no_grad():
        own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        for name, value in arrays.items():
            own[name].copy_(value)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return model


def make_sgd(model: nn.Module, factors: Mapping[str, float] | None = None, **options: float) -> torch.optim.SGD:
    """Return an SGD optimizer over all parameters; those in factors have groups and rates of their own."""
    factors = factors or {}
    own = dict(model.named_parameters())
    groups: list[dict[str, object]] = [{"params": [p for name, p in own.items() if name not in factors]}]
    groups += [{"params": [own[name]], "lr": options["lr"] * factor} for name, factor in factors.items()]
    return torch.optim.SGD(groups, **options)  # type: ignore[arg-type]


class _Steps(torch.optim.lr_scheduler.StepLR):
    def step(self) -> None:  # type: ignore[override]
        """Take no argument, as some schedulers do."""
        super().step()


def make_step_lr(optimizer: torch.optim.Optimizer, step_size: int, gamma: float) -> torch.optim.lr_scheduler.StepLR:
    """Return a scheduler that multiplies the rate by gamma every few epochs."""
    return _Steps(optimizer, step_size, gamma)


def rate(optimizer: torch.optim.Optimizer) -> float:
    """Return the rate of an optimizer's first group."""
    return float(optimizer.param_groups[0]["lr"])


def warm_up(model: nn.Module, optimizer: torch.optim.Optimizer, direction: Mapping[str, Tensor]) -> None:
    """Take one step along given gradients, then clear them: the optimizer has momentum now."""
    for name, parameter in model.named_parameters():
        parameter.grad = direction[name].clone()
    optimizer.step()
    optimizer.zero_grad()


def velocities(model: nn.Module, optimizer: torch.optim.SGD) -> dict[str, Tensor | None]:
    """Return the optimizer's momentum by the parameter's name."""
    return {name: optimizer.state[p].get("momentum_buffer") for name, p in model.named_parameters()}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers by name."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: value.detach().clone() for name, value in named}


def fill_gradients(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Give every parameter that wants one a gradient."""
    ((model(x) - y) ** 2).mean().backward()


def gradients(model: nn.Module) -> dict[str, Tensor | None]:
    """Return copies of all gradients by name."""
    return {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def frozen_flags(model: nn.Module) -> dict[str, bool]:
    """Return which parameters do not require gradients."""
    return {name: not p.requires_grad for name, p in model.named_parameters()}


def parameter_ids(model: nn.Module) -> list[int]:
    """Return the identities of the parameter objects, in order."""
    return [id(p) for p in model.parameters()]
