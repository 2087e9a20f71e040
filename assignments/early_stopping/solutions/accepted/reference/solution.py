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
        #: task
        #: | raise NotImplementedError("EarlyStopping: check the arguments, then set best and best_step")
        if patience < 1:
            raise ValueError(f"patience = {patience}: expected at least 1")
        if min_delta < 0:
            raise ValueError(f"min_delta = {min_delta}: expected at least 0")
        if mode not in ("min", "max"):
            raise ValueError(f"mode = {mode!r}: expected 'min' or 'max'")
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.best = float("inf") if mode == "min" else float("-inf")
        self.best_step = -1
        self._steps = 0
        #: end

    def step(self, value: float) -> bool:
        """Take the next value; return True if it is time to stop."""
        #: task
        #: | raise NotImplementedError("EarlyStopping.step: compare value with best, return True to stop")
        if self._improves(value):
            self.best = value
            self.best_step = self._steps
        self._steps += 1
        return self._steps - 1 - self.best_step >= self.patience
        #: end

    #: private
    def _improves(self, value: float) -> bool:
        # Any comparison with NaN is False, so NaN never improves.
        if self.mode == "min":
            return value < self.best - self.min_delta
        return value > self.best + self.min_delta

    #: end


def evaluate(model: nn.Module, loader: Batches, loss_fn: LossFn, device: str | torch.device = "cpu") -> float:
    """Return the mean loss per sample over a loader, without leaving a trace on the model.

    Args:
        loader: batches (x, y), x (batch, ...), y (batch, ...); the last batch may be smaller.
        loss_fn: (outputs, targets) -> mean loss over the batch, shape ().

    Raises:
        ValueError: the loader gives no batch.
    """
    #: task
    #: | raise NotImplementedError("evaluate: mean loss per sample, in eval mode, without gradients")
    was_training = model.training
    model.to(device)
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            loss = loss_fn(model(x.to(device)), y.to(device))
            total += loss.item() * len(x)
            count += len(x)
    model.train(was_training)
    if count == 0:
        raise ValueError("loader: expected at least one batch, found none")
    return total / count
    #: end


@dataclass
class TrainResult:
    """What happened during training.

    Attributes:
        history: one dict an epoch: "epoch" (int, from 0), "train_loss" and "val_loss" (plain floats).
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
    #: task
    #: | raise NotImplementedError("train: epochs, validation, history, early stop, best weights back")
    if max_epochs < 1:
        raise ValueError(f"max_epochs = {max_epochs}: expected at least 1")
    stopper = EarlyStopping(patience, min_delta)
    was_training = model.training
    model.to(device)
    history: list[dict[str, float]] = []
    best_state: dict[str, Tensor] | None = None
    stopped = False
    for epoch in range(max_epochs):
        train_loss = _train_epoch(model, train_loader, loss_fn, optimizer, device)
        val_loss = evaluate(model, val_loader, loss_fn, device)
        history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
        if scheduler is not None:
            scheduler.step()
        stopped = stopper.step(val_loss)
        if stopper.best_step == epoch:
            # state_dict() only points at the live tensors, which the next epoch overwrites: copy them.
            best_state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if stopped:
            break
    if best_state is not None:
        model.load_state_dict(best_state)
    model.train(was_training)
    return TrainResult(history, stopper.best_step, stopper.best, stopped, len(history))
    #: end


#: private
def _train_epoch(
    model: nn.Module, loader: Batches, loss_fn: LossFn, optimizer: Optimizer, device: str | torch.device
) -> float:
    """Take one optimizer step a batch; return the mean loss per sample, each taken before its batch's step."""
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        count += len(x)
    if count == 0:
        raise ValueError("train_loader: expected at least one batch, found none")
    return total / count


#: end
