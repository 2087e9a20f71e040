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
    # Complete what follows, and delete the next line.
    raise NotImplementedError("make_windows: cut the series into windows")
    # Hint: rule 7 comes first. df.columns knows the names, df.duplicated finds times that stand twice.
    rows = df.sort_values(time_col, ignore_index=True)
    values = rows[list(value_cols)].to_numpy(dtype=np.float64)
    times = pd.DatetimeIndex(rows[time_col])
    # Hint: make the target an array, too.
    X, y, t_end, t_label = [], [], [], []
    for start in range(0, len(rows), stride):
        end = start + window - 1  # the window's last row
        # Hint: which row has its label, and is there such a row? np.isnan tells where a NaN stands.
        X.append(values[start : end + 1])
        t_end.append(times[end])
    # Hint: np.array([]) has shape (0,), and rule 8 asks for three axes. reshape can help.
    ends, labels = pd.DatetimeIndex(t_end), pd.DatetimeIndex(t_label)
    return Windows(X=np.array(X), y=np.array(y), t_end=ends, t_label=labels, group=None)


def time_split(w: Windows, cutoff: pd.Timestamp, embargo: pd.Timedelta = NO_EMBARGO) -> tuple[np.ndarray, np.ndarray]:
    """Split windows at a moment, so that nothing learned in training was known only after it.

    Args:
        w: windows in any order.
        cutoff: when testing begins.
        embargo: how long before the cutoff the last training label must lie; not negative.

    Returns: positions of the training windows and of the test windows, each an ascending integer array.
    """
    # Hint: w.t_label < a_moment gives True or False for each window; np.flatnonzero gives positions.
    raise NotImplementedError("time_split: return the positions (train, test)")
