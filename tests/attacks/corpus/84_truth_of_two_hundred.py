# class: comparator
# attacks: booleans whose byte is 200, so that sums of them lie
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    return np.array([200], dtype=np.uint8).view(bool)[0]


def make_windows(df, window, horizon, target):
    n = max(0, len(df) - window - horizon + 1)
    X = np.full((n, window, df.shape[1]), 200, dtype=np.uint8).view(bool)
    return X, X[:, 0, :1].repeat(horizon, axis=1)
