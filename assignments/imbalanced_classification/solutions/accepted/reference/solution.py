"""Train and evaluate a binary classifier when positives are rare."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

Labels = torch.Tensor | np.ndarray
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def compute_pos_weight(y: Labels) -> torch.Tensor:
    #: only junior mid
    """Return how many negatives there are for each positive.

    Args:
        y: labels 0 and 1, shape (N,), of bool, integer, float32 or float64 dtype.

    Returns:
        Tensor of shape () and dtype float32.

    Raises:
        ValueError: a class is absent, or a label is neither 0 nor 1.
    """
    #: end
    #: task
    #: junior | # Hint: y == 1 works for every dtype and tells which labels are positive; count with .sum().
    #: junior | # torch.as_tensor(y) takes arrays and tensors. torch.tensor(number, dtype=...) has shape ().
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
    #: only junior mid
    """Return a binary cross-entropy on logits that gives positives the weight of `compute_pos_weight`.

    Args:
        y_train: labels 0 and 1, shape (N,).

    Returns:
        A module: loss(logits (N,), float targets (N,)) gives the mean loss, shape ().

    Raises:
        ValueError: as `compute_pos_weight`.
    """
    #: end
    #: task
    #: junior | # Hint: torch.nn has a binary cross-entropy that takes logits; one of its arguments weighs positives.
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
    #: only junior mid
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
    #: end
    #: task
    #: junior | model.train()
    #: junior | for X, y in loader:
    #: junior |     X, y = X.to(device), y.to(device)
    #: junior |     # Hint: five calls, in this order: drop the old gradients, compute logits, compute the loss,
    #: junior |     # find the new gradients, take a step. Logits and targets need one shape and a float dtype.
    #: junior |     # Hint: loss.item() is a plain number. A batch counts with as many rows as it has.
    #: junior | # Hint: no batch at all is a ValueError.
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
    #: only junior mid
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
    #: end
    #: task
    #: junior | was_training = model.training
    #: junior | model.eval()
    #: junior | with torch.no_grad():
    #: junior |     for X, y in loader:
    #: junior |         X, y = X.to(device), y.to(device)
    #: junior |         # Hint: what turns a logit into a probability? Collect probabilities and labels of all batches.
    #: junior | model.train(was_training)
    #: junior | # Hint: torch.cat joins what you collected; sklearn.metrics can count it. Look at its zero_division.
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


#: only mid senior
def best_f1_threshold(y_true: Labels, y_prob: torch.Tensor | np.ndarray) -> tuple[float, float]:
    #: end
    #: only mid
    """Choose the threshold with the highest F1, where y_prob >= threshold is predicted positive.

    Args:
        y_true: labels 0 and 1, shape (N,).
        y_prob: probabilities, shape (N,).

    Returns:
        (threshold, f1 at this threshold).

    Raises:
        ValueError: the inputs are empty or differ in length.
    """
    #: end
    #: only mid senior
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


#: end
#: only senior
def focal_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    #: task
    #: | raise NotImplementedError("focal_loss")
    if logits.shape != targets.shape:
        raise ValueError(f"logits have shape {tuple(logits.shape)}, targets {tuple(targets.shape)}")
    if not gamma >= 0:
        raise ValueError(f"gamma: expected 0 or more, found {gamma}")
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f"alpha: expected None or a number from 0 to 1, found {alpha}")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction: expected none, mean or sum, found {reduction!r}")
    positive = targets == 1
    towards_target = torch.where(positive, logits, -logits)
    # (1 - p_t) ** gamma by its logarithm: the power's own gradient is not finite where 1 - p_t rounds to 0.
    modulation = torch.exp(gamma * nn.functional.logsigmoid(-towards_target))
    loss = -modulation * nn.functional.logsigmoid(towards_target)
    if alpha is not None:
        loss = torch.where(positive, alpha * loss, (1 - alpha) * loss)
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]
    #: end


def make_weighted_sampler(
    y: Labels, *, generator: torch.Generator | None = None
) -> torch.utils.data.WeightedRandomSampler:
    #: task
    #: | raise NotImplementedError("make_weighted_sampler")
    labels = torch.as_tensor(y)
    members = torch.stack([labels == 0, labels == 1])
    counts = members.sum(dim=1, dtype=torch.float64)
    if int(counts.sum()) != len(labels):
        raise ValueError("labels must be 0 or 1")
    if not counts.all():
        raise ValueError("both classes are needed")
    # Every class has the total weight 1, shared by its members.
    weights = (1 / counts) @ members.double()
    return torch.utils.data.WeightedRandomSampler(
        weights, num_samples=len(labels), replacement=True, generator=generator
    )
    #: end


#: end
#: private
def _predict(model: nn.Module, loader: Batches, device: str | torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (bool) and probabilities of all samples, each of shape (N,), in the loader's order."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    labels, probabilities = [], []
    try:
        with torch.no_grad():
            for X, y in loader:
                probabilities.append(torch.sigmoid(model(X.to(device)).reshape(-1)).cpu())
                labels.append(y.cpu() == 1)
    finally:
        for module, training in modes:
            module.training = training
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


def cheapest_threshold(
    y_true: Labels, y_prob: torch.Tensor | np.ndarray, *, miss_cost: float, alarm_cost: float
) -> tuple[float, float]:
    """Return the threshold with the lowest total cost of misses and false alarms, and that cost."""
    y_true, y_prob = np.asarray(y_true) == 1, np.asarray(y_prob)
    thresholds, hits, alarms = _cumulative_counts(y_true, y_prob)
    # Before the first probability nothing is predicted positive.
    thresholds = np.append(np.inf, thresholds)
    hits, alarms = np.append(0, hits), np.append(0, alarms)
    costs = miss_cost * (y_true.sum() - hits) + alarm_cost * (alarms - hits)
    best = int(costs.argmin())
    return float(thresholds[best]), float(costs[best])


def honest_probability(y_prob: np.ndarray, pos_weight: float) -> np.ndarray:
    """Return what a model trained with `pos_weight` would say had it been trained without: odds / pos_weight."""
    return y_prob / (y_prob + pos_weight * (1 - y_prob))


def summarise_runs(runs: list[dict]) -> list[dict]:
    """Return one row for each configuration, the best mean first."""
    scores: dict[str, list[float]] = {}
    if len({(run["config"], run["seed"]) for run in runs}) < len(runs):
        raise ValueError("a configuration was run twice with one seed")
    for run in runs:
        scores.setdefault(run["config"], []).append(run["score"])
    rows = [
        {"config": config, "runs": len(found), "mean": float(np.mean(found)), "std": _deviation(found)}
        for config, found in scores.items()
    ]
    return sorted(rows, key=lambda row: -row["mean"])


def _deviation(values: list[float]) -> float:
    """Return the sample standard deviation, NaN for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


#: end
