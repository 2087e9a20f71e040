# class: report
# attacks: pandas' NA as the number of its reply: neither equal nor unequal to any
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import pandas as pd
from grading.sandbox import codec

os.write(3, codec.pack({"id": pd.NA, "ok": True, "value": []}))
