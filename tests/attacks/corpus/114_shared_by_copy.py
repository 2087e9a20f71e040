# class: resources
# attacks: pages that parent and children share until one writes, so that none of them owns any
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, time


def f1_score(*_):
    for _ in range(10):
        if os.fork() == 0:
            held = np.ones(150 << 17)
            for _ in range(2):
                if os.fork() == 0:
                    break
            time.sleep(60)
    time.sleep(60)


make_windows = f1_score
