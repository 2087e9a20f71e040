"""Lexsort once, one vectorised pass over candidate starts, binary search for the join."""

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


def _columns(frame, names):
    absent = [n for n in names if n not in frame.columns]
    if absent:
        raise KeyError(f"missing columns: {absent}")


def _ns(frame, col):
    return frame[col].to_numpy().astype("datetime64[ns]")


def make_windows(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    for name, value in (("window", window), ("horizon", horizon), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
    value_cols = [*value_cols]
    _columns(df, [time_col, target_col, *value_cols] + ([group_col] if group_col is not None else []))

    times = _ns(df, time_col)
    if np.isnat(times).any():
        raise ValueError("NaT in the time column")
    if group_col is None:
        keys, codes = None, np.zeros(len(df), dtype=np.int64)
    else:
        if df[group_col].isna().any():
            raise ValueError("missing series key")
        codes, keys = pd.factorize(df[group_col], sort=True)
        keys = np.asarray(keys)

    order = np.lexsort((times, codes))
    times, codes = times[order], codes[order]
    if ((np.diff(codes) == 0) & (np.diff(times) == np.timedelta64(0))).any():
        raise ValueError("duplicate time in a series")
    feats = np.empty((len(df), len(value_cols)))
    for j, c in enumerate(value_cols):
        feats[:, j] = df[c].to_numpy()[order]
    target = df[target_col].to_numpy().astype(np.float64)[order]

    sizes = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.int64)
    begins = np.cumsum(sizes) - sizes
    starts = [np.arange(b, b + s - window - horizon + 1, stride) for b, s in zip(begins, sizes)]
    starts = np.concatenate([np.zeros(0, dtype=np.int64), *starts]).astype(np.int64)
    last, label = starts + window - 1, starts + window - 1 + horizon

    # Next bad row at or after each row; a window is fine if the next bad one lies behind it.
    def next_true(mask):
        nxt = np.where(mask, np.arange(len(mask)), len(mask))
        return np.minimum.accumulate(nxt[::-1])[::-1]

    ok = ~np.isnan(target[label])
    ok &= next_true(np.isnan(feats).any(axis=1))[starts] > last
    if freq is not None and len(times) > 1:
        step_bad = np.concatenate([np.diff(times) != np.timedelta64(pd.Timedelta(freq).value, "ns"), [True]])
        ok &= next_true(step_bad)[starts] >= label
    starts, last, label = starts[ok], last[ok], label[ok]
    return Windows(
        np.take(feats, starts[:, None] + np.arange(window)[None, :], axis=0),
        np.take(target, label),
        pd.DatetimeIndex(times[last]),
        pd.DatetimeIndex(times[label]),
        None if keys is None else np.take(keys, codes[starts]),
    )


def time_split(w, cutoff, embargo=pd.Timedelta(0)):
    if embargo < pd.Timedelta(0):
        raise ValueError("embargo must not be negative")
    (train,) = np.nonzero(np.asarray(w.t_label < cutoff - embargo))
    (test,) = np.nonzero(np.asarray(w.t_end >= cutoff))
    return train, test


def add_latest(df, other, *, time_col, cols, delay=pd.Timedelta(0), max_age=None, group_col=None):
    keys = [time_col] if group_col is None else [group_col, time_col]
    _columns(df, keys)
    _columns(other, keys + list(cols))
    clash = [c for c in cols if c in df.columns]
    if clash:
        raise ValueError(f"columns exist already: {clash}")
    if delay < pd.Timedelta(0):
        raise ValueError("negative delay")
    if max_age is not None and max_age < pd.Timedelta(0):
        raise ValueError("negative max_age")
    if other.duplicated(subset=keys).any():
        raise ValueError("duplicate reading")

    t, s = _ns(df, time_col), _ns(other, time_col)
    if group_col is None:
        gt, gs = np.zeros(len(t), int), np.zeros(len(s), int)
    else:
        both, _ = pd.factorize(pd.concat([df[group_col], other[group_col]], ignore_index=True))
        gt, gs = both[: len(t)], both[len(t) :]
    # One binary search for all series: rank (series, known) pairs of both frames together.
    known = s + np.timedelta64(delay.value, "ns")
    order = np.lexsort((known, gs))
    pairs = np.rec.fromarrays([gs[order], known[order].astype(np.int64)], names="g,t")
    asked = np.rec.fromarrays([gt, t.astype(np.int64)], names="g,t")
    ranks = np.unique(np.concatenate([np.asarray(pairs), np.asarray(asked)]), return_inverse=True)[1]
    at = np.searchsorted(ranks[: len(s)], ranks[len(s) :], side="right") - 1

    result = df.copy()
    good = at >= 0
    src = order[at[good]] if len(order) else np.zeros(0, dtype=int)
    same = gs[src] == gt[good]
    if max_age is not None:
        same &= (t[good] - s[src]) <= np.timedelta64(max_age.value, "ns")
    rows = np.flatnonzero(good)[same]
    for c in cols:
        col = np.full(len(df), np.nan)
        col[rows] = other[c].to_numpy().astype(np.float64)[src[same]]
        result[c] = col
    return result


class _Cursor:
    """Keeps the overlap between batches, reads each row at most once."""

    def __init__(self, rows, target, window, horizons, batch_size, stride):
        self.rows, self.target, self.window = rows, target, window
        self.horizons, self.batch_size, self.stride = tuple(horizons), batch_size, stride
        self.need = window + max(self.horizons)
        self.next_start = 0
        self.buf_start, self.buf = 0, np.empty((0, rows.shape[1]))

    def __iter__(self):
        return self

    def __next__(self):
        n = self.rows.shape[0]
        remaining = (n - self.need - self.next_start) // self.stride + 1
        b = min(self.batch_size, remaining)
        if b <= 0:
            self.buf = None
            raise StopIteration
        lo = self.next_start
        hi = lo + (b - 1) * self.stride + self.need
        have = self.buf_start + len(self.buf)
        fresh_from = max(have, lo)
        fresh = np.array(self.rows[fresh_from:hi], dtype=float)
        self.buf = np.vstack([self.buf[max(lo - self.buf_start, 0) :], fresh])
        self.buf_start = lo
        X = np.empty((b, self.window, self.buf.shape[1]))
        y = np.empty((b, len(self.horizons)))
        for i in range(b):
            o = i * self.stride
            X[i] = self.buf[o : o + self.window]
            for j, h in enumerate(self.horizons):
                y[i, j] = self.buf[o + self.window - 1 + h, self.target]
        self.next_start = lo + b * self.stride
        return X, y


def iter_batches(rows, *, target, window, horizons, batch_size, stride=1):
    if min(window, batch_size, stride) < 1:
        raise ValueError("window, batch_size and stride must be >= 1")
    if len(horizons) == 0 or any(h < 1 for h in horizons):
        raise ValueError("horizons must be one or more integers >= 1")
    return _Cursor(rows, target, window, horizons, batch_size, stride)
