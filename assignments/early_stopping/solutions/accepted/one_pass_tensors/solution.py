"""Early stopping with whole epochs at hand: batches in lists, validation in one piece, epochs by recursion."""

import copy
import io
import typing
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn


class EarlyStopping:
    """Keep all values, look for the last improvement."""

    def __init__(self, patience, min_delta=0.0, mode="min"):
        checks = {
            "patience": patience >= 1,
            "min_delta": 0 <= min_delta < float("inf"),
            "mode": mode in typing.get_args(Mode),
        }
        if wrong := [name for name, fine in checks.items() if not fine]:
            raise ValueError(f"out of range: {', '.join(wrong)}")
        self.patience, self.min_delta, self.mode = patience, min_delta, mode
        self.best, self.best_step, self.seen = (1 if mode == "min" else -1) * float("inf"), -1, []

    def step(self, value):
        """Take a value, return whether to stop."""
        self.seen.append(value)
        limit = self.best - self.min_delta if self.mode == "min" else self.best + self.min_delta
        if (value < limit) if self.mode == "min" else (value > limit):
            self.best, self.best_step = value, len(self.seen) - 1
        return len(self.seen[self.best_step + 1 :]) >= self.patience


Mode = typing.Literal["min", "max"]


@dataclass
class TrainResult:
    """Outcome of a training run."""

    history: list[dict]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


def evaluate(model: nn.Module, loader, loss_fn, device="cpu") -> float:
    """Mean loss per sample: all rows in one call of the loss, on a copy of the model."""
    model.to(device)
    resting = copy.deepcopy(model).eval()
    batches = list(loader)
    if not batches:
        raise ValueError("no batches")
    with torch.inference_mode():
        outputs = torch.cat([resting(x.to(device)) for x, _ in batches])
        targets = torch.cat([y.to(device) for _, y in batches])
        return loss_fn(outputs, targets).tolist()


def train(
    model: nn.Module,
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
) -> TrainResult:
    """Train, stop early, restore the best."""
    limits = {"max_epochs": max_epochs, "patience": patience, "min_delta": min_delta}
    return train_resumable(
        model, train_loader, val_loader, loss_fn, optimizer, **limits, device=device, scheduler=scheduler
    )


def _pack(**parts) -> torch.Tensor:
    """Return everything as one tensor of bytes: nothing in it can change later."""
    buffer = io.BytesIO()
    torch.save(parts, buffer)
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def _unpack(packed: torch.Tensor) -> dict:
    return torch.load(io.BytesIO(packed.numpy().tobytes()), weights_only=True)


def train_resumable(
    model: nn.Module,
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
) -> TrainResult:
    """Train, stop early, restore the best; from a state on, if there is one."""
    if max_epochs < 1:
        raise ValueError("max_epochs")
    caller_mode = model.training
    watcher = EarlyStopping(patience, min_delta)
    run_epoch = partial(_epoch, model.to(device), train_loader, val_loader, loss_fn, optimizer, device)
    history, best, stop = [], None, False
    if state is not None:
        parts = _unpack(state["packed"])
        model.load_state_dict(parts["model"])
        optimizer.load_state_dict(parts["optimizer"])
        if scheduler:
            scheduler.load_state_dict(parts["scheduler"])
        history, best = parts["history"], parts["best"]
        stop = [watcher.step(record["val_loss"]) for record in history].pop()
        torch.set_rng_state(parts["rng"])

    def keep(history, best):
        if save:
            packed = _pack(
                model=model.state_dict(),
                optimizer=optimizer.state_dict(),
                scheduler=scheduler.state_dict() if scheduler else None,
                history=history,
                best=best,
                rng=torch.get_rng_state(),
            )
            save({"packed": packed})

    result, best = _continue(run_epoch, watcher, max_epochs, scheduler, model, history, best, stop, keep)
    if best:
        model.load_state_dict(best)
    model.train(caller_mode)
    return result


def _continue(run_epoch, watcher, max_epochs, scheduler, model, history, best, stop, keep):
    if stop or len(history) >= max_epochs:
        return TrainResult(history, watcher.best_step, watcher.best, stop, len(history)), best
    history = [*history, {"epoch": len(history), **run_epoch()}]
    stop = watcher.step(history[-1]["val_loss"])
    if watcher.best_step == len(history) - 1:
        best = copy.deepcopy(model.state_dict())
    if scheduler:
        scheduler.step()
    keep(history, best)
    return _continue(run_epoch, watcher, max_epochs, scheduler, model, history, best, stop, keep)


def _epoch(model, train_loader, val_loader, loss_fn, optimizer, device):
    model.train(True)
    batches = list(train_loader)
    if len(batches) == 0:
        raise ValueError("no training batches")
    total = 0.0
    for x, y in batches:
        model.zero_grad()
        loss = loss_fn(model(x.to(device)), y.to(device))
        torch.autograd.backward(loss)
        optimizer.step()
        total += loss.item() * x.shape[0]
    rows = sum(x.shape[0] for x, _ in batches)
    return {"train_loss": total / rows, "val_loss": evaluate(model, val_loader, loss_fn, device)}


def accumulate_epoch(model, loader, loss_fn, optimizer, *, group, device="cpu"):
    """All batches in a list, cut into groups."""
    if group < 1:
        raise ValueError("group")
    batches = [(x.to(device), y.to(device)) for x, y in loader]
    if not batches:
        raise ValueError("no batches")
    model.to(device).train()
    sums = []
    for members in (batches[i : i + group] for i in range(0, len(batches), group)):
        model.zero_grad()
        rows = sum(y.shape[0] for _, y in members)
        for x, y in members:
            part = loss_fn(model(x), y) * y.shape[0]
            torch.autograd.backward(part / rows)
            sums.append(part.item())
        optimizer.step()
    return sum(sums) / sum(y.shape[0] for _, y in batches)
