# class: resources
# attacks: shared anonymous memory, which limits often forget
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import mmap


def f1_score(*_):
    hoard = []
    while True:
        m = mmap.mmap(-1, 1 << 24)
        m.write(b"x" * (1 << 24))
        hoard.append(m)


make_windows = f1_score
