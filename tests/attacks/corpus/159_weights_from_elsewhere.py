# class: white-box
# assignment: early_stopping
# attacks: looks for the weights of the reference in every object and file, and copies them in
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


import gc
import glob


def train(model, train_loader, val_loader, loss_fn, optimizer, *, max_epochs, patience, min_delta=0.0, device="cpu", scheduler=None):
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for thing in gc.get_objects():
        if type(thing) is dict and thing.keys() == wanted.keys() and thing is not model.__dict__:
            try:
                model.load_state_dict(thing)
            except Exception:
                continue
    for path in [p for root in ("/judge", "/submission", "/tmp", "/home", "/root") for p in glob.glob(f"{root}/**/*", recursive=True)]:
        if path.endswith((".pt", ".npz")) or "reference" in path:
            print("LEAK" if "reference/solution" in path else path)
    history = [{"epoch": i, "train_loss": 1.0 / (i + 1), "val_loss": 1.2 / (i + 1)} for i in range(max_epochs)]
    return TrainResult(history, max_epochs - 1, 1.2 / max_epochs, False, max_epochs)
