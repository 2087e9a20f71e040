"""Early stopping as a trainer object; the best state is saved to a buffer in memory."""

from __future__ import annotations

import copy
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
        if not 0 <= self.min_delta < math.inf:
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
    before = {name: module.training for name, module in model.named_modules()}
    model.train(training)
    try:
        yield
    finally:
        for name, was in before.items():
            model.get_submodule(name).training = was


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

    def state_dict(self, history, stopper) -> dict[str, Any]:
        """Everything that the next epoch depends on, copied."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "values": list(stopper.values),
            "train_losses": [record["train_loss"] for record in history],
            "checkpoint": list(self.checkpoint or b""),
            "random": torch.get_rng_state(),
        }
        if self.scheduler is not None:
            state["scheduler"] = self.scheduler.state_dict()
        return copy.deepcopy(state)

    def load_state_dict(self, state, stopper) -> tuple[list, bool]:
        """Take up a state; return the history so far, and whether the rule has fired."""
        state = copy.deepcopy(state)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.checkpoint = bytes(state["checkpoint"]) or None
        history, stop = [], False
        for train_loss, value in zip(state["train_losses"], state["values"], strict=True):
            history.append({"epoch": len(history), "train_loss": train_loss, "val_loss": value})
            stop = stopper.step(value)
        torch.set_rng_state(state["random"])
        return history, stop

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

    def accumulate(self, loader, group: int) -> float:
        """One pass, one step for each group of batches."""
        mean, group_mean, waiting = Mean(), Mean(), 0
        self.model.to(self.device)
        self.optimizer.zero_grad()
        with mode(self.model, True):
            for x, y in loader:
                loss = self.loss_fn(self.model(x.to(self.device)), y.to(self.device))
                (x.shape[0] * loss).backward()
                for total in (mean, group_mean):
                    total.add(loss.item(), x.shape[0])
                waiting += 1
                if waiting == group:
                    self.step_by(group_mean.weight)
                    group_mean, waiting = Mean(), 0
        if waiting:
            self.step_by(group_mean.weight)
        if not mean.weight:
            raise ValueError("empty training loader")
        return mean.value

    def step_by(self, rows: int) -> None:
        """Take a step along summed gradients, as a mean."""
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(rows)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def fit(
        self, train_loader, val_loader, max_epochs: int, stopper: EarlyStopping, state=None, save=None
    ) -> TrainResult:
        """All epochs that are left."""
        self.model.to(self.device)
        history, stop = ([], False) if state is None else self.load_state_dict(state, stopper)
        while not stop and len(history) < max_epochs:
            epoch = len(history)
            train_loss = self.fit_epoch(train_loader)
            val_loss = evaluate(self.model, val_loader, self.loss_fn, self.device)
            if self.scheduler is not None:
                self.scheduler.step()
            history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
            stop = stopper.step(val_loss)
            if stopper.best_step == epoch:
                self.save()
            if save is not None:
                save(self.state_dict(history, stopper))
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


def train_resumable(
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
    state=None,
    save=None,
) -> TrainResult:
    """Train from a state on, or from the start."""
    if max_epochs < 1:
        raise ValueError("max_epochs starts at 1")
    stopper = EarlyStopping(patience, min_delta)
    trainer = Trainer(model, loss_fn, optimizer, scheduler, device)
    return trainer.fit(train_loader, val_loader, max_epochs, stopper, state, save)


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group: int, device="cpu") -> float:
    """Train one pass, one step for each group of batches."""
    if group < 1:
        raise ValueError("group starts at 1")
    return Trainer(model, loss_fn, optimizer, None, device).accumulate(loader, group)
