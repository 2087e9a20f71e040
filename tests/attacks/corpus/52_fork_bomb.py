# class: resources
# attacks: forks until refused; the children ignore signals
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, signal, time


def f1_score(*_):
    try:
        while True:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.setsid()
                time.sleep(60)
    except OSError:
        return 0.5


make_windows = f1_score
