"""Early stopping without new memory: one set of tensors receives each better state; totals stay on the device."""

from __future__ import annotations

import dataclasses
import math

import torch


class EarlyStopping:
    """Track the best value and how long ago it was."""

    def __init__(self, patience: int, min_delta: float = 0.0, mode: str = "min") -> None:
        if patience < 1:
            raise ValueError("patience")
        if min_delta < 0.0:
            raise ValueError("min_delta")
        if mode == "min":
            self.best = float("inf")
        elif mode == "max":
            self.best = float("-inf")
        else:
            raise ValueError("mode")
        self.best_step = -1
        self._patience = patience
        self._min_delta = min_delta
        self._minimise = mode == "min"
        self._last = -1

    def step(self, value: float) -> bool:
        """Take a value, return whether to stop."""
        self._last += 1
        if math.isnan(value):
            gain = -math.inf
        elif math.isinf(value) and value == self.best:
            gain = 0.0
        else:
            gain = self.best - value if self._minimise else value - self.best
        if gain > self._min_delta:
            self.best, self.best_step = float(value), self._last
        return self._last - self.best_step >= self._patience


@dataclasses.dataclass
class TrainResult:
    """Outcome of a training run."""

    history: list[dict]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


class _DeviceMean:
    def __init__(self, device):
        self.total = torch.zeros((), dtype=torch.float64, device=device)
        self.rows = 0

    def update(self, loss, rows):
        self.total += loss.detach() * rows
        self.rows += rows

    def compute(self, what):
        if self.rows == 0:
            raise ValueError(f"{what} gave no batch")
        return (self.total / self.rows).item()


def evaluate(model, loader, loss_fn, device="cpu"):
    """Mean loss per sample."""
    was_training = model.training
    model = model.to(device)
    mean = _DeviceMean(device)
    model.train(mode=False)
    with torch.no_grad():
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            mean.update(loss_fn(model(inputs), targets), targets.size(0))
    if was_training:
        model.train()
    return mean.compute("loader")


def train(
    model,
    train_loader,
    val_loader,
    loss_fn,
    optimizer,
    *,
    max_epochs,
    patience,
    min_delta=0.0,
    device="cpu",
    scheduler=None,
):
    """Train, stop early, restore the best."""
    if max_epochs < 1:
        raise ValueError("max_epochs")
    stopping = EarlyStopping(patience=patience, min_delta=min_delta, mode="min")
    was_training = model.training
    model = model.to(device)
    tensors = [*model.parameters(), *model.buffers()]
    spare = [torch.clone(t.detach()) for t in tensors]
    history = []
    optimizer.zero_grad()
    for epoch in range(max_epochs):
        model.train()
        mean = _DeviceMean(device)
        for inputs, targets in train_loader:
            inputs, targets = inputs.to(device), targets.to(device)

            def closure(inputs=inputs, targets=targets):
                loss = loss_fn(model(inputs), targets)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            optimizer.zero_grad()
            mean.update(loss, len(inputs))
        val_loss = evaluate(model, val_loader, loss_fn, device)
        history.append({"epoch": epoch, "train_loss": mean.compute("train_loader"), "val_loss": val_loss})
        if scheduler is not None:
            scheduler.step()
        stop = stopping.step(val_loss)
        if stopping.best_step == epoch:
            with torch.no_grad():
                for kept, live in zip(spare, tensors, strict=True):
                    kept.copy_(live)
        if stop:
            break
    if stopping.best_step >= 0:
        with torch.no_grad():
            for kept, live in zip(spare, tensors, strict=True):
                live.copy_(kept)
    model.train(was_training)
    return TrainResult(
        history=history,
        best_epoch=stopping.best_step,
        best_val_loss=stopping.best,
        stopped_early=stop,
        epochs_run=len(history),
    )
