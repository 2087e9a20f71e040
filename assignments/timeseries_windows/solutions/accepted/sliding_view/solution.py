"""Views by sliding_window_view for every question, and one copy at the end."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class Windows:
    """Windows and their labels."""

    X: np.ndarray
    y: np.ndarray
    t_end: pd.DatetimeIndex
    t_label: pd.DatetimeIndex
    group: np.ndarray | None


def _one(series, key, time_col, value_cols, target_col, window, horizon, stride, freq):
    reach = window + horizon
    values = series[value_cols].astype("float64").values
    target = series[target_col].astype("float64").values
    times = pd.DatetimeIndex(series[time_col])
    if times.has_duplicates:
        raise ValueError("duplicate times")
    if len(series) < reach:
        return None
    views = np.swapaxes(sliding_window_view(values, window, axis=0), 1, 2)[: len(series) - reach + 1 : stride]
    labels = target[reach - 1 :][::stride]
    ends = times[window - 1 : len(series) - horizon][::stride]
    label_times = times[reach - 1 :][::stride]
    good = ~np.isnan(views).any(axis=(1, 2)) & ~np.isnan(labels)
    if freq is not None:
        gaps = np.diff(times.values)
        good &= (sliding_window_view(gaps, reach - 1) == np.timedelta64(pd.Timedelta(freq))).all(axis=1)[::stride]
    return views[good].copy(), labels[good], ends[good], label_times[good], [key] * int(good.sum())


def make_windows(
    df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None
) -> Windows:
    if window < 1 or horizon < 1 or stride < 1:
        raise ValueError("counts must be positive")
    value_cols = list(value_cols)
    wanted = dict.fromkeys([time_col, target_col, *value_cols] + ([] if group_col is None else [group_col]))
    df = df[list(wanted)].sort_values(time_col)
    names = {"time_col": time_col, "value_cols": value_cols, "target_col": target_col}
    counts = {"window": window, "horizon": horizon, "stride": stride, "freq": freq}
    if group_col is None:
        parts = [_one(df, None, **names, **counts)]
    else:
        parts = [_one(df[df[group_col] == key], key, **names, **counts) for key in np.sort(df[group_col].unique())]
    parts = [part for part in parts if part is not None]
    if not parts:
        none = pd.DatetimeIndex([])
        keys = None if group_col is None else np.empty(0, dtype=object)
        return Windows(np.empty((0, window, len(value_cols))), np.empty(0), none, none, keys)
    X, y, t_end, t_label, keys = zip(*parts, strict=True)
    return Windows(
        np.concatenate(X),
        np.concatenate(y),
        pd.DatetimeIndex(np.concatenate(t_end)),
        pd.DatetimeIndex(np.concatenate(t_label)),
        None if group_col is None else np.array([key for part in keys for key in part], dtype=object),
    )


def time_split(w, cutoff, embargo=pd.Timedelta(0)):
    return np.where(w.t_label < cutoff - embargo)[0], np.where(w.t_end >= cutoff)[0]
