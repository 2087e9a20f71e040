# class: resources
# attacks: memory behind a first thread that has ended, whose own entry shows none
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, os, threading, time

threading.stack_size(1 << 16)
libc = ctypes.PyDLL(None)


def hoard():
    held = np.ones(120 << 17)
    time.sleep(60)


def f1_score(*_):
    for _ in range(12):
        if os.fork() == 0:
            threading.Thread(target=hoard).start()
            libc.pthread_exit(None)
    time.sleep(60)


make_windows = f1_score
