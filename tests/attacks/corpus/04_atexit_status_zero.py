# class: exit
# attacks: registers an exit handler that makes the status 0
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import atexit, os

atexit.register(os._exit, 0)
