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
        good &= (sliding_window_view(gaps, reach - 1) == pd.Timedelta(freq).to_timedelta64()).all(axis=1)[::stride]
    return views[good].copy(), labels[good], ends[good], label_times[good], [key] * int(good.sum())


def make_windows(
    df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None
) -> Windows:
    if window < 1 or horizon < 1 or stride < 1:
        raise ValueError("counts must be positive")
    value_cols = list(value_cols)
    wanted = dict.fromkeys([time_col, target_col, *value_cols] + ([] if group_col is None else [group_col]))
    df = df[list(wanted)].sort_values(time_col)
    if df[time_col].isna().any() or (group_col is not None and df[group_col].isna().any()):
        raise ValueError("missing times or keys")
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
    if embargo < pd.Timedelta(0):
        raise ValueError("negative embargo")
    return np.where(w.t_label < cutoff - embargo)[0], np.where(w.t_end >= cutoff)[0]


def _latest(moments, known, taken, max_age):
    """Return for each moment the position of the latest reading known, and whether it may be used."""
    order = np.argsort(known)
    at = np.searchsorted(known[order], moments, side="right") - 1
    source = order[np.maximum(at, 0)] if len(order) else np.zeros(len(moments), dtype=int)
    usable = at >= 0
    if max_age is not None and len(order):
        usable &= moments - taken[source] <= max_age
    return source, usable


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    keys = [time_col] if group_col is None else [time_col, group_col]
    if {*keys} - {*df.columns} or {*keys, *cols} - {*other.columns}:
        raise KeyError("a named column is missing")
    if {*cols} & {*df.columns}:
        raise ValueError("df has one of these columns")
    zero = pd.Timedelta(0)
    if delay < zero or (zero if max_age is None else max_age) < zero:
        raise ValueError("negative time")
    if other.duplicated(keys).any():
        raise ValueError("duplicate times")
    moments = df[time_col].to_numpy().astype("datetime64[ns]").astype("int64")
    taken = other[time_col].to_numpy().astype("datetime64[ns]").astype("int64")
    known = taken + delay.value
    oldest = None if max_age is None else max_age.value
    out = np.full((len(df), len(cols)), np.nan)
    values = other[list(cols)].to_numpy(dtype="float64")
    parts = [(slice(None), slice(None))]
    if group_col is not None:
        left, right = df[group_col].to_numpy(), other[group_col].to_numpy()
        parts = [(left == key, right == key) for key in pd.unique(df[group_col])]
    for rows, readings in parts:
        source, usable = _latest(moments[rows], known[readings], taken[readings], oldest)
        if len(values[readings]):
            out[rows] = np.where(usable[:, None], values[readings][source], np.nan)
    return df.assign(**{name: out[:, i] for i, name in enumerate(cols)})


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    if window < 1 or stride < 1 or batch_size < 1 or len(horizons) < 1 or min(horizons) < 1:
        raise ValueError("counts must be positive")
    ahead = np.asarray(horizons)
    count = max((len(rows) - window - max(horizons)) // stride + 1, 0)
    return (
        _batch(rows, first * stride, min(batch_size, count - first), target, window, ahead, stride)
        for first in range(0, count, batch_size)
    )


def _batch(rows, begin, size, target, window, ahead, stride):
    reach = window + ahead.max()
    block = np.array(rows[begin : begin + (size - 1) * stride + reach], dtype="float64")
    views = sliding_window_view(block, reach, axis=0)[::stride]
    return views[:, :, :window].swapaxes(1, 2).copy(), views[:, target, window - 1 + ahead]
