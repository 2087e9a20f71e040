"""Early stopping as a trainer object; the best state is saved to a buffer in memory."""

from __future__ import annotations

import io
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass
class EarlyStopping:
    """Remember every value; derive the rest."""

    patience: int
    min_delta: float = 0.0
    mode: str = "min"

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise ValueError("mode is 'min' or 'max'")
        if self.patience < 1:
            raise ValueError("patience starts at 1")
        if self.min_delta < 0:
            raise ValueError("min_delta starts at 0")
        self.best_steps: list[int] = []
        self.values: list[float] = []

    @property
    def best_step(self) -> int:
        """Number of the last improving step."""
        return self.best_steps[-1] if self.best_steps else -1

    @property
    def best(self) -> float:
        """The last improving value."""
        if self.best_steps:
            return self.values[self.best_steps[-1]]
        return math.inf if self.mode == "min" else -math.inf

    def step(self, value: float) -> bool:
        """Take a value, return whether to stop."""
        better = value < self.best - self.min_delta if self.mode == "min" else value > self.best + self.min_delta
        self.values.append(value)
        if better:
            self.best_steps.append(len(self.values) - 1)
        return len(self.values) > self.best_step + self.patience


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Outcome of a training run."""

    history: list[dict[str, Any]]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


class Mean:
    """A running mean with weights, updated in place."""

    def __init__(self) -> None:
        self.value, self.weight = 0.0, 0

    def add(self, value: float, weight: int) -> None:
        """Take in one more value."""
        self.weight += weight
        self.value += (value - self.value) * weight / self.weight


@contextmanager
def mode(model: nn.Module, training: bool):
    """Put a model in a mode and back."""
    before = model.training
    model.train(training)
    try:
        yield
    finally:
        model.train(before)


def evaluate(model, loader, loss_fn, device="cpu") -> float:
    """Mean loss per sample."""
    mean = Mean()
    model.to(device)
    with mode(model, False), torch.inference_mode():
        for batch in loader:
            x, y = (t.to(device, non_blocking=True) for t in batch)
            mean.add(float(loss_fn(model(x), y)), x.shape[0])
    if not mean.weight:
        raise ValueError("empty loader")
    return mean.value


class Trainer:
    """Everything a run needs."""

    def __init__(self, model, loss_fn, optimizer, scheduler, device) -> None:
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer
        self.scheduler, self.device = scheduler, torch.device(device)
        self.checkpoint: bytes | None = None

    def save(self) -> None:
        """Keep the model as bytes."""
        buffer = io.BytesIO()
        torch.save(self.model.state_dict(), buffer)
        self.checkpoint = buffer.getvalue()

    def load(self) -> None:
        """Put the kept bytes back."""
        if self.checkpoint is not None:
            self.model.load_state_dict(torch.load(io.BytesIO(self.checkpoint), map_location=self.device))

    def fit_epoch(self, loader) -> float:
        """One pass over the training data."""
        mean = Mean()
        with mode(self.model, True):
            for x, y in loader:
                x, y = x.to(self.device), y.to(self.device)
                self.optimizer.zero_grad()
                loss = self.loss_fn(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                mean.add(float(loss.detach()), x.shape[0])
        if not mean.weight:
            raise ValueError("empty training loader")
        return mean.value

    def fit(self, train_loader, val_loader, max_epochs: int, stopper: EarlyStopping) -> TrainResult:
        """All epochs."""
        self.model.to(self.device)
        history, stop = [], False
        for epoch in range(max_epochs):
            train_loss = self.fit_epoch(train_loader)
            val_loss = evaluate(self.model, val_loader, self.loss_fn, self.device)
            if self.scheduler is not None:
                self.scheduler.step()
            history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
            stop = stopper.step(val_loss)
            if stopper.best_step == epoch:
                self.save()
            if stop:
                break
        self.load()
        return TrainResult(history, stopper.best_step, stopper.best, stop, len(history))


def train(
    model,
    train_loader,
    val_loader,
    loss_fn,
    optimizer,
    *,
    max_epochs: int,
    patience: int,
    min_delta: float = 0.0,
    device="cpu",
    scheduler=None,
) -> TrainResult:
    """Train, stop early, restore the best."""
    if max_epochs < 1:
        raise ValueError("max_epochs starts at 1")
    stopper = EarlyStopping(patience, min_delta)
    return Trainer(model, loss_fn, optimizer, scheduler, device).fit(train_loader, val_loader, max_epochs, stopper)
