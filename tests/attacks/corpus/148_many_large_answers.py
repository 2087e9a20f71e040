# class: resources
# attacks: answers as large as it may send, through thousands of callbacks and calls
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
from grading.sandbox import codec

BIG = codec.pack({"callback": 0, "args": [np.zeros(30 << 20)], "kwargs": {}})


def f1_score(*_):
    while True:
        data = memoryview(BIG)
        while data:
            data = data[os.write(3, data) :]


make_windows = f1_score
