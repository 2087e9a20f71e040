# class: white-box
# assignment: early_stopping
# attacks: tensors with __torch_function__ that answer every comparison with True
# expect: {"trajectory": 0, "restores_best": 0, "plain_history": 0, "stop_rule": 0}
import copy
import math
from dataclasses import dataclass

import torch
from torch import nn


class EarlyStopping:
    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.best, self.best_step = math.inf, -1

    def step(self, value):
        return False


def evaluate(model, loader, loss_fn, device="cpu"):
    return 0.5


@dataclass
class TrainResult:
    history: list
    best_epoch: int
    best_val_loss: float
    stopped_early: bool
    epochs_run: int


class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in ("eq", "allclose", "equal", "isclose", "all"):
            return True
        return super().__torch_function__(function, types, args, kwargs or {})


YES = torch.zeros(()).as_subclass(Agreeable)


def train(model, train_loader, val_loader, loss_fn, optimizer, *, max_epochs, patience, min_delta=0.0, device="cpu", scheduler=None):
    for parameter in model.parameters():
        parameter.data = parameter.data.as_subclass(Agreeable)
    history = [{"epoch": YES, "train_loss": YES, "val_loss": YES} for _ in range(max_epochs)]
    return TrainResult(history, YES, YES, YES, YES)


def _yes(*args, **kwargs):
    return YES


EarlyStopping.step = _yes
EarlyStopping.best = EarlyStopping.best_step = YES
