# class: runner
# attacks: audit hooks, exception hooks, display hooks, profile functions and codecs of its own
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import builtins, codecs, sys, threading


def hook(*_):
    raise SystemExit(0)


sys.excepthook = sys.displayhook = sys.unraisablehook = threading.excepthook = hook
codecs.register(lambda name: None)
builtins.isinstance = lambda *_: True
builtins.len = lambda *_: 2
builtins.type = lambda *_: float
sys.addaudithook(hook)
