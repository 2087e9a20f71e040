"""Small examples with answers that you can check by hand. The hidden tests ask the same questions of other data."""

import numpy as np
import pandas as pd
import pytest
import solution
from solution import Windows, make_windows, time_split

NAMES = {"time_col": "time", "value_cols": ["load"], "target_col": "load"}


def hourly(load, **columns):
    """One row an hour from midnight."""
    return pd.DataFrame({"time": pd.date_range("2024-05-01", periods=len(load), freq="h"), "load": load, **columns})


def hours(times):
    """Hours since midnight of 2024-05-01."""
    return ((times - pd.Timestamp("2024-05-01")) / pd.Timedelta("1h")).tolist()


@pytest.mark.criterion("values")
def test_windows_and_labels_by_hand():
    w = make_windows(hourly([10.0, 20, 30, 40, 50]), **NAMES, window=2, horizon=2)
    assert w.X.tolist() == [[[10], [20]], [[20], [30]]]
    assert w.y.tolist() == [40, 50]
    assert hours(w.t_end) == [1, 2]
    assert hours(w.t_label) == [3, 4]
    assert w.group is None


@pytest.mark.criterion("values")
def test_ten_rows_give_seven_windows_of_three():
    df = hourly(np.arange(10.0), temp=np.arange(10.0) + 100)
    w = make_windows(df, time_col="time", value_cols=["temp", "load"], target_col="load", window=3)
    assert w.X.shape == (7, 3, 2)
    assert w.X[-1].tolist() == [[106, 6], [107, 7], [108, 8]]
    assert w.y.tolist() == [3, 4, 5, 6, 7, 8, 9]


@pytest.mark.criterion("values")
def test_stride():
    w = make_windows(hourly(np.arange(10.0)), **NAMES, window=2, stride=3)
    assert w.X[:, 0, 0].tolist() == [0, 3, 6]
    assert w.y.tolist() == [2, 5, 8]


@pytest.mark.criterion("no_lookahead")
def test_the_future_changes_labels_only():
    before, after = hourly(np.arange(8.0)), hourly(np.arange(8.0))
    after.loc[5:, "load"] = [500, 600, 700]
    old, new = (make_windows(df, **NAMES, window=3) for df in (before, after))
    # Windows that end at 2, 3 and 4 hours; the label of the last one has changed.
    assert np.array_equal(old.X[:3], new.X[:3])
    assert old.y[:3].tolist() == [3, 4, 5]
    assert new.y[:3].tolist() == [3, 4, 500]


@pytest.mark.criterion("no_lookahead")
def test_split_with_an_embargo():
    midnight = pd.Timestamp("2024-05-01")
    t_end = midnight + pd.to_timedelta([0, 1, 2, 3, 4, 5], unit="h")
    w = Windows(X=np.zeros((6, 2, 1)), y=np.zeros(6), t_end=t_end, t_label=t_end + pd.Timedelta("1h"), group=None)
    cutoff = midnight + pd.Timedelta("4h")
    train, test = time_split(w, cutoff)
    assert (train.tolist(), test.tolist()) == ([0, 1, 2], [4, 5])
    train, test = time_split(w, cutoff, pd.Timedelta("1h"))
    assert (train.tolist(), test.tolist()) == ([0, 1], [4, 5])


@pytest.mark.levels("junior")
@pytest.mark.criterion("values")
def test_shuffled_rows():
    df = hourly([1.0, 2, 3, 4]).iloc[[2, 0, 3, 1]]
    assert make_windows(df, **NAMES, window=2).X[:, :, 0].tolist() == [[1, 2], [2, 3]]


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("series")
def test_shuffled_rows_of_two_series():
    north, south = hourly([1.0, 2, 3, 4], site="north"), hourly([10.0, 20, 30], site="south")
    df = pd.concat([south, north]).sample(frac=1, random_state=3)
    w = make_windows(df, **NAMES, window=2, group_col="site")
    assert w.X[:, :, 0].tolist() == [[1, 2], [2, 3], [10, 20]]
    assert w.y.tolist() == [3, 4, 30]
    assert list(w.group) == ["north", "north", "south"]


@pytest.mark.criterion("gaps")
def test_the_example_of_the_readme():
    df = hourly([10.0, 20, 30, np.nan, 50, 60])
    w = make_windows(df, **NAMES, window=2)
    assert w.X.tolist() == [[[10], [20]]]
    assert w.y.tolist() == [30]
    without = df.drop(index=3)
    assert make_windows(without, **NAMES, window=2).y.tolist() == [30, 50, 60]


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps")
def test_a_missing_step():
    without = hourly([10.0, 20, 30, 40, 50, 60]).drop(index=3)
    assert make_windows(without, **NAMES, window=2, freq="1h").y.tolist() == [30]


@pytest.mark.criterion("gaps")
def test_a_time_twice():
    df = hourly([10.0, 20, 30, 40])
    df.loc[3, "time"] = df.loc[1, "time"]
    with pytest.raises(ValueError):  # noqa: PT011
        make_windows(df, **NAMES, window=2)


@pytest.mark.criterion("edges")
def test_too_short_a_series():
    w = make_windows(hourly([10.0, 20]), **NAMES, window=2)
    assert w.X.shape == (0, 2, 1)
    assert len(w.y) == len(w.t_end) == len(w.t_label) == 0


@pytest.mark.criterion("edges")
def test_errors():
    df = hourly([10.0, 20, 30])
    with pytest.raises(ValueError):  # noqa: PT011
        make_windows(df, **NAMES, window=0)
    with pytest.raises(KeyError):
        make_windows(df, time_col="time", value_cols=["load"], target_col="site", window=1)


@pytest.mark.criterion("edges")
def test_results_can_be_written_to():
    df = hourly([10.0, 20, 30, 40])
    w = make_windows(df, **NAMES, window=2)
    w.X[0] = -1
    w.y[0] = -2
    assert w.X[1].tolist() == [[20], [30]]
    assert df["load"].tolist() == [10, 20, 30, 40]


@pytest.mark.levels("senior")
@pytest.mark.criterion("edges")
def test_a_row_without_a_time():
    df = hourly([10.0, 20, 30, 40])
    df.loc[2, "time"] = pd.NaT
    with pytest.raises(ValueError):  # noqa: PT011
        make_windows(df, **NAMES, window=1)


@pytest.mark.levels("senior")
@pytest.mark.criterion("as_of")
def test_the_example_of_add_latest():
    midnight, minute = pd.Timestamp("2024-05-01"), pd.Timedelta("1min")
    other = pd.DataFrame({"time": [midnight, midnight + 60 * minute], "rain": [5.0, 7.0]})
    df = pd.DataFrame({"time": [midnight + at * minute for at in (90, 20, 80, 30)], "load": [4, 1, 3, 2]})
    names = {"time_col": "time", "cols": ["rain"], "delay": 30 * minute}
    joined = solution.add_latest(df, other, **names)
    assert joined["load"].tolist() == [4, 1, 3, 2]
    assert joined["rain"].fillna(-1).tolist() == [7, -1, 5, 5]
    fresh = solution.add_latest(df, other, **names, max_age=60 * minute)
    assert fresh["rain"].fillna(-1).tolist() == [7, -1, -1, 5]


class Rows:
    """A table that is read by rows[a:b] only, and counts the rows that were read."""

    def __init__(self, table):
        self.table, self.shape, self.read = table, table.shape, 0

    def __len__(self):
        return len(self.table)

    def __getitem__(self, part):
        assert isinstance(part, slice)
        self.read += len(self.table[part])
        return self.table[part]


@pytest.mark.levels("senior")
@pytest.mark.criterion("batches")
def test_batches_of_a_table():
    rows = Rows(np.arange(20.0).reshape(10, 2))
    batches = solution.iter_batches(rows, target=1, window=2, horizons=[3, 1], batch_size=4, stride=1)
    assert rows.read == 0
    X, y = next(batches)
    assert 0 < rows.read <= 4 * (2 + 3)
    assert X.shape == (4, 2, 2)
    assert X[1].tolist() == [[2, 3], [4, 5]]
    assert y[:2].tolist() == [[9, 5], [11, 7]]
    assert [len(labels) for _, labels in batches] == [2]
