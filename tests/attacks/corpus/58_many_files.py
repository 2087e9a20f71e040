# class: resources
# attacks: uses up every inode
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    for i in range(100_000):
        try:
            open(f"/tmp/{i}", "w").close()
        except OSError:
            return 0.5
    return 0.5
