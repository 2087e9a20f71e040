# class: resources
# attacks: cancels the signal that comes with its parent's death, then hides in sessions of its own
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, os, time

libc = ctypes.CDLL(None)


def f1_score(*_):
    libc.prctl(1, 0, 0, 0, 0)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            libc.prctl(1, 0, 0, 0, 0)
            time.sleep(300)
    return 0.5


make_windows = f1_score
libc.prctl(1, 0, 0, 0, 0)
