"""Cut time series into windows that a model may train on, and split them by time."""

from __future__ import annotations

from collections.abc import Sequence
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


def make_windows(
    df: pd.DataFrame,
    *,
    time_col: str,
    value_cols: Sequence[str],
    target_col: str,
    window: int,
    horizon: int = 1,
    stride: int = 1,
    group_col: str | None = None,
    freq: str | None = None,
) -> Windows:
    """Cut every series of a frame into windows of consecutive rows with the label `horizon` rows later.

    Args:
        df: one row per series and time, in any order; never changed.
        time_col: column of timestamps.
        value_cols: the features, in the order they take in X.
        target_col: the column to forecast; it may be a feature too.
        window: rows in a window.
        horizon: rows from a window's last row to its label.
        stride: rows from one window's start to the next.
        group_col: column that tells the series apart; None if there is one series.
        freq: the step between rows, such as "1h" or "15min"; windows and labels that do not keep it are dropped.

    Returns: the windows, series after series in the order of their keys, by time within a series.
    Raises:
        ValueError: window, horizon or stride is below 1, or a series holds a time twice.
        KeyError: a named column is not in the frame.
    """
    #: task
    #: | raise NotImplementedError("make_windows: cut the series into windows")
    features = list(value_cols)
    _check(df, [time_col, target_col, *features], group_col, {"window": window, "horizon": horizon, "stride": stride})
    order = [time_col] if group_col is None else [group_col, time_col]
    twice = df.duplicated(order)
    if twice.any():
        raise ValueError(f"{int(twice.sum())} rows repeat a time of their series; every time may stand once")

    rows = df.sort_values(order, ignore_index=True)
    values = rows[features].to_numpy(dtype=np.float64)
    target = rows[target_col].to_numpy(dtype=np.float64)
    times = pd.DatetimeIndex(rows[time_col])
    reach = window - 1 + horizon

    start = _first_rows(rows, group_col, stride, reach)
    keep = ~np.isnan(target[start + reach])
    keep &= _none_between(np.isnan(values).any(axis=1), start, start + window)
    if freq is not None:
        broken = np.append(np.diff(times) != pd.Timedelta(freq).to_timedelta64(), True)
        keep &= _none_between(broken, start, start + reach)
    start = start[keep]

    return Windows(
        X=values[start[:, None] + np.arange(window)],
        y=target[start + reach],
        t_end=times[start + window - 1],
        t_label=times[start + reach],
        group=None if group_col is None else rows[group_col].to_numpy()[start],
    )
    #: end


def time_split(w: Windows, cutoff: pd.Timestamp, embargo: pd.Timedelta = NO_EMBARGO) -> tuple[np.ndarray, np.ndarray]:
    """Split windows at a moment, so that nothing learned in training was known only after it.

    Args:
        w: windows in any order.
        cutoff: when testing begins.
        embargo: how long before the cutoff the last training label must lie; not negative.

    Returns: positions of the training windows and of the test windows, each an ascending integer array.
    """
    #: task
    #: | raise NotImplementedError("time_split: return the positions (train, test)")
    return np.flatnonzero(w.t_label < cutoff - embargo), np.flatnonzero(w.t_end >= cutoff)
    #: end


#: private
def _check(df: pd.DataFrame, columns: Sequence[str], group_col: str | None, counts: dict[str, int]) -> None:
    """Raise ValueError for a count below 1 and KeyError for a column that the frame lacks."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} = {count}: expected at least 1")
    named = [*columns] if group_col is None else [*columns, group_col]
    missing = [name for name in named if name not in df.columns]
    if missing:
        raise KeyError(f"no column {missing} in the frame; it has {list(df.columns)}")


def _first_rows(rows: pd.DataFrame, group_col: str | None, stride: int, reach: int) -> np.ndarray:
    """Return the rows where a window starts whose label still lies in the same series."""
    at = np.arange(len(rows))
    if group_col is None:
        return at[: max(len(rows) - reach, 0) : stride]
    series = rows.groupby(group_col)[group_col]
    fits = (series.transform("size").to_numpy() - series.cumcount().to_numpy()) > reach
    return at[fits & (series.cumcount().to_numpy() % stride == 0)]


def _none_between(bad: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Tell for each pair whether no row of [start, stop) is bad."""
    count = np.append(0, np.cumsum(bad))
    return count[stop] == count[start]


#: end
