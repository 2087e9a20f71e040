"""Stop training in time and give the best weights back."""

from __future__ import annotations

#: private
import contextlib
import copy
import itertools
import math

#: end
#: task
#: | from collections.abc import Callable, Iterable
from collections.abc import Callable, Iterable, Iterator

#: end
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Batches = Iterable[tuple[Tensor, Tensor]]
LossFn = Callable[[Tensor, Tensor], Tensor]
#: only senior
State = dict[str, object]
#: end


class EarlyStopping:
    #: only junior mid
    """Watch one number and say when it has stopped improving.

    Args:
        patience: so many steps in a row without an improvement mean stop; at least 1.
        min_delta: a value must beat the best one by more than this; at least 0.
        mode: "min" if lower is better, "max" if higher is.

    Attributes:
        best: the last value that was an improvement; inf (mode "max": -inf) before the first.
        best_step: number of the step that brought it, counted from 0; -1 before the first.

    Raises:
        ValueError: an argument is out of range.
    """

    #: end
    best: float
    best_step: int

    def __init__(self, patience: int, min_delta: float = 0.0, mode: Literal["min", "max"] = "min") -> None:
        #: task
        #: junior | # Hint: check the arguments first. float("inf") is worse than any number when lower is better.
        #: junior | # You also need to remember the arguments, and how many steps there were.
        #: | raise NotImplementedError("EarlyStopping: check the arguments, then set best and best_step")
        if patience < 1:
            raise ValueError(f"patience = {patience}: expected at least 1")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"min_delta = {min_delta}: expected a finite number, at least 0")
        if mode not in ("min", "max"):
            raise ValueError(f"mode = {mode!r}: expected 'min' or 'max'")
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.best = float("inf") if mode == "min" else float("-inf")
        self.best_step = -1
        self._steps = 0
        #: end

    def step(self, value: float) -> bool:
        #: only junior mid
        """Take the next value; return True if it is time to stop."""
        #: end
        #: task
        #: junior | # Hint: write rule 1 as it stands; any comparison with NaN is False.
        #: junior | # Hint: how many steps ago was the best one? That answers rule 3.
        #: | raise NotImplementedError("EarlyStopping.step: compare value with best, return True to stop")
        if self._improves(value):
            self.best = value
            self.best_step = self._steps
        self._steps += 1
        return self._steps - 1 - self.best_step >= self.patience
        #: end

    #: private
    def _improves(self, value: float) -> bool:
        # Any comparison with NaN is False, so NaN never improves.
        if self.mode == "min":
            return value < self.best - self.min_delta
        return value > self.best + self.min_delta

    #: end


def evaluate(model: nn.Module, loader: Batches, loss_fn: LossFn, device: str | torch.device = "cpu") -> float:
    #: only junior mid
    """Return the mean loss per sample over a loader, without leaving a trace on the model.

    Args:
        loader: batches (x, y), x (batch, ...), y (batch, ...); the last batch may be smaller.
        loss_fn: (outputs, targets) -> mean loss over the batch, shape ().

    Raises:
        ValueError: the loader gives no batch.
    """
    #: end
    #: task
    #: | raise NotImplementedError("evaluate: mean loss per sample, in eval mode, without gradients")
    #: junior | # Complete what follows, and delete the line above.
    #: junior | was_training = model.training
    #: junior | model.to(device)
    #: junior | model.eval()
    #: junior | total, count = 0.0, 0
    #: junior | with torch.no_grad():
    #: junior |     for x, y in loader:
    #: junior |         loss = loss_fn(model(x.to(device)), y.to(device))
    #: junior |         total += loss.item()  # Hint: this is the mean of len(x) samples. How much should it count?
    #: junior | model.train(was_training)
    #: junior | # Hint: count samples, too. No batch at all is a ValueError.
    #: junior | return total / count
    model.to(device)
    total, count = 0.0, 0
    with _at_rest(model), torch.no_grad():
        for x, y in loader:
            loss = loss_fn(model(x.to(device)), y.to(device))
            total += loss.item() * len(x)
            count += len(x)
    if count == 0:
        raise ValueError("loader: expected at least one batch, found none")
    return total / count
    #: end


#: private
@contextlib.contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Put every module into eval mode, and each back into its own mode at the end, however that comes."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


#: end
@dataclass
class TrainResult:
    #: only junior mid
    """What happened during training.

    Attributes:
        history: one dict an epoch, as rule 16 says for your level.
        best_epoch: the epoch whose weights the model holds now; -1 if none improved.
        best_val_loss: its validation loss; inf if none improved.
        stopped_early: whether the stop rule fired.
        epochs_run: how many epochs were run.
    """

    #: end
    history: list[dict[str, float]]
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


def train(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches,
    loss_fn: LossFn,
    optimizer: Optimizer,
    *,
    max_epochs: int,
    patience: int,
    min_delta: float = 0.0,
    device: str | torch.device = "cpu",
    scheduler: LRScheduler | None = None,
) -> TrainResult:
    #: only junior mid
    """Train until the validation loss stops improving; leave the best epoch's weights in the model.

    Args:
        train_loader: batches (x, y); iterate it once an epoch.
        val_loader: batches (x, y); only ever evaluated.
        loss_fn: (outputs, targets) -> mean loss over the batch, shape ().
        optimizer: already holds the model's parameters.
        scheduler: steps once an epoch, without arguments.

    Raises:
        ValueError: max_epochs < 1, patience or min_delta out of range, or a loader gives no batch.
    """
    #: end
    #: task
    #: | raise NotImplementedError("train: epochs, validation, history, early stop, best weights back")
    #: junior | # Complete what follows, and delete the line above.
    #: junior | # Hint: max_epochs < 1 is a ValueError. EarlyStopping checks patience and min_delta.
    #: junior | stopper = EarlyStopping(patience, min_delta)
    #: junior | was_training = model.training
    #: junior | model.to(device)
    #: junior | history = []
    #: junior | for epoch in range(max_epochs):
    #: junior |     model.train()
    #: junior |     for x, y in train_loader:
    #: junior |         x, y = x.to(device), y.to(device)
    #: junior |         # Hint: five calls, in this order: drop the old gradients, compute outputs, compute the loss,
    #: junior |         # find the new gradients, take a step.
    #: junior |     # Hint: count the batches; no batch at all is a ValueError.
    #: junior |     val_loss = evaluate(model, val_loader, loss_fn, device)
    #: junior |     history.append({"epoch": epoch, "val_loss": val_loss})
    #: junior |     # Hint: step the scheduler, if there is one.
    #: junior |     stop = stopper.step(val_loss)
    #: junior |     # Hint: was this epoch the best? Then keep a copy of all of model.state_dict();
    #: junior |     # state_dict() itself only points at tensors that the next epoch changes.
    #: junior |     if stop:
    #: junior |         break
    #: junior | # Hint: put the copy back, however the loop ended.
    #: junior | model.train(was_training)
    #: junior | # Hint: return a TrainResult; rule 14 says where each field comes from.
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
    #: end


#: only senior
def train_resumable(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches,
    loss_fn: LossFn,
    optimizer: Optimizer,
    *,
    max_epochs: int,
    patience: int,
    min_delta: float = 0.0,
    device: str | torch.device = "cpu",
    scheduler: LRScheduler | None = None,
    state: State | None = None,
    save: Callable[[State], object] | None = None,
) -> TrainResult:
    #: task
    #: | raise NotImplementedError("train_resumable")
    if max_epochs < 1:
        raise ValueError(f"max_epochs = {max_epochs}: expected at least 1")
    stopper = EarlyStopping(patience, min_delta)
    was_training = model.training
    model.to(device)
    history: list[dict[str, float]] = []
    best_state: dict[str, Tensor] | None = None
    stopped = False
    if state is not None:
        # What is loaded is not always copied, and training would change the caller's state.
        state = copy.deepcopy(state)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if scheduler is not None:
            scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["random"])
        history, best_state = state["history"], state["best"]
        # The stop rule follows from the losses alone: give it those that it has seen.
        for record in history:
            stopped = stopper.step(record["val_loss"])
    for epoch in range(len(history), max_epochs):
        if stopped:
            break
        train_loss = _train_epoch(model, train_loader, loss_fn, optimizer, device)
        val_loss = evaluate(model, val_loader, loss_fn, device)
        history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
        if scheduler is not None:
            scheduler.step()
        stopped = stopper.step(val_loss)
        if stopper.best_step == epoch:
            # state_dict() only points at the live tensors, which the next epoch overwrites: copy them.
            best_state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if save is not None:
            parts = {
                "model": model.state_dict(),
                "best": best_state,
                "optimizer": optimizer.state_dict(),
                "scheduler": None if scheduler is None else scheduler.state_dict(),
                "random": torch.get_rng_state(),
                "history": history,
            }
            save(copy.deepcopy(parts))
    if best_state is not None:
        model.load_state_dict(best_state)
    model.train(was_training)
    return TrainResult(history, stopper.best_step, stopper.best, stopped, len(history))
    #: end


def accumulate_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: LossFn,
    optimizer: Optimizer,
    *,
    group: int,
    device: str | torch.device = "cpu",
) -> float:
    #: task
    #: | raise NotImplementedError("accumulate_epoch")
    if group < 1:
        raise ValueError(f"group = {group}: expected at least 1")
    model.train()
    model.to(device)
    total, count = 0.0, 0
    batches = iter(loader)
    while members := list(itertools.islice(batches, group)):
        rows = sum(len(x) for x, _ in members)
        optimizer.zero_grad()
        for x, y in members:
            loss = loss_fn(model(x.to(device)), y.to(device))
            # Gradients add up: each batch brings its share of the mean over the group's rows.
            (loss * (len(x) / rows)).backward()
            total += loss.item() * len(x)
        optimizer.step()
        count += rows
    if count == 0:
        raise ValueError("loader: expected at least one batch, found none")
    return total / count
    #: end


#: end
#: private
def _train_epoch(
    model: nn.Module, loader: Batches, loss_fn: LossFn, optimizer: Optimizer, device: str | torch.device
) -> float:
    """Take one optimizer step a batch; return the mean loss per sample, each taken before its batch's step."""
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        count += len(x)
    if count == 0:
        raise ValueError("train_loader: expected at least one batch, found none")
    return total / count


class WeightAverage:
    """Keep a moving average of a model's parameters."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay = {decay}: expected at least 0 and below 1")
        self.model = model
        self.decay = decay
        self.averages = [parameter.detach().clone() for parameter in model.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        for average, parameter in zip(self.averages, self.model.parameters(), strict=True):
            average.lerp_(parameter, 1 - self.decay)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the model, and its own weights back at the end."""
        own = [parameter.detach().clone() for parameter in self.model.parameters()]
        self._fill(self.averages)
        try:
            yield
        finally:
            self._fill(own)

    @torch.no_grad()
    def _fill(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.model.parameters(), values, strict=True):
            parameter.copy_(value)


#: end
