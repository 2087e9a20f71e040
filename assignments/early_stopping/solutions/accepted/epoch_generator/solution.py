"""Early stopping as a pipeline: a generator of epochs, cut by itertools, watched by a stopper."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch


class EarlyStopping:
    """A coroutine behind a plain method."""

    def __init__(self, patience: int, min_delta: float = 0.0, mode: str = "min") -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"unknown mode {mode}")
        if not (patience >= 1 and min_delta >= 0):
            raise ValueError("patience >= 1 and min_delta >= 0, please")
        lower = mode == "min"
        self.best = math.inf if lower else -math.inf
        self.best_step = -1
        self._decide = self._watch(patience, -min_delta if lower else min_delta, operator.lt if lower else operator.gt)
        next(self._decide)

    def _watch(self, patience, shift, beats):
        stop = None
        left = patience
        for i in itertools.count():
            value = yield stop
            if beats(value, self.best + shift):
                self.best, self.best_step = value, i
                left = patience
            else:
                left -= 1
            stop = left <= 0

    def step(self, value: float) -> bool:
        """Take a value, return whether to stop."""
        return self._decide.send(value)


@dataclass
class TrainResult:
    """Outcome of a training run."""

    history: list[dict]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


def average(losses: list[float], sizes: list[int]) -> float:
    """Weighted mean as a plain float."""
    if not losses:
        raise ValueError("there was no batch to average over")
    return float(np.average(losses, weights=sizes))


def evaluate(model, loader, loss_fn, device="cpu") -> float:
    """Mean loss per sample."""
    before = model.training
    model.to(device)
    model.eval()
    losses, sizes = [], []
    previous = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        for x, y in loader:
            losses.append(loss_fn(model(x.to(device)), y.to(device)).cpu().numpy().item())
            sizes.append(x.shape[0])
    finally:
        torch.set_grad_enabled(previous)
        model.train(before)
    return average(losses, sizes)


def epochs(model, train_loader, val_loader, loss_fn, optimizer, device, scheduler) -> Iterator[dict]:
    """Train forever, one record an epoch; the model is at the end of that epoch when it is yielded."""
    for epoch in itertools.count():
        model.train()
        losses, sizes = [], []
        for x, y in train_loader:
            output = model(x.to(device))
            loss = loss_fn(output, y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach().cpu().numpy().item())
            sizes.append(x.shape[0])
        yield {
            "epoch": epoch,
            "train_loss": average(losses, sizes),
            "val_loss": evaluate(model, val_loader, loss_fn, device),
            "lr": optimizer.param_groups[0].get("lr", 0.0),
        }
        if scheduler is not None:
            scheduler.step()


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
        raise ValueError("max_epochs < 1")
    stopper = EarlyStopping(patience, min_delta)
    training, model = model.training, model.to(device)
    history: list[dict] = []
    saved: dict[str, torch.Tensor] = {}
    stopped = False
    stream = epochs(model, train_loader, val_loader, loss_fn, optimizer, device, scheduler)
    for record in itertools.islice(stream, max_epochs):
        history.append(record)
        stopped = stopper.step(record["val_loss"])
        if stopper.best_step == record["epoch"]:
            saved = {name: torch.empty_like(t).copy_(t) for name, t in model.state_dict().items()}
        if stopped:
            break
    stream.close()
    if saved:
        model.load_state_dict(saved)
    model.train(training)
    return TrainResult(history, stopper.best_step, stopper.best, stopped, len(history))
