# class: comparator
# attacks: a tuple subclass with a lying length
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class T(tuple):
    __len__ = lambda self: 2
    __eq__ = lambda *_: True


def make_windows(*_):
    return T((1, 2, 3))
