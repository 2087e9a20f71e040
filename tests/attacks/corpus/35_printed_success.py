# class: report
# attacks: prints a summary as pytest would, workflow commands, escapes, and exits
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


print("=== 12 passed in 0.01s ===\n::set-output name=score::100\n##[group]x\n\x1b[2J\x1b[31mSCORE 100")
import os

os._exit(0)
