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
        y: labels 0 and 1, shape (N,), of bool, integer or float dtype.

    Returns:
        Tensor of shape () and dtype float32.

    Raises:
        ValueError: a class is absent, or a label is neither 0 nor 1.
    """
    #: task
    #: | raise NotImplementedError("compute_pos_weight: negatives / positives")
    y = torch.as_tensor(y)
    n_pos = int((y == 1).sum())
    n_neg = int((y == 0).sum())
    if n_pos + n_neg != y.numel():
        raise ValueError("labels must be 0 or 1")
    if n_pos == 0 or n_neg == 0:
        raise ValueError(f"both classes are needed, found {n_neg} negatives and {n_pos} positives")
    return torch.tensor(n_neg / n_pos, dtype=torch.float32)
    #: end


def make_loss(y_train: Labels) -> nn.Module:
    """Return a binary cross-entropy on logits that gives positives the weight of `compute_pos_weight`.

    Args:
        y_train: labels 0 and 1, shape (N,).

    Returns:
        A module: loss(logits (N,), float targets (N,)) gives the mean loss, shape ().

    Raises:
        ValueError: as `compute_pos_weight`.
    """
    #: task
    #: | raise NotImplementedError("make_loss: a loss on logits, weighted by compute_pos_weight(y_train)")
    return nn.BCEWithLogitsLoss(pos_weight=compute_pos_weight(y_train))
    #: end


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
    #: task
    #: | raise NotImplementedError("train_epoch: one optimizer step per batch, then the mean loss per sample")
    model.train()
    total, seen = 0.0, 0
    for X, y in loader:
        X = X.to(device)
        logits = model(X).reshape(-1)
        targets = y.to(device=device, dtype=logits.dtype)
        optimizer.zero_grad()
        loss = loss_fn(logits, targets)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(X)
        seen += len(X)
    if seen == 0:
        raise ValueError("the loader has no batch")
    return total / seen
    #: end


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
    #: task
    #: | raise NotImplementedError("evaluate: precision, recall, f1 and average_precision over the whole loader")
    y_true, y_prob = _predict(model, loader, device)
    predicted = y_prob >= threshold
    true_positives = int((predicted & y_true).sum())
    precision = _ratio(true_positives, int(predicted.sum()))
    recall = _ratio(true_positives, int(y_true.sum()))
    return {
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * true_positives, int(predicted.sum()) + int(y_true.sum())),
        "average_precision": _average_precision(y_true, y_prob),
    }
    #: end


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
    #: task
    #: | raise NotImplementedError("best_f1_threshold: the threshold with the highest F1, and that F1")
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob)
    if len(y_true) == 0 or len(y_true) != len(y_prob):
        raise ValueError(f"expected equally many labels and probabilities, found {len(y_true)} and {len(y_prob)}")
    thresholds, true_positives, predicted_positives = _cumulative_counts(y_true == 1, y_prob)
    f1 = 2 * true_positives / (predicted_positives + (y_true == 1).sum())
    best = int(f1.argmax())
    return float(thresholds[best]), float(f1[best])
    #: end


#: private
def _predict(model: nn.Module, loader: Batches, device: str | torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (bool) and probabilities of all samples, each of shape (N,), in the loader's order."""
    was_training = model.training
    model.eval()
    labels, probabilities = [], []
    try:
        with torch.no_grad():
            for X, y in loader:
                probabilities.append(torch.sigmoid(model(X.to(device)).reshape(-1)).cpu())
                labels.append(y.cpu() == 1)
    finally:
        model.train(was_training)
    if not labels:
        raise ValueError("the loader has no batch")
    return torch.cat(labels).numpy(), torch.cat(probabilities).numpy()


def _cumulative_counts(y_true: np.ndarray, y_prob: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct probabilities from high to low, and the true and predicted positives at each of them."""
    order = np.argsort(-y_prob, kind="stable")
    ranked = y_prob[order]
    # The last row of each group of equal probabilities: the group enters as a whole.
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return ranked[ends], np.cumsum(y_true[order])[ends], ends + 1


def _average_precision(y_true: np.ndarray, y_prob: np.ndarray) -> float:
    """Return the step-wise area under the precision-recall curve, 0.0 without positives."""
    if not y_true.any():
        return 0.0
    _, true_positives, predicted_positives = _cumulative_counts(y_true, y_prob)
    recall_gained = np.diff(true_positives, prepend=0) / y_true.sum()
    return float((recall_gained * true_positives / predicted_positives).sum())


def _ratio(numerator: int, denominator: int) -> float:
    """Divide; 0 / 0 is 0."""
    return numerator / denominator if denominator else 0.0


#: end
