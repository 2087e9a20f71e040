# class: resources
# attacks: ranges, indices and empty shapes that are tiny until somebody unrolls them
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    return range(10**15)


def make_windows(*_):
    import pandas as pd

    return np.zeros((0, 1 << 39)), pd.DataFrame(index=pd.RangeIndex(1 << 39))
