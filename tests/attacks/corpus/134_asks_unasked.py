# class: report
# attacks: calls callbacks that do not exist, thousands of times, before and during its own loading
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
from grading.sandbox import codec

for number in (0, 1, -1, 10**18, True, None, "0"):
    os.write(3, codec.pack({"callback": number, "args": [], "kwargs": {}}))
