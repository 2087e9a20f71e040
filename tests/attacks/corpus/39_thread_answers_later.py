# class: report
# attacks: a thread that writes to the channel after the call
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, threading, time


def write():
    while True:
        try:
            os.write(3, b"TH1\n" * 1000)
        except OSError:
            return


def f1_score(*_):
    threading.Thread(target=write, daemon=True).start()
    time.sleep(0.1)
    return 0.5
