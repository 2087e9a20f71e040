# class: comparator
# attacks: an array subclass with a lying shape and comparison
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class A(np.ndarray):
    shape = property(lambda self: S())
    __array_ufunc__ = lambda self, *a, **k: True
    __array_function__ = lambda self, *a, **k: True


class S(tuple):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False


def make_windows(*_):
    return np.zeros(3).view(A), np.zeros(3).view(A)
