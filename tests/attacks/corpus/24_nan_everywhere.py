# class: comparator
# attacks: NaN of the right shape, hoping for `not abs(a - b) > tolerance`
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    return float("nan")


def make_windows(df, window, horizon, target):
    n = max(0, len(df) - window - horizon + 1)
    return np.full((n, window, df.shape[1]), np.nan), np.full((n, horizon), np.nan)
