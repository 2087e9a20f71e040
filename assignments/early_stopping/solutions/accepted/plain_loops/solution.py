"""Plain loops. A checkpoint is a JSON text for numbers and lists of tensors for the rest."""

import json
import math
from dataclasses import dataclass

import torch


class EarlyStopping:
    """Stop rule with a counter of fruitless steps."""

    def __init__(self, patience, min_delta=0.0, mode="min"):
        if patience < 1:
            raise ValueError("patience must be at least 1")
        if not (min_delta >= 0 and min_delta != float("inf")):
            raise ValueError("min_delta must be a finite number of at least 0")
        if mode not in ("min", "max"):
            raise ValueError("mode must be min or max")
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.best = math.inf if mode == "min" else -math.inf
        self.best_step = -1
        self.count = 0
        self.fruitless = 0

    def step(self, value):
        """Look at one more value."""
        if self.mode == "min":
            improved = value < self.best - self.min_delta
        else:
            improved = value > self.best + self.min_delta
        if improved:
            self.best = value
            self.best_step = self.count
            self.fruitless = 0
        else:
            self.fruitless += 1
        self.count += 1
        return self.fruitless >= self.patience


@dataclass
class TrainResult:
    """What came out."""

    history: list
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


def evaluate(model, loader, loss_fn, device="cpu"):
    """Mean loss per sample."""
    model.to(device)
    remembered = [(m, m.training) for m in model.modules()]
    total = 0.0
    n = 0
    try:
        for m, _ in remembered:
            m.training = False
        with torch.no_grad():
            for x, y in loader:
                x, y = x.to(device), y.to(device)
                batch_loss = loss_fn(model(x), y)
                n += x.size(0)
                total += float(batch_loss) * x.size(0)
    finally:
        for m, was in remembered:
            m.training = was
    if n == 0:
        raise ValueError("empty loader")
    return total / n


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
    """Train with early stopping."""
    return train_resumable(
        model,
        train_loader,
        val_loader,
        loss_fn,
        optimizer,
        max_epochs=max_epochs,
        patience=patience,
        min_delta=min_delta,
        device=device,
        scheduler=scheduler,
    )


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
    """Train with early stopping, from a checkpoint on."""
    if max_epochs < 1:
        raise ValueError("max_epochs must be at least 1")
    stopper = EarlyStopping(patience, min_delta)
    mode_before = model.training
    model.to(device)
    best = None
    history = []
    stop = False
    if state is not None:
        facts = json.loads(state["facts"])
        history = facts["history"]
        stopper.best, stopper.best_step = facts["best"], facts["best_step"]
        stopper.count, stopper.fruitless = facts["count"], facts["fruitless"]
        stop = facts["stop"]
        _load_tensors(model, state["tensors"])
        best = [t.clone() for t in state["best_tensors"]] if stopper.best_step >= 0 else None
        _load_optimizer(optimizer, state["optimizer"], facts["groups"])
        if scheduler is not None:
            scheduler.load_state_dict(facts["scheduler"])
        torch.set_rng_state(state["rng"])
    while not stop and len(history) < max_epochs:
        model.train()
        loss_sum, n = 0.0, 0
        for x, y in train_loader:
            x, y = x.to(device), y.to(device)
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * x.size(0)
            n += x.size(0)
        if n == 0:
            raise ValueError("empty train loader")
        val_loss = evaluate(model, val_loader, loss_fn, device)
        history.append({"epoch": len(history), "train_loss": loss_sum / n, "val_loss": val_loss})
        if scheduler is not None and (save is not None or len(history) < max_epochs):
            scheduler.step()  # after the last epoch only the next call would see it
        stop = stopper.step(val_loss)
        if stopper.best_step == len(history) - 1:
            best = [t.detach().clone() for t in model.state_dict().values()]
        if save is not None:
            facts = {
                "history": history,
                "best": stopper.best,
                "best_step": stopper.best_step,
                "count": stopper.count,
                "fruitless": stopper.fruitless,
                "stop": stop,
                "groups": [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups],
                "scheduler": scheduler.state_dict() if scheduler is not None else None,
            }
            save(
                {
                    "facts": json.dumps(facts),
                    "tensors": [t.detach().clone() for t in model.state_dict().values()],
                    "best_tensors": [t.clone() for t in best or []],
                    "optimizer": [
                        {k: v.clone() if torch.is_tensor(v) else v for k, v in optimizer.state.get(p, {}).items()}
                        for g in optimizer.param_groups
                        for p in g["params"]
                    ],
                    "rng": torch.get_rng_state(),
                }
            )
    if best is not None:
        _load_tensors(model, best)
    model.train(mode_before)
    return TrainResult(history, stopper.best_step, stopper.best, stop, len(history))


def _load_tensors(model, values):
    with torch.no_grad():
        for target, value in zip(model.state_dict().values(), values, strict=True):
            target.copy_(value)


def _load_optimizer(optimizer, slots, groups):
    parameters = [p for g in optimizer.param_groups for p in g["params"]]
    for p, slot in zip(parameters, slots, strict=True):
        if slot:
            optimizer.state[p] = {k: v.clone() if torch.is_tensor(v) else v for k, v in slot.items()}
    for group, saved in zip(optimizer.param_groups, groups, strict=True):
        group.update(saved)


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group, device="cpu"):
    """Several batches a step."""
    if group < 1:
        raise ValueError("group must be at least 1")
    model.to(device)
    model.train()
    optimizer.zero_grad()
    total, n = 0.0, 0
    waiting, rows = 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = loss_fn(model(x), y) * x.size(0)
        loss.backward()
        total += loss.item()
        n += x.size(0)
        rows += x.size(0)
        waiting += 1
        if waiting == group:
            _finish(optimizer, rows)
            waiting, rows = 0, 0
    if waiting > 0:
        _finish(optimizer, rows)
    if n == 0:
        raise ValueError("empty loader")
    return total / n


def _finish(optimizer, rows):
    for g in optimizer.param_groups:
        for p in g["params"]:
            if p.grad is not None:
                p.grad /= rows
    optimizer.step()
    optimizer.zero_grad()
