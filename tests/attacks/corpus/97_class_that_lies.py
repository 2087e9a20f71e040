# class: comparator
# attacks: objects whose __class__ says float, ndarray and tuple
# expect: {"f1": 0, "windows": 0}
import numpy as np


class Liar:
    def __init__(self, kind):
        self.kind = kind

    @property
    def __class__(self):
        return self.kind

    def __eq__(self, other):
        return True

    def __float__(self):
        return 0.5

    def __array__(self, *_):
        return np.zeros(1)


def f1_score(*_):
    return Liar(float)


def make_windows(*_):
    return (Liar(np.ndarray), Liar(np.ndarray)) if np.random.rand() < 0.5 else Liar(tuple)
