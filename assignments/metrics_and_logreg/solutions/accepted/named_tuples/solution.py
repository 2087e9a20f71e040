"""Named tuples, properties and little classes."""

import bisect
from typing import NamedTuple

import numpy as np


class Scores(NamedTuple):
    precision: float
    recall: float
    f1: float


class Fit(NamedTuple):
    coef: np.ndarray
    intercept: float
    steps: int


class Table:
    def __init__(self, t, p, labels=None):
        t, p = list(t), list(p)
        if len(t) != len(p) or t == []:
            raise ValueError("same length please")
        self.labels = list(labels) if labels is not None else sorted(set(t + p))
        self.pairs = [(a, b) for a, b in zip(t, p) if a in self.labels and b in self.labels]

    @property
    def matrix(self):
        m = np.zeros((len(self.labels),) * 2, dtype=np.int32)
        for a, b in self.pairs:
            m[self.labels.index(a), self.labels.index(b)] += 1
        return m


def confusion_matrix(y_true, y_pred, labels=None):
    return Table(y_true, y_pred, labels).matrix


def precision_recall_f1(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    table = Table(y_true, y_pred)
    m = table.matrix
    tp, fp, fn = m.diagonal(), m.sum(axis=0) - m.diagonal(), m.sum(axis=1) - m.diagonal()

    def scores(a, b, c):
        def f(x, y):
            return x / y if y else zero_division

        return Scores(f(a, a + b), f(a, a + c), f(2 * a, 2 * a + b + c))

    each = [scores(int(a), int(b), int(c)) for a, b, c in zip(tp, fp, fn)]
    if average == "binary":
        return each[table.labels.index(pos_label)] if pos_label in table.labels else scores(0, 0, 0)
    if average == "micro":
        return scores(int(tp.sum()), int(fp.sum()), int(fn.sum()))
    if average not in ("macro", "weighted"):
        raise ValueError(average)
    w = (tp + fn) / m.sum() if average == "weighted" else np.ones(len(tp)) / len(tp)
    return Scores(*(float(w @ np.array([getattr(s, n) for s in each])) for n in Scores._fields))


def roc_auc(y_true, y_score):
    y = [int(v) if v in (0, 1) else None for v in y_true]
    if len(y) != len(y_score) or None in y or len(set(y)) < 2:
        raise ValueError("labels")
    neg = sorted(s for s, v in zip(y_score, y) if v == 0)
    pos = [s for s, v in zip(y_score, y) if v == 1]
    return sum(bisect.bisect_left(neg, s) + bisect.bisect_right(neg, s) for s in pos) / 2 / len(neg) / len(pos)


class _Base:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6):
        if min(l2, tol) < 0 or lr <= 0 or max_iter < 1:
            raise ValueError("settings")
        self.lr, self.max_iter, self.l2, self.tol = lr, max_iter, l2, tol

    @staticmethod
    def _check(X, y):
        X, y = np.asarray(X, np.float64), np.asarray(y)
        if X.ndim != 2 or X.shape[0] < 1 or not np.isfinite(X).all() or y.ndim != 1 or len(y) != len(X):
            raise ValueError("X or y")
        return X, y

    def _fit(self, X, Y):
        # Y is (n, k) of targets, theta (d + 1, k), the last row is free of the penalty
        D = np.c_[X, np.ones(len(X))]
        theta = np.zeros((D.shape[1], Y.shape[1]))
        self.loss_history_, self.n_iter_ = [], 0
        at_rest = False
        while not at_rest:
            Z = D @ theta
            P, loss = self._link(Z, Y)
            self.loss_history_.append(float(loss + self.l2 * 0.5 * (theta[:-1] ** 2).sum()))
            G = np.einsum("nd,nk->dk", D, P - Y) / len(X)
            G[:-1] += self.l2 * theta[:-1]
            if not getattr(self, "fit_intercept", True):
                G[-1] = 0
            at_rest = self.n_iter_ == self.max_iter or abs(G).max() <= self.tol
            if not at_rest:
                theta = theta - self.lr * G
                self.n_iter_ += 1
        return theta


class LogisticRegression(_Base):
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6, fit_intercept=True):
        super().__init__(lr=lr, max_iter=max_iter, l2=l2, tol=tol)
        self.fit_intercept = fit_intercept

    @staticmethod
    def _link(Z, Y):
        s = np.where(Y == 1, 1, -1)
        return 1 / (1 + np.exp(np.clip(-Z, None, 700))), np.logaddexp(0, -s * Z).mean()

    def fit(self, X, y):
        X, y = self._check(X, y)
        if not np.all(np.isin(y, [0, 1])) or y.min() == y.max():
            raise ValueError("y")
        theta = self._fit(X, y[:, None].astype(float))
        self.coef_, self.intercept_ = theta[:-1, 0], float(theta[-1, 0])
        return self

    def predict_proba(self, X):
        try:
            z = np.asarray(X) @ self.coef_ + self.intercept_
        except AttributeError as e:
            raise RuntimeError("fit first") from e
        p = np.exp(-np.logaddexp(0, -z))
        return np.array([1 - p, p]).transpose()

    def predict(self, X):
        return np.round(np.floor(self.predict_proba(X)[:, 1] + 0.5)).astype(np.int_)


class SoftmaxRegression(_Base):
    @staticmethod
    def _link(Z, Y):
        Z = Z - Z.max(axis=1)[:, None]
        L = Z - np.log(np.exp(Z).sum(axis=1))[:, None]
        return np.exp(L), -np.where(Y == 1, L, 0.0).sum() / len(Z)

    def fit(self, X, y):
        X, y = self._check(X, y)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError("classes")
        theta = self._fit(X, 1.0 * (y[:, None] == classes[None]))
        self.classes_, self.coef_, self.intercept_ = classes, theta[:-1].T, theta[-1]
        return self

    def predict_proba(self, X):
        try:
            Z = np.asarray(X) @ self.coef_.T + self.intercept_
        except AttributeError as e:
            raise RuntimeError("fit first") from e
        return self._link(Z, Z)[0]

    def predict(self, X):
        P = self.predict_proba(X)
        return self.classes_[P.argmax(axis=1)]


def expected_calibration_error(y_true, y_prob, *, n_bins=10):
    t, p = np.asarray(y_true), np.asarray(y_prob, float)
    if (
        t.shape != p.shape
        or t.size == 0
        or not np.isin(t, [0, 1]).all()
        or n_bins < 1
        or not np.all(abs(p - 0.5) <= 0.5)
    ):
        raise ValueError("input")
    b = np.maximum(np.ceil(p * n_bins), 1)
    return float(sum(abs(np.sum(t[b == k]) - np.sum(p[b == k])) for k in np.unique(b)) / t.size)


def fit_l1(X, y, *, l1, lr=0.1, max_iter=1000, tol=1e-6):
    LogisticRegression(lr=lr, max_iter=max_iter, l2=l1, tol=tol)
    X, y = _Base._check(X, y)
    if not np.all(np.isin(y, [0, 1])) or y.min() == y.max():
        raise ValueError("y")
    w, b = np.zeros(X.shape[1]), 0.0
    steps, small = 0, False
    while steps < max_iter and not small:
        steps += 1
        e = np.exp(-np.logaddexp(0, -(X @ w + b))) - y
        u = w - lr * (e @ X) / len(e)
        u = np.maximum(u - lr * l1, 0) + np.minimum(u + lr * l1, 0)
        c = b - lr * e.sum() / len(e)
        small = np.all(abs(u - w) <= tol) and abs(c - b) <= tol
        w, b = u, c
    return Fit(w, b, steps)
