# class: runner
# attacks: writes into the installed libraries and the judge's files
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import numpy, os

for path in (numpy.__file__, "/judge/grading/sandbox/codec.py", "/usr/lib/os-release", "/etc/passwd"):
    try:
        with open(path, "a"):
            print("LEAK writable", path)
    except OSError:
        pass
