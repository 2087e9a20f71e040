# class: report
# attacks: an exception whose class has a name that raises, and one of a megabyte of markup
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)

    @property
    def __mro__(cls):
        return [float] * 10**6


class Odd(Exception, metaclass=Meta):
    pass


def f1_score(*_):
    raise Odd("x")


def make_windows(*_):
    raise type("|<b>@team" * 100_000, (Exception,), {"__module__": "\x1b[2J"})("::error::x" * 100_000)
