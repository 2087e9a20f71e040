"""One matrix for everything: a column of ones for the intercept, one-hot labels for counting."""

import numpy as np


def _codes(y_true, y_pred, classes=None):
    y_true, y_pred = np.array(y_true), np.array(y_pred)
    if y_true.shape != y_pred.shape or y_true.size == 0:
        raise ValueError("y_true and y_pred must have the same positive length")
    if classes is None:
        classes = np.union1d(y_true, y_pred)
    classes = np.array(classes)
    return (y_true[:, None] == classes).astype(int), (y_pred[:, None] == classes).astype(int), classes


def confusion_matrix(y_true, y_pred, labels=None):
    true, pred, _ = _codes(y_true, y_pred, labels)
    return true.T @ pred


def precision_recall_f1(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    true, pred, _ = _codes(y_true, y_pred, [pos_label] if average == "binary" else None)
    tp, fp, fn = (true * pred).sum(0), ((1 - true) * pred).sum(0), (true * (1 - pred)).sum(0)
    support = tp + fn
    match average:
        case "binary" | "macro":
            weights = np.full(len(tp), 1 / len(tp))
        case "weighted":
            weights = support / support.sum()
        case "micro":
            tp, fp, fn, weights = tp.sum()[None], fp.sum()[None], fn.sum()[None], np.ones(1)
        case _:
            raise ValueError(f"average={average!r}")
    out = []
    for top, bottom in [(tp, tp + fp), (tp, tp + fn), (2 * tp, 2 * tp + fp + fn)]:
        each = np.full(len(top), float(zero_division))
        np.divide(top, bottom, out=each, where=bottom > 0)
        out.append(each @ weights)
    return tuple(out)


def roc_auc(y_true, y_score):
    y, s = np.asarray(y_true), np.asarray(y_score, dtype=float)
    if y.shape != s.shape or y.size == 0 or not np.all((y == 0) | (y == 1)) or np.all(y == y[0]):
        raise ValueError("roc_auc needs labels 0 and 1, both, and a score for each")
    # Average ranks, then Mann and Whitney.
    _, inverse, size = np.unique(s, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[inverse]
    p = int(np.sum(y == 1))
    u = rank[y == 1].sum() - p * (p + 1) / 2
    return u / (p * (y.size - p))


def _design(X, intercept=True, least=1):
    X = np.array(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[0] < least or np.isnan(X).any() or np.isinf(X).any():
        raise ValueError("X must be a finite matrix with rows")
    return np.hstack([X, np.full((len(X), 1), float(intercept))])


def _target(y, n):
    y = np.array(y)
    if y.shape != (n,):
        raise ValueError("one label for each row")
    return y


def _two_classes(y):
    if not np.array_equal(np.unique(y), [0, 1]):
        raise ValueError("labels must be 0 and 1")
    return y.astype(float)


def _sigma(z):
    return 0.5 * (1 + np.tanh(z / 2))


class LogisticRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6, fit_intercept=True):
        for name, fine in {"lr": lr > 0, "max_iter": max_iter >= 1, "l2": l2 >= 0, "tol": tol >= 0}.items():
            if not fine:
                raise ValueError(name)
        self.lr, self.max_iter, self.l2, self.tol, self.fit_intercept = lr, max_iter, l2, tol, fit_intercept
        self._theta = None

    def fit(self, X, y):
        A = _design(X, self.fit_intercept)
        y = _two_classes(_target(y, len(A)))
        penalty = np.full(A.shape[1], float(self.l2))
        penalty[-1] = 0.0
        theta = np.zeros(A.shape[1])
        self.loss_history_ = []
        for k in range(self.max_iter + 1):
            z = A @ theta
            nll = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
            self.loss_history_.append(float(nll.mean() + 0.5 * (penalty * theta**2).sum()))
            grad = A.T @ (_sigma(z) - y) / len(y) + penalty * theta
            self.n_iter_ = k
            if k == self.max_iter or np.linalg.norm(grad, np.inf) <= self.tol:
                break
            theta -= self.lr * grad
        self._theta = theta
        self.coef_, self.intercept_ = theta[:-1].copy(), theta[-1]
        return self

    def predict_proba(self, X):
        if self._theta is None:
            raise RuntimeError("fit first")
        p = _sigma(_design(X, least=0) @ self._theta)
        return np.array([1 - p, p]).T

    def predict(self, X):
        return np.where(self.predict_proba(X)[:, 1] >= 0.5, 1, 0)


class SoftmaxRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6):
        LogisticRegression(lr=lr, max_iter=max_iter, l2=l2, tol=tol)
        self.lr, self.max_iter, self.l2, self.tol = lr, max_iter, l2, tol

    @staticmethod
    def _probabilities(Z):
        E = np.exp(Z - Z.max(1)[:, None])
        return E / E.sum(1)[:, None]

    def fit(self, X, y):
        A = _design(X)
        y = _target(y, len(A))
        classes = np.unique(y)
        if classes.size < 2:
            raise ValueError("two classes at least")
        Y = (y[:, None] == classes).astype(float)
        theta = np.zeros((A.shape[1], classes.size))
        mask = np.ones_like(theta)
        mask[-1] = 0
        self.loss_history_ = []
        for k in range(self.max_iter + 1):
            Z = A @ theta
            top = Z.max(1)
            lse = top + np.log(np.exp(Z - top[:, None]).sum(1))
            self.loss_history_.append(float(np.mean(lse - (Z * Y).sum(1)) + self.l2 / 2 * np.sum(mask * theta**2)))
            grad = A.T @ (self._probabilities(Z) - Y) / len(Y) + self.l2 * mask * theta
            self.n_iter_ = k
            if k == self.max_iter or np.abs(grad).max() <= self.tol:
                break
            theta -= self.lr * grad
        self.classes_, self._theta = classes, theta
        return self

    @property
    def coef_(self):
        return self._theta[:-1].T.copy()

    @property
    def intercept_(self):
        return self._theta[-1].copy()

    def predict_proba(self, X):
        if not hasattr(self, "_theta"):
            raise RuntimeError("fit first")
        return self._probabilities(_design(X, least=0) @ self._theta)

    def predict(self, X):
        best = np.argmax(self.predict_proba(X), 1)
        return self.classes_[best]


def expected_calibration_error(y_true, y_prob, *, n_bins=10):
    y, p = np.array(y_true), np.array(y_prob, dtype=float)
    ok = y.shape == p.shape and y.size > 0 and np.all((y == 0) | (y == 1)) and n_bins >= 1
    if not ok or not np.all((p >= 0) & (p <= 1)):
        raise ValueError("bad input")
    bins = np.digitize(p, np.arange(1, n_bins) / n_bins, right=True)
    return sum(
        np.mean(bins == b) * abs(y[bins == b].mean() - p[bins == b].mean()) for b in range(n_bins) if np.any(bins == b)
    )


def fit_l1(X, y, *, l1, lr=0.1, max_iter=1000, tol=1e-6):
    LogisticRegression(lr=lr, max_iter=max_iter, l2=l1, tol=tol)
    A = _design(X)
    y = _two_classes(_target(y, len(A)))
    threshold = np.append(np.full(A.shape[1] - 1, lr * l1), 0.0)
    theta = np.zeros(A.shape[1])
    steps = 0
    while steps < max_iter:
        steps += 1
        before = theta
        free = theta - lr * A.T @ (_sigma(A @ theta) - y) / len(y)
        theta = free - np.clip(free, -threshold, threshold)
        if np.abs(theta - before).max() <= tol:
            break
    return theta[:-1], theta[-1], steps
