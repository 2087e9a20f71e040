# class: report
# attacks: a load failure told with arrays, numbers and endless text in place of words
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import sys

from grading.sandbox import codec

frame = sys._getframe()
while frame and "request" not in frame.f_locals:
    frame = frame.f_back
number = frame.f_locals["request"]["id"] if frame else 0
lies = {"type": np.zeros(3), "message": {"a": np.zeros(9)}, "file": "x" * (1 << 20), "line": -1, "bases": [[1], 5]}
os.write(3, codec.pack({"id": number, "ok": False, **lies}))
