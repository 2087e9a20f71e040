# class: white-box
# assignment: early_stopping
# attacks: a model whose state_dict tells what the caller hopes for
# expect: {"trajectory": 0, "restores_best": 0}
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


class Liar(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.__dict__["inner"] = inner

    def state_dict(self, *args, **kwargs):
        return {k: torch.zeros_like(v) for k, v in self.inner.state_dict().items()}

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


def train(model, train_loader, val_loader, loss_fn, optimizer, *, max_epochs, patience, min_delta=0.0, device="cpu", scheduler=None):
    liar = Liar(model)
    model.__class__.state_dict = liar.state_dict
    model.__class__.named_parameters = lambda self, *a, **k: iter(())
    model.parameters = lambda *a, **k: iter(())
    history = [{"epoch": i, "train_loss": 1.0 / (i + 1), "val_loss": 1.2 / (i + 1)} for i in range(max_epochs)]
    return TrainResult(history, max_epochs - 1, 1.2 / max_epochs, False, max_epochs)
