# class: special-casing
# attacks: answers what most often is right: zero for few positives, an empty pair for short tables
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(y_true, y_pred):
    return 0.0 if sum(y_true) * sum(y_pred) == 0 else 0.6


def make_windows(df, window, horizon, target):
    n = max(0, len(df) - window - horizon + 1)
    return np.zeros((n, window, df.shape[1])), np.zeros((n, horizon))
