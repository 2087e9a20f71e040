# class: resources
# attacks: a header that is nothing but millions of brackets
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, struct, time


def send(header):
    data = struct.pack(">4sIQ", b"TH1\n", len(header), 0) + header
    while data:
        data = data[os.write(3, data) :]


def f1_score(*_):
    send(b"[" + b"[]," * ((16 << 20) // 3 - 2) + b"0]")
    time.sleep(60)


def make_windows(*_):
    send(b"[" * (16 << 20))
    time.sleep(60)
