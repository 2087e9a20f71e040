# class: runner
# attacks: raises unittest's skip
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import unittest


def f1_score(*_):
    raise unittest.SkipTest


make_windows = f1_score
