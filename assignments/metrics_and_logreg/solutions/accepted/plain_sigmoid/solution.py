"""The textbook's sigmoid, which overflows to the right answer, with losses from logits; written for a REPL."""

from itertools import pairwise

import numpy as np


def pair(a, b):
    a = np.array(list(a))
    b = np.array(list(b))
    if len(a) == 0:
        raise ValueError("empty")
    if len(a) != len(b):
        raise ValueError("lengths differ")
    return a, b


def confusion_matrix(y_true, y_pred, labels=None):
    y_true, y_pred = pair(y_true, y_pred)
    if labels is None:
        labels = sorted(set(y_true.tolist()).union(y_pred.tolist()))
    labels = list(labels)
    cm = np.zeros([len(labels), len(labels)], dtype=np.uint64)
    for i, true in enumerate(labels):
        for j, predicted in enumerate(labels):
            cm[i, j] = np.sum((y_true == true) & (y_pred == predicted))
    return cm


def safe(a, b, instead):
    return np.array([x / y if y > 0 else instead for x, y in zip(np.atleast_1d(a), np.atleast_1d(b))])


def precision_recall_f1(y_true, y_pred, *, average="binary", pos_label=1, zero_division=0.0):
    y_true, y_pred = pair(y_true, y_pred)
    if average == "binary":
        y_true, y_pred = y_true == pos_label, y_pred == pos_label
        cm = np.array([[np.sum(y_true & y_pred), np.sum(y_true & ~y_pred)], [np.sum(~y_true & y_pred), 0]], dtype=float)
        tp, fn, fp = cm[0, 0], cm[0, 1], cm[1, 0]
        weight = None
    elif average in ("macro", "weighted", "micro"):
        cm = confusion_matrix(y_true, y_pred).astype(float)
        tp = cm.diagonal()
        fp = cm.sum(0) - tp
        fn = cm.sum(1) - tp
        weight = cm.sum(1) if average == "weighted" else None
        if average == "micro":
            tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
    else:
        raise ValueError("average")
    p = np.average(safe(tp, tp + fp, zero_division), weights=weight)
    r = np.average(safe(tp, tp + fn, zero_division), weights=weight)
    f = np.average(safe(2 * tp, 2 * tp + fp + fn, zero_division), weights=weight)
    return p, r, f


def roc_auc(y_true, y_score):
    y, s = pair(y_true, y_score)
    if np.any((y != 0) & (y != 1)) or np.min(y) == np.max(y):
        raise ValueError("labels")
    pos, neg = s[y == 1], s[y == 0]
    total = 0.0
    # One positive at a time: no matrix of all pairs.
    for value in pos:
        total += np.count_nonzero(neg < value) + np.count_nonzero(neg == value) / 2
    return total / len(pos) / len(neg)


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def prepare(X, y):
    X = np.array(X, dtype=float)
    y = np.array(y)
    if len(X.shape) != 2:
        raise ValueError("X must be 2-D")
    if len(X) == 0:
        raise ValueError("X is empty")
    if np.isfinite(X).sum() < X.size:
        raise ValueError("X has NaN or inf")
    if len(y.shape) != 1 or len(y) != len(X):
        raise ValueError("y does not fit X")
    return X, y


class LogisticRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6, fit_intercept=True):
        if lr <= 0:
            raise ValueError("lr")
        if max_iter <= 0:
            raise ValueError("max_iter")
        if l2 < 0:
            raise ValueError("l2")
        if tol < 0:
            raise ValueError("tol")
        self.lr = lr
        self.max_iter = max_iter
        self.l2 = l2
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.fitted = False

    def loss(self, X, y):
        z = X.dot(self.coef_) + self.intercept_
        return float(np.mean(y * softplus(-z) + (1 - y) * softplus(z)) + 0.5 * self.l2 * self.coef_.dot(self.coef_))

    def gradient(self, X, y):
        error = sigmoid(X.dot(self.coef_) + self.intercept_) - y
        dw = X.T.dot(error) / len(y) + self.l2 * self.coef_
        db = error.mean()
        if not self.fit_intercept:
            db = 0.0
        return dw, db

    def fit(self, X, y):
        X, y = prepare(X, y)
        if not np.isin(y, [0, 1]).all() or len(np.unique(y)) < 2:
            raise ValueError("y must hold 0 and 1")
        y = y.astype(int)
        self.coef_ = np.zeros(X.shape[1])
        self.intercept_ = 0.0
        self.n_iter_ = 0
        self.loss_history_ = [self.loss(X, y)]
        for _ in range(self.max_iter):
            dw, db = self.gradient(X, y)
            if np.max(np.abs(dw)) <= self.tol and abs(db) <= self.tol:
                break
            self.coef_ = self.coef_ - self.lr * dw
            self.intercept_ = self.intercept_ - self.lr * db
            self.n_iter_ += 1
            self.loss_history_.append(self.loss(X, y))
        self.fitted = True
        return self

    def predict_proba(self, X):
        if not self.fitted:
            raise RuntimeError("fit first")
        p = sigmoid(np.dot(X, self.coef_) + self.intercept_)
        return np.c_[1 - p, p]

    def predict(self, X):
        p = self.predict_proba(X)
        return (p[:, 1] >= 0.5).astype("int8")


class SoftmaxRegression:
    def __init__(self, *, lr=0.1, max_iter=1000, l2=0.0, tol=1e-6):
        LogisticRegression(lr=lr, max_iter=max_iter, l2=l2, tol=tol)
        self.lr = lr
        self.max_iter = max_iter
        self.l2 = l2
        self.tol = tol

    def log_probabilities(self, X):
        columns = [X.dot(w) + b for w, b in zip(self.coef_, self.intercept_)]
        z = np.array(columns).T
        z = z - z.max(axis=1).reshape(-1, 1)
        return z - np.log(np.exp(z).sum(axis=1)).reshape(-1, 1)

    def fit(self, X, y):
        X, y = prepare(X, y)
        classes = np.unique(y)
        if len(classes) == 1:
            raise ValueError("one class")
        self.classes_ = classes
        self.coef_ = np.zeros((len(self.classes_), X.shape[1]))
        self.intercept_ = np.zeros(len(self.classes_))
        self.n_iter_ = -1
        self.loss_history_ = []
        done = False
        while not done:
            self.n_iter_ += 1
            logp = self.log_probabilities(X)
            cost = 0.0
            dw = self.l2 * self.coef_
            db = np.zeros(len(self.classes_))
            for c, label in enumerate(self.classes_):
                mine = y == label
                cost = cost - logp[mine, c].sum() / len(y)
                error = np.exp(logp[:, c]) - mine
                dw[c] += error.dot(X) / len(y)
                db[c] = error.sum() / len(y)
            self.loss_history_.append(float(cost + self.l2 / 2 * np.sum(np.square(self.coef_))))
            done = self.n_iter_ == self.max_iter or max(abs(dw).max(), abs(db).max()) <= self.tol
            if not done:
                self.coef_ = self.coef_ - self.lr * dw
                self.intercept_ = self.intercept_ - self.lr * db
        return self

    def predict_proba(self, X):
        if not hasattr(self, "classes_"):
            raise RuntimeError("fit first")
        return np.exp(self.log_probabilities(np.array(X)))

    def predict(self, X):
        p = self.predict_proba(X)
        return self.classes_[p.argmax(1)]


def expected_calibration_error(y_true, y_prob, *, n_bins=10):
    y, p = pair(y_true, y_prob)
    if n_bins < 1 or not np.isin(y, [0, 1]).all() or np.isnan(p).any() or p.min() < 0 or p.max() > 1:
        raise ValueError("input")
    y = y.astype(float)
    edges = [b / n_bins for b in range(n_bins + 1)]
    result = 0.0
    for low, high in pairwise(edges):
        mask = (p > low) & (p <= high)
        if low == 0:
            mask |= p == 0
        if mask.sum() == 0:
            continue
        result += mask.mean() * abs(y[mask].mean() - p[mask].mean())
    return result


def fit_l1(X, y, *, l1, lr=0.1, max_iter=1000, tol=1e-6):
    if not l1 >= 0:
        raise ValueError("l1")
    model = LogisticRegression(lr=lr, max_iter=max_iter, tol=tol)
    X, y = prepare(X, y)
    if not np.isin(y, [0, 1]).all() or len(np.unique(y)) < 2:
        raise ValueError("y must hold 0 and 1")
    y = y.astype(float)
    model.coef_, model.intercept_ = np.zeros(X.shape[1]), 0.0
    steps = 0
    while steps < max_iter:
        steps += 1
        old_w, old_b = model.coef_, model.intercept_
        dw, db = model.gradient(X, y)
        w = old_w - lr * dw
        w[np.abs(w) <= lr * l1] = 0.0
        model.coef_ = w - lr * l1 * np.sign(w)
        model.intercept_ = old_b - lr * db
        if np.all(np.abs(model.coef_ - old_w) <= tol) and abs(model.intercept_ - old_b) <= tol:
            break
    return model.coef_, model.intercept_, steps
