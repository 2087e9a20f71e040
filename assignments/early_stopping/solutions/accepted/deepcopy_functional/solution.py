"""Early stopping in small functions; the best model is kept as a deep copy."""

import copy
import math
from dataclasses import dataclass, field

import torch


class EarlyStopping:
    """Counts steps since the last improvement; values are mirrored for mode "max"."""

    def __init__(self, patience, min_delta=0.0, mode="min"):
        if patience < 1 or min_delta < 0 or mode not in {"min", "max"}:
            raise ValueError(f"bad arguments: {patience=} {min_delta=} {mode=}")
        self.patience, self.min_delta = patience, min_delta
        self.sign = {"min": 1, "max": -1}[mode]
        self.best, self.best_step = self.sign * math.inf, -1
        self.n = self.bad = 0

    def step(self, value):
        """Take a value, return whether to stop."""
        if self.sign * (self.best - value) > self.min_delta:
            self.best, self.best_step, self.bad = value, self.n, 0
        else:
            self.bad += 1
        self.n += 1
        return self.bad >= self.patience


@dataclass
class TrainResult:
    """Outcome of a training run."""

    history: list = field(default_factory=list)
    best_epoch: int = -1
    best_val_loss: float = math.inf
    stopped_early: bool = False
    epochs_run: int = 0


def _weighted(losses_and_counts):
    pairs = list(losses_and_counts)
    n = sum(count for _, count in pairs)
    if not n:
        raise ValueError("no batches")
    return sum(loss * count for loss, count in pairs) / n


@torch.no_grad()
def evaluate(model, loader, loss_fn, device="cpu"):
    """Mean loss per sample."""
    mode = model.training
    model.to(device).eval()
    try:
        return _weighted((loss_fn(model(x.to(device)), y.to(device)).item(), x.size(0)) for x, y in loader)
    finally:
        model.train(mode)


def _fit_batch(model, x, y, loss_fn, optimizer):
    loss = loss_fn(model(x), y)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    return loss.item(), len(y)


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
        raise ValueError("max_epochs must be positive")
    stopper, result, mode = EarlyStopping(patience, min_delta), TrainResult(), model.training
    best = model
    while result.epochs_run < max_epochs and not result.stopped_early:
        model.to(device).train()
        train_loss = _weighted(
            _fit_batch(model, x.to(device), y.to(device), loss_fn, optimizer) for x, y in train_loader
        )
        val_loss = evaluate(model, val_loader, loss_fn, device)
        result.history.append({"epoch": result.epochs_run, "train_loss": train_loss, "val_loss": val_loss})
        result.stopped_early = stopper.step(val_loss)
        if stopper.best_step == result.epochs_run:
            best = copy.deepcopy(model)
        if scheduler:
            scheduler.step()
        result.epochs_run += 1
    if best is not model:
        model.load_state_dict(best.state_dict())
    model.train(mode)
    result.best_epoch, result.best_val_loss = stopper.best_step, stopper.best
    return result
