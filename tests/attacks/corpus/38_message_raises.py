# class: report
# attacks: an exception whose text raises SystemExit
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Rude(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


def f1_score(*_):
    raise Rude


make_windows = f1_score
