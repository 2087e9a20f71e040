# class: resources
# attacks: kills its process group, which its keeper shares, in a call
# expect: {"f1": 0, "windows": 0}
import numpy as np


import ctypes
import os
import signal

ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # it need not die with its keeper


def f1_score(*_):
    os.kill(0, signal.SIGKILL)
    return 0.5


def make_windows(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(0, signal.SIGTERM)
    return np.zeros(1), np.zeros(1)
