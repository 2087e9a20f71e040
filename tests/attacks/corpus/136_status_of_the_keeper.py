# class: exit
# attacks: ends with each status that the sandbox itself uses to say that it failed
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os

STATUS = iter([120, 127, 128, 137, 255])


def f1_score(y_true, y_pred):
    os._exit([120, 137, 255][len(y_true) % 3])


def make_windows(*_):
    os._exit(121)
