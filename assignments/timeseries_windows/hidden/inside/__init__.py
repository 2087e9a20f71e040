"""What hidden tests run beside the candidate's code: many calls, and what they do to inputs. No expected value."""

import gc
import tracemalloc

import numpy as np
import pandas as pd


def run(calls):
    """Call make_windows with each pair (df, arguments); return every result as a dict of plain arrays."""
    import solution

    return [plain(solution.make_windows(df, **arguments)) for df, arguments in calls]


def last_rows(df, arguments):
    """Call make_windows; return the shape of X, and copies of each window's last row and of y."""
    import solution

    w = solution.make_windows(df, **arguments)
    return np.shape(w.X), np.array(w.X[:, -1]), np.array(w.y)


def plain(w):
    """Return the fields of Windows as arrays: times as integer nanoseconds, group as a list or None."""
    return {
        "X": np.array(w.X),
        "y": np.array(w.y),
        "t_end": nanoseconds(w.t_end),
        "t_label": nanoseconds(w.t_label),
        "group": None if w.group is None else np.asarray(w.group).tolist(),
    }


def nanoseconds(times):
    """Return times as integers, whatever their unit."""
    return np.asarray(times).astype("datetime64[ns]").astype(np.int64)


def split(t_end, t_label, cutoff, *embargo, group=None):
    """Call time_split on windows of these times; return both results as arrays."""
    return [np.asarray(positions) for positions in split_as_is(t_end, t_label, cutoff, *embargo, group=group)]


def split_as_is(t_end, t_label, cutoff, *embargo, group=None):
    """Call time_split on windows of these times; return what comes back."""
    import solution

    n = len(t_end)
    times = {"t_end": pd.DatetimeIndex(t_end), "t_label": pd.DatetimeIndex(t_label)}
    return solution.time_split(
        solution.Windows(X=np.zeros((n, 2, 1)), y=np.zeros(n), **times, group=group), cutoff, *embargo
    )


def inputs_after(df, arguments):
    """Call make_windows; return frame and value_cols as they are afterwards, and the result."""
    import solution

    made = plain(solution.make_windows(df, **arguments))
    return df, arguments["value_cols"], made


def write_into(df, arguments, at):
    """Call make_windows, overwrite window `at`, then label `at`.

    Returns:
        The frame afterwards, and copies of (X, y) before, between and afterwards.
    """
    import solution

    w = solution.make_windows(df, **arguments)
    copies = [(np.array(w.X), np.array(w.y))]
    w.X[at] = -1.0
    copies.append((np.array(w.X), np.array(w.y)))
    w.y[at] = -2.0
    copies.append((np.array(w.X), np.array(w.y)))
    return df, copies


class Rows:
    """Rows that are only read by slices, and that remember how many were; the table repeats itself up to row n."""

    def __init__(self, table, n):
        self._table = table
        self.shape = (n, table.shape[1])
        self.read = 0

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, wanted):
        if not isinstance(wanted, slice) or wanted.step not in (None, 1):
            raise TypeError("rows are read as rows[a:b]")
        begin, end, _ = wanted.indices(self.shape[0])
        self.read += max(end - begin, 0)
        if end <= len(self._table):
            return self._table[begin:end]
        if end - begin > 5_000_000:
            raise MemoryError("more rows than memory holds")
        return self._table[np.arange(begin, max(end, begin)) % len(self._table)]


def batches(table, arguments, *, n=None, most=None, scribble=False):
    """Take batches one by one.

    Args:
        n: rows of the table, which repeats itself; as many as it has by default.
        most: batches to take; all by default.
        scribble: whether to overwrite each batch before the next one is asked for.

    Returns:
        A dict of the rows read before the first batch and for each batch, copies of the batches, whether the iterator
        came to its end, and the table afterwards.
    """
    import solution

    table = table.copy()
    rows = Rows(table, len(table) if n is None else n)
    iterator = solution.iter_batches(rows, **arguments)
    seen = {"before": rows.read, "reads": [], "X": [], "y": [], "ended": False}
    while most is None or len(seen["reads"]) < most:
        already = rows.read
        try:
            X, y = next(iterator)
        except StopIteration:
            seen["ended"] = True
            break
        seen["reads"].append(rows.read - already)
        seen["X"].append(np.array(X))
        seen["y"].append(np.array(y))
        if scribble:
            X[...] = -1.0
            y[...] = -2.0
    return seen | {"table": table}


def held(table, arguments, n, at):
    """Take batches and keep none; return the bytes that Python and NumPy hold after each number of batches in `at`."""
    import solution

    iterator = solution.iter_batches(Rows(table, n), **arguments)
    sizes, taken = [], 0
    tracemalloc.start()
    try:
        for count in at:
            while taken < count:
                next(iterator)
                taken += 1
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return sizes


def kept_batches(table, arguments):
    """Take all batches and keep them, then overwrite the first one's first window and labels.

    Returns: copies made at once, copies made when all are there, and copies made after writing.
    """
    import solution

    kept, early = [], []
    for X, y in solution.iter_batches(Rows(table, len(table)), **arguments):
        kept.append((X, y))
        early.append((np.array(X), np.array(y)))
    late = [(np.array(X), np.array(y)) for X, y in kept]
    for X, y in kept[:1]:
        X[0] = -1.0
        y[0] = -2.0
    return early, late, [(np.array(X), np.array(y)) for X, y in kept]


def first_batch(table, arguments):
    """Return the first batch as it is."""
    import solution

    return next(solution.iter_batches(Rows(table, len(table)), **arguments))


def interleaved_batches(table, arguments):
    """Take batches of two calls on the same rows in turn; return the copies of each."""
    import solution

    rows = Rows(table, len(table))
    both = [solution.iter_batches(rows, **arguments) for _ in range(2)]
    taken = [[], []]
    for one in range(3):
        for which, iterator in enumerate(both):
            if one < 2 or which:
                taken[which].append([np.array(part) for part in next(iterator)])
    return taken


def start_batches(table, arguments):
    """Call iter_batches and ask for no batch."""
    import solution

    solution.iter_batches(Rows(table, len(table)), **arguments)


def latest_after(df, other, arguments):
    """Call add_latest; return the result, and both frames and cols as they are afterwards."""
    import solution

    joined = solution.add_latest(df, other, **arguments)
    return joined, df, other, arguments["cols"]


def backtest(t_end, t_label, cutoffs, embargo):
    """Call backtest on windows of these times; return pairs of arrays."""
    import solution

    n = len(t_end)
    w = solution.Windows(X=np.zeros((n, 2, 1)), y=np.zeros(n), t_end=t_end, t_label=t_label, group=None)
    splits = solution.backtest(w, cutoffs, embargo)
    return [[np.asarray(positions) for positions in split] for split in splits]
