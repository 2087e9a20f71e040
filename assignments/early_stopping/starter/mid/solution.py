"""Stop training in time and give the best weights back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Batches = Iterable[tuple[Tensor, Tensor]]
LossFn = Callable[[Tensor, Tensor], Tensor]


class EarlyStopping:
    """Watch one number and say when it has stopped improving.

    Args:
        patience: so many steps in a row without an improvement mean stop; at least 1.
        min_delta: a value must beat the best one by more than this; at least 0.
        mode: "min" if lower is better, "max" if higher is.

    Attributes:
        best: the last value that was an improvement; inf (mode "max": -inf) before the first.
        best_step: number of the step that brought it, counted from 0; -1 before the first.

    Raises:
        ValueError: an argument is out of range.
    """

    best: float
    best_step: int

    def __init__(self, patience: int, min_delta: float = 0.0, mode: Literal["min", "max"] = "min") -> None:
        raise NotImplementedError("EarlyStopping: check the arguments, then set best and best_step")

    def step(self, value: float) -> bool:
        """Take the next value; return True if it is time to stop."""
        raise NotImplementedError("EarlyStopping.step: compare value with best, return True to stop")


def evaluate(model: nn.Module, loader: Batches, loss_fn: LossFn, device: str | torch.device = "cpu") -> float:
    """Return the mean loss per sample over a loader, without leaving a trace on the model.

    Args:
        loader: batches (x, y), x (batch, ...), y (batch, ...); the last batch may be smaller.
        loss_fn: (outputs, targets) -> mean loss over the batch, shape ().

    Raises:
        ValueError: the loader gives no batch.
    """
    raise NotImplementedError("evaluate: mean loss per sample, in eval mode, without gradients")


@dataclass
class TrainResult:
    """What happened during training.

    Attributes:
        history: one dict an epoch, as rule 16 says for your level.
        best_epoch: the epoch whose weights the model holds now; -1 if none improved.
        best_val_loss: its validation loss; inf if none improved.
        stopped_early: whether the stop rule fired.
        epochs_run: how many epochs were run.
    """

    history: list[dict[str, float]]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


def train(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches,
    loss_fn: LossFn,
    optimizer: Optimizer,
    *,
    max_epochs: int,
    patience: int,
    min_delta: float = 0.0,
    device: str | torch.device = "cpu",
    scheduler: LRScheduler | None = None,
) -> TrainResult:
    """Train until the validation loss stops improving; leave the best epoch's weights in the model.

    Args:
        train_loader: batches (x, y); iterate it once an epoch.
        val_loader: batches (x, y); only ever evaluated.
        loss_fn: (outputs, targets) -> mean loss over the batch, shape ().
        optimizer: already holds the model's parameters.
        scheduler: steps once an epoch, without arguments.

    Raises:
        ValueError: max_epochs < 1, patience or min_delta out of range, or a loader gives no batch.
    """
    raise NotImplementedError("train: epochs, validation, history, early stop, best weights back")
