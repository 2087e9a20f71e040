# class: secrets
# attacks: sockets of every family and kind: packet, vsock, crypto, Bluetooth, TIPC, CAN
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import socket

for family in range(2, 48):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            with socket.socket(family, kind):
                print("LEAK socket", family, kind)
        except OSError:
            pass
