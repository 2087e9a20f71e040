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
        if not (patience >= 1 and min_delta >= 0 and math.isfinite(min_delta)):
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
    before = {module: module.training for module in model.to(device).modules()}
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
        for module, training in before.items():
            module.training = training
    return average(losses, sizes)


def epochs(model, train_loader, val_loader, loss_fn, optimizer, device, scheduler, first=0) -> Iterator[dict]:
    """Train forever, one record an epoch; model, optimizer and scheduler are at its end when it is yielded."""
    for epoch in itertools.count(first):
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
        record = {
            "epoch": epoch,
            "train_loss": average(losses, sizes),
            "val_loss": evaluate(model, val_loader, loss_fn, device),
            "lr": optimizer.param_groups[0]["lr"],
        }
        if scheduler is not None:
            scheduler.step()
        yield record


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
    """Play back what a state remembers, then train on; restore the best."""
    if max_epochs < 1:
        raise ValueError("max_epochs < 1")
    stopper = EarlyStopping(patience, min_delta)
    training, model = model.training, model.to(device)
    history: list[dict] = []
    saved: dict[str, torch.Tensor] = {}
    stopped = False
    if state is not None:
        stopped, saved = restore(state, model, optimizer, scheduler, stopper, history)
    left = 0 if stopped else max(0, max_epochs - len(history))
    stream = epochs(model, train_loader, val_loader, loss_fn, optimizer, device, scheduler, len(history))
    for record in itertools.islice(stream, left):
        history.append(record)
        stopped = stopper.step(record["val_loss"])
        if stopper.best_step == record["epoch"]:
            saved = {name: torch.empty_like(t).copy_(t) for name, t in model.state_dict().items()}
        if save is not None:
            save(
                freeze(
                    {
                        "generator": torch.random.get_rng_state(),
                        "records": history,
                        "saved": saved,
                        "objects": [thing and thing.state_dict() for thing in (model, optimizer, scheduler)],
                    }
                )
            )
        if stopped:
            break
    stream.close()
    if saved:
        model.load_state_dict(saved)
    model.train(training)
    return TrainResult(history, stopper.best_step, stopper.best, stopped, len(history))


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


def freeze(value):
    """Copy nested containers and the tensors in them."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: freeze(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(freeze(part) for part in value)
    return value


def restore(state, model, optimizer, scheduler, stopper, history) -> tuple[bool, dict]:
    """Load a copy of a state; return whether its run had been stopped, and the best weights."""
    own = freeze(state)
    for thing, part in zip((model, optimizer, scheduler), own["objects"], strict=True):
        if thing is not None:
            thing.load_state_dict(part)
    history.extend(own["records"])
    stops = [stopper.step(record["val_loss"]) for record in history]
    torch.random.set_rng_state(own["generator"])
    return stops[-1], own["saved"]


def groups_of(loader, size: int) -> Iterator[list]:
    """Yield lists of up to `size` batches."""
    stream = iter(loader)
    yield from iter(lambda: list(itertools.islice(stream, size)), [])


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group, device="cpu") -> float:
    """Add up gradients by hand, weighed by rows."""
    if group < 1:
        raise ValueError("group < 1")
    model.to(device)
    model.train()
    wanted = [p for p in model.parameters() if p.requires_grad]
    losses, sizes = [], []
    for batches in groups_of(loader, group):
        rows = sum(x.shape[0] for x, _ in batches)
        optimizer.zero_grad(set_to_none=True)
        for x, y in batches:
            loss = loss_fn(model(x.to(device)), y.to(device))
            for p, slope in zip(wanted, torch.autograd.grad(loss, wanted, allow_unused=True), strict=True):
                if slope is not None:
                    share = slope * (x.shape[0] / rows)
                    p.grad = share if p.grad is None else p.grad + share
            losses.append(loss.detach().item())
            sizes.append(x.shape[0])
        optimizer.step()
    return average(losses, sizes)
