# class: report
# attacks: answers with garbage
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os


def f1_score(*_):
    os.write(3, b"HTTP/1.1 200 OK\r\n" * 100)
    return 1.0


make_windows = f1_score
