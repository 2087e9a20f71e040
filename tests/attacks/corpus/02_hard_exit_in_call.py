# class: exit
# attacks: leaves without clean-up, status 0, in the call
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os


def f1_score(*_):
    os._exit(0)


make_windows = f1_score
