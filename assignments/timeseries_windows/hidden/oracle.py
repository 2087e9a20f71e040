"""Windows counted out row by row in plain Python, straight from the README's rules, and the frames that tests draw.

Nothing here is shared with the reference solution. All values of a frame are distinct, so a value tells its row, and
multiples of 1/64, so that arithmetic in any float format keeps them.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

STEPS = ("1h", "15min", "30s", "1D", "2h")
UNITS = ("s", "ms", "us", "ns")
NAMES = {
    "time_col": ("time", "stamp", "read_at"),
    "target_col": ("power", "load", "y"),
    "group_col": ("site", "meter", "series_id"),
}
FEATURES = ("temp", "wind", "sun", "level", "a", "b", "x1")


def expected(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    """Return windows as a dict of X, y, t_end, t_label (integer nanoseconds) and group, one loop per rule."""
    series = {}
    for row in records(df):
        series.setdefault(row[group_col] if group_col is not None else None, []).append(row)
    step = None if freq is None else pd.Timedelta(freq).value
    found = {"X": [], "y": [], "t_end": [], "t_label": [], "group": []}
    for key in sorted(series) if group_col is not None else series:
        rows = sorted(series[key], key=lambda row: row[time_col])
        for start in range(0, len(rows), stride):
            label = start + window - 1 + horizon
            if label >= len(rows):
                continue
            inside = rows[start : start + window]
            if any(math.isnan(row[name]) for row in inside for name in value_cols):
                continue
            if math.isnan(rows[label][target_col]):
                continue
            path = [row[time_col] for row in rows[start : label + 1]]
            if step is not None and any(later - earlier != step for earlier, later in itertools.pairwise(path)):
                continue
            found["X"].append([[float(row[name]) for name in value_cols] for row in inside])
            found["y"].append(float(rows[label][target_col]))
            found["t_end"].append(inside[-1][time_col])
            found["t_label"].append(rows[label][time_col])
            found["group"].append(key)
    return {
        "X": np.array(found["X"], dtype=float).reshape(len(found["X"]), window, len(value_cols)),
        "y": np.array(found["y"], dtype=float),
        "t_end": np.array(found["t_end"], dtype=np.int64),
        "t_label": np.array(found["t_label"], dtype=np.int64),
        "group": found["group"] if group_col is not None else None,
    }


def records(df):
    """Return rows as dicts, times as integer nanoseconds."""
    columns = {name: df[name] for name in df.columns}
    plain = {name: nanoseconds(c).tolist() if c.dtype.kind == "M" else c.tolist() for name, c in columns.items()}
    return [dict(zip(plain, cells, strict=True)) for cells in zip(*plain.values(), strict=True)]


def nanoseconds(times):
    """Return times as integers, whatever their unit."""
    return np.asarray(times).astype("datetime64[ns]").astype(np.int64)


# frames ---------------------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """A frame and the names to call make_windows with.

    Attributes:
        df: rows in order of series and time, on a RangeIndex.
        names: time_col, value_cols, target_col, and group_col if there are several series.
        step: the regular step, as freq takes it.
    """

    df: pd.DataFrame
    names: dict
    step: str

    def shuffled(self, rng):
        """Return the frame's rows in another order, index labels and all."""
        return self.df.iloc[rng.permutation(len(self.df))]


def draw(rng, sizes, *, features=2, target_inside=None, step=None, steps=None, others=1, unit=None):
    """Draw a frame without NaN.

    Args:
        sizes: number of rows, or a dict from series key to number of rows.
        target_inside: whether the target is among value_cols; drawn if None.
        step: the regular step; drawn if None.
        steps: for one series, its gaps in multiples of the regular step (n - 1,); all 1 if None.
        others: columns that nobody names, some of them NaN.
        unit: of the time column; drawn if None.
    """
    names = {key: str(rng.choice(pool)) for key, pool in NAMES.items()}
    step = str(rng.choice(STEPS)) if step is None else step
    several = isinstance(sizes, dict)
    keys, counts = (list(sizes), list(sizes.values())) if several else ([None], [sizes])
    start = pd.Timestamp("2020-01-01") + pd.Timedelta(hours=int(rng.integers(0, 30_000)))
    times = []
    for count in counts:
        gaps = np.ones(max(count - 1, 0)) if steps is None else np.asarray(steps, dtype=float)
        times += [start + float(at) * pd.Timedelta(step) for at in np.append(0.0, np.cumsum(gaps))[:count]]
    feature_names = [str(name) for name in rng.choice(FEATURES, features, replace=False)]
    target_inside = bool(rng.random() < 0.5) if target_inside is None else target_inside
    plain_columns = [*feature_names, names["target_col"], *(f"note{i}" for i in range(others))]
    n = len(times)
    values = distinct(rng, (n, len(plain_columns)))
    columns = {name: values[:, i] for i, name in enumerate(plain_columns)}
    for i in range(others):
        columns[f"note{i}"][rng.random(n) < 0.4] = np.nan
    columns[names["time_col"]] = pd.DatetimeIndex(times).as_unit(unit or str(rng.choice(UNITS)))
    if several:
        columns[names["group_col"]] = [key for key, count in zip(keys, counts, strict=True) for _ in range(count)]
    else:
        del names["group_col"]
    order = [str(name) for name in rng.permutation(list(columns))]
    value_cols = [*feature_names, names["target_col"]] if target_inside else feature_names
    names["value_cols"] = [str(name) for name in rng.permutation(value_cols)]
    return Table(pd.DataFrame({name: columns[name] for name in order}), names, step)


def distinct(rng, shape, *, low=0):
    """Draw different multiples of 1/64, from low up."""
    size = int(np.prod(shape))
    return (low + rng.choice(40 * size + 1000, size, replace=False).reshape(shape) + 1) / 64


def draw_shape(rng, *, longest=6):
    """Draw window, horizon and stride."""
    return {
        "window": int(rng.integers(1, longest + 1)),
        "horizon": int(rng.integers(1, longest)),
        "stride": int(rng.integers(1, 5)),
    }


# comparing ------------------------------------------------------------------------------------------------------------


def differs(found, wanted, fields=("X", "y", "t_end", "t_label", "group")):
    """Return what the first difference is, or an empty text."""
    for name in fields:
        left, right = found[name], wanted[name]
        if name == "group":
            if left != right:
                return f"group: expected {right!r:.80}, found {left!r:.80}"
        elif not left.size and not right.size:
            # The shape of nothing is a question of its own.
            continue
        elif left.shape != right.shape:
            return f"{name}: expected shape {right.shape}, found {left.shape}"
        elif not np.array_equal(left, right, equal_nan=name in ("X", "y")):
            return f"{name}: other values than expected"
    return ""


def is_cut_from(result, df, time_col):
    """Say whether a result is made of this frame at all: windows, each ending at a time of the frame, not all at one.

    A test that compares a candidate's results with each other needs it, or a constant answer would pass.
    """
    ends = result["t_end"].tolist()
    return (
        len(ends) > 1
        and len(ends) == len(result["y"])
        and len(set(ends)) > 1
        and set(ends) <= set(nanoseconds(df[time_col]).tolist())
    )


def joined(parts):
    """Return several results as one, in order."""
    fields = ("X", "y", "t_end", "t_label")
    filled = [part for part in parts if len(part["y"])] or parts[:1]
    return {name: np.concatenate([part[name] for part in filled]) for name in fields}


def reaches(table, result, window):
    """Tell for each window which rows it rests on: by the values it holds, and by the times it claims.

    Args:
        table: of one series, in order of time.

    Returns:
        Two lists of triples (rows in the window, row of the label), or of None where a value or time is unknown.
    """
    features = table.df[table.names["value_cols"]].to_numpy().tolist()
    feature_row = {value: at for at, values in enumerate(features) for value in values}
    target_row = {value: at for at, value in enumerate(table.df[table.names["target_col"]].tolist())}
    time_row = {time: at for at, time in enumerate(nanoseconds(table.df[table.names["time_col"]]).tolist())}
    by_value, by_time = [], []
    for X, y, t_end, t_label in zip(
        result["X"][:, :, 0].tolist(),
        result["y"].tolist(),
        result["t_end"].tolist(),
        result["t_label"].tolist(),
        strict=False,
    ):
        by_value.append(([feature_row.get(value, -1) for value in X], target_row.get(y, -1)))
        end = time_row.get(t_end, -1)
        by_time.append((list(range(end - window + 1, end + 1)), time_row.get(t_label, -1)))
    return by_value, by_time


def kept_as(found, clean, table, window, stays):
    """Tell whether `found` has just the windows of `clean` for which stays(rows of the window, row of the label).

    Which rows a window rests on is read from `clean`, so a mistake elsewhere (in labels, say) is not asked about here.
    """
    for rows in reaches(table, clean, window):
        if any(-1 in (*inside, label) for inside, label in rows):
            # Times (or values) that the table does not hold tell nothing.
            continue
        keep = np.array([stays(*pair) for pair in rows], dtype=bool)
        if np.array_equal(found["t_end"], clean["t_end"][: len(keep)][keep]):
            return bool(keep.any()) and not bool(keep.all())
    return False


# senior: a second stream ----------------------------------------------------------------------------------------------


def latest_known(df, other, *, time_col, cols, delay=None, max_age=None, group_col=None):
    """Return what add_latest adds: (rows of df, cols), by asking every row of `other` for each row of `df`."""
    late = 0 if delay is None else delay.value
    readings = records(other)
    found = np.full((len(df), len(cols)), np.nan)
    for at, row in enumerate(records(df)):
        known = [
            reading
            for reading in readings
            if (group_col is None or reading[group_col] == row[group_col]) and reading[time_col] + late <= row[time_col]
        ]
        if not known:
            continue
        latest = max(known, key=lambda reading: reading[time_col])
        if max_age is None or row[time_col] - latest[time_col] <= max_age.value:
            found[at] = [latest[name] for name in cols]
    return found


def draw_streams(rng, rows, readings, *, keys=None, unit="ns", repeats=False, minutes=10):
    """Draw a frame and a second stream on a grid of ten minutes, so that times often coincide.

    Args:
        rows: rows of the frame.
        readings: rows of the stream in each series; its times differ within one.
        keys: pairs (keys of the frame, keys of the stream), or None for one series.
        unit: of both time columns. In ns adding a delay changes no unit, which merge_asof would refuse.
        repeats: whether times of the frame may repeat.
        minutes: from one point of the grid to the next.

    Returns: both frames in random order, and the names to call add_latest with.
    """
    names = {"time_col": str(rng.choice(NAMES["time_col"])), "cols": ["rain", "fog"]}
    start = pd.Timestamp("2021-01-01") + pd.Timedelta(hours=int(rng.integers(0, 20_000)))

    def times(at):
        return (start + pd.to_timedelta(minutes * np.asarray(at), unit="min")).as_unit(unit)

    df = pd.DataFrame(
        {names["time_col"]: times(rng.choice(3 * readings, rows, replace=repeats)), "load": distinct(rng, rows)}
    )
    parts = []
    for key in keys[1] if keys else [None]:
        part = pd.DataFrame({names["time_col"]: times(rng.choice(3 * readings, readings, replace=False))})
        parts.append(part.assign(rain=0.0, fog=0.0, sun=0.0, series_id=key))
    other = pd.concat(parts, ignore_index=True)
    other[["rain", "fog", "sun"]] = distinct(rng, (len(other), 3))
    if keys:
        names["group_col"] = "series_id"
        df["series_id"] = [keys[0][int(at)] for at in rng.integers(0, len(keys[0]), rows)]
    else:
        other = other.drop(columns="series_id")
    other = other.iloc[rng.permutation(len(other))].reset_index(drop=True)
    return df, other, names


# senior: batches ------------------------------------------------------------------------------------------------------


def windows_of_rows(rows, *, target, window, horizons, stride=1):
    """Return all windows and labels of a table, one loop over starts: lists of (window, columns) and (horizons,)."""
    X, y = [], []
    for start in range(0, len(rows), stride):
        last = start + window - 1
        if last + max(horizons) < len(rows):
            X.append([[float(value) for value in rows[at]] for at in range(start, last + 1)])
            y.append([float(rows[last + ahead][target]) for ahead in horizons])
    return X, y


def draw_batches(rng, **fixed):
    """Draw arguments of iter_batches for a table of three columns; stride stays within rule 22."""
    horizons = [int(ahead) for ahead in rng.integers(1, 8, int(rng.integers(1, 4)))]
    drawn = {
        "target": int(rng.integers(3)),
        "window": int(rng.integers(1, 6)),
        "horizons": horizons,
        "batch_size": int(rng.integers(1, 6)),
        "stride": int(rng.integers(1, 4)),
    }
    arguments = drawn | fixed
    arguments["stride"] = min(arguments["stride"], arguments["window"] + max(arguments["horizons"]))
    return arguments
