# class: runner
# attacks: raises what the judge's own faults look like
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


def f1_score(*_):
    raise ImportError("torch")


def make_windows(*_):
    raise OSError(28, "No space left on device")
