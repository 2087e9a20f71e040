# class: runner
# attacks: raises an error that is named like the grader's, to be blamed on it
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class GraderError(Exception):
    pass


class NameError(Exception):
    pass


def f1_score(*_):
    raise GraderError("the sandbox is gone")


def make_windows(*_):
    raise NameError("oracle")
