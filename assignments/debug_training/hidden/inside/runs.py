"""Calls of the candidate's functions that have to be watched from beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from inside.loaders import Batch, passes


def loaders_of(
    X: np.ndarray, y: np.ndarray, count: int = 1, **options: Any
) -> tuple[list[list[Batch]], list[list[Batch]], np.ndarray, np.ndarray]:
    """Return the batches of so many passes over both loaders, and the arrays after the call."""
    import solution

    train_loader, val_loader = solution.make_loaders(X, y, **options)
    return passes(train_loader, count), passes(val_loader, count), X, y


def rates_of_fit(X: np.ndarray, y: np.ndarray, **options: Any) -> tuple[list[float], list[float]]:
    """Return the learning rate at every optimizer step of `fit`, and those that its history names.

    Where the optimizer's groups differ it is NaN.
    """
    import solution

    rates: list[float] = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        found = {float(group["lr"]) for group in optimizer.param_groups}
        rates.append(found.pop() if len(found) == 1 else math.nan)

    hook = register_optimizer_step_pre_hook(note)
    try:
        result = solution.fit(X, y, **options)
    finally:
        hook.remove()
    return rates, [float(record["lr"]) for record in result.history]


def prints_of_fit(X: np.ndarray, y: np.ndarray, **options: Any) -> list[float]:
    """Return a number for every optimizer step of `fit` that tells one batch's gradient from another's."""
    import solution

    prints: list[float] = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        own = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        prints.append(sum(float(gradient.double().abs().sum()) for gradient in own))

    hook = register_optimizer_step_pre_hook(note)
    try:
        solution.fit(X, y, **options)
    finally:
        hook.remove()
    return prints


def is_recording_after(recording: bool, model: nn.Module, loader: Iterable[Batch], loss_fn: Callable) -> bool:
    """Measure with gradients on or off; tell whether they are on afterwards."""
    import solution

    with torch.set_grad_enabled(recording):
        solution.evaluate(model, loader, loss_fn)
        return torch.is_grad_enabled()
