"""Single steps of optimizers, on the model and on the tensors that the optimizer itself holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MatricesAndVectors(nn.Module):
    """Parameters without a dimension, with one, with two and with three, none of them zero."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 2)])
        self.norm = nn.LayerNorm(2)
        self.block = nn.Parameter(torch.rand(2, 3, 2))
        self.scale = nn.Parameter(torch.rand(()))
        self.double()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(0.5 + torch.rand_like(parameter))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 3) to (batch, 2)."""
        for layer in self.layers:
            x = layer(x)
        return self.scale * self.norm(x)


def infinite_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return infinity, with the gradient of the mean output."""
    return mean_output(outputs, targets) + torch.inf


def sgd(model: nn.Module, lr: float) -> torch.optim.SGD:
    """Return plain gradient descent."""
    return torch.optim.SGD(model.parameters(), lr=lr)


def mean_output(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean output; its gradient is known without the weights."""
    return outputs.mean() + 0 * targets.sum()


def grouped_step(optimizer: torch.optim.Optimizer, gradient: float, steps: int = 1) -> list[tuple[Tensor, Tensor]]:
    """Return each tensor that the optimizer holds, before and after steps with the same gradient everywhere."""
    own = [p for group in optimizer.param_groups for p in group["params"]]
    before = [p.detach().clone() for p in own]
    for _ in range(steps):
        for p in own:
            p.grad = torch.full_like(p, gradient)
        optimizer.step()
    return [(b, p.detach().clone()) for b, p in zip(before, own, strict=True)]


def step_on_model(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[tuple[Tensor, Tensor]]:
    """Return each of the model's parameters before and after a step with gradients of one."""
    before = [p.detach().clone() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    return [(b, p.detach().clone()) for b, p in zip(before, model.parameters(), strict=True)]
