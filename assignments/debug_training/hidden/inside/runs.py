"""Calls of the candidate's functions that have to be watched from beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

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


def batches_of_fit(X: np.ndarray, y: np.ndarray, **options: Any) -> list[Tensor | None]:
    """Return the inputs that each optimizer step of `fit` followed: the last that a module was given before it ended.

    Inputs are what has as many columns as X; no layer of the network may be as wide. Modes and gradients do not
    matter, and neither does whose parameters the optimizer holds.
    """
    import solution

    last: Tensor | None = None
    batches: list[Tensor | None] = []

    def see(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        nonlocal last
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor) and value.ndim == 2 and value.shape[1] == X.shape[1]:
                last = value.detach().clone()

    def note(*_: object) -> None:
        batches.append(last)

    hooks = (
        register_module_forward_hook(see, with_kwargs=True),
        # After the step, as a closure may run the model within it.
        register_optimizer_step_post_hook(note),
    )
    try:
        solution.fit(X, y, **options)
    finally:
        for hook in hooks:
            hook.remove()
    return batches


def is_recording_after(recording: bool, model: nn.Module, loader: Iterable[Batch], loss_fn: Callable) -> bool:
    """Measure with gradients on or off; tell whether they are on afterwards."""
    import solution

    with torch.set_grad_enabled(recording):
        solution.evaluate(model, loader, loss_fn)
        return torch.is_grad_enabled()
