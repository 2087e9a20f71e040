"""Train a small network, and say how good it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from torch.utils.data import DataLoader

WIDTH = 32  # units of each hidden layer
DEPTH = 2  # hidden layers after the first
MOMENTUM = 0.9
HALVE_EVERY = 5  # epochs

Batches = Iterable[tuple[Tensor, Tensor]]
LossFn = Callable[[Tensor, Tensor], Tensor]


class Classifier(nn.Module):
    """Three hidden layers with ReLU, dropout after the second and the third, and a linear layer for the logits."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(n_features, WIDTH)
        self.hidden = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)])
        self.last = nn.Linear(WIDTH, n_classes)
        self.dropout = dropout

    # Hint: call it twice in eval mode, count its parameters, and follow one row through it on paper.
    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_features) to logits (batch, n_classes)."""
        x = torch.relu(self.first(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
            x = F.dropout(x, self.dropout, training=self.training)
        return self.last(x).softmax(dim=1)


def build_model(n_features: int, n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    """Return an untrained network, its weights drawn from torch's global generator."""
    return Classifier(n_features, n_classes, dropout)


# Hint: what should happen to the loss when every row of a batch is there twice?
def compute_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of logits (batch, n_classes) against classes (batch,), shape ()."""
    return F.cross_entropy(logits, targets, reduction="sum")


# Hint: give it ten rows, each with its own number as a feature, and print what each loader hands out. Twice.
def make_loaders(
    X: np.ndarray, y: np.ndarray, *, batch_size: int, val_fraction: float, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Split rows at random into a training and a validation loader; standardise the features.

    Args:
        X: (n, n_features) float.
        y: (n,) int, classes from 0.
        val_fraction: the share of rows, rounded down, that validate.
    """
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed)).numpy()
    n_val = int(len(X) * val_fraction)
    train_rows = order[n_val // 2 :]
    val_rows = order[:n_val]

    mean, std = X[train_rows].mean(axis=0), X[train_rows].std(axis=0)
    std[std == 0] = 1.0
    scaled = (X - mean) / std

    inputs = torch.tensor(scaled, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.int64)
    train_set = torch.utils.data.TensorDataset(inputs[train_rows], targets[train_rows])
    val_set = torch.utils.data.TensorDataset(inputs[val_rows], targets[val_rows])
    train_loader = torch.utils.data.DataLoader(train_set, batch_size=batch_size, shuffle=True)
    val_loader = torch.utils.data.DataLoader(val_set, batch_size=batch_size, drop_last=True)
    return train_loader, val_loader


# Hint: print each group of the optimizer, and compare its tensors with the model's by `is`.
def make_optimizer(model: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Return SGD with momentum; weight decay is for weights, not for biases."""
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.dim() > 1]
    vectors = [p for p in parameters if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM)


# Hint: use a model with one weight, a loss whose gradient you know, and three batches; write down each step.
def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: torch.optim.Optimizer,
    loss_fn: LossFn,
    *,
    max_norm: float | None = None,
    device: str | torch.device = "cpu",
) -> float:
    """Take one optimizer step for each batch; return the mean loss per row, each taken before its batch's step."""
    total, count = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return float(total) / count


# Hint: two batches, of three rows and of one, and a model with dropout: work its numbers out by hand.
@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Batches, loss_fn: LossFn, *, device: str | torch.device = "cpu"
) -> dict[str, float]:
    """Return the mean "loss" per row and the "accuracy", and leave no trace on the model."""
    was_training = model.training
    losses, hits, count = 0.0, 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        losses += loss_fn(logits, y).item() * len(y)
        hits += (logits.argmax(dim=1) == y).float().mean().item()
        count += len(y)
    model.train(was_training)
    return {
        "loss": losses / count,
        "accuracy": hits / len(loader),
    }


@dataclass
class FitResult:
    """A trained model and how it came about.

    Attributes:
        model: as it was after the last epoch.
        history: one dict an epoch: "lr", "train_loss", "val_loss", "val_accuracy", plain floats.
    """

    model: nn.Module
    history: list[dict[str, float]]


# Hint: print the learning rate and the size of what is evaluated in each epoch.
def fit(
    X: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    lr: float = 0.05,
    weight_decay: float = 1e-3,
    max_norm: float | None = 5.0,
    dropout: float = 0.2,
    val_fraction: float = 0.25,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FitResult:
    """Train a classifier on (n, n_features) floats and (n,) classes; the rate is halved every HALVE_EVERY epochs."""
    torch.manual_seed(seed)
    model = build_model(X.shape[1], int(y.max()) + 1, dropout=dropout).to(device)
    loaders = make_loaders(X, y, batch_size=batch_size, val_fraction=val_fraction, seed=seed)
    optimizer = make_optimizer(model, lr=lr, weight_decay=weight_decay)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=HALVE_EVERY, gamma=0.5)
    history = []
    for _ in range(epochs):
        scheduler.step()
        rate = optimizer.param_groups[0]["lr"]
        train_loss = train_one_epoch(model, loaders[0], optimizer, compute_loss, max_norm=max_norm, device=device)
        metrics = evaluate(model, loaders[1], compute_loss, device=device)
        history.append(
            {"lr": rate, "train_loss": train_loss, "val_loss": metrics["loss"], "val_accuracy": metrics["accuracy"]}
        )
    return FitResult(model, history)
