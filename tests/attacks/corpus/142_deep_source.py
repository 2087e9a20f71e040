# class: exit
# attacks: source that nests deeper than a parser can follow
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


try:
    eval("(" * 90 + "0" + ")" * 90)
    compile("-" * 300_000 + "1", "x", "eval")
except (MemoryError, RecursionError, SyntaxError):
    pass


def f1_score(*_):
    return eval("[" * 80 + "0.5" + "]" * 80)
