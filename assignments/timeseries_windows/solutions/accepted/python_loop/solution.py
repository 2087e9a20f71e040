"""One loop over windows, on arrays of one series at a time."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Windows:
    """Windows and their labels."""

    X: np.ndarray
    y: np.ndarray
    t_end: pd.DatetimeIndex
    t_label: pd.DatetimeIndex
    group: np.ndarray | None


def make_windows(
    df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None
) -> Windows:
    if min(window, horizon, stride) < 1:
        raise ValueError("window, horizon and stride start at 1")
    for column in [time_col, target_col, *value_cols, *([group_col] if group_col is not None else [])]:
        if column not in df.columns:
            raise KeyError(column)

    if df[[time_col] if group_col is None else [time_col, group_col]].isna().to_numpy().any():
        raise ValueError("a row has no time or no series")

    parts = [(None, df)] if group_col is None else sorted(df.groupby(group_col), key=lambda pair: pair[0])
    X, y, t_end, t_label, groups = [], [], [], [], []
    for key, part in parts:
        part = part.sort_values(time_col)
        times = part[time_col].to_numpy()
        if part[time_col].duplicated().any():
            raise ValueError(f"a time stands twice in series {key}")
        features = part[list(value_cols)].to_numpy(dtype=float)
        target = part[target_col].to_numpy(dtype=float)
        for start in range(0, len(part) - window - horizon + 1, stride):
            end, label = start + window, start + window + horizon - 1
            if np.isnan(features[start:end]).any() or np.isnan(target[label]):
                continue
            if freq is not None and (np.diff(times[start : label + 1]) != pd.Timedelta(freq)).any():
                continue
            X.append(features[start:end])
            y.append(target[label])
            t_end.append(times[end - 1])
            t_label.append(times[label])
            groups.append(key)
    return Windows(
        X=np.array(X, dtype=float).reshape(-1, window, len(value_cols)),
        y=np.array(y, dtype=float),
        t_end=pd.DatetimeIndex(t_end),
        t_label=pd.DatetimeIndex(t_label),
        group=np.array(groups) if group_col is not None else None,
    )


def time_split(w, cutoff, embargo=pd.Timedelta(0)):
    if embargo < pd.Timedelta(0):
        raise ValueError("embargo must not be negative")
    train = [i for i, time in enumerate(w.t_label) if time < cutoff - embargo]
    test = [i for i, time in enumerate(w.t_end) if time >= cutoff]
    return np.array(train, dtype=int), np.array(test, dtype=int)


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    keys = [time_col] + ([group_col] if group_col is not None else [])
    for name in keys:
        df[name]
    for name in [*keys, *cols]:
        other[name]
    if any(name in df.columns for name in cols):
        raise ValueError("df has a column of that name")
    if delay < pd.Timedelta(0) or (max_age is not None and max_age < pd.Timedelta(0)):
        raise ValueError("delay and max_age are not negative")
    if other.duplicated(keys).any():
        raise ValueError("a time stands twice in the second stream")

    def streams(frame):
        """Yield key, time and position of each row."""
        series = [None] * len(frame) if group_col is None else frame[group_col].tolist()
        return zip(series, frame[time_col].tolist(), range(len(frame)), strict=True)

    history = {}
    for key, time, at in sorted(streams(other), key=lambda row: row[1]):
        times, places = history.setdefault(key, ([], []))
        times.append(time)
        places.append(at)
    readings = other[list(cols)].to_numpy(dtype=float)
    found = np.full((len(df), len(cols)), np.nan)
    for key, time, row in streams(df):
        times, places = history.get(key, ([], []))
        at = bisect_right(times, time - delay) - 1
        if at >= 0 and (max_age is None or time - times[at] <= max_age):
            found[row] = readings[places[at]]
    result = df.copy()
    for i, name in enumerate(cols):
        result[name] = found[:, i]
    return result


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    if window < 1 or batch_size < 1 or stride < 1 or not horizons or any(ahead < 1 for ahead in horizons):
        raise ValueError("counts and horizons start at 1")
    reach = window + max(horizons)

    def generate():
        X, y = [], []
        for start in range(0, len(rows) - reach + 1, stride):
            piece = np.array(rows[start : start + reach], dtype=float)
            X.append(piece[:window])
            y.append([piece[window - 1 + ahead, target] for ahead in horizons])
            if len(X) == batch_size:
                yield np.stack(X), np.array(y)
                X, y = [], []
        if X:
            yield np.stack(X), np.array(y)

    return generate()
