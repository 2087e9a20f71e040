"""One loop over windows, on arrays of one series at a time."""

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
    train = [i for i, time in enumerate(w.t_label) if time < cutoff - embargo]
    test = [i for i, time in enumerate(w.t_end) if time >= cutoff]
    return np.array(train, dtype=int), np.array(test, dtype=int)
