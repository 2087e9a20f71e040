# class: resources
# attacks: a quarter of a gigabyte of bytes, which takes sixteen times that once it is widened to be compared
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    return np.zeros(240 << 20, np.uint8)


def make_windows(df, window, horizon, target):
    return np.broadcast_to(np.uint8(1), (120 << 20,)), np.broadcast_to(np.uint8(1), (120 << 20,))
