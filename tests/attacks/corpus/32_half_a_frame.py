# class: report
# attacks: begins a frame that announces gigabytes and never ends it
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, struct, time


def f1_score(*_):
    os.write(3, struct.pack(">4sIQ", b"TH1\n", 1 << 23, 1 << 27))
    time.sleep(60)


make_windows = f1_score
