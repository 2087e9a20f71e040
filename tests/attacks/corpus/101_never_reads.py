# class: resources
# attacks: stops reading while the judge sends, and prints meanwhile
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import time
from grading.sandbox import stream


def never(self, count):
    while True:
        os.write(1, b"x" * 1000)
        time.sleep(0.05)


stream.Stream.read_exactly = never
