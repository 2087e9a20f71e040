# class: exit
# attacks: closes every descriptor, changes folder, root and user, and waits
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os, time


def f1_score(*_):
    for action in (lambda: os.chroot("/tmp"), lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chdir("/"), lambda: os.setsid()):
        try:
            action()
        except OSError:
            pass
    os.closerange(0, 256)
    time.sleep(60)


make_windows = f1_score
