# class: resources
# attacks: exhausts the stack
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys


def f1_score(*_):
    sys.setrecursionlimit(10**9)

    def down(n):
        return down(n + 1)

    return down(0)


make_windows = f1_score
