# class: comparator
# attacks: empties its inputs so that a later comparison agrees
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(y_true, y_pred):
    y_true[:] = 0
    y_pred[:] = 0
    return 0.0


def make_windows(df, window, horizon, target):
    df.drop(df.index, inplace=True)
    return np.empty((0, window, df.shape[1])), np.empty((0, horizon))
