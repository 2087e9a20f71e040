# class: secrets
# attacks: makes namespaces and mounts of its own
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes

libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000) == 0 or libc.mount(b"none", b"/", None, 1 << 18, None) == 0:
    print("LEAK namespaces")
if libc.ptrace(16, 1, 0, 0) == 0:
    print("LEAK ptrace")
