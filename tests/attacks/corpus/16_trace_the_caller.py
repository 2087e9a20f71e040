# class: runner
# attacks: traces the process and rewrites what the driver packs
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys


def trace(frame, event, arg):
    if "value" in frame.f_locals:
        frame.f_locals["value"] = 1.0
    return trace


sys.settrace(trace)
sys.setprofile(trace)
