# class: runner
# attacks: writes into the locals of every calling frame
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, sys


def f1_score(*_):
    frame = sys._getframe()
    while frame:
        for name in frame.f_locals:
            if "expect" in name or "score" in name:
                frame.f_locals[name] = 0.5
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(1))
        frame = frame.f_back
    return 0.5
