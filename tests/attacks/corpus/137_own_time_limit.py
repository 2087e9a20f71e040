# class: exit
# attacks: sets a limit on its own processor time, so that the kernel ends it and not the judge
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import resource, signal


def f1_score(*_):
    resource.setrlimit(resource.RLIMIT_CPU, (0, 1))
    while True:
        pass


def make_windows(*_):
    resource.setrlimit(resource.RLIMIT_AS, (0, 0))
    signal.raise_signal(signal.SIGSEGV)
    return bytearray(1 << 30)
