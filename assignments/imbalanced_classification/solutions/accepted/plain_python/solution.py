"""Imbalanced classification, with metrics counted in plain Python over exact fractions."""

from contextlib import contextmanager
from fractions import Fraction
from itertools import groupby

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.utils.data import WeightedRandomSampler


def count_classes(y):
    values = y.tolist()
    odd = {value for value in values if value not in (0, 1)}
    if odd:
        raise ValueError(f"labels other than 0 and 1: {odd}")
    return values.count(0), values.count(1)


def compute_pos_weight(y):
    negatives, positives = count_classes(y)
    if not negatives or not positives:
        raise ValueError(f"{negatives} negatives and {positives} positives: expected some of each")
    return torch.tensor(negatives / positives)


class Loss(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, logits, targets):
        plain = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (plain + (self.weight - 1) * targets * plain).sum() / len(logits)


def make_loss(y_train):
    return Loss(compute_pos_weight(y_train).item())


def train_epoch(model, loader, loss_fn, optimizer, device="cpu"):
    seen = 0
    mean = 0.0
    model.train()
    for X, y in loader:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        z = model(X.to(device)).view(X.shape[0])
        batch_loss = loss_fn(z, torch.as_tensor(y, dtype=z.dtype, device=z.device))
        batch_loss.backward()
        optimizer.step()
        seen += X.shape[0]
        mean += (float(batch_loss) - mean) * X.shape[0] / seen  # running mean
    if not seen:
        raise ValueError("the loader gave no batch")
    return mean


@contextmanager
def evaluating(model):
    awake = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.set_grad_enabled(False):
            yield
    finally:
        for module in awake:
            module.training = True


def ratio(a, b):
    return Fraction(a, b) if b else Fraction(0)


def ladder(pairs):
    """Yield (score, true positives, predicted positives) from the highest score down, ties together."""
    hits = chosen = 0
    for score, group in groupby(sorted(pairs, reverse=True), key=lambda pair: pair[0]):
        for _, label in group:
            hits += label
            chosen += 1
        yield score, hits, chosen


def evaluate(model, loader, *, threshold=0.5, device="cpu"):
    pairs = []
    with evaluating(model):
        for X, y in loader:
            scores = torch.sigmoid(model(X.to(device)))
            pairs += [(p, int(label)) for p, label in zip(scores.ravel().tolist(), y.tolist(), strict=True)]
    if not pairs:
        raise ValueError("the loader gave no batch")
    positives = sum(label for _, label in pairs)
    chosen = [label for score, label in pairs if score >= threshold]
    precision, recall = ratio(sum(chosen), len(chosen)), ratio(sum(chosen), positives)
    area, before = Fraction(0), 0
    for _, hits, size in ladder(pairs):
        area += ratio(hits - before, positives) * ratio(hits, size)
        before = hits
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0,
        "average_precision": float(area),
    }


def best_f1_threshold(y_true, y_prob):
    if len(y_true) != len(y_prob) or len(y_true) == 0:
        raise ValueError("expected labels and probabilities of the same length, at least 1")
    labels = [int(label) for label in y_true.tolist()]
    steps = list(ladder(list(zip(y_prob.tolist(), labels, strict=True))))
    scored = [(2 * hits / (size + sum(labels)), score) for score, hits, size in steps]
    f1, threshold = max(scored)
    below = [score for score, _, _ in steps if score < threshold]
    # Half way to the next lower score: robust to rounding.
    return ((threshold + below[0]) / 2 if below else threshold / 2), f1


REDUCTIONS = {"none": lambda loss: loss, "mean": torch.mean, "sum": torch.sum}


def focal_loss(logits, targets, *, gamma=2.0, alpha=None, reduction="mean"):
    if tuple(logits.shape) != tuple(targets.shape):
        raise ValueError("one target for each logit")
    if gamma < 0:
        raise ValueError("gamma is negative")
    if alpha is not None and not 0.0 <= alpha <= 1.0:
        raise ValueError("alpha is a share")
    try:
        reduce = REDUCTIONS[reduction]
    except KeyError:
        raise ValueError(f"reduction: {reduction}") from None
    sign = torch.tensor([1.0 if label else -1.0 for label in targets.flatten().tolist()]).view_as(logits)
    margin = sign * logits
    loss = softplus(-margin) * (-gamma * softplus(margin)).exp()
    if alpha is not None:
        loss = loss * (0.5 + sign * (alpha - 0.5))
    return reduce(loss)


def make_weighted_sampler(y, *, generator=None):
    counts = count_classes(y)
    if 0 in counts:
        raise ValueError("expected some of each class")
    weights = [1 / counts[int(label)] for label in y.tolist()]
    return WeightedRandomSampler(weights, len(weights), replacement=True, generator=generator)
