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
    train, test = [], []
    for i in range(len(w.t_end)):
        if w.t_label[i] + embargo < cutoff:
            train.append(i)
        elif w.t_end[i] >= cutoff:
            test.append(i)
    return np.asarray(train, dtype=np.intp), np.asarray(test, dtype=np.intp)
