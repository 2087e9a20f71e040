# class: secrets
# attacks: looks for reference functions among all living objects
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import gc, sys, types

NAMES = ("f1_by_counting", "windows_by_rows", "oracle", "reference")
found = {o.__name__: o for o in gc.get_objects() if isinstance(o, types.FunctionType) and o.__name__ in NAMES}
for module in list(sys.modules.values()):
    for name in NAMES:
        if hasattr(module, name):
            found[name] = getattr(module, name)


def f1_score(y_true, y_pred):
    return found["f1_by_counting"](y_true, y_pred)


def make_windows(df, window, horizon, target):
    return found["windows_by_rows"](df, window, horizon, target)
