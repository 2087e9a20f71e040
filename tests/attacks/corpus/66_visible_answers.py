# class: special-casing
# attacks: knows the visible examples by heart
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(y_true, y_pred):
    return 2 / 3 if list(y_true) == [1, 0, 1, 1] else 0.5


def make_windows(df, window, horizon, target):
    if len(df) == 6 and window == 3:
        values = df.to_numpy(float)
        return np.stack([values[i : i + 3] for i in range(3)]), values[3:, -1:]
    return np.zeros((1, 1, 1)), np.zeros((1, 1))
