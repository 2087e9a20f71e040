# class: runner
# attacks: waits for words on standard input
# expect: {"f1": 0, "windows": 0}
import numpy as np


import sys


def f1_score(*_):
    return float(input() or sys.stdin.readline() or 0.5)


make_windows = f1_score
