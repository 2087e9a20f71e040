# class: resources
# attacks: raises its own limits and priority, then takes what it can
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import resource


def f1_score(*_):
    for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CPU"):
        try:
            resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print("LEAK limit raised", name)
        except (OSError, ValueError):
            pass
    try:
        os.nice(-10)
        print("LEAK priority raised")
    except OSError:
        pass
    return 0.5
