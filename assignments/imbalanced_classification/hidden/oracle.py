"""Expected values in NumPy and float64, straight from the README's formulas, and the data that tests draw.

Nothing here is shared with the reference solution: gradients are written out, metrics are counted sample by sample.
"""

import numpy as np
import torch

METRICS = ("precision", "recall", "f1", "average_precision")
METRIC_TOLERANCE = {"rtol": 0.0, "atol": 1e-5}
TRAINED_TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def sigmoid(z):
    """Return 1 / (1 + exp(-z)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(z, dtype=float)))


# loss -----------------------------------------------------------------------------------------------------------------


def loss_values(z, y, weight):
    """Return the weighted cross-entropy of each sample: -log(sigmoid(z)) is log(1 + exp(-z))."""
    z, y = np.asarray(z, dtype=float), np.asarray(y, dtype=float)
    return weight * y * np.logaddexp(0.0, -z) + (1 - y) * np.logaddexp(0.0, z)


def loss_slopes(z, y, weight):
    """Return the derivative of each sample's loss by its logit."""
    z, y = np.asarray(z, dtype=float), np.asarray(y, dtype=float)
    return (1 - y) * sigmoid(z) - weight * y * sigmoid(-z)


def focal_values(z, y, gamma, alpha=None):
    """Return the focal loss of each sample (Lin et al. 2017, equations 4 and 5)."""
    towards, share = _focal_terms(z, y, alpha)
    return share * np.exp(-gamma * np.logaddexp(0.0, towards)) * np.logaddexp(0.0, -towards)


def focal_slopes(z, y, gamma, alpha=None):
    """Return the derivative of each sample's focal loss by its logit (Lin et al. 2017, appendix B)."""
    towards, share = _focal_terms(z, y, alpha)
    p, entropy = sigmoid(towards), np.logaddexp(0.0, -towards)
    slope = -np.exp(-gamma * np.logaddexp(0.0, towards)) * (gamma * p * entropy + sigmoid(-towards))
    return np.where(np.asarray(y) == 1, 1.0, -1.0) * share * slope


def _focal_terms(z, y, alpha):
    """Return the logit of p_t, and the share of the sample's class."""
    positive, z = np.asarray(y) == 1, np.asarray(z, dtype=float)
    share = np.ones(len(z)) if alpha is None else np.where(positive, alpha, 1 - alpha)
    return np.where(positive, z, -z), share


# training -------------------------------------------------------------------------------------------------------------


def descend(start, batches, pos_weight, *, lr, momentum=0.0, epochs=1):
    """Follow gradient descent on a linear model by hand.

    Args:
        start: weights (F,) and bias.
        batches: (X, y) pairs of arrays.

    Returns:
        Weights, bias, and the mean loss per sample of the last epoch.
    """
    point = np.append(np.asarray(start[0], dtype=float), float(start[1]))
    velocity = np.zeros_like(point)
    mean_loss = 0.0
    for _ in range(epochs):
        total, seen = 0.0, 0
        for X, y in batches:
            inputs = np.column_stack([np.asarray(X, dtype=float), np.ones(len(X))])
            z = inputs @ point
            total += loss_values(z, y, pos_weight).sum()
            seen += len(X)
            velocity = momentum * velocity + inputs.T @ loss_slopes(z, y, pos_weight) / len(X)
            point = point - lr * velocity
        mean_loss = total / seen
    return point[:-1], point[-1], mean_loss


class Lesson:
    """A small training task, drawn anew: start, batches as tensors, loss weight, learning rate, momentum.

    The start is wrong by several units, so gradients are long, every step counts, and batches differ in loss.
    Batches in `one_class` have this label alone. A `scale` stretches inputs and gradients, not the logits.
    """

    def __init__(self, rng, sizes, *, momentum=None, label_dtype=torch.float32, one_class=(), scale=1.0):
        self.features = int(rng.integers(3, 6))
        truth = rng.uniform(1.0, 2.0, self.features) * rng.choice([-1.0, 1.0], self.features)
        self.weight = torch.tensor(-0.7 * truth / scale, dtype=torch.float32)
        self.bias = float(np.float32(rng.uniform(0.5, 1.0)))
        self.pos_weight = float(np.float32(rng.uniform(2.5, 5.0)))
        self.lr = float(rng.uniform(0.05, 0.1)) / scale**2
        self.momentum = float(rng.uniform(0.5, 0.8)) if momentum is None else momentum
        self.batches = []
        for number, size in enumerate(sizes):
            X = rng.normal(size=(size, self.features)).astype(np.float32)
            y = X @ truth + rng.normal(size=size) > 0.5
            if number in one_class:
                y[:] = one_class[number]
            self.batches.append((torch.from_numpy(X * np.float32(scale)), torch.from_numpy(y).to(label_dtype)))

    def expected(self, batches=None, *, epochs=1):
        """Return weights, bias and mean loss after training, computed by hand."""
        pairs = [(X.numpy(), y.numpy()) for X, y in (self.batches if batches is None else batches)]
        start = (self.weight.numpy(), self.bias)
        return descend(start, pairs, self.pos_weight, lr=self.lr, momentum=self.momentum, epochs=epochs)


# metrics --------------------------------------------------------------------------------------------------------------


def counts(y_true, predicted):
    """Return true positives, false positives, false negatives and true negatives."""
    pairs = list(zip(np.asarray(y_true, dtype=bool).tolist(), np.asarray(predicted).tolist(), strict=True))
    return tuple(pairs.count(kind) for kind in ((True, True), (False, True), (True, False), (False, False)))


def _share(part, whole):
    return part / whole if whole else 0.0


def f1_at(y_true, y_prob, threshold):
    """Return the F1 of predicting positive from a threshold on."""
    hits, alarms, misses, _ = counts(y_true, np.asarray(y_prob) >= threshold)
    return _share(2 * hits, 2 * hits + alarms + misses)


def metrics(y_true, scores, predicted):
    """Return the four metrics.

    Args:
        scores: anything that ranks samples as their probabilities do.
        predicted: bool.
    """
    hits, alarms, misses, _ = counts(y_true, predicted)
    average_precision, recall_before = 0.0, 0.0
    for score in sorted(set(np.asarray(scores).tolist()), reverse=True):
        found, extra, missed, _ = counts(y_true, np.asarray(scores) >= score)
        recall = _share(found, found + missed)
        average_precision += (recall - recall_before) * _share(found, found + extra)
        recall_before = recall
    return {
        "precision": _share(hits, hits + alarms),
        "recall": _share(hits, hits + misses),
        "f1": _share(2 * hits, 2 * hits + alarms + misses),
        "average_precision": average_precision,
    }


def best_f1(y_true, y_prob):
    """Try every distinct probability as a threshold; return the highest F1."""
    return max(f1_at(y_true, y_prob, threshold) for threshold in set(np.asarray(y_prob).tolist()))


def cost_at(y_true, y_prob, threshold, miss_cost, alarm_cost):
    """Return what predicting positive from a threshold on costs."""
    _, alarms, misses, _ = counts(y_true, np.asarray(y_prob) >= threshold)
    return miss_cost * misses + alarm_cost * alarms


# data for evaluation --------------------------------------------------------------------------------------------------


def draw_scores(rng, n, *, step=1 / 64, reach=4.0):
    """Return labels (n,) bool and logits (n,) on a grid, equal ones exactly equal and others well apart.

    About three in ten labels are positive, and logits know a little about labels.
    """
    y = rng.random(n) < 0.3
    z = np.clip(rng.normal(size=n) * 1.5 + np.where(y, 0.8, -0.6), -reach, reach)
    return y, np.round(z / step) * step


def draw_task(rng, n, *, thresholds=(0.25, 0.75)):
    """Return labels, logits, and a threshold that lies clearly between two grid points.

    Drawn again until all four kinds of prediction occur and no two metrics can be mistaken for each other, also for
    the threshold 0.5 and for a threshold on the logits.
    """
    while True:
        y, z = draw_scores(rng, n)
        z[z == 0] = 1 / 64
        low, high = np.log(thresholds[0] / (1 - thresholds[0])), np.log(thresholds[1] / (1 - thresholds[1]))
        cut = (np.floor(rng.uniform(low, high) * 64) + 0.5) / 64
        threshold = float(sigmoid(cut))
        clear = True
        for line in (cut, 0.0):
            hits, alarms, misses, rest = counts(y, z >= line)
            clear = clear and min(hits, alarms, misses, rest) >= 3 and alarms != misses
            found = metrics(y, z, z >= line)
            wrong = metrics(y, z, z >= (threshold if line == cut else 0.5))
            clear = clear and all(abs(found[name] - wrong[name]) > 1e-3 for name in ("precision", "recall", "f1"))
        if clear and abs(threshold - 0.5) > 0.05:
            return y, z, threshold


def as_batches(y, z, sizes, *, label_dtype=torch.int64):
    """Return (X, y) pairs of tensors whose first feature is the logit; a second one is noise to ignore."""
    X = np.column_stack([z, -np.asarray(z)[::-1]]).astype(np.float32)
    ends = [int(end) for end in np.cumsum(sizes)]
    starts = [0, *ends[:-1]]
    labels = torch.from_numpy(np.asarray(y, dtype=bool)).to(label_dtype)
    return [(torch.from_numpy(X[a:b]), labels[a:b].clone()) for a, b in zip(starts, ends, strict=True)]


def ragged(rng, n, *, last_single=False):
    """Return batch sizes of at least 2, all different from their neighbours, that sum to n; or 1 for the last one."""
    sizes, left = [], n - (1 if last_single else 0)
    while left:
        size = int(rng.integers(2, 24))
        if size == left or left - size >= 2:
            sizes.append(size)
            left -= size
        elif left < 24:
            sizes.append(left)
            left = 0
    return [*sizes, 1] if last_single else sizes
