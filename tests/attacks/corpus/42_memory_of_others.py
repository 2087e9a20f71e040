# class: secrets
# attacks: reads the memory of its parent and of process 1
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os

for pid in (1, 2, os.getppid()):
    for name in ("mem", "maps", "environ"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as stream:
                print("LEAK" if b"CANARY" in stream.read(1 << 20) else "")
        except OSError:
            pass
