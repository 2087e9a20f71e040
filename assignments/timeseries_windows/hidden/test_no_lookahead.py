"""Rules 3, 5 and 10: X knows nothing after t_end, y is the future value that t_label names, and splits do not overlap.

The candidate's results are compared with each other, on sorted series, so that other mistakes cost nothing here.
"""

import numpy as np
import pandas as pd
import pytest

# Junior is asked about one series without freq.
ASKED = pytest.mark.parametrize(
    "full",
    [
        pytest.param(False, id="one series", marks=pytest.mark.levels("junior")),
        pytest.param(True, id="series and freq", marks=pytest.mark.levels("mid", "senior")),
    ],
)


def later_changed(oracle, rng, table, last):
    """Return the frame with every value after row `last` drawn anew; NaN stay where they are."""
    df = table.df.copy()
    names = list({*table.names["value_cols"], table.names["target_col"]})
    after = np.arange(len(df)) > last
    for name in sorted(names):
        values = df[name].to_numpy(copy=True)
        fresh = oracle.distinct(rng, len(df), low=50_000) * rng.choice([-1.0, 1.0])
        df[name] = np.where(after & ~np.isnan(values), fresh, values)
    return df


def check_past_and_future(inside, oracle, rng, table, shape, cuts):
    """Compare windows before and after a change of all later rows, and labels with the target at t_label."""
    arguments = table.names | shape
    times = oracle.nanoseconds(table.df[table.names["time_col"]])
    calls = [(table.df, arguments)] + [(later_changed(oracle, rng, table, cut), arguments) for cut in cuts]
    base, *others = inside.run(calls)
    assert len(base["y"]), "no window"
    for cut, other in zip(cuts, others, strict=True):
        before, after = base["t_end"] <= times[cut], other["t_end"] <= times[cut]
        assert np.array_equal(base["t_end"][before], other["t_end"][after]), "later rows decide which windows there are"
        same = np.array_equal(base["X"][before], other["X"][after], equal_nan=True)
        assert same, "X changes with rows after t_end"
    for (df, _), result in zip(calls, [base, *others], strict=True):
        assert (result["t_label"] > result["t_end"]).all(), "a label is not after its window"
        target = dict(zip(times.tolist(), df[table.names["target_col"]].tolist(), strict=True))
        wanted = np.array([target.get(time, np.nan) for time in result["t_label"].tolist()])
        known = ~np.isnan(wanted)
        assert known.any(), "no label"
        assert np.array_equal(result["y"][known], wanted[known]), "a label is not the target at its t_label"


def with_holes(rng, table, holes):
    """Set some cells to NaN, at most one in a row; return the rows."""
    names = sorted({*table.names["value_cols"], table.names["target_col"]})
    at = np.sort(rng.choice(np.arange(4, len(table.df) - 4), holes, replace=False))
    for row in at:
        table.df.loc[row, str(rng.choice(names))] = np.nan
    return at.tolist()


@pytest.mark.criterion("no_lookahead", weight=2)
def test_windows_know_the_past_and_labels_the_future(inside, oracle, rng):
    for target_inside in (True, False, True, False):
        table = oracle.draw(rng, int(rng.integers(24, 34)), target_inside=target_inside)
        shape = {"window": int(rng.integers(1, 6)), "horizon": int(rng.integers(1, 5))}
        check_past_and_future(
            inside, oracle, rng, table, shape, rng.choice(np.arange(8, 22), 5, replace=False).tolist()
        )


@pytest.mark.criterion("no_lookahead", weight=5)
def test_nothing_later_stands_in_for_missing_values(inside, oracle, rng):
    for _ in range(4):
        table = oracle.draw(rng, 40)
        holes = with_holes(rng, table, 5)
        shape = {"window": int(rng.integers(1, 4)), "horizon": int(rng.integers(1, 4))}
        cuts = sorted({*holes, *(hole + 1 for hole in holes)})
        check_past_and_future(inside, oracle, rng, table, shape, cuts)


@pytest.mark.criterion("no_lookahead", weight=5)
@ASKED
def test_nothing_later_is_known_with_a_group_and_a_step(inside, oracle, rng, full):
    for key in ("north", 3):
        steps = np.where(rng.random(49) < 0.08, 2, 1)
        table = oracle.draw(rng, 50, steps=steps)
        if full:
            table.names["group_col"] = "site"
            table.df["site"] = key
        holes = with_holes(rng, table, 4)
        shape = {"window": int(rng.integers(1, 4)), "horizon": int(rng.integers(1, 4))}
        for freq in (None, table.step) if full else (None,):
            check_past_and_future(inside, oracle, rng, table, shape | {"freq": freq}, [*holes, 20, 30])


def draw_windows(rng, n):
    """Return shuffled times of windows on an hourly grid: t_end and t_label, some hours later."""
    start = pd.Timestamp("2021-01-01") + pd.Timedelta(hours=int(rng.integers(0, 20_000)))
    end = rng.permutation(np.repeat(np.arange(n), 2))
    label = end + rng.integers(1, 9, len(end))
    return start, start + pd.to_timedelta(end, unit="h"), start + pd.to_timedelta(label, unit="h")


def check_split(inside, t_end, t_label, cutoff, *embargo, group=None):
    """Compare with a loop over windows; positions need not be an array of integers here, nor ascending."""
    train, test = inside.split(t_end, t_label, cutoff, *embargo, group=group)
    latest = cutoff - (embargo[0] if embargo else pd.Timedelta(0))
    assert sorted(train.tolist()) == [i for i, time in enumerate(t_label) if time < latest]
    assert sorted(test.tolist()) == [i for i, time in enumerate(t_end) if time >= cutoff]


@pytest.mark.criterion("no_lookahead", weight=2)
def test_split_leaves_out_what_straddles_the_cutoff(inside, rng):
    for group in (None, np.array(["a", "b"] * 60)):
        start, t_end, t_label = draw_windows(rng, 60)
        # On the grid, so that some times equal the cutoff; between two of its points, and a moment beside one.
        for past in ("0s", "0s", "30min", "1ms", "-1us"):
            cutoff = start + pd.Timedelta(hours=int(rng.integers(12, 50))) + pd.Timedelta(past)
            check_split(inside, t_end.as_unit("s"), t_label.as_unit("s"), cutoff, group=group)


@pytest.mark.criterion("no_lookahead", weight=2)
def test_embargo_keeps_training_away_from_the_cutoff(inside, rng):
    start, t_end, t_label = draw_windows(rng, 60)
    for minutes in (0, 30):
        cutoff = start + pd.Timedelta(hours=int(rng.integers(30, 50)), minutes=minutes)
        for spec in (f"{rng.integers(2, 12)}h", f"{rng.integers(25, 29)}h", "90min", "500ms", "0s"):
            embargo = pd.Timedelta(spec)
            check_split(inside, t_end, t_label, cutoff, embargo)
