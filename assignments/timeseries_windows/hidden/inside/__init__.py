"""What hidden tests run beside the candidate's code: many calls, and what they do to inputs. No expected value."""

import numpy as np
import pandas as pd


def run(calls):
    """Call make_windows with each pair (df, arguments); return every result as a dict of plain arrays."""
    import solution

    return [plain(solution.make_windows(df, **arguments)) for df, arguments in calls]


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
