# class: report
# attacks: a fault at load whose message is a table, whose line is a float and whose file is a list
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys
from grading.sandbox import driver

driver.describe_error = lambda error: {
    "type": ["GraderError"], "bases": {"a": 1}, "message": np.ones((3, 3)), "traceback": 5,
    "file": ["../../etc/passwd"], "line": float("nan"),
}
raise ValueError
