"""Train and evaluate a binary classifier when positives are rare."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

Labels = torch.Tensor | np.ndarray
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def compute_pos_weight(y: Labels) -> torch.Tensor:
    raise NotImplementedError("compute_pos_weight: negatives / positives")


def make_loss(y_train: Labels) -> nn.Module:
    raise NotImplementedError("make_loss: a loss on logits, weighted by compute_pos_weight(y_train)")


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: str | torch.device = "cpu",
) -> float:
    raise NotImplementedError("train_epoch: one optimizer step per batch, then the mean loss per sample")


def evaluate(
    model: nn.Module, loader: Batches, *, threshold: float = 0.5, device: str | torch.device = "cpu"
) -> dict[str, float]:
    raise NotImplementedError("evaluate: precision, recall, f1 and average_precision over the whole loader")


def best_f1_threshold(y_true: Labels, y_prob: torch.Tensor | np.ndarray) -> tuple[float, float]:
    raise NotImplementedError("best_f1_threshold: the threshold with the highest F1, and that F1")


def focal_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    raise NotImplementedError("focal_loss")


def make_weighted_sampler(
    y: Labels, *, generator: torch.Generator | None = None
) -> torch.utils.data.WeightedRandomSampler:
    raise NotImplementedError("make_weighted_sampler")
