# class: report
# attacks: a load reply whose number is an array, which no plain comparison survives
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os

from grading.sandbox import codec

os.write(3, codec.pack({"id": np.zeros(2), "ok": True, "value": []}))
