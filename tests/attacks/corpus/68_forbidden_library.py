# class: special-casing
# attacks: calls the forbidden library under another name
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import importlib

_m = importlib.import_module("sk" + "learn.metrics")


def f1_score(y_true, y_pred):
    return float(_m.f1_score(y_true, y_pred, zero_division=0))
