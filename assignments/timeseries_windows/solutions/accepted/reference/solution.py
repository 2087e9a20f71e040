"""Cut time series into windows that a model may train on, and split them by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

NO_EMBARGO = pd.Timedelta(0)
#: only senior
NO_DELAY = pd.Timedelta(0)
#: end


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
    #: only junior mid
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
    #: end
    #: task
    #: junior | # Complete what follows, and delete the next line.
    #: | raise NotImplementedError("make_windows: cut the series into windows")
    #: junior | # Hint: rule 7 comes first. df.columns knows the names, df.duplicated finds times that stand twice.
    #: junior | rows = df.sort_values(time_col, ignore_index=True)
    #: junior | values = rows[list(value_cols)].to_numpy(dtype=np.float64)
    #: junior | times = pd.DatetimeIndex(rows[time_col])
    #: junior | # Hint: make the target an array, too.
    #: junior | X, y, t_end, t_label = [], [], [], []
    #: junior | for start in range(0, len(rows), stride):
    #: junior |     end = start + window - 1  # the window's last row
    #: junior |     # Hint: which row has its label, and is there such a row? np.isnan tells where a NaN stands.
    #: junior |     X.append(values[start : end + 1])
    #: junior |     t_end.append(times[end])
    #: junior | # Hint: np.array([]) has shape (0,), and rule 8 asks for three axes. reshape can help.
    #: junior | ends, labels = pd.DatetimeIndex(t_end), pd.DatetimeIndex(t_label)
    #: junior | return Windows(X=np.array(X), y=np.array(y), t_end=ends, t_label=labels, group=None)
    features = list(value_cols)
    _check(df, [time_col, target_col, *features], group_col, {"window": window, "horizon": horizon, "stride": stride})
    order = [time_col] if group_col is None else [group_col, time_col]
    if df[order].isna().any(axis=None):
        raise ValueError(f"a row without {' or '.join(order)}; every row needs its time and its series")
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
    #: only junior mid
    """Split windows at a moment, so that nothing learned in training was known only after it.

    Args:
        w: windows in any order.
        cutoff: when testing begins.
        embargo: how long before the cutoff the last training label must lie; not negative.

    Returns: positions of the training windows and of the test windows, each an ascending integer array.
    """
    #: end
    #: task
    #: junior | # Hint: w.t_label < a_moment gives True or False for each window; np.flatnonzero gives positions.
    #: | raise NotImplementedError("time_split: return the positions (train, test)")
    if embargo < NO_EMBARGO:
        raise ValueError(f"embargo = {embargo}: expected 0 or more")
    return np.flatnonzero(w.t_label < cutoff - embargo), np.flatnonzero(w.t_end >= cutoff)
    #: end


#: only senior
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
    #: task
    #: | raise NotImplementedError("add_latest")
    keys = [time_col] if group_col is None else [group_col, time_col]
    _check_join(df, other, keys, list(cols), delay, max_age)
    moments, readings = _as_stream(df, time_col, group_col), _as_stream(other, time_col, group_col)
    readings["known"] = readings["time"] + delay
    found = pd.merge_asof(
        moments.sort_values("time"),
        readings.rename(columns={"time": "taken"}).sort_values("known"),
        left_on="time",
        right_on="known",
        by="series",
        suffixes=("", "_taken"),
    ).sort_values("row")
    usable = found["taken"].notna()
    if max_age is not None:
        usable &= found["time"] - found["taken"] <= max_age
    taken = found["row_taken"].where(usable, 0).fillna(0).to_numpy(dtype=np.intp)
    joined = df.copy()
    for name in cols:
        values = other[name].to_numpy(dtype=np.float64)
        joined[name] = np.where(usable, values[taken], np.nan) if len(values) else np.nan
    return joined
    #: end


def iter_batches(
    rows: np.ndarray, *, target: int, window: int, horizons: Sequence[int], batch_size: int, stride: int = 1
):
    #: task
    #: | raise NotImplementedError("iter_batches")
    ahead = np.array(horizons, dtype=np.intp)
    if min(window, batch_size, stride) < 1 or ahead.size == 0 or ahead.min() < 1:
        raise ValueError("window, batch_size, stride and every horizon start at 1, and there is at least one horizon")
    reach = window - 1 + int(ahead.max())
    return _read_batches(rows, range(0, max(len(rows) - reach, 0), stride), reach, target, window, ahead, batch_size)
    #: end


#: end
#: private
def _as_stream(df: pd.DataFrame, time_col: str, group_col: str | None) -> pd.DataFrame:
    """Return time, series and position of each row, under names that no column of the frame can disturb."""
    plain = df.reset_index(drop=True)
    series = 0 if group_col is None else plain[group_col]
    return pd.DataFrame({"time": plain[time_col].dt.as_unit("ns"), "series": series, "row": np.arange(len(df))})


def _check_join(
    df: pd.DataFrame,
    other: pd.DataFrame,
    keys: list[str],
    cols: list[str],
    delay: pd.Timedelta,
    max_age: pd.Timedelta | None,
) -> None:
    """Raise what rule 16 promises."""
    for name, frame, named in (("df", df, keys), ("other", other, [*keys, *cols])):
        missing = [column for column in named if column not in frame.columns]
        if missing:
            raise KeyError(f"no column {missing} in {name}; it has {list(frame.columns)}")
    if taken := [name for name in cols if name in df.columns]:
        raise ValueError(f"{taken}: df has such columns already")
    if delay < NO_DELAY or (max_age is not None and max_age < NO_DELAY):
        raise ValueError(f"delay = {delay}, max_age = {max_age}: expected 0 or more")
    if other.duplicated(keys).any():
        raise ValueError("other has rows that repeat a time of their series; every time may stand once")


def _read_batches(
    rows: np.ndarray, starts: range, reach: int, target: int, window: int, ahead: np.ndarray, batch_size: int
):
    """Read one block of rows for each batch; errors are raised before, so that the call itself raises them."""
    for first in range(0, len(starts), batch_size):
        batch = starts[first : first + batch_size]
        block = np.asarray(rows[batch[0] : batch[-1] + reach + 1], dtype=np.float64)
        at = np.array(batch, dtype=np.intp)[:, None] - batch[0]
        yield block[at + np.arange(window)], block[at + window - 1 + ahead, target]


def backtest(
    w: Windows, cutoffs: Sequence[pd.Timestamp], embargo: pd.Timedelta = NO_EMBARGO
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split windows at several moments: each test part ends where the next one begins (the extension of GUIDE.md)."""
    splits = []
    for cutoff, after in zip(cutoffs, [*cutoffs[1:], None], strict=True):
        train, test = time_split(w, cutoff, embargo)
        splits.append((train, test if after is None else test[np.asarray(w.t_end[test] < after)]))
    return splits


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
