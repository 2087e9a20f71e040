"""Plain Python over records: pandas is only used to read the frame and to wrap the result."""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

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
    for count in (window, horizon, stride):
        if count < 1:
            raise ValueError(f"{count} is below 1")
    if df[time_col].isna().any() or (group_col is not None and df[group_col].isna().any()):
        raise ValueError("times and keys must not be missing")
    keys = df[group_col].tolist() if group_col is not None else [""] * len(df)
    times = list(df[time_col])
    target = [float(value) for value in df[target_col]]
    features = list(zip(*([float(value) for value in df[name]] for name in value_cols), strict=True))
    step = pd.Timedelta(freq) if freq is not None else None

    series = defaultdict(list)
    for row, key in enumerate(keys):
        series[key].append(row)
    chosen = []
    for _, rows in sorted(series.items()):
        rows.sort(key=times.__getitem__)
        # A break starts a new run of rows without one; a window must lie within a run.
        run, runs = 0, [0]
        for before, after in pairwise(rows):
            if times[before] == times[after]:
                raise ValueError(f"two rows at {times[after]}")
            run += step is not None and times[after] - times[before] != step
            runs.append(run)
        for start in range(0, len(rows), stride):
            label = start + window - 1 + horizon
            if label >= len(rows) or runs[start] != runs[label] or math.isnan(target[rows[label]]):
                continue
            inside = rows[start : start + window]
            if not any(math.isnan(value) for row in inside for value in features[row]):
                chosen.append((inside, rows[label]))

    X = np.empty((len(chosen), window, len(value_cols)))
    for i, (inside, _) in enumerate(chosen):
        X[i] = [features[row] for row in inside]
    return Windows(
        X=X,
        y=np.array([target[label] for _, label in chosen], dtype=float),
        t_end=pd.DatetimeIndex([times[inside[-1]] for inside, _ in chosen]),
        t_label=pd.DatetimeIndex([times[label] for _, label in chosen]),
        group=np.array([keys[label] for _, label in chosen]) if group_col is not None else None,
    )


def time_split(w, cutoff, embargo=pd.Timedelta(0)):
    if embargo < pd.Timedelta(0):
        raise ValueError(f"embargo {embargo} is negative")
    train, test = [], []
    for i in range(len(w.t_end)):
        if w.t_label[i] + embargo < cutoff:
            train.append(i)
        elif w.t_end[i] >= cutoff:
            test.append(i)
    return np.asarray(train, dtype=np.intp), np.asarray(test, dtype=np.intp)


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    if delay < pd.Timedelta(0) or (max_age is not None and max_age < pd.Timedelta(0)):
        raise ValueError("delay and max_age may not be negative")
    if set(cols) & set(df.columns):
        raise ValueError("columns would stand twice")
    rows = list(zip(df[group_col] if group_col else [""] * len(df), df[time_col], strict=True))
    readings = list(
        zip(
            other[group_col] if group_col else [""] * len(other),
            other[time_col],
            zip(*(other[name] for name in cols), strict=True),
            strict=True,
        )
    )
    if len({reading[:2] for reading in readings}) < len(readings):
        raise ValueError("a reading stands twice")

    # Both streams as one line of events; a reading comes before a row of the same moment.
    events = [(time + delay, 0, key, (time, values)) for key, time, values in readings]
    events += [(time, 1, key, row) for row, (key, time) in enumerate(rows)]
    latest = {}
    nothing = (math.nan,) * len(cols)
    found = [nothing] * len(rows)
    for moment, kind, key, what in sorted(events, key=lambda event: event[:2]):
        if kind == 0:
            latest[key] = what
        elif key in latest and (max_age is None or moment - latest[key][0] <= max_age):
            found[what] = latest[key][1]
    joined = df.copy()
    for i, name in enumerate(cols):
        joined[name] = np.array([values[i] for values in found], dtype=float)
    return joined


class iter_batches:  # noqa: N801
    """An iterator over batches that reads one block for each."""

    def __init__(self, rows, *, target, window, horizons, batch_size, stride=1):
        if min(window, batch_size, stride, *horizons, 1) < 1 or len(horizons) == 0:
            raise ValueError("everything is counted from 1")
        self.rows, self.target, self.window, self.horizons = rows, target, window, horizons
        self.batch_size, self.stride, self.start = batch_size, stride, 0

    def __iter__(self):
        return self

    def __next__(self):
        reach = self.window + max(self.horizons)
        left = (len(self.rows) - reach - self.start) // self.stride + 1
        count = min(left, self.batch_size)
        if count < 1:
            raise StopIteration
        block = self.rows[self.start : self.start + (count - 1) * self.stride + reach].tolist()
        self.start += count * self.stride
        X, y = [], []
        for at in range(0, count * self.stride, self.stride):
            X.append(block[at : at + self.window])
            y.append([block[at + self.window - 1 + ahead][self.target] for ahead in self.horizons])
        return np.array(X, dtype=float), np.array(y, dtype=float)
