# class: resources
# attacks: returns an array that is small here and huge once copied
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    return np.broadcast_to(np.float64(1), (1 << 20, 1 << 20))


make_windows = f1_score
