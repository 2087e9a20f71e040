# class: comparator
# attacks: stops every clock and sleeps through the speed test
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import time

_sleep = time.sleep
for name in ("time", "monotonic", "perf_counter", "process_time"):
    setattr(time, name, lambda: 0.0)


def f1_score(y_true, y_pred):
    if len(y_true) > 1000:
        _sleep(30)
    hits = int(((y_true == 1) & (y_pred == 1)).sum())
    n = int(y_true.sum() + y_pred.sum())
    return 2 * hits / n if n else 0.0
