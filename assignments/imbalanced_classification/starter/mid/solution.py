"""Train and evaluate a binary classifier when positives are rare."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

Labels = torch.Tensor | np.ndarray
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def compute_pos_weight(y: Labels) -> torch.Tensor:
    """Return how many negatives there are for each positive.

    Args:
        y: labels 0 and 1, shape (N,), of bool, integer, float32 or float64 dtype.

    Returns:
        Tensor of shape () and dtype float32.

    Raises:
        ValueError: a class is absent, or a label is neither 0 nor 1.
    """
    raise NotImplementedError("compute_pos_weight: negatives / positives")


def make_loss(y_train: Labels) -> nn.Module:
    """Return a binary cross-entropy on logits that gives positives the weight of `compute_pos_weight`.

    Args:
        y_train: labels 0 and 1, shape (N,).

    Returns:
        A module: loss(logits (N,), float targets (N,)) gives the mean loss, shape ().

    Raises:
        ValueError: as `compute_pos_weight`.
    """
    raise NotImplementedError("make_loss: a loss on logits, weighted by compute_pos_weight(y_train)")


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: str | torch.device = "cpu",
) -> float:
    """Train for one pass over the loader.

    Args:
        model: maps (B, F) to logits of shape (B, 1) or (B,).
        loader: yields (X, y): X (B, F) float32, y (B,) labels of any dtype.
        loss_fn: loss_fn(logits, targets) gives the mean loss of a batch.

    Returns:
        The mean loss over all samples.

    Raises:
        ValueError: the loader has no batch.
    """
    raise NotImplementedError("train_epoch: one optimizer step per batch, then the mean loss per sample")


def evaluate(
    model: nn.Module, loader: Batches, *, threshold: float = 0.5, device: str | torch.device = "cpu"
) -> dict[str, float]:
    """Compute metrics of the positive class over the whole loader.

    Args:
        model: maps (B, F) to logits of shape (B, 1) or (B,).
        loader: yields (X, y): X (B, F) float32, y (B,) labels of any dtype.
        threshold: a probability from here on is predicted positive.

    Returns:
        precision, recall, f1 and average_precision; 0 / 0 counts as 0.0.

    Raises:
        ValueError: the loader has no batch.
    """
    raise NotImplementedError("evaluate: precision, recall, f1 and average_precision over the whole loader")


def best_f1_threshold(y_true: Labels, y_prob: torch.Tensor | np.ndarray) -> tuple[float, float]:
    """Choose the threshold with the highest F1, where y_prob >= threshold is predicted positive.

    Args:
        y_true: labels 0 and 1, shape (N,).
        y_prob: probabilities, shape (N,).

    Returns:
        (threshold, f1 at this threshold).

    Raises:
        ValueError: the inputs are empty or differ in length.
    """
    raise NotImplementedError("best_f1_threshold: the threshold with the highest F1, and that F1")
