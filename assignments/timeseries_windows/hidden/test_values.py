"""Rules 2 to 4 on regular series without anything missing: every row where it belongs."""

import numpy as np
import pandas as pd
import pytest


def compare(inside, oracle, calls, fields):
    """Compare the named fields of all results with the oracle's."""
    for (df, arguments), found in zip(calls, inside.run(calls), strict=True):
        assert not (gap := oracle.differs(found, oracle.expected(df, **arguments), fields)), f"{gap}; {arguments}"


def draw_calls(oracle, rng, count, *, most=26, **fixed):
    """Draw calls on one sorted series; about one in six yields no window."""
    calls = []
    for _ in range(count):
        shape = oracle.draw_shape(rng) | fixed
        n = int(rng.integers(shape["window"] + shape["horizon"] - 1, most))
        table = oracle.draw(rng, n, features=int(rng.integers(1, 4)))
        calls.append((table.df, table.names | shape))
    return calls


@pytest.mark.criterion("values", weight=4)
def test_windows_hold_consecutive_rows(inside, oracle, rng):
    compare(inside, oracle, draw_calls(oracle, rng, 24, stride=1, horizon=1), ("X",))


@pytest.mark.criterion("values", weight=4)
def test_labels_are_horizon_rows_later(inside, oracle, rng):
    compare(inside, oracle, draw_calls(oracle, rng, 24, stride=1), ("y",))


@pytest.mark.criterion("values", weight=3)
def test_stride_moves_windows_and_labels(inside, oracle, rng):
    compare(inside, oracle, draw_calls(oracle, rng, 24, most=40), ("X", "y", "t_end", "t_label"))


@pytest.mark.criterion("values", weight=2)
def test_times_are_those_of_last_row_and_label(inside, oracle, rng):
    calls = draw_calls(oracle, rng, 20, stride=1)
    # Some fractions of a second, also finer than a float of so many nanoseconds is.
    for (df, arguments), unit in zip(calls, ("ms", "us", "ns") * 3, strict=False):
        df[arguments["time_col"]] += pd.Timedelta(2 * int(rng.integers(1, 499)) + 1, unit=unit)
    compare(inside, oracle, calls, ("t_end", "t_label"))


@pytest.mark.criterion("values", weight=3)
def test_first_and_last_window_are_there(inside, oracle, rng):
    # Every length from one row too few to some rows too many, for the last window that fits.
    calls = []
    for _ in range(4):
        shape = oracle.draw_shape(rng, longest=4)
        for extra in range(-1, 2 * shape["stride"] + 1):
            table = oracle.draw(rng, shape["window"] + shape["horizon"] + extra)
            calls.append((table.df, table.names | shape))
    compare(inside, oracle, calls, ("X", "y"))


@pytest.mark.criterion("values", weight=2)
def test_features_have_the_order_of_value_cols(inside, oracle, rng):
    calls = []
    for target_inside in (True, False, True, False):
        table = oracle.draw(rng, 12, features=3, target_inside=target_inside, others=2)
        for _ in range(3):
            some = [str(name) for name in rng.permutation(table.names["value_cols"])[: int(rng.integers(1, 5))]]
            calls.append((table.df, table.names | {"value_cols": some, "window": 2}))
    compare(inside, oracle, calls, ("X", "y"))
    # The order of the frame's columns, and of the alphabet, is of no interest.
    backwards = sorted(table.names["value_cols"], reverse=True)
    arguments = table.names | {"window": 3, "value_cols": backwards}
    compare(inside, oracle, [(table.df, arguments), (table.df[sorted(table.df.columns)], arguments)], ("X", "y"))


@pytest.mark.criterion("values", weight=2)
def test_horizon_and_stride_are_1_if_not_given(inside, oracle, rng):
    calls = []
    for _ in range(4):
        table = oracle.draw(rng, int(rng.integers(8, 15)))
        calls.append((table.df, table.names | {"window": int(rng.integers(1, 5))}))
    compare(inside, oracle, calls, ("X", "y", "t_label"))
    assert all(
        len(result["y"]) == len(df) - a["window"] for (df, a), result in zip(calls, inside.run(calls), strict=True)
    )
    assert all(np.isfinite(result["X"]).all() for result in inside.run(calls))


@pytest.mark.levels("junior")
@pytest.mark.criterion("values", weight=4)
def test_rows_are_sorted_by_time(inside, oracle, rng):
    # Above junior, order has a criterion of its own.
    for backwards in (False, False, True):
        table = oracle.draw(rng, int(rng.integers(16, 26)))
        frame = table.df.iloc[::-1] if backwards else table.shuffled(rng)
        arguments = table.names | oracle.draw_shape(rng, longest=4)
        wanted, found = inside.run([(f, arguments) for f in (table.df, frame)])
        assert oracle.is_cut_from(wanted, table.df, table.names["time_col"])
        assert not (gap := oracle.differs(found, wanted)), gap
