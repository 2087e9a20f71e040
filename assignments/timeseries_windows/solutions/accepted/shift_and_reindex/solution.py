"""Everything with pandas: shift, rolling, reindex."""

from dataclasses import dataclass
from functools import partial
from itertools import count, islice, takewhile

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


def require(condition, message, error=ValueError):
    if not condition:
        raise error(message)


def series_windows(part, *, time_col, value_cols, target_col, window, horizon, stride, step):
    """Return (ends, frame) of one series: positions of last rows of windows to keep."""
    part = part.sort_values(time_col).reset_index(drop=True)
    complete = part[value_cols].notna().all(axis=1)
    keep = complete.rolling(window).sum() == window
    keep &= part[target_col].shift(-horizon).notna()
    keep &= part[time_col].shift(-horizon).notna()
    keep &= (part.index - (window - 1)) % stride == 0
    if step is not None:
        steps_ok = (part[time_col].diff() == step).astype(float)
        span = window + horizon - 1
        keep &= steps_ok.rolling(span).sum().shift(-horizon) == span
    return part, keep[keep].index


def make_windows(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    require(window >= 1 and horizon >= 1 and stride >= 1, "window, horizon, stride: at least 1")
    value_cols = list(value_cols)
    need = [time_col, target_col, *value_cols] + ([] if group_col is None else [group_col])
    for name in need:
        require(name in df.columns, f"no column {name!r}", KeyError)
    keys = [time_col] if group_col is None else [group_col, time_col]
    require(df[keys].notna().all(axis=None), "missing time or key")
    require(not df.duplicated(keys).any(), "a time stands twice")

    options = {"time_col": time_col, "value_cols": value_cols, "target_col": target_col}
    options |= {"window": window, "horizon": horizon, "stride": stride}
    options["step"] = None if freq is None else pd.Timedelta(freq)
    df = df.loc[:, list(dict.fromkeys(need))]
    pieces = [(None, df)] if group_col is None else df.groupby(group_col, sort=True)
    X, y, t_end, t_label, group = [np.empty((0, window, len(value_cols)))], [np.empty(0)], [], [], []
    for key, part in pieces:
        part, ends = series_windows(part, **options)
        if ends.empty:
            continue
        X.append(np.stack([part[value_cols].shift(back).loc[ends] for back in range(window - 1, -1, -1)], axis=1))
        y.append(part[target_col].to_numpy(dtype=float)[ends + horizon])
        t_end.append(part[time_col].loc[ends])
        t_label.append(part[time_col].loc[ends + horizon])
        group.extend([key] * len(ends))
    none = pd.DatetimeIndex([])
    return Windows(
        X=np.concatenate(X),
        y=np.concatenate(y),
        t_end=pd.DatetimeIndex(pd.concat(t_end)) if t_end else none,
        t_label=pd.DatetimeIndex(pd.concat(t_label)) if t_label else none,
        group=None if group_col is None else np.array(group),
    )


def time_split(w, cutoff, embargo=pd.Timedelta(0)):
    require(embargo >= pd.Timedelta(0), "the embargo is negative")
    table = pd.DataFrame({"end": w.t_end, "label": w.t_label})
    train = table.index[table["label"] < cutoff - embargo]
    test = table.index[table["end"] >= cutoff]
    return train.to_numpy(dtype=np.int64), test.to_numpy(dtype=np.int64)


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    """Per series: index the readings by when they are known, reindex forwards to the rows' times."""
    zero, cols = pd.Timedelta(0), list(cols)
    keys = [time_col] + ([group_col] if group_col is not None else [])
    for frame, names in ((df, keys), (other, keys + cols)):
        for name in names:
            require(name in frame.columns, f"no column {name!r}", KeyError)
    require(not df.columns.isin(cols).any(), "cols are in df already")
    require(delay >= zero and (max_age is None or max_age >= zero), "delay and max_age: at least 0")
    require(not other.duplicated(keys).any(), "a reading stands twice")

    asked = pd.Series(df[time_col].to_numpy().astype("M8[ns]"), name="asked")
    series = pd.Series(0, index=asked.index) if group_col is None else df[group_col].reset_index(drop=True)
    taken = pd.Series(other[time_col].to_numpy().astype("M8[ns]"))
    their = pd.Series(0, index=taken.index) if group_col is None else other[group_col].reset_index(drop=True)
    values = other[cols].reset_index(drop=True).astype(float)
    out = pd.DataFrame(np.nan, index=asked.index, columns=cols)
    for key, moments in asked.groupby(series):
        mine = their == key
        table = values[mine].assign(__taken=taken[mine])
        table.index = pd.DatetimeIndex(taken[mine] + delay)
        found = table.sort_index().reindex(pd.DatetimeIndex(moments), method="ffill")
        if max_age is not None:
            too_old = (moments.to_numpy() - found["__taken"].to_numpy()) > max_age.to_timedelta64()
            found.loc[too_old, cols] = np.nan
        out.loc[moments.index] = found[cols].to_numpy()
    return df.assign(**{c: out[c].to_numpy() for c in cols})


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    require(all(v >= 1 for v in (window, batch_size, stride, *horizons)), "all counts start at 1")
    require(len(horizons) > 0, "no horizon")
    reach = window + max(horizons)
    starts = takewhile(lambda s: s + reach <= len(rows), count(0, stride))
    one = partial(cut, rows, target, window, horizons, reach)
    return iter(lambda: collect(list(map(one, islice(starts, batch_size)))), None)


def cut(rows, target, window, horizons, reach, start):
    piece = np.array(rows[start : start + reach], dtype=np.float64)
    return piece[:window], [piece[window - 1 + h, target] for h in horizons]


def collect(pairs):
    if not pairs:
        return None
    X, y = zip(*pairs)
    return np.array(X), np.array(y)
