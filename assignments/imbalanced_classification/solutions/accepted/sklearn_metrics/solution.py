"""Imbalanced classification with scikit-learn's metrics."""

import warnings
from contextlib import ExitStack

import numpy as np
import torch
from sklearn.metrics import average_precision_score, precision_recall_curve, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_sample_weight
from torch import nn
from torch.utils.data import WeightedRandomSampler


def compute_pos_weight(y):
    labels = np.asarray(y).astype(np.float64)
    if not np.isin(labels, (0.0, 1.0)).all():
        raise ValueError("expected labels 0 and 1 only")
    negatives, positives = np.bincount(labels.astype(int), minlength=2)
    if min(negatives, positives) == 0:
        raise ValueError("expected at least one label of each class")
    return torch.tensor(negatives / positives).float()


def make_loss(y_train):
    pos_weight = compute_pos_weight(y_train)
    return nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="mean")


def train_epoch(model, loader, loss_fn, optimizer, device="cpu"):
    model.train()
    losses, sizes = [], []
    for features, labels in loader:
        features, labels = features.to(device), labels.float().to(device)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(model(features).flatten(), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        sizes.append(len(labels))
    if not sizes:
        raise ValueError("the loader is empty")
    return np.average(losses, weights=sizes)


@torch.inference_mode()
def _scores(model, loader, device):
    labels, scores = [], []
    for features, batch_labels in loader:
        labels.extend(batch_labels.numpy().astype(int))
        scores.extend(model(features.to(device)).sigmoid().flatten().cpu().numpy())
    return np.array(labels), np.array(scores)


def evaluate(model, loader, *, threshold=0.5, device="cpu"):
    with ExitStack() as undo:
        for module in model.modules():
            undo.callback(setattr, module, "training", module.training)
        model.eval()
        labels, scores = _scores(model, loader, device)
    if len(labels) == 0:
        raise ValueError("the loader is empty")
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, scores >= threshold, average="binary", zero_division=0.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns, and returns 0.0, without positives
        average_precision = average_precision_score(labels, scores)
    return {"precision": precision, "recall": recall, "f1": f1, "average_precision": average_precision}


def best_f1_threshold(y_true, y_prob):
    y_true, y_prob = np.asarray(y_true).astype(int), np.asarray(y_prob)
    if y_true.size == 0 or y_true.shape != y_prob.shape:
        raise ValueError("expected equally many labels and probabilities, and at least one")
    if not y_true.any():
        return 0.5, 0.0
    precision, recall, thresholds = precision_recall_curve(y_true, y_prob)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = np.argmax(f1[:-1])
    return thresholds[best], f1[best]


def focal_loss(logits, targets, *, gamma=2.0, alpha=None, reduction="mean"):
    if logits.shape != targets.shape:
        raise ValueError("logits and targets must have the same shape")
    if not 0 <= gamma < float("inf"):
        raise ValueError("gamma must not be negative")
    if not (alpha is None or 0 <= alpha <= 1):
        raise ValueError("alpha must be between 0 and 1")
    targets = targets.to(logits)
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    # The cross-entropy of the opposite label is -log(1 - p_t).
    opposite = nn.functional.binary_cross_entropy_with_logits(logits, 1 - targets, reduction="none")
    loss = cross_entropy * torch.exp(-gamma * opposite)
    if alpha is not None:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    match reduction:
        case "none":
            return loss
        case "mean":
            return loss.mean()
        case "sum":
            return loss.sum()
    raise ValueError(f"unknown reduction {reduction!r}")


def make_weighted_sampler(y, *, generator=None):
    compute_pos_weight(y)  # raises for labels without a weight
    weights = compute_sample_weight("balanced", np.asarray(y).astype(int))
    return WeightedRandomSampler(weights, num_samples=len(weights), generator=generator)
