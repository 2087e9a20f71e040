"""One generator descends for both models; metrics go through index arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np


class NotFittedError(RuntimeError, ValueError):
    """The model has not seen data."""


def _same_length(a, b):
    a, b = np.asarray(a).ravel(), np.asarray(b).ravel()
    if a.size != b.size or not a.size:
        raise ValueError(f"lengths {a.size} and {b.size}")
    return a, b


def confusion_matrix(y_true, y_pred, labels=None):
    t, p = _same_length(y_true, y_pred)
    if labels is None:
        labels = np.unique(np.r_[t, p])
    where = {label: i for i, label in enumerate(np.asarray(labels).tolist())}
    k = len(where)
    rows = np.array([where.get(label, -1) for label in t.tolist()])
    columns = np.array([where.get(label, -1) for label in p.tolist()])
    known = (rows >= 0) & (columns >= 0)
    return np.bincount(rows[known] * k + columns[known], minlength=k * k).reshape(k, k)


@dataclass
class Counts:
    tp: int
    fp: int
    fn: int

    def __add__(self, other):
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def numbers(self, instead):
        for part, whole in (
            (self.tp, self.tp + self.fp),
            (self.tp, self.tp + self.fn),
            (self.tp, self.tp + (self.fp + self.fn) / 2),
        ):
            yield float(part / whole) if whole else float(instead)


def precision_recall_f1(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    t, p = _same_length(y_true, y_pred)
    labels = [pos_label] if average == "binary" else np.unique(np.r_[t, p])
    each = [
        Counts(int(((t == c) & (p == c)).sum()), int(((t != c) & (p == c)).sum()), int(((t == c) & (p != c)).sum()))
        for c in labels
    ]
    if average in ("binary", "micro"):
        return tuple(sum(each, Counts(0, 0, 0)).numbers(zero_division))
    table = np.array([list(c.numbers(zero_division)) for c in each])
    if average == "macro":
        return tuple(table.mean(axis=0))
    if average == "weighted":
        return tuple(np.average(table, axis=0, weights=[c.tp + c.fn for c in each]))
    raise ValueError(average)


def roc_auc(y_true, y_score):
    y, s = _same_length(y_true, y_score)
    if not set(y.tolist()) == {0, 1}:
        raise ValueError("both classes, please")
    y = y.astype(bool)
    thresholds = np.unique(s)
    neg = np.bincount(np.searchsorted(thresholds, s[~y]), minlength=len(thresholds))
    pos = np.bincount(np.searchsorted(thresholds, s[y]), minlength=len(thresholds))
    fpr = np.append(np.cumsum(neg[::-1])[::-1] / neg.sum(), 0.0)
    tpr = np.append(np.cumsum(pos[::-1])[::-1] / pos.sum(), 0.0)
    return float(np.trapezoid(tpr[::-1], fpr[::-1]))


def _descend(value_and_slopes, parameters, lr):
    """Yield (parameters, value, steepest slope) before the first step and after each."""
    while True:
        value, slopes = value_and_slopes(*parameters)
        yield parameters, float(value), max(float(np.max(np.abs(s))) for s in slopes)
        parameters = [p - lr * s for p, s in zip(parameters, slopes, strict=True)]


@dataclass(kw_only=True)
class _Settings:
    lr: float = 0.1
    max_iter: int = 1000
    l2: float = 0.0
    tol: float = 1e-6

    def __post_init__(self):
        if not (self.lr > 0 and self.max_iter >= 1 and self.l2 >= 0 and self.tol >= 0):
            raise ValueError(f"cannot use {self}")

    def _run(self, value_and_slopes, start):
        self.loss_history_ = []
        end = start
        for parameters, value, steepest in islice(_descend(value_and_slopes, start, self.lr), self.max_iter + 1):
            end = parameters
            self.loss_history_.append(value)
            if steepest <= self.tol:
                break
        self.n_iter_ = len(self.loss_history_) - 1
        return end

    def _matrix(self, X, least=1):
        X = np.asarray(X).astype("float64")
        if X.ndim != 2 or len(X) < least or not np.isfinite(X).all():
            raise ValueError("X")
        return X

    def _logits(self, X):
        if not hasattr(self, "coef_"):
            raise NotFittedError
        return self._matrix(X, least=0) @ self.coef_.T + self.intercept_


@dataclass(kw_only=True)
class LogisticRegression(_Settings):
    fit_intercept: bool = field(default=True)

    def fit(self, X, y):
        X, y = self._matrix(X), np.asarray(y)
        if y.shape != X.shape[:1] or set(np.unique(y)) != {0, 1}:
            raise ValueError("y")
        sign = np.where(y == 1, 1.0, -1.0)

        def value_and_slopes(w, b):
            margin = sign * (X @ w + b)
            pull = -sign * np.exp(-np.logaddexp(0, margin)) / len(X)
            value = np.logaddexp(0, -margin).mean() + self.l2 * w @ w / 2
            return value, (pull @ X + self.l2 * w, self.fit_intercept * pull.sum())

        w, b = self._run(value_and_slopes, [np.zeros(X.shape[1]), 0.0])
        self.coef_, self.intercept_ = w, float(b)
        return self

    def predict_proba(self, X):
        z = self._logits(X)
        return np.exp(-np.logaddexp(0, np.c_[z, -z]))

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] >= 0.5) * 1


@dataclass(kw_only=True)
class SoftmaxRegression(_Settings):
    def fit(self, X, y):
        X, y = self._matrix(X), np.asarray(y)
        if y.shape != X.shape[:1]:
            raise ValueError("y")
        classes, code = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError("classes")
        rows = np.arange(len(X))

        def value_and_slopes(W, b):
            Z = X @ W.T + b
            Z -= np.logaddexp.reduce(Z, axis=1)[:, None]
            G = np.exp(Z)
            G[rows, code] -= 1
            return -Z[rows, code].mean() + self.l2 / 2 * (W * W).sum(), (G.T @ X / len(X) + self.l2 * W, G.mean(0))

        start = [np.zeros((len(classes), X.shape[1])), np.zeros(len(classes))]
        self.coef_, self.intercept_ = self._run(value_and_slopes, start)
        self.classes_ = classes
        return self

    def predict_proba(self, X):
        Z = self._logits(X)
        return np.exp(Z - np.logaddexp.reduce(Z, axis=1)[:, None])

    def predict(self, X):
        best = self._logits(X).argmax(1)
        return np.take(self.classes_, best)


def expected_calibration_error(y_true, y_prob, *, n_bins=10):
    y, p = _same_length(y_true, y_prob)
    if n_bins < 1 or set(y.tolist()) - {0, 1} or not (p >= 0).all() or not (p <= 1).all():
        raise ValueError("cannot be binned")
    upper = np.arange(1, n_bins + 1) / n_bins
    bins = np.searchsorted(upper, p, side="left")
    return float(sum(abs((y[bins == b] - p[bins == b]).sum()) for b in range(n_bins)) / len(y))


def fit_l1(X, y, *, l1, lr=0.1, max_iter=1000, tol=1e-6):
    if l1 < 0:
        raise ValueError("l1")
    settings = LogisticRegression(lr=lr, max_iter=max_iter, tol=tol)
    X, y = settings._matrix(X), np.asarray(y)
    if y.shape != X.shape[:1] or set(np.unique(y)) != {0, 1}:
        raise ValueError("y")
    w, b = np.zeros(X.shape[1]), 0.0
    n, done = 0, False
    while n < max_iter and not done:
        n += 1
        p = np.exp(-np.logaddexp(0, -(X @ w + b)))
        v = w - lr * ((p - y) @ X) / len(X)
        new_w = np.where(v > lr * l1, v - lr * l1, np.where(v < -lr * l1, v + lr * l1, 0.0))
        new_b = b - lr * (p - y).mean()
        done = max(np.abs(new_w - w).max(), abs(new_b - b)) <= tol
        w, b = new_w, new_b
    return w, b, n


def isotonic_calibration(y_true, y_score):
    """Max over starts of the min over ends of the mean between them."""
    y, s = _same_length(y_true, y_score)
    levels, code = np.unique(s, return_inverse=True)
    total, count = np.bincount(code, y), np.bincount(code)
    up_total, up_count = np.append(0, np.cumsum(total)), np.append(0, np.cumsum(count))
    k = len(levels)
    mean = [
        [(up_total[b + 1] - up_total[a]) / (up_count[b + 1] - up_count[a]) if b >= a else 0 for b in range(k)]
        for a in range(k)
    ]
    fitted = [max(min(mean[a][b] for b in range(i, k)) for a in range(i + 1)) for i in range(k)]
    return np.array(fitted)[code]
