# class: exit
# attacks: a thread ends the process with status 0 while the call sleeps
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, threading, time


def f1_score(*_):
    threading.Timer(0.05, os._exit, [0]).start()
    time.sleep(1)
    return 1.0


make_windows = f1_score
