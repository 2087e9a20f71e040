"""Metrics of classification, and logistic regression by gradient descent, in NumPy alone."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

Labels = Sequence | np.ndarray
Average = Literal["binary", "macro", "micro", "weighted"]


def confusion_matrix(y_true: Labels, y_pred: Labels, labels: Labels | None = None) -> np.ndarray:
    #: only junior mid
    """Count the pairs of true and predicted label.

    Args:
        y_true: (n,) labels: ints, bools or texts.
        y_pred: (n,) labels of the same kind.
        labels: the classes, in the order they take; by default all labels of both inputs, sorted.

    Returns: (k, k) integers; entry [i, j] counts the samples of class i that were predicted as class j.
    Raises:
        ValueError: the inputs are empty or differ in length.
    """
    #: end
    #: task
    #: junior | # Hint: np.unique sorts. A dict from label to position tells where a pair is counted.
    #: | raise NotImplementedError("confusion_matrix: count pairs of true and predicted label")
    true, predicted = _as_pair(y_true, y_pred)
    classes = np.unique(np.concatenate([true, predicted])) if labels is None else np.asarray(labels)
    position = {label: i for i, label in enumerate(classes.tolist())}
    matrix = np.zeros((len(position), len(position)), dtype=np.int64)
    for pair in zip(true.tolist(), predicted.tolist(), strict=True):
        if pair[0] in position and pair[1] in position:
            matrix[position[pair[0]], position[pair[1]]] += 1
    return matrix
    #: end


def precision_recall_f1(
    y_true: Labels,
    y_pred: Labels,
    *,
    average: Average = "binary",
    pos_label: int | bool | str = 1,
    zero_division: float = 0.0,
) -> tuple[float, float, float]:
    #: only junior mid
    """Compute precision, recall and F1.

    Args:
        y_true: (n,) labels: ints, bools or texts.
        y_pred: (n,) labels of the same kind.
        average: "binary" for `pos_label` against all others, or how to join the classes.
        pos_label: the class that "binary" looks at.
        zero_division: what stands for 0 / 0.

    Returns: (precision, recall, f1).
    Raises:
        ValueError: the inputs are empty or differ in length, or the average is unknown.
    """
    #: end
    #: task
    #: junior | # Hint: one helper that turns tp, fp and fn into the three numbers serves all four averages.
    #: junior | # The diagonal of the confusion matrix holds tp; what do its column sums and row sums hold?
    #: | raise NotImplementedError("precision_recall_f1: (precision, recall, f1)")
    if average not in ("binary", "macro", "micro", "weighted"):
        raise ValueError(f"average: expected binary, macro, micro or weighted, found {average!r}")
    true, predicted = _as_pair(y_true, y_pred)
    if average == "binary":
        # Two classes: the positive one, and all others together.
        true, predicted = true == pos_label, predicted == pos_label
        matrix = confusion_matrix(true, predicted, labels=[False, True])
    else:
        matrix = confusion_matrix(true, predicted)
    tp, n_predicted, n_true = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    if average == "binary":
        tp, n_predicted, n_true = tp[1:], n_predicted[1:], n_true[1:]
    if average == "micro":
        tp, n_predicted, n_true = (counts.sum(keepdims=True) for counts in (tp, n_predicted, n_true))
    weights = n_true if average == "weighted" else np.ones(len(tp))

    fractions = ((tp, n_predicted), (tp, n_true), (2 * tp, n_predicted + n_true))
    precision, recall, f1 = (
        float(np.average(_divide(part, whole, zero_division), weights=weights)) for part, whole in fractions
    )
    return precision, recall, f1
    #: end


def roc_auc(y_true: Labels, y_score: Labels) -> float:
    #: only junior mid
    """Compute the share of pairs of a positive and a negative in which the positive scores higher; ties count half.

    Args:
        y_true: (n,) labels 0 and 1, ints or bools.
        y_score: (n,) finite numbers; higher means more likely positive.

    Raises:
        ValueError: the inputs are empty or differ in length, a label is neither 0 nor 1, or a class is absent.
    """
    #: end
    #: task
    #: junior | # Hint: sort the negatives once; np.searchsorted then counts how many lie below a score, or not above.
    #: | raise NotImplementedError("roc_auc: ties count half, and 100,000 samples must fit into memory")
    true, score = _as_pair(y_true, y_score)
    positive = _as_binary(true)
    negatives, positives = np.sort(score[positive == 0]), score[positive == 1]
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return float((below + not_above).sum() / 2 / len(negatives) / len(positives))
    #: end


class LogisticRegression:
    #: only junior mid
    """Logistic regression of two classes, 0 and 1, by gradient descent from zero.

    Attributes, all set by `fit`:
        coef_: (d,) float64.
        intercept_: a float; 0.0 without `fit_intercept`.
        n_iter_: how many steps were taken.
        loss_history_: the objective before the first step and after each one.
    """

    #: end
    def __init__(
        self,
        *,
        lr: float = 0.1,
        max_iter: int = 1000,
        l2: float = 0.0,
        tol: float = 1e-6,
        fit_intercept: bool = True,
    ) -> None:
        #: task
        #: junior | self.lr, self.max_iter, self.l2, self.tol = lr, max_iter, l2, tol
        #: junior | self.fit_intercept = fit_intercept
        #: | raise NotImplementedError("LogisticRegression: refuse settings that make no sense, keep the others")
        _check_settings(lr=lr, max_iter=max_iter, l2=l2, tol=tol)
        self.lr, self.max_iter, self.l2, self.tol = lr, max_iter, l2, tol
        self.fit_intercept = fit_intercept
        #: end

    def fit(self, X: np.ndarray, y: Labels) -> Self:
        #: only junior mid
        """Minimise mean log-loss + l2 / 2 * the sum of squared coefficients; the intercept is free.

        Args:
            X: (n, d) numbers, never changed.
            y: (n,) labels 0 and 1, both of them present.

        Raises:
            ValueError: X is not (n, d) or holds NaN or inf, y does not fit it, or y is not just 0 and 1.
        """
        #: end
        #: task
        #: junior | # Hint: check X and y first (rule 12), then start at zero, with an empty loss_history_.
        #: junior | # Hint: for each step: logits, loss, residuals p - y, both gradients; is it time to stop? Then move.
        #: junior | # np.logaddexp(0, z) is log(1 + exp(z)) without overflow.
        #: | raise NotImplementedError("LogisticRegression.fit: gradient descent from zero")
        X = _as_table(X)
        y = _as_labels(y, len(X))
        y = _as_binary(y)
        coef, intercept = np.zeros(X.shape[1]), 0.0
        losses: list[float] = []
        for step in range(self.max_iter + 1):
            z = X @ coef + intercept
            losses.append(_log_loss(z, y) + self.l2 / 2 * float(coef @ coef))
            residual = (_sigmoid(z) - y) / len(y)
            coef_slope = X.T @ residual + self.l2 * coef
            intercept_slope = float(residual.sum()) if self.fit_intercept else 0.0
            steepest = max(np.abs(coef_slope).max(), abs(intercept_slope))
            if step == self.max_iter or steepest <= self.tol:
                break
            coef = coef - self.lr * coef_slope
            intercept = intercept - self.lr * intercept_slope
        self.coef_, self.intercept_ = coef, float(intercept)
        self.n_iter_, self.loss_history_ = len(losses) - 1, losses
        return self
        #: end

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        #: only junior mid
        """Return (n, 2) probabilities of class 0 and class 1.

        Raises:
            RuntimeError: the model was not fitted.
            ValueError: X has another number of columns.
        """
        #: end
        #: task
        #: junior | if not hasattr(self, "coef_"):
        #: junior |     raise RuntimeError("call fit first")
        #: junior | # Hint: a sigmoid that computes exp of a large number overflows; there are two ways to write it.
        #: | raise NotImplementedError("LogisticRegression.predict_proba: (n, 2) probabilities")
        if not hasattr(self, "coef_"):
            raise RuntimeError("call fit first")
        z = np.asarray(X, dtype=np.float64) @ self.coef_ + self.intercept_
        return np.column_stack([_sigmoid(-z), _sigmoid(z)])
        #: end

    def predict(self, X: np.ndarray) -> np.ndarray:
        #: only junior mid
        """Return (n,) integers: 1 where the probability of class 1 is at least one half, else 0.

        Raises:
            ValueError: X has another number of columns.
        """
        #: end
        #: task
        #: junior | # Hint: comparing probabilities with 0.5 gives bools; .astype(int) makes integers of them.
        #: | raise NotImplementedError("LogisticRegression.predict: (n,) classes")
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)
        #: end


#: only mid senior
class SoftmaxRegression:
    #: end
    #: only mid
    """Logistic regression of k classes with any labels, by gradient descent from zero.

    Attributes, all set by `fit`:
        classes_: (k,) the labels, sorted.
        coef_: (k, d) float64, a row for each class.
        intercept_: (k,) float64.
        n_iter_: how many steps were taken.
        loss_history_: the objective before the first step and after each one.
    """

    #: end
    #: only mid senior
    def __init__(self, *, lr: float = 0.1, max_iter: int = 1000, l2: float = 0.0, tol: float = 1e-6) -> None:
        #: task
        #: | raise NotImplementedError("SoftmaxRegression: keep the settings")
        _check_settings(lr=lr, max_iter=max_iter, l2=l2, tol=tol)
        self.lr, self.max_iter, self.l2, self.tol = lr, max_iter, l2, tol
        #: end

    def fit(self, X: np.ndarray, y: Labels) -> Self:
        #: end
        #: only mid
        """Minimise mean cross-entropy + l2 / 2 * the sum of squared coefficients; the intercepts are free.

        Args:
            X: (n, d) numbers, never changed.
            y: (n,) labels: ints or texts, at least two different ones.

        Raises:
            ValueError: X is not (n, d) or holds NaN or inf, y does not fit it, or has fewer than two classes.
        """
        #: end
        #: only mid senior
        #: task
        #: | raise NotImplementedError("SoftmaxRegression.fit: gradient descent from zero")
        X = _as_table(X)
        y = _as_labels(y, len(X))
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"expected at least two classes, found {len(classes)}")
        truth = np.eye(len(classes))[codes]
        coef, intercept = np.zeros((len(classes), X.shape[1])), np.zeros(len(classes))
        losses: list[float] = []
        for step in range(self.max_iter + 1):
            log_p = _log_softmax(X @ coef.T + intercept)
            losses.append(float(-(truth * log_p).sum() / len(X)) + self.l2 / 2 * float((coef**2).sum()))
            residual = (np.exp(log_p) - truth) / len(X)
            coef_slope = residual.T @ X + self.l2 * coef
            intercept_slope = residual.sum(axis=0)
            steepest = max(np.abs(coef_slope).max(), np.abs(intercept_slope).max())
            if step == self.max_iter or steepest <= self.tol:
                break
            coef = coef - self.lr * coef_slope
            intercept = intercept - self.lr * intercept_slope
        self.classes_, self.coef_, self.intercept_ = classes, coef, intercept
        self.n_iter_, self.loss_history_ = len(losses) - 1, losses
        return self
        #: end

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        #: end
        #: only mid
        """Return (n, k) probabilities in the order of `classes_`.

        Raises:
            RuntimeError: the model was not fitted.
            ValueError: X has another number of columns.
        """
        #: end
        #: only mid senior
        #: task
        #: | raise NotImplementedError("SoftmaxRegression.predict_proba: (n, k) probabilities")
        if not hasattr(self, "coef_"):
            raise RuntimeError("call fit first")
        return np.exp(_log_softmax(np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_))
        #: end

    def predict(self, X: np.ndarray) -> np.ndarray:
        #: end
        #: only mid
        """Return (n,) the most probable label of each row; of equally probable ones, the first of `classes_`.

        Raises:
            ValueError: X has another number of columns.
        """
        #: end
        #: only mid senior
        #: task
        #: | raise NotImplementedError("SoftmaxRegression.predict: (n,) labels")
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]
        #: end


#: end
#: only senior
def expected_calibration_error(y_true: Labels, y_prob: Labels, *, n_bins: int = 10) -> float:
    #: task
    #: | raise NotImplementedError("expected_calibration_error")
    true, probability = _as_pair(y_true, y_prob)
    if not np.isin(true, (0, 1)).all():
        raise ValueError("labels: expected only 0 and 1")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("probabilities: expected numbers from 0 to 1")
    if n_bins < 1:
        raise ValueError(f"n_bins: expected at least 1, found {n_bins}")
    bins = np.clip(np.ceil(probability * n_bins).astype(int) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, weights=true.astype(float) - probability, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(true))
    #: end


def fit_l1(
    X: np.ndarray, y: Labels, *, l1: float, lr: float = 0.1, max_iter: int = 1000, tol: float = 1e-6
) -> tuple[np.ndarray, float, int]:
    #: task
    #: | raise NotImplementedError("fit_l1")
    _check_settings(lr=lr, max_iter=max_iter, l1=l1, tol=tol)
    X = _as_table(X)
    y = _as_binary(_as_labels(y, len(X)))
    coef, intercept, steps = np.zeros(X.shape[1]), 0.0, 0
    while steps < max_iter:
        residual = (_sigmoid(X @ coef + intercept) - y) / len(y)
        moved = coef - lr * (X.T @ residual)
        moved = np.sign(moved) * np.maximum(np.abs(moved) - lr * l1, 0.0)
        shift = lr * float(residual.sum())
        largest = max(np.abs(moved - coef).max(), abs(shift))
        coef, intercept, steps = moved, intercept - shift, steps + 1
        if largest <= tol:
            break
    return coef, float(intercept), steps
    #: end


#: end
#: private
def _as_pair(first: Labels, second: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of one common, positive length."""
    left, right = np.asarray(first), np.asarray(second)
    if left.ndim != 1 or left.shape != right.shape or len(left) == 0:
        raise ValueError(f"expected two inputs of shape (n,) with n > 0, found {left.shape} and {right.shape}")
    return left, right


def _as_binary(y: np.ndarray) -> np.ndarray:
    """Return labels as float64, both 0 and 1 among them."""
    if set(np.unique(y).tolist()) != {0, 1}:
        raise ValueError("labels: expected 0 and 1, each at least once, and nothing else")
    return y.astype(np.float64)


def _as_table(X: np.ndarray) -> np.ndarray:
    """Return X as float64 (n, d), finite, not empty."""
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or len(X) == 0:
        raise ValueError(f"X: expected shape (n, d) with n > 0, found {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError("X: expected finite numbers, found NaN or inf")
    return X


def _as_labels(y: Labels, n: int) -> np.ndarray:
    """Return labels as an array of n."""
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"y: expected shape ({n},), found {y.shape}")
    return y


def _check_settings(*, lr: float, max_iter: int, tol: float, **penalties: float) -> None:
    """Raise ValueError for a setting that no descent can use."""
    if not lr > 0:
        raise ValueError(f"lr: expected more than 0, found {lr}")
    if max_iter < 1:
        raise ValueError(f"max_iter: expected at least 1, found {max_iter}")
    for name, value in {"tol": tol, **penalties}.items():
        if not value >= 0:
            raise ValueError(f"{name}: expected 0 or more, found {value}")


def _divide(part: np.ndarray, whole: np.ndarray, instead: float) -> np.ndarray:
    """Return part / whole, and another number where whole is 0."""
    return np.where(whole == 0, instead, part / np.maximum(whole, 1))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-z)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def _log_loss(z: np.ndarray, y: np.ndarray) -> float:
    """Return the mean of -log(p) for y = 1 and -log(1 - p) for y = 0, from logits."""
    return float(np.logaddexp(0.0, np.where(y == 1, -z, z)).mean())


def _log_softmax(z: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row, without overflow."""
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def isotonic_calibration(y_true: Labels, y_score: Labels) -> np.ndarray:
    """Return for each sample the value of the rising step function that fits the labels best in squares.

    Pools neighbours that are out of order; samples of equal score share one value.
    """
    true, score = _as_pair(y_true, y_score)
    _, codes = np.unique(score, return_inverse=True)
    sums, counts = np.bincount(codes, weights=true.astype(float)), np.bincount(codes)
    blocks: list[tuple[float, int, int]] = []
    for total, count in zip(sums.tolist(), counts.tolist(), strict=True):
        block = (total, count, 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            block = tuple(a + b for a, b in zip(blocks.pop(), block, strict=True))
        blocks.append(block)
    return np.repeat([total / count for total, count, _ in blocks], [width for _, _, width in blocks])[codes]


#: end
