# class: white-box
# assignment: early_stopping
# attacks: steps taken by hooks of the optimizer and of gradients, more than one for each batch
# expect: {"trajectory": 0, "plain_history": 0}
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


def train(model, train_loader, val_loader, loss_fn, optimizer, *, max_epochs, patience, min_delta=0.0, device="cpu", scheduler=None):
    def again(parameter):
        with torch.no_grad():
            parameter.sub_(0.1 * parameter.grad)

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(again)
    optimizer.register_step_pre_hook(lambda *args: None)
    for _ in range(max_epochs):
        for x, y in train_loader:
            loss_fn(model(x), y).backward()
            optimizer.step()
    history = [{"epoch": i, "train_loss": 1.0 / (i + 1), "val_loss": 1.2 / (i + 1)} for i in range(max_epochs)]
    return TrainResult(history, max_epochs - 1, 1.2 / max_epochs, False, max_epochs)
