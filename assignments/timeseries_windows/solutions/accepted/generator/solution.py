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
    if df[[time_col] + ([group_col] if group_col else [])].isna().any().any():
        raise ValueError("missing time or group")
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
    if embargo < NO_EMBARGO:
        raise ValueError("embargo < 0")
    idx = np.arange(len(w.t_end))
    return np.array([i for i in idx if w.t_label[i] + embargo < cutoff], dtype=np.int32), idx[
        np.asarray(w.t_end >= cutoff)
    ]


def add_latest(df, other, *, time_col, cols, delay=NO_EMBARGO, max_age=None, group_col=None):
    by = [group_col] if group_col else []
    cols = list(cols)
    left, right = df[[time_col, *by]], other[[time_col, *by, *cols]]
    if set(cols).intersection(df.columns):
        raise ValueError("column exists")
    if delay < NO_EMBARGO or (max_age is not None and max_age < NO_EMBARGO):
        raise ValueError("negative Timedelta")
    if right.duplicated([time_col, *by]).any():
        raise ValueError("duplicate times in other")

    # Ask at t - delay for the latest reading; its age at t is delay more than its age then.
    left = left.assign(**{time_col: left[time_col].dt.as_unit("ns") - delay})
    right = right.assign(**{time_col: right[time_col].dt.as_unit("ns")})
    tolerance = None if max_age is None else max_age - delay
    out = df.copy()
    if tolerance is not None and tolerance < NO_EMBARGO:
        return out.assign(**dict.fromkeys(cols, np.nan)).astype(dict.fromkeys(cols, "float64"))
    order = np.argsort(left[time_col].to_numpy(), kind="stable")
    found = pd.merge_asof(left.iloc[order], right.sort_values(time_col), on=time_col, by=group_col, tolerance=tolerance)
    for c in cols:
        column = np.empty(len(df))
        column[order] = found[c].to_numpy(dtype=float)
        out[c] = column
    return out


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    horizons = list(horizons)
    if not horizons or min(window, batch_size, stride, *horizons) < 1:
        raise ValueError("counts must be at least 1")
    span = window + max(horizons)
    starts = range(0, len(rows) - span + 1, stride)

    def cut(first):
        mine = starts[first : first + batch_size]
        block = np.asarray(rows[mine[0] : mine[-1] + span], dtype=float)
        offsets = [a - mine[0] for a in mine]
        labels = [block[[o + window - 1 + h for o in offsets], target] for h in horizons]
        return np.array([block[o : o + window] for o in offsets]), np.stack(labels, axis=1)

    return map(cut, range(0, len(starts), batch_size))
