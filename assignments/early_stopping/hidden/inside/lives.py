"""Training runs that are broken off after some epochs, and what a new process would go on with."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from inside.loaders import Batches
from inside.losses import mse
from inside.nets import Net, load_arrays
from inside.scripted import ScriptedRun


class BrokenOff(InterruptedError):
    """The run is over before its end, as when somebody switches the machine off."""


class Disk:
    """Takes the states that a run saves, each as bytes of its own and as the object that it is.

    Args:
        break_after: break the run off at that state; None lets it run.
    """

    def __init__(self, break_after: int | None = None) -> None:
        self._break_after = break_after
        self._files: list[bytes] = []
        self._objects: list[Any] = []

    def save(self, state: Any) -> None:
        """Write one state."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self._files.append(buffer.getvalue())
        self._objects.append(state)
        if len(self._files) == self._break_after:
            raise BrokenOff

    def count(self) -> int:
        """Return how many states were written."""
        return len(self._files)

    def read(self, number: int) -> Any:
        """Return state `number` as a new process would read it. Whether its values are plain is another matter."""
        return torch.load(io.BytesIO(self._files[number]), weights_only=False)

    def keep(self, number: int) -> Any:
        """Return the very object that was handed to `save`."""
        return self._objects[number]

    def is_plain(self, number: int) -> bool:
        """Tell whether a state is a dict that torch reads without running code from the file."""
        return isinstance(torch.load(io.BytesIO(self._files[number]), weights_only=True), dict)


class Bench:
    """Model, optimizer, scheduler and loaders of a run, made anew. All targets are far above what the model gives.

    Whatever the order of the rows and whatever dropout does, the outputs rise with every step, so each epoch is better
    than the one before it.

    Args:
        arrays: parameters and buffers to start with.
        x, y: rows for training, and the same for validation.
        optimizer: "sgd" or "adamw", with these options.
        step_lr: step size and factor of a scheduler; None without one.
        shuffle: whether torch's loader shuffles the rows for each epoch.
        dropout: share of hidden units dropped in training.
        val_draws: whether validation is by torch's loader, which draws a number for each pass, too.
    """

    def __init__(
        self,
        arrays: Mapping[str, Tensor],
        x: Tensor,
        y: Tensor,
        optimizer: str = "sgd",
        options: Mapping[str, float] | None = None,
        step_lr: Sequence[float] | None = None,
        *,
        shuffle: bool = False,
        dropout: float = 0.0,
        val_draws: bool = False,
    ) -> None:
        hidden, inputs = arrays["first.weight"].shape
        self.model = Net([inputs, hidden], norm="norm.weight" in arrays, dropout=dropout)
        load_arrays(self.model, arrays)
        kinds = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
        self.optimizer = kinds[optimizer](self.model.parameters(), **(options or {}))
        self.scheduler = None
        if step_lr is not None:
            self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, int(step_lr[0]), step_lr[1])
        data = TensorDataset(x, y)
        self.train_loader: Any = DataLoader(data, batch_size=5, shuffle=True) if shuffle else Batches(x, y, [5] * 4)
        self.val_loader: Any = DataLoader(data, batch_size=len(x)) if val_draws else Batches(x, y, [len(x)])
        self.loss_fn = mse


def live(run: Bench | ScriptedRun, disk: Disk | None, state: Any = None, seed: int = 0, **options: Any) -> Any:
    """Train from the start or from a state; return the result.

    Args:
        disk: where states go; None saves none.
        state: what to go on from; None starts afresh.
        seed: for torch's global generator, as it stands when the process begins.
    """
    import solution

    torch.manual_seed(seed)
    scheduler = getattr(run, "scheduler", None)
    if scheduler is not None:
        options["scheduler"] = scheduler
    if state is not None:
        options["state"] = state
    if disk is not None:
        options["save"] = disk.save
    return solution.train_resumable(run.model, run.train_loader, run.val_loader, run.loss_fn, run.optimizer, **options)


def revive(run: Bench | ScriptedRun, disk: Disk, number: int, again: Disk | None = None, **options: Any) -> Any:
    """Go on from a state of a disk."""
    return live(run, again, disk.read(number), **options)


def revive_in_place(run: Bench | ScriptedRun, disk: Disk, number: int, **options: Any) -> Any:
    """Go on from the object that was handed to `save`, in the same process."""
    return live(run, None, disk.keep(number), **options)


def revive_twice(first: Bench, second: Bench, disk: Disk, number: int, **options: Any) -> list[Any]:
    """Go on twice from one state in memory; return both results."""
    state = disk.read(number)
    return [live(first, None, state, **options), live(second, None, state, **options)]


def standing(run: Bench) -> dict[str, Tensor]:
    """Return the numbers of a bench's optimizer and scheduler by name."""
    numbers: dict[str, Any] = {"rate": run.optimizer.param_groups[0]["lr"]}
    for slot, values in run.optimizer.state_dict()["state"].items():
        numbers |= {f"{name} of {slot}": value for name, value in values.items() if value is not None}
    if run.scheduler is not None:
        numbers["scheduler"] = run.scheduler.last_epoch
    return {name: torch.as_tensor(value, dtype=torch.float64).clone() for name, value in numbers.items()}


def refuses(name: str, run: ScriptedRun, empty: str = "", **options: Any) -> bool:
    """Tell whether a training function refuses these options; `empty` names a loader that has no batch."""
    import solution

    loaders = [[] if which == empty else getattr(run, which) for which in ("train_loader", "val_loader")]
    options = {"max_epochs": 2, "patience": 1, **options}
    try:
        getattr(solution, name)(run.model, *loaders, run.loss_fn, run.optimizer, **options)
    except ValueError:
        return True
    return False


def live_plain(run: Bench | ScriptedRun, seed: int = 0, **options: Any) -> Any:
    """Train by `train`, from the start; return the result."""
    import solution

    torch.manual_seed(seed)
    scheduler = getattr(run, "scheduler", None)
    if scheduler is not None:
        options["scheduler"] = scheduler
    return solution.train(run.model, run.train_loader, run.val_loader, run.loss_fn, run.optimizer, **options)
