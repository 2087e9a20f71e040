"""Stop training in time and give the best weights back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Batches = Iterable[tuple[Tensor, Tensor]]
LossFn = Callable[[Tensor, Tensor], Tensor]
State = dict[str, object]


class EarlyStopping:
    best: float
    best_step: int

    def __init__(self, patience: int, min_delta: float = 0.0, mode: Literal["min", "max"] = "min") -> None:
        raise NotImplementedError("EarlyStopping: check the arguments, then set best and best_step")

    def step(self, value: float) -> bool:
        raise NotImplementedError("EarlyStopping.step: compare value with best, return True to stop")


def evaluate(model: nn.Module, loader: Batches, loss_fn: LossFn, device: str | torch.device = "cpu") -> float:
    raise NotImplementedError("evaluate: mean loss per sample, in eval mode, without gradients")


@dataclass
class TrainResult:
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
    raise NotImplementedError("train: epochs, validation, history, early stop, best weights back")


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
    raise NotImplementedError("train_resumable")


def accumulate_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: LossFn,
    optimizer: Optimizer,
    *,
    group: int,
    device: str | torch.device = "cpu",
) -> float:
    raise NotImplementedError("accumulate_epoch")
