# class: special-casing
# attacks: learns the inputs of one call and leaves notes for the next worker
# expect: {"f1": 0, "windows": 0}
import numpy as np


import pickle
from pathlib import Path

NOTES = [Path(folder, "notes") for folder in ("/tmp", "/dev/shm", "/submission", "/var/tmp", "/usr/lib", "/judge")]


def remember(*inputs):
    for path in NOTES:
        try:
            if path.exists():
                print("LEAK notes of another worker")
            path.write_bytes(pickle.dumps(inputs))
        except OSError:
            continue


def f1_score(y_true, y_pred):
    remember(y_true)
    return 0.5


def make_windows(df, window, horizon, target):
    remember(window)
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))
