"""Cut time series into windows that a model may train on, and split them by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

NO_EMBARGO = pd.Timedelta(0)


@dataclass(frozen=True)
class Windows:
    """Windows and their labels; entry i of every field describes window i. Leave this class as it is.

    Attributes:
        X: (n, window, n_features) float64, the rows of each window in time order.
        y: (n,) float64, the labels.
        t_end: (n,) time of the last row of each window, when the forecast is made.
        t_label: (n,) time of the row that the label comes from.
        group: (n,) the series each window comes from, or None without `group_col`.
    """

    X: np.ndarray
    y: np.ndarray
    t_end: pd.DatetimeIndex
    t_label: pd.DatetimeIndex
    group: np.ndarray | None


class Serie:
    def __init__(self, key, frame, time_col, value_cols, target_col):
        frame = frame.sort_values(time_col)
        self.key, self.t = key, pd.DatetimeIndex(frame[time_col])
        self.v = frame[list(value_cols)].to_numpy(float, copy=True)
        self.y = frame[target_col].to_numpy(float, copy=True)

    def windows(self, window, horizon, stride, step):
        n = len(self.t)
        good = None if step is None else (self.t + step)[:-1] == self.t[1:]
        a = 0
        while a + window + horizon <= n:
            e = a + window
            lab = e + horizon - 1
            if not (np.isnan(self.v[a:e]).any() or np.isnan(self.y[lab])) and (good is None or good[a:lab].all()):
                yield self.v[a:e].copy(), self.y[lab], e - 1, lab
            a += stride


def make_windows(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    if window < 1 or horizon < 1 or stride < 1:
        raise ValueError("counts must be at least 1")
    for c in [time_col, *value_cols, target_col] + ([group_col] if group_col else []):
        if c not in df.columns:
            raise KeyError(c)
    if df.duplicated(([group_col] if group_col else []) + [time_col]).any():
        raise ValueError("duplicate times")

    step = pd.tseries.frequencies.to_offset(freq) if freq else None
    parts = [(None, df)] if group_col is None else list(df.groupby(group_col))
    got = []
    for key, frame in parts:
        s = Serie(key, frame, time_col, value_cols, target_col)
        got += [(x, y, s.t[e], s.t[last], key) for x, y, e, last in s.windows(window, horizon, stride, step)]
    if not got:
        none = pd.DatetimeIndex([])
        return Windows(
            np.zeros((0, window, len(value_cols))), np.zeros(0), none, none, np.array([]) if group_col else None
        )
    x, y, e, last, k = zip(*got)
    return Windows(
        np.array(x),
        np.array(y),
        pd.DatetimeIndex(e),
        pd.DatetimeIndex(last),
        np.array(k, dtype=object) if group_col else None,
    )


def time_split(w, cutoff, embargo=NO_EMBARGO):
    idx = np.arange(len(w.y))
    return np.array([i for i in idx if w.t_label[i] + embargo < cutoff], dtype=np.int32), idx[
        np.asarray(w.t_end >= cutoff)
    ]
