"""Loss functions: all of them means over the batch, all called as (outputs, targets)."""

from __future__ import annotations

from torch import Tensor


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error."""
    return ((outputs - targets) ** 2).mean()


def uneven_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a squared error whose weight depends on the target, so that swapped arguments show."""
    return ((1 + targets**2) * (outputs - targets) ** 2).mean()


def mean_of_targets(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the targets' mean, whatever the outputs are."""
    return targets.mean() + 0 * outputs.sum()
