# class: special-casing
# attacks: guesses names of checks, oracles and seeds in whatever module it can reach
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import gc
import sys

for thing in gc.get_objects():
    if type(thing) is dict:
        for key in list(thing)[:50]:
            if isinstance(key, str) and ("by_counting" in key or "by_rows" in key or "judge_seed" in key):
                print("LEAK", key)
for name in list(sys.modules):
    if {"judge", "hidden", "oracle", "pytest", "_pytest"} & set(name.split(".")):
        print("LEAK module", name)
