"""Expected values straight from the README's formulas, and the data that tests draw.

Nothing here is shared with the reference: metrics are counted sample by sample, AUC pair by pair, the log-loss and its
gradient with masks and a loop over steps, the penalised optimum by its own conditions.
"""

import math

import numpy as np

METRIC = {"rtol": 0.0, "atol": 1e-9}
FITTED = {"rtol": 1e-7, "atol": 1e-9}

# metrics --------------------------------------------------------------------------------------------------------------


def confusion(y_true, y_pred, labels):
    """Count pairs one by one."""
    pairs = list(zip(y_true, y_pred, strict=True))
    return np.array([[pairs.count((true, predicted)) for predicted in labels] for true in labels]).reshape(
        len(labels), len(labels)
    )


def classes_of(y_true, y_pred):
    """Return all labels, sorted."""
    return sorted({*y_true, *y_pred})


def counts(y_true, y_pred, label):
    """Return tp, fp and fn of a class against all others."""
    tp = fp = fn = 0
    for true, predicted in zip(y_true, y_pred, strict=True):
        tp += true == label and predicted == label
        fp += true != label and predicted == label
        fn += true == label and predicted != label
    return tp, fp, fn


def three(tp, fp, fn, zero_division=0.0):
    """Return precision, recall and F1."""
    fractions = ((tp, tp + fp), (tp, tp + fn), (2 * tp, 2 * tp + fp + fn))
    return tuple(part / whole if whole else zero_division for part, whole in fractions)


def f1_family(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    """Return (precision, recall, f1)."""
    if average == "binary":
        return three(*counts(y_true, y_pred, pos_label), zero_division)
    classes = classes_of(y_true, y_pred)
    by_class = [counts(y_true, y_pred, label) for label in classes]
    if average == "micro":
        return three(*(sum(column) for column in zip(*by_class, strict=True)), zero_division)
    weights = [list(y_true).count(label) if average == "weighted" else 1 for label in classes]
    numbers = [three(*each, zero_division) for each in by_class]
    return tuple(math.fsum(w * n[i] for w, n in zip(weights, numbers, strict=True)) / sum(weights) for i in range(3))


def auc_by_pairs(y_true, y_score):
    """Compare each positive with each negative."""
    positives = [score for label, score in zip(y_true, y_score, strict=True) if label]
    negatives = [score for label, score in zip(y_true, y_score, strict=True) if not label]
    won = sum(1.0 if p > q else 0.5 if p == q else 0.0 for p in positives for q in negatives)
    return won / (len(positives) * len(negatives))


def auc_by_area(y_true, y_score):
    """Trapezoids under the curve of distinct thresholds, for inputs too large for pairs."""
    y_true, y_score = np.asarray(y_true, dtype=float), np.asarray(y_score)
    order = np.argsort(-y_score, kind="stable")
    last = np.append(np.diff(y_score[order]) != 0, True)
    hits = np.append(0, np.cumsum(y_true[order])[last]) / y_true.sum()
    alarms = np.append(0, np.cumsum(1 - y_true[order])[last]) / (1 - y_true).sum()
    return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2))


def calibration_error(y_true, y_prob, n_bins):
    """Fill the bins sample by sample, with exact fractions as edges."""
    bins = {}
    for label, p in zip(y_true, y_prob, strict=True):
        number = next(b for b in range(1, n_bins + 1) if p <= b / n_bins)
        bins.setdefault(number, []).append((float(label), float(p)))
    n = len(list(y_true))
    total = 0.0
    for members in bins.values():
        size = len(members)
        mean_label, mean_p = (math.fsum(column) / size for column in zip(*members, strict=True))
        total += size / n * abs(mean_label - mean_p)
    return total


def isotonic(y_true, y_score):
    """The max-min formula over the distinct scores."""
    levels = sorted(set(y_score))
    groups = [[float(t) for t, s in zip(y_true, y_score, strict=True) if s == level] for level in levels]

    def mean(a, b):
        members = [value for group in groups[a : b + 1] for value in group]
        return math.fsum(members) / len(members)

    k = len(levels)
    fitted = [max(min(mean(a, b) for b in range(i, k)) for a in range(i + 1)) for i in range(k)]
    return [fitted[levels.index(score)] for score in y_score]


# descent --------------------------------------------------------------------------------------------------------------


def sigmoid(z):
    """Return the logistic function by two formulas, each where it is exact."""
    z = np.asarray(z, dtype=float)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small))


def log_loss(z, y):
    """Return the mean log-loss: log(1 + exp(-m)) of the margin m, split at 0."""
    margin = np.where(np.asarray(y) == 1, z, -np.asarray(z))
    return float(np.mean(np.maximum(-margin, 0) + np.log1p(np.exp(-np.abs(margin)))))


def slopes(X, y, coef, intercept, l2=0.0):
    """Return the gradient by coefficients and by intercept."""
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    gap = sigmoid(X @ coef + intercept) - y
    return (X * gap[:, None]).mean(axis=0) + l2 * coef, float(gap.mean())


def objective(X, y, coef, intercept, l2=0.0):
    """Return mean log-loss and penalty."""
    return log_loss(np.asarray(X, dtype=float) @ coef + intercept, y) + l2 / 2 * float(np.sum(coef**2))


def descend(X, y, *, lr, steps, l2=0.0, tol=0.0, fit_intercept=True):
    """Follow rules 6 to 9; return coefficients, intercept, losses."""
    coef, intercept, losses = np.zeros(np.shape(X)[1]), 0.0, []
    while True:
        losses.append(objective(X, y, coef, intercept, l2))
        by_coef, by_intercept = slopes(X, y, coef, intercept, l2)
        by_intercept *= fit_intercept
        if len(losses) > steps or max(*np.abs(by_coef), abs(by_intercept)) <= tol:
            return coef, intercept, losses
        coef, intercept = coef - lr * by_coef, intercept - lr * by_intercept


def proximal(X, y, *, l1, lr, steps, tol=0.0):
    """Follow rules 16 and 17; return coefficients, intercept, number of steps."""
    coef, intercept = np.zeros(np.shape(X)[1]), 0.0
    for step in range(1, steps + 1):
        by_coef, by_intercept = slopes(X, y, coef, intercept)
        free = coef - lr * by_coef
        moved = np.array([max(v - lr * l1, 0.0) if v > 0 else min(v + lr * l1, 0.0) for v in free])
        shift = max(*np.abs(moved - coef), abs(lr * by_intercept))
        coef, intercept = moved, intercept - lr * by_intercept
        if shift <= tol:
            return coef, intercept, step
    return coef, intercept, steps


def softmax(z):
    """Return the softmax of each row."""
    z = np.asarray(z, dtype=float)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_objective(X, codes, coef, intercept, l2=0.0):
    """Return mean cross-entropy and penalty, row by row."""
    total = 0.0
    for row, code in zip(np.asarray(X, dtype=float), codes, strict=True):
        z = coef @ row + intercept
        top = z.max()
        total += top + math.log(np.exp(z - top).sum()) - z[code]
    return float(total) / len(codes) + l2 / 2 * float(np.sum(coef**2))


def softmax_slopes(X, codes, coef, intercept, l2=0.0):
    """Return the gradient by coefficients (k, d) and by intercepts (k,)."""
    X = np.asarray(X, dtype=float)
    gap = softmax(X @ coef.T + intercept)
    gap[np.arange(len(codes)), codes] -= 1
    by_coef = np.stack([(X * gap[:, [c]]).mean(axis=0) for c in range(len(coef))])
    return by_coef + l2 * coef, gap.mean(axis=0)


def softmax_descend(X, codes, *, lr, steps, l2=0.0, tol=0.0):
    """Follow rules 13 and 14; return coefficients, intercepts, losses."""
    k = int(max(codes)) + 1
    coef, intercept, losses = np.zeros((k, np.shape(X)[1])), np.zeros(k), []
    while True:
        losses.append(softmax_objective(X, codes, coef, intercept, l2))
        by_coef, by_intercept = softmax_slopes(X, codes, coef, intercept, l2)
        if len(losses) > steps or max(np.abs(by_coef).max(), np.abs(by_intercept).max()) <= tol:
            return coef, intercept, losses
        coef, intercept = coef - lr * by_coef, intercept - lr * by_intercept


# data -----------------------------------------------------------------------------------------------------------------


def draw_labels(rng, n, labels, *, right=0.6):
    """Return true and predicted labels as lists; about `right` of the predictions are right."""
    true = [labels[i] for i in rng.integers(0, len(labels), n)]
    other = [labels[i] for i in rng.integers(0, len(labels), n)]
    return true, [t if rng.random() < right else o for t, o in zip(true, other, strict=True)]


def draw_task(rng, n, d, *, noise=1.0):
    """Return X (n, d) and y (n,) int of both classes, unequal in number, that no line separates."""
    while True:
        X = rng.normal(size=(n, d)) * rng.uniform(0.6, 1.6, d) + rng.uniform(-0.6, 0.6, d)
        truth = rng.uniform(0.5, 1.5, d) * rng.choice([-1.0, 1.0], d)
        y = (X @ truth + rng.normal(size=n) * noise + 0.7 > 0).astype(np.int64)
        # Flipped labels keep the optimum near.
        flip = rng.random(n) < 0.15
        y[flip] = 1 - y[flip]
        if n // 5 <= y.sum() <= n - n // 5 and 2 * y.sum() != n:
            return X, y


def draw_classes(rng, n, d, k, *, noise=1.0):
    """Return X (n, d) and codes (n,) of k classes, each at least twice, unequal in number."""
    while True:
        X = rng.normal(size=(n, d)) + rng.uniform(-0.5, 0.5, d)
        centres = rng.normal(size=(k, d)) * 1.2
        codes = np.argmax(X @ centres.T + rng.gumbel(size=(n, k)) * noise, axis=1)
        sizes = np.bincount(codes, minlength=k)
        if sizes.min() >= 2 and len(set(sizes.tolist())) > 1:
            return X, codes
