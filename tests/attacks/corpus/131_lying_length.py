# class: comparator
# attacks: an object that says it has a trillion items, so that a list of them needs terabytes
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Long:
    def __len__(self):
        return 10**12

    def __iter__(self):
        return iter([np.zeros((1, 1, 1)), np.zeros((1, 1))])

    def __getitem__(self, key):
        return np.zeros((1, 1))


def f1_score(*_):
    return Long()


make_windows = f1_score
