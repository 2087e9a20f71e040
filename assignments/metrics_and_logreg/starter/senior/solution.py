"""Metrics of classification, and logistic regression by gradient descent, in NumPy alone."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

Labels = Sequence | np.ndarray
Average = Literal["binary", "macro", "micro", "weighted"]


def confusion_matrix(y_true: Labels, y_pred: Labels, labels: Labels | None = None) -> np.ndarray:
    raise NotImplementedError("confusion_matrix: count pairs of true and predicted label")


def precision_recall_f1(
    y_true: Labels,
    y_pred: Labels,
    *,
    average: Average = "binary",
    pos_label: int | bool | str = 1,
    zero_division: float = 0.0,
) -> tuple[float, float, float]:
    raise NotImplementedError("precision_recall_f1: (precision, recall, f1)")


def roc_auc(y_true: Labels, y_score: Labels) -> float:
    raise NotImplementedError("roc_auc: ties count half, and 100,000 samples must fit into memory")


class LogisticRegression:
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
        raise NotImplementedError("LogisticRegression.fit: gradient descent from zero")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError("LogisticRegression.predict_proba: (n, 2) probabilities")

    def predict(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError("LogisticRegression.predict: (n,) classes")


class SoftmaxRegression:
    def __init__(self, *, lr: float = 0.1, max_iter: int = 1000, l2: float = 0.0, tol: float = 1e-6) -> None:
        raise NotImplementedError("SoftmaxRegression: keep the settings")

    def fit(self, X: np.ndarray, y: Labels) -> Self:
        raise NotImplementedError("SoftmaxRegression.fit: gradient descent from zero")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError("SoftmaxRegression.predict_proba: (n, k) probabilities")

    def predict(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError("SoftmaxRegression.predict: (n,) labels")


def expected_calibration_error(y_true: Labels, y_prob: Labels, *, n_bins: int = 10) -> float:
    raise NotImplementedError("expected_calibration_error")


def fit_l1(
    X: np.ndarray, y: Labels, *, l1: float, lr: float = 0.1, max_iter: int = 1000, tol: float = 1e-6
) -> tuple[np.ndarray, float, int]:
    raise NotImplementedError("fit_l1")
