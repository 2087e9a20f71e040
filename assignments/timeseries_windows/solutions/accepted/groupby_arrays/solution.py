"""Shifts and rolling sums in pandas decide which rows end a window; index arithmetic gathers them."""

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
    if any(count < 1 for count in (window, horizon, stride)):
        raise ValueError("window, horizon, stride must be >= 1")
    features = list(value_cols)
    table = pd.DataFrame(
        {
            "key": np.zeros(len(df), dtype=int) if group_col is None else df[group_col].to_numpy(),
            "time": df[time_col].to_numpy(),
            "target": df[target_col].to_numpy(dtype="float64"),
        }
    )
    inputs = np.column_stack([df[name].to_numpy(dtype="float64") for name in features])
    table["bad"] = np.isnan(inputs).any(axis=1)
    table["source"] = np.arange(len(table))
    if table.duplicated(["key", "time"]).any():
        raise ValueError("a series has two rows for one time")
    table = table.sort_values(["key", "time"]).reset_index(drop=True)
    inputs = inputs[table["source"].to_numpy()]

    series = table.groupby("key", sort=True)
    position = series.cumcount()
    table["label"] = series["target"].shift(-horizon)
    table["label_time"] = series["time"].shift(-horizon)
    bad_before = table["bad"].astype(int).cumsum()
    bad_inside = bad_before - bad_before.shift(window, fill_value=0)
    first = position - (window - 1)
    chosen = (
        (first >= 0) & (first % stride == 0) & table["label_time"].notna() & table["label"].notna() & (bad_inside == 0)
    )
    if freq is not None:
        wrong = (series["time"].diff() != pd.Timedelta(freq)).astype(int).cumsum().to_numpy()
        rows = np.arange(len(table))
        begin = np.clip(rows - window + 1, 0, None)
        until = np.clip(rows + horizon, None, max(len(table) - 1, 0))
        chosen &= wrong[until] == wrong[begin]
    ends = np.flatnonzero(chosen)
    picked = table.iloc[ends]
    return Windows(
        X=inputs[ends[:, np.newaxis] + np.arange(1 - window, 1)],
        y=picked["label"].to_numpy(copy=True),
        t_end=pd.DatetimeIndex(picked["time"]),
        t_label=pd.DatetimeIndex(picked["label_time"]),
        group=None if group_col is None else picked["key"].to_numpy(),
    )


def time_split(w, cutoff, embargo=None):
    embargo = pd.Timedelta(0) if embargo is None else embargo
    n = np.arange(len(w.y))
    return n[np.asarray(w.t_label < cutoff - embargo)], n[np.asarray(w.t_end >= cutoff)]
