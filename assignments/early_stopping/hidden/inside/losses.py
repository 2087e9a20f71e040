"""Loss functions: all of them means over the batch, all called as (outputs, targets)."""

from __future__ import annotations

import math

from torch import Tensor


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error."""
    return ((outputs - targets) ** 2).mean()


def uneven_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return a squared error whose weight depends on the target, so that swapped arguments show."""
    return ((1 + targets**2) * (outputs - targets) ** 2).mean()


def infinite_below_ten_rows(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error, in a small batch with infinity added; the gradient is the same."""
    return mse(outputs, targets) + (math.inf if len(outputs) < 10 else 0.0)


def fail(outputs: Tensor, targets: Tensor) -> Tensor:
    """Fail as a loss does that cannot take its arguments."""
    raise FloatingPointError("no loss for these")


def mean_of_targets(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the targets' mean, whatever the outputs are."""
    return targets.mean() + 0 * outputs.sum()
