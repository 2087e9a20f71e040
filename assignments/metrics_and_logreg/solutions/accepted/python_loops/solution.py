"""Plain Python wherever it will do: counters, sorted pairs, and a loop over rows."""

import math
from collections import Counter

import numpy as np


def confusion_matrix(y_true, y_pred, labels=None):
    if len(y_true) != len(y_pred) or len(y_true) == 0:
        raise ValueError("need equally many labels, and at least one")
    pairs = Counter(zip(list(y_true), list(y_pred), strict=True))
    if labels is None:
        labels = sorted({label for pair in pairs for label in pair})
    rows = [[pairs[true, predicted] for predicted in labels] for true in labels]
    return np.array(rows, dtype=int).reshape(len(labels), len(labels))


def precision_recall_f1(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    if average not in {"binary", "macro", "micro", "weighted"}:
        raise ValueError(f"unknown average {average}")
    if len(y_true) != len(y_pred) or len(y_true) == 0:
        raise ValueError("need equally many labels, and at least one")
    y_true, y_pred = list(y_true), list(y_pred)
    classes = [pos_label] if average == "binary" else sorted(set(y_true) | set(y_pred))
    tables = []
    for label in classes:
        tp = sum(1 for t, p in zip(y_true, y_pred, strict=True) if t == label and p == label)
        tables.append((tp, y_pred.count(label) - tp, y_true.count(label) - tp))
    if average == "micro":
        tables = [tuple(map(sum, zip(*tables, strict=True)))]

    def ratio(part, whole):
        return part / whole if whole != 0 else zero_division

    numbers = [(ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(2 * tp, 2 * tp + fp + fn)) for tp, fp, fn in tables]
    weights = [tp + fn for tp, _, fn in tables] if average == "weighted" else [1] * len(tables)
    return tuple(
        sum(w * number[i] for w, number in zip(weights, numbers, strict=True)) / sum(weights) for i in range(3)
    )


def roc_auc(y_true, y_score):
    if len(y_true) != len(y_score):
        raise ValueError("unequal lengths")
    n_pos = n_neg = 0
    blocks = {}
    for label, score in zip(y_true, y_score, strict=True):
        if label not in (0, 1):
            raise ValueError(f"label {label}")
        block = blocks.setdefault(float(score), [0, 0])
        block[int(label)] += 1
        n_pos += int(label)
        n_neg += 1 - int(label)
    if n_pos == 0 or n_neg == 0:
        raise ValueError("need both classes")
    won, below = 0.0, 0
    for score in sorted(blocks):
        negatives, positives = blocks[score]
        won += positives * (below + 0.5 * negatives)
        below += negatives
    return won / n_pos / n_neg


def logistic(z):
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z))


def log1pexp(z):
    return z + math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z))


def check(X, y, binary=True):
    X = np.asarray(X, dtype=float)
    y = np.asarray(y)
    if X.ndim != 2 or X.shape[0] < 1 or not np.all(np.isfinite(X)) or y.shape != (X.shape[0],):
        raise ValueError("bad data")
    if binary and sorted(set(y.tolist())) != [0, 1]:
        raise ValueError("labels must be 0 and 1, both of them")
    return X, y.tolist()


class LogisticRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6, fit_intercept=True):
        if lr <= 0 or max_iter < 1 or l2 < 0 or tol < 0:
            raise ValueError("bad settings")
        self.lr = lr
        self.max_iter = max_iter
        self.l2 = l2
        self.tol = tol
        self.fit_intercept = fit_intercept

    def _gradient(self, rows, y, w, b):
        n = len(rows)
        dw, db = [self.l2 * value for value in w], 0.0
        for row, label in zip(rows, y, strict=True):
            residual = (logistic(sum(a * c for a, c in zip(w, row, strict=True)) + b) - label) / n
            db += residual
            for j, value in enumerate(row):
                dw[j] += residual * value
        return dw, db if self.fit_intercept else 0.0

    def _objective(self, rows, y, w, b):
        loss = 0.0
        for row, label in zip(rows, y, strict=True):
            z = sum(a * c for a, c in zip(w, row, strict=True)) + b
            loss += log1pexp(-z if label else z)
        return loss / len(rows) + self.l2 / 2 * sum(value**2 for value in w)

    def fit(self, X, y):
        X, y = check(X, y)
        rows = X.tolist()
        w, b = [0.0] * X.shape[1], 0.0
        self.n_iter_ = 0
        self.loss_history_ = [self._objective(rows, y, w, b)]
        while self.n_iter_ < self.max_iter:
            dw, db = self._gradient(rows, y, w, b)
            if all(abs(value) <= self.tol for value in [*dw, db]):
                break
            w = [value - self.lr * slope for value, slope in zip(w, dw, strict=True)]
            b -= self.lr * db
            self.n_iter_ += 1
            self.loss_history_.append(self._objective(rows, y, w, b))
        self.coef_ = np.array(w)
        self.intercept_ = b
        return self

    def predict_proba(self, X):
        if not hasattr(self, "coef_"):
            raise RuntimeError("not fitted")
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != len(self.coef_):
            raise ValueError("wrong number of columns")
        p = np.array([logistic(z) for z in (X @ self.coef_ + self.intercept_).tolist()])
        return np.stack([1 - p, p], axis=1)

    def predict(self, X):
        return np.array([1 if p >= 0.5 else 0 for p in self.predict_proba(X)[:, 1]], dtype=int)


class SoftmaxRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6):
        if lr <= 0 or max_iter < 1 or l2 < 0 or tol < 0:
            raise ValueError("bad settings")
        self.settings = lr, max_iter, l2, tol

    def _log_p(self, X):
        z = X @ self.coef_.T + self.intercept_
        rows = [[u - max(row) - math.log(sum(math.exp(v - max(row)) for v in row)) for u in row] for row in z.tolist()]
        return np.array(rows).reshape(z.shape)

    def fit(self, X, y):
        lr, max_iter, l2, tol = self.settings
        X, y = check(X, y, binary=False)
        classes = sorted(set(y))
        if len(classes) == 1:
            raise ValueError("only one class")
        self.classes_ = np.array(classes)
        codes = [classes.index(label) for label in y]
        self.coef_ = np.zeros((len(classes), X.shape[1]))
        self.intercept_ = np.zeros(len(classes))
        self.n_iter_, self.loss_history_ = 0, []
        while True:
            log_p = self._log_p(X)
            loss = -sum(log_p[i, code] for i, code in enumerate(codes)) / len(codes)
            self.loss_history_.append(float(loss + l2 / 2 * np.sum(self.coef_**2)))
            gap = np.exp(log_p)
            for i, code in enumerate(codes):
                gap[i, code] -= 1.0
            dw = gap.T @ X / len(codes) + l2 * self.coef_
            db = gap.mean(axis=0)
            if self.n_iter_ >= max_iter or (np.all(np.abs(dw) <= tol) and np.all(np.abs(db) <= tol)):
                return self
            self.coef_ -= lr * dw
            self.intercept_ -= lr * db
            self.n_iter_ += 1

    def predict_proba(self, X):
        if not hasattr(self, "classes_"):
            raise RuntimeError("not fitted")
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != self.coef_.shape[1]:
            raise ValueError("wrong number of columns")
        return np.exp(self._log_p(X))

    def predict(self, X):
        best = np.array([np.argmax(row) for row in self.predict_proba(X)], dtype=int)
        return self.classes_[best]


def expected_calibration_error(y_true, y_prob, *, n_bins=10):
    if n_bins < 1 or len(y_true) != len(y_prob) or len(y_true) == 0:
        raise ValueError("bad input")
    if any(label not in (0, 1) for label in y_true) or any(not 0 <= p <= 1 for p in y_prob):
        raise ValueError("bad label or probability")
    total = 0.0
    for b in range(1, n_bins + 1):
        members = [
            (float(t), float(p))
            for t, p in zip(y_true, y_prob, strict=True)
            if (b - 1) / n_bins < p <= b / n_bins or (b == 1 and p == 0)
        ]
        if members:
            labels, probabilities = zip(*members, strict=True)
            total += len(members) / len(y_true) * abs(sum(labels) - sum(probabilities)) / len(members)
    return total


def fit_l1(X, y, *, l1, lr=0.1, max_iter=1000, tol=1e-6):
    if lr <= 0 or max_iter < 1 or l1 < 0 or tol < 0:
        raise ValueError("bad settings")
    X, y = check(X, y)
    labels = np.array(y, dtype=float)
    w, b = [0.0] * X.shape[1], 0.0
    for step in range(1, max_iter + 1):
        gap = np.array([logistic(z) for z in (X @ np.array(w) + b).tolist()]) - labels
        slopes = (gap @ X / len(y)).tolist()
        new = []
        for value, slope in zip(w, slopes, strict=True):
            value -= lr * slope
            new.append(math.copysign(max(abs(value) - lr * l1, 0.0), value) + 0.0)
        shift = lr * float(gap.mean())
        moved = max([abs(a - c) for a, c in zip(new, w, strict=True)] + [abs(shift)])
        w, b = new, b - shift
        if moved <= tol:
            return np.array(w), b, step
    return np.array(w), b, max_iter
