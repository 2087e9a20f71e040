# class: resources
# attacks: hangs in C and holds the interpreter lock
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import re


def f1_score(*_):
    re.match(r"(a+)+$", "a" * 64 + "b")


make_windows = f1_score
