# class: report
# attacks: has faulthandler, tracemalloc and warnings write down the channel to the judge
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import faulthandler, os, threading, warnings

faulthandler.enable(file=3, all_threads=True)


def f1_score(*_):
    faulthandler.dump_traceback(file=3)
    return 0.5


def make_windows(*_):
    faulthandler.dump_traceback_later(0.05, file=3, exit=True)
    threading.Event().wait()
