"""Metrics of classification, and logistic regression by gradient descent, in NumPy alone."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

Labels = Sequence | np.ndarray
Average = Literal["binary", "macro", "micro", "weighted"]


def confusion_matrix(y_true: Labels, y_pred: Labels, labels: Labels | None = None) -> np.ndarray:
    """Count the pairs of true and predicted label.

    Args:
        y_true: (n,) labels: ints, bools or texts.
        y_pred: (n,) labels of the same kind.
        labels: the classes, in the order they take; by default all labels of both inputs, sorted.

    Returns: (k, k) integers; entry [i, j] counts the samples of class i that were predicted as class j.
    Raises:
        ValueError: the inputs are empty or differ in length.
    """
    raise NotImplementedError("confusion_matrix: count pairs of true and predicted label")


def precision_recall_f1(
    y_true: Labels,
    y_pred: Labels,
    *,
    average: Average = "binary",
    pos_label: int | bool | str = 1,
    zero_division: float = 0.0,
) -> tuple[float, float, float]:
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
    raise NotImplementedError("precision_recall_f1: (precision, recall, f1)")


def roc_auc(y_true: Labels, y_score: Labels) -> float:
    """Compute the share of pairs of a positive and a negative in which the positive scores higher; ties count half.

    Args:
        y_true: (n,) labels 0 and 1, ints or bools.
        y_score: (n,) finite numbers; higher means more likely positive.

    Raises:
        ValueError: the inputs are empty or differ in length, a label is neither 0 nor 1, or a class is absent.
    """
    raise NotImplementedError("roc_auc: ties count half, and 100,000 samples must fit into memory")


class LogisticRegression:
    """Logistic regression of two classes, 0 and 1, by gradient descent from zero.

    Attributes, all set by `fit`:
        coef_: (d,) float64.
        intercept_: a float; 0.0 without `fit_intercept`.
        n_iter_: how many steps were taken.
        loss_history_: the objective before the first step and after each one.
    """

    def __init__(
        self,
        *,
        lr: float = 0.1,
        max_iter: int = 1000,
        l2: float = 0.0,
        tol: float = 1e-6,
        fit_intercept: bool = True,
    ) -> None:
        raise NotImplementedError("LogisticRegression: refuse settings that make no sense, keep the others")

    def fit(self, X: np.ndarray, y: Labels) -> Self:
        """Minimise mean log-loss + l2 / 2 * the sum of squared coefficients; the intercept is free.

        Args:
            X: (n, d) numbers, never changed.
            y: (n,) labels 0 and 1, both of them present.

        Raises:
            ValueError: X is not (n, d) or holds NaN or inf, y does not fit it, or y is not just 0 and 1.
        """
        raise NotImplementedError("LogisticRegression.fit: gradient descent from zero")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return (n, 2) probabilities of class 0 and class 1.

        Raises:
            RuntimeError: the model was not fitted.
            ValueError: X has another number of columns.
        """
        raise NotImplementedError("LogisticRegression.predict_proba: (n, 2) probabilities")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return (n,) integers: 1 where the probability of class 1 is at least one half, else 0.

        Raises:
            ValueError: X has another number of columns.
        """
        raise NotImplementedError("LogisticRegression.predict: (n,) classes")


class SoftmaxRegression:
    """Logistic regression of k classes with any labels, by gradient descent from zero.

    Attributes, all set by `fit`:
        classes_: (k,) the labels, sorted.
        coef_: (k, d) float64, a row for each class.
        intercept_: (k,) float64.
        n_iter_: how many steps were taken.
        loss_history_: the objective before the first step and after each one.
    """

    def __init__(self, *, lr: float = 0.1, max_iter: int = 1000, l2: float = 0.0, tol: float = 1e-6) -> None:
        raise NotImplementedError("SoftmaxRegression: keep the settings")

    def fit(self, X: np.ndarray, y: Labels) -> Self:
        """Minimise mean cross-entropy + l2 / 2 * the sum of squared coefficients; the intercepts are free.

        Args:
            X: (n, d) numbers, never changed.
            y: (n,) labels: ints or texts, at least two different ones.

        Raises:
            ValueError: X is not (n, d) or holds NaN or inf, y does not fit it, or has fewer than two classes.
        """
        raise NotImplementedError("SoftmaxRegression.fit: gradient descent from zero")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return (n, k) probabilities in the order of `classes_`.

        Raises:
            RuntimeError: the model was not fitted.
            ValueError: X has another number of columns.
        """
        raise NotImplementedError("SoftmaxRegression.predict_proba: (n, k) probabilities")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return (n,) the most probable label of each row; of equally probable ones, the first of `classes_`.

        Raises:
            ValueError: X has another number of columns.
        """
        raise NotImplementedError("SoftmaxRegression.predict: (n,) labels")
