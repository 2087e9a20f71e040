# class: resources
# attacks: iterators, mappings and attributes that go on for ever when they are looked at
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Endless(dict):
    def items(self):
        while True:
            yield "k", 1

    keys = __iter__ = items

    def __getattr__(self, name):
        return Endless()


def f1_score(*_):
    return Endless()


def make_windows(*_):
    return Endless(), Endless()


def __getattr__(name):
    while True:
        pass
