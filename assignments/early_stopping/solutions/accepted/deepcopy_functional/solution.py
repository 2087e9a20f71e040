"""Early stopping in small functions; the best model is kept as a deep copy."""

import copy
import math
from dataclasses import dataclass, field

import torch


class EarlyStopping:
    """Counts steps since the last improvement; values are mirrored for mode "max"."""

    def __init__(self, patience, min_delta=0.0, mode="min"):
        if patience < 1 or not (0 <= min_delta < math.inf) or mode not in {"min", "max"}:
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
    in_training = [module for module in model.modules() if module.training]
    model.to(device).eval()
    try:
        return _weighted((loss_fn(model(x.to(device)), y.to(device)).item(), x.size(0)) for x, y in loader)
    finally:
        for module in in_training:
            module.training = True


def _fit_batch(model, x, y, loss_fn, optimizer):
    loss = loss_fn(model(x), y)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    return loss.item(), len(y)


def train_resumable(
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
    state=None,
    save=None,
):
    """Train, stop early, restore the best; begin at a state, and save one after each epoch."""
    if max_epochs < 1:
        raise ValueError("max_epochs must be positive")
    stopper, result, mode = EarlyStopping(patience, min_delta), TrainResult(), model.training
    best = None
    model.to(device)
    if state is not None:
        state = copy.deepcopy(state)
        stopper.__dict__.update(state["stopper"])
        result.__dict__.update(state["result"])
        best = state["best"]
        for name, part in _parts(model, optimizer, scheduler).items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["rng"])
    while result.epochs_run < max_epochs and not result.stopped_early:
        model.train()
        train_loss = _weighted(
            _fit_batch(model, x.to(device), y.to(device), loss_fn, optimizer) for x, y in train_loader
        )
        val_loss = evaluate(model, val_loader, loss_fn, device)
        result.history.append({"epoch": result.epochs_run, "train_loss": train_loss, "val_loss": val_loss})
        result.stopped_early = stopper.step(val_loss)
        if stopper.best_step == result.epochs_run:
            best = copy.deepcopy(model.state_dict())
        if scheduler:
            scheduler.step()
        result.epochs_run += 1
        if save is not None:
            now = {name: part.state_dict() for name, part in _parts(model, optimizer, scheduler).items()}
            now |= {"stopper": vars(stopper), "result": vars(result), "best": best, "rng": torch.get_rng_state()}
            save(copy.deepcopy(now))
    if best is not None:
        model.load_state_dict(best)
    model.train(mode)
    result.best_epoch, result.best_val_loss = stopper.best_step, stopper.best
    return result


def _parts(model, optimizer, scheduler):
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    return {name: part for name, part in parts.items() if part is not None}


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
    options = {"max_epochs": max_epochs, "patience": patience, "min_delta": min_delta}
    return train_resumable(
        model, train_loader, val_loader, loss_fn, optimizer, device=device, scheduler=scheduler, **options
    )


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group, device="cpu"):
    """Sum the gradients of all rows of a group; divide before the step."""
    if group < 1:
        raise ValueError("group must be positive")
    model.to(device).train()
    optimizer.zero_grad()
    seen, pending = [], []
    for i, (x, y) in enumerate(loader, start=1):
        loss = loss_fn(model(x.to(device)), y.to(device))
        (loss * len(y)).backward()
        pending.append((loss.item(), len(y)))
        if i % group == 0:
            seen += _step_by_rows(optimizer, pending)
            pending = []
    if pending:
        seen += _step_by_rows(optimizer, pending)
    return _weighted(seen)


def _step_by_rows(optimizer, pending):
    rows = sum(count for _, count in pending)
    for parameter in (p for g in optimizer.param_groups for p in g["params"] if p.grad is not None):
        parameter.grad /= rows
    optimizer.step()
    optimizer.zero_grad()
    return pending
