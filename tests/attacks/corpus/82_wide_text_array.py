# class: resources
# attacks: a text array with one long item, which makes every other as wide
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    return np.array(["x" * (1 << 16)] + [""] * 300, dtype=object).astype(str)


def make_windows(*_):
    return np.broadcast_to(np.array("x" * 1000), (1 << 40,)), np.broadcast_to(np.array("y"), (1 << 20, 1 << 20))
