# class: exit
# attacks: kills itself, hoping to be the machine's fault
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, signal


def f1_score(*_):
    os.kill(os.getpid(), signal.SIGKILL)
    os.abort()


make_windows = f1_score
