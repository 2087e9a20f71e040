# class: comparator
# attacks: a float that equals and is close to everything
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class F(float):
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda *_: True
    __ne__ = lambda *_: False
    __sub__ = __rsub__ = __abs__ = __add__ = __mul__ = __float__ = lambda *_: F(0)
    __hash__ = float.__hash__


def f1_score(*_):
    return F(0.5)
