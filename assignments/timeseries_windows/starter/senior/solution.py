"""Cut time series into windows that a model may train on, and split them by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

NO_EMBARGO = pd.Timedelta(0)
NO_DELAY = pd.Timedelta(0)


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
    raise NotImplementedError("make_windows: cut the series into windows")


def time_split(w: Windows, cutoff: pd.Timestamp, embargo: pd.Timedelta = NO_EMBARGO) -> tuple[np.ndarray, np.ndarray]:
    raise NotImplementedError("time_split: return the positions (train, test)")


def add_latest(
    df: pd.DataFrame,
    other: pd.DataFrame,
    *,
    time_col: str,
    cols: Sequence[str],
    delay: pd.Timedelta = NO_DELAY,
    max_age: pd.Timedelta | None = None,
    group_col: str | None = None,
) -> pd.DataFrame:
    raise NotImplementedError("add_latest")


def iter_batches(
    rows: np.ndarray, *, target: int, window: int, horizons: Sequence[int], batch_size: int, stride: int = 1
):
    raise NotImplementedError("iter_batches")
