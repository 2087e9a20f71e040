# class: secrets
# attacks: runs what is set-user-id
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import subprocess

for program in ("su", "sudo", "mount", "passwd", "newgrp"):
    try:
        done = subprocess.run([program, "-c", "id"], capture_output=True, timeout=1, stdin=subprocess.DEVNULL)
        if b"uid=0" in done.stdout:
            print("LEAK root")
    except (OSError, subprocess.SubprocessError):
        pass
