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
    """Watch one number and say when it has stopped improving."""

    def __init__(self, patience: int, min_delta: float = 0.0, mode: Literal["min", "max"] = "min") -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(f"patience must be >= 1 and min_delta >= 0, got {patience} and {min_delta}")
        self.patience = patience
        self.min_delta = min_delta
        self.sign = 1.0 if mode == "min" else -1.0
        self.best = self.sign * float("inf")
        self.best_step = -1
        self.seen = 0

    def step(self, value: float) -> bool:
        """Take the next value; return True if it is time to stop."""
        if self.sign * value < self.sign * self.best - self.min_delta:
            self.best = value
            self.best_step = self.seen
        self.seen += 1
        return self.seen - 1 - self.best_step >= self.patience


def evaluate(model: nn.Module, loader: Batches, loss_fn: LossFn, device: str | torch.device = "cpu") -> float:
    """Return the mean loss over a loader."""
    was_training = model.training
    model.eval()
    losses = []
    with torch.no_grad():
        for x, y in loader:
            losses.append(loss_fn(model(x.to(device)), y.to(device)).item())
    model.train(was_training)
    if not losses:
        raise ValueError("the loader is empty")
    return sum(losses) / len(losses)


@dataclass
class TrainResult:
    """What happened during training."""

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
    """Train until the validation loss stops improving; leave the best epoch's weights in the model."""
    if max_epochs < 1:
        raise ValueError(f"max_epochs must be >= 1, got {max_epochs}")
    model.to(device)
    was_training = model.training
    stopper = EarlyStopping(patience, min_delta)
    history = []
    best_state = None
    stopped = False
    for epoch in range(max_epochs):
        model.train()
        total, count = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x.to(device)), y.to(device))
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
            count += len(x)
        if count == 0:
            raise ValueError("the train loader is empty")
        val_loss = evaluate(model, val_loader, loss_fn, device)
        history.append({"epoch": epoch, "train_loss": total / count, "val_loss": val_loss})
        if scheduler is not None:
            scheduler.step()
        stopped = stopper.step(val_loss)
        if stopper.best_step == epoch:
            best_state = model.state_dict()
        if stopped:
            break
    if best_state is not None:
        model.load_state_dict(best_state)
    model.train(was_training)
    return TrainResult(history, stopper.best_step, stopper.best, stopped, len(history))
