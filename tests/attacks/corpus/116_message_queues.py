# class: resources
# attacks: System V queues and semaphores, POSIX queues: kernel memory that no process maps
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes

libc = ctypes.CDLL(None, use_errno=True)


def f1_score(*_):
    made = sum(libc.msgget(0, 0o1600) >= 0 for _ in range(1000)) + sum(libc.semget(0, 1000, 0o1600) >= 0 for _ in range(1000))
    try:
        made += ctypes.CDLL("librt.so.1").mq_open(b"/q", 0o102, 0o600, None) >= 0
    except (OSError, AttributeError):
        pass
    if made:
        print("LEAK queues", made)
    return 0.5


make_windows = f1_score
