"""Early stopping without new memory: one set of tensors receives each better state; totals stay on the device."""

from __future__ import annotations

import copy
import dataclasses
import math

import torch


class EarlyStopping:
    """Track the best value and how long ago it was."""

    def __init__(self, patience: int, min_delta: float = 0.0, mode: str = "min") -> None:
        if patience < 1:
            raise ValueError("patience")
        if math.isnan(min_delta) or min_delta < 0.0 or min_delta == math.inf:
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
    model = model.to(device)
    flags = [m.training for m in model.modules()]
    mean = _DeviceMean(device)
    try:
        model.train(mode=False)
        with torch.no_grad():
            for inputs, targets in loader:
                inputs, targets = inputs.to(device), targets.to(device)
                mean.update(loss_fn(model(inputs), targets), targets.size(0))
    finally:
        for module, flag in zip(model.modules(), flags, strict=True):
            module.training = flag
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
    limits = (max_epochs, patience, min_delta)
    return _fit(model, train_loader, val_loader, loss_fn, optimizer, scheduler, device, limits, None, None)


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
    """Train, stop early, restore the best; start from a state, save one an epoch."""
    limits = (max_epochs, patience, min_delta)
    return _fit(model, train_loader, val_loader, loss_fn, optimizer, scheduler, device, limits, state, save)


def _tensors(model):
    return [*model.parameters(), *model.buffers()]


def _write(live, kept):
    with torch.no_grad():
        for source, target in zip(live, kept, strict=True):
            target.copy_(source)


def _fit(model, train_loader, val_loader, loss_fn, optimizer, scheduler, device, limits, state, save):
    max_epochs, patience, min_delta = limits
    if max_epochs < 1:
        raise ValueError("max_epochs")
    stopping = EarlyStopping(patience=patience, min_delta=min_delta, mode="min")
    was_training = model.training
    model = model.to(device)
    spare = [torch.clone(t.detach()) for t in _tensors(model)]
    history = []
    stop = False
    optimizer.zero_grad()
    if state is not None:
        _write(state["live"], _tensors(model))
        _write(state["spare"], spare)
        optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if scheduler is not None:
            scheduler.load_state_dict(copy.deepcopy(state["scheduler"]))
        stopping.best, stopping.best_step, stopping._last, stop = state["stopping"]
        columns = (state["train_loss"], state["val_loss"])
        for epoch, (train_loss, val_loss) in enumerate(zip(*columns, strict=True)):
            history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
        torch.set_rng_state(state["rng"])
    for epoch in range(len(history), len(history) if stop else max_epochs):
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
            _write(_tensors(model), spare)
        if save is not None:
            save(
                {
                    "live": [t.detach().clone() for t in _tensors(model)],
                    "spare": [t.clone() for t in spare],
                    "optimizer": copy.deepcopy(optimizer.state_dict()),
                    "scheduler": copy.deepcopy(scheduler.state_dict()) if scheduler is not None else {},
                    "stopping": (stopping.best, stopping.best_step, stopping._last, stop),
                    "train_loss": [record["train_loss"] for record in history],
                    "val_loss": [record["val_loss"] for record in history],
                    "rng": torch.get_rng_state(),
                }
            )
        if stop:
            break
    if stopping.best_step >= 0:
        _write(spare, _tensors(model))
    model.train(was_training)
    return TrainResult(
        history=history,
        best_epoch=stopping.best_step,
        best_val_loss=stopping.best,
        stopped_early=stop,
        epochs_run=len(history),
    )


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group, device="cpu"):
    """One step a group; each new batch rescales what the group has so far, so that it is a mean at any time."""
    if group < 1:
        raise ValueError("group")
    model = model.to(device)
    model.train()
    mean = _DeviceMean(device)
    optimizer.zero_grad()
    members, rows = 0, 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        if members == group:
            optimizer.step()
            optimizer.zero_grad()
            members, rows = 0, 0
        members += 1
        rows += len(inputs)
        share = len(inputs) / rows
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(1.0 - share)
        loss = loss_fn(model(inputs), targets)
        loss.backward(torch.full_like(loss, share))
        mean.update(loss, len(inputs))
    result = mean.compute("loader")
    optimizer.step()
    return result
