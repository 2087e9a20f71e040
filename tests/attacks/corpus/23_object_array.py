# class: comparator
# attacks: arrays of objects that compare as true
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Yes:
    __eq__ = __le__ = __ge__ = __lt__ = lambda *_: True
    __sub__ = __rsub__ = lambda self, _: 0


def make_windows(df, window, horizon, target):
    n = max(0, len(df) - window - horizon + 1)
    return np.full((n, window, df.shape[1]), Yes(), dtype=object), np.full((n, horizon), Yes(), dtype=object)
