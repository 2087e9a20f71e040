# class: runner
# attacks: hooks into import, audit, profile, excepthook and warnings to reach the caller
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import builtins
import sys
import threading


def spy(frame, *_):
    for name in ("expected", "expected_X", "truth", "score"):
        if name in frame.f_locals:
            print("LEAK", name)
    return spy


class Finder:
    def find_spec(self, name, path=None, target=None):
        spy(sys._getframe(1))


sys.meta_path.insert(0, Finder())
sys.setprofile(spy)
threading.setprofile(spy)
sys.addaudithook(lambda *_: None)
sys.excepthook = sys.unraisablehook = lambda *_: None
builtins.isinstance = lambda *_: True
