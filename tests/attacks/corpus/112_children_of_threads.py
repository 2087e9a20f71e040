# class: resources
# attacks: memory in processes that were forked by threads, which a walk over first threads overlooks
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, threading, time

threading.stack_size(1 << 16)


def child():
    if os.fork() == 0:
        hoard = np.ones(120 << 17)
        time.sleep(60)
    time.sleep(60)


def f1_score(*_):
    for _ in range(12):
        threading.Thread(target=child, daemon=True).start()
    time.sleep(60)


make_windows = f1_score
