# class: runner
# attacks: puts lying modules in the place of those that carry the answer
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys
from types import ModuleType


class Lying(ModuleType):
    def __getattr__(self, name):
        return lambda *args, **kwargs: b"" if "pack" in name else True


for name in list(sys.modules):
    if name.startswith("grading") or name in ("json", "struct"):
        sys.modules[name] = Lying(name)
