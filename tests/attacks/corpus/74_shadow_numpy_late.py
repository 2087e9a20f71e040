# class: runner
# attacks: replaces numpy in sys.modules and the import path
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys, types

sys.path.insert(0, "/submission")
sys.modules["numpy"] = types.ModuleType("numpy")
sys.meta_path.insert(0, type("F", (), {"find_spec": staticmethod(lambda *a: None)}))
