# class: resources
# attacks: returns a list nested deeper than any stack
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    value = []
    for _ in range(100_000):
        value = [value]
    return value


def make_windows(*_):
    value = []
    value.append(value)
    return value
