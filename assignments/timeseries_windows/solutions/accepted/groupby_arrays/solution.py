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
    if table[["key", "time"]].isna().any(axis=None):
        raise ValueError("a row lacks its time or its key")
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
    if embargo / pd.Timedelta("1s") < 0:
        raise ValueError("the embargo is negative")
    n = np.arange(len(w.t_end))
    return n[np.asarray(w.t_label < cutoff - embargo)], n[np.asarray(w.t_end >= cutoff)]


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    """Sort both streams into one and fill the position of the latest reading downwards."""
    keys = [time_col] + [group_col] * (group_col is not None)
    missing = [name for name in keys if name not in df] + [name for name in [*keys, *cols] if name not in other]
    if missing:
        raise KeyError(missing)
    if delay < pd.Timedelta(0) or (max_age is not None and max_age < pd.Timedelta(0)):
        raise ValueError("delay and max_age must be >= 0")
    if df.columns.isin(list(cols)).any() or other[keys].duplicated().any():
        raise ValueError("a column or a time stands twice")

    def line(frame, shift, kind):
        key = np.zeros(len(frame), dtype=int) if group_col is None else frame[group_col].to_numpy()
        moment = frame[time_col].to_numpy().astype("datetime64[ns]") + shift.to_timedelta64()
        return pd.DataFrame({"key": key, "moment": moment, "kind": kind, "at": np.arange(len(frame))})

    events = pd.concat([line(other, delay, 0), line(df, pd.Timedelta(0), 1)], ignore_index=True)
    events = events.sort_values(["moment", "kind"], kind="stable")
    events["source"] = events["at"].where(events["kind"] == 0).astype("float64")
    events["source"] = events.groupby("key")["source"].ffill()
    rows = events[events["kind"] == 1].sort_values("at")
    source = rows["source"].to_numpy()
    taken = pd.Series(other[time_col].to_numpy().astype("datetime64[ns]")).reindex(source).to_numpy()
    known = ~np.isnan(source)
    if max_age is not None:
        known &= rows["moment"].to_numpy() - taken <= max_age.to_timedelta64()
    readings = other.reset_index(drop=True)[list(cols)].astype("float64").reindex(np.where(known, source, -1))
    readings.index = df.index
    return pd.concat([df, readings], axis=1)


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    ahead = np.array(list(horizons), dtype=int)
    if np.any(np.array([window, batch_size, stride, *ahead]) < 1) or not len(ahead):
        raise ValueError("window, batch_size, stride and horizons must be >= 1")
    return _batches(rows, target, window, ahead, batch_size, stride)


def _batches(rows, target, window, ahead, batch_size, stride):
    """Keep the rows that the next batch needs again, and read only what is new."""
    reach = window + int(ahead.max())
    kept, begin = np.empty((0, rows.shape[1])), 0
    start = 0
    while start + reach <= len(rows):
        size = min(batch_size, (len(rows) - start - reach) // stride + 1)
        stop = start + (size - 1) * stride + reach
        new = np.asarray(rows[max(begin + len(kept), start) : stop], dtype=np.float64)
        kept = np.concatenate([kept[start - begin :], new])
        begin = start
        at = np.arange(size)[:, None] * stride
        yield kept[at + np.arange(window)], kept[at + window - 1 + ahead, target]
        start += size * stride
