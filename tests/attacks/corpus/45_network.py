# class: secrets
# attacks: sends what it knows over TCP, UDP, DNS and IPv6
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import socket

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 8099)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 8099)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 8099)),
    (16, socket.SOCK_RAW, None),
):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(0.3)
            s.connect(address)
            s.send(b"LEAK")
            print("LEAK network")
    except (OSError, TypeError):
        pass
