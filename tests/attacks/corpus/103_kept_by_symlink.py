# class: secrets
# attacks: symlinks out of its folders, in the hope that somebody else follows them
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os

for folder in ("/tmp", "/submission", "/dev/shm"):
    for name, target in (("a", "/"), ("__inside__", "/proc/1"), ("solution.pyc", "/etc/passwd"), ("core", "/proc/1/mem")):
        try:
            os.symlink(target, f"{folder}/{name}")
        except OSError:
            pass
