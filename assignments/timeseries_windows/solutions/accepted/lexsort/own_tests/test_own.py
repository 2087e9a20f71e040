"""Your tests: each passes on right code and fails on a mistake. Import from `solution`."""

import numpy as np
import pandas as pd
import pytest
from solution import Windows, add_latest, iter_batches, make_windows, time_split


def test_one_window_fits():
    df = pd.DataFrame({"time": pd.date_range("2024-05-01", periods=3, freq="h"), "load": [10.0, 20, 30]})
    w = make_windows(df, time_col="time", value_cols=["load"], target_col="load", window=2)
    assert w.X.tolist() == [[[10], [20]]]
    assert w.y.tolist() == [30]


MIDNIGHT, HOUR = pd.Timestamp("2024-05-01"), pd.Timedelta("1h")
NAN = np.nan
ANY_WORDS = r".*"  # of an error: the rules leave them open


def at(hours):
    return MIDNIGHT + pd.to_timedelta(hours, unit="h")


def hourly(load, **columns):
    return pd.DataFrame({"time": at(range(len(load))), "load": np.array(load, dtype=float), **columns})


def cut(df, **options):
    usual = {"time_col": "time", "value_cols": ["load"], "target_col": "load", "window": 2}
    return make_windows(df, **(usual | options))


def firsts(w):
    """The first value of each window, which tells where it starts."""
    return w.X[:, 0, 0].tolist()


def test_labels_and_times():
    w = cut(hourly([10, 20, 30, 40, 50]), horizon=2)
    assert w.X[:, :, 0].tolist() == [[10, 20], [20, 30]]
    assert w.y.tolist() == [40, 50]
    assert (list(w.t_end), list(w.t_label)) == (list(at([1, 2])), list(at([3, 4])))


def test_dropped_windows_shift_no_other():
    assert firsts(cut(hourly([NAN, 1, 2, 3, 4, 5, 6]), stride=2)) == [2, 4]


def test_the_stride_starts_again_with_each_series():
    df = pd.concat([hourly([1, 2, 3, 4, 5], site="a"), hourly([10, 20, 30, 40, 50], site="b")])
    assert firsts(cut(df, stride=2, group_col="site")) == [1, 3, 10, 30]


def test_series_stand_in_order_of_their_keys_and_share_no_window():
    w = cut(pd.concat([hourly([10, 20, 30], site=10), hourly([1, 2, 3, 4], site=9)]), group_col="site")
    assert w.X[:, :, 0].tolist() == [[1, 2], [2, 3], [10, 20]]
    assert w.y.tolist() == [3, 4, 30]
    assert list(w.group) == [9, 9, 10]


def test_a_nan_drops_windows_that_hold_it_or_have_it_as_label():
    assert firsts(cut(hourly([0, 1, 2, NAN, 4, 5, 6]))) == [0, 4]


def test_a_nan_between_window_and_label_does_not_matter():
    assert firsts(cut(hourly([0, 1, NAN, 3]), horizon=2)) == [0]


def test_a_hole_drops_what_spans_it():
    df = hourly([0, 1, 2, 3, 4, 5, 6]).drop(index=3)
    assert firsts(cut(df, freq="1h")) == [0, 4]
    assert firsts(cut(df)) == [0, 1, 2, 4]


def test_errors_of_windows():
    df = hourly([1, 2, 3])
    for wrong in ({"window": 0}, {"horizon": -1}, {"stride": 0}):
        with pytest.raises(ValueError, match=ANY_WORDS):
            cut(df, **wrong)
    with pytest.raises(ValueError, match=ANY_WORDS):
        cut(pd.concat([df, df.iloc[[1]]]))
    with pytest.raises(KeyError):
        cut(df, value_cols=["wind"])


def test_no_window():
    assert cut(hourly([1, 2])).X.shape == (0, 2, 1)


def test_windows_share_no_memory():
    df = hourly([1, 2, 3, 4])
    w = cut(df)
    w.X[0] = -1
    assert firsts(w) == [-1, 2]
    assert df["load"].tolist() == [1, 2, 3, 4]


def test_split_of_windows_in_any_order():
    t_end = at([4, 0, 3, 1, 2])
    w = Windows(np.zeros((5, 1, 1)), np.zeros(5), t_end, t_end + HOUR, None)
    train, test = time_split(w, at(3))
    assert (train.tolist(), test.tolist()) == ([1, 3], [0, 2])
    train, test = time_split(w, at(3), HOUR)
    assert (train.tolist(), test.tolist()) == ([1], [0, 2])


def rain_at(hours, readings, **options):
    """What is known of readings at 0:00, 1:00, ... at some hours."""
    other = pd.DataFrame({"time": at(range(len(readings))), "rain": readings})
    joined = add_latest(pd.DataFrame({"time": at(hours)}), other, time_col="time", cols=["rain"], **options)
    return joined["rain"].fillna(-1).tolist()


def test_a_reading_is_known_after_its_delay():
    assert rain_at([1.5, 0.4, 0.5, 1.4], [5.0, 7.0], delay=HOUR / 2) == [7, -1, 5, 5]


def test_a_missing_reading_hides_older_ones():
    assert rain_at([0, 1, 2], [5.0, NAN, 7.0]) == [5, -1, 7]


def test_a_reading_may_be_as_old_as_max_age():
    assert rain_at([1, 2, 2.1], [5.0], max_age=2 * HOUR) == [5, 5, -1]


def test_readings_of_the_own_series():
    df = pd.DataFrame({"time": at([2, 2]), "site": ["b", "a"]}, index=[7, 3])
    other = pd.DataFrame({"time": at([0, 1]), "site": ["a", "b"], "rain": [1.0, 2.0]})
    joined = add_latest(df, other, time_col="time", cols=["rain"], group_col="site")
    assert joined["rain"].tolist() == [2, 1]
    assert joined.index.tolist() == [7, 3]


def test_batches_are_the_windows_of_the_table():
    rows = np.arange(22.0).reshape(11, 2)
    batches = list(iter_batches(rows, target=1, window=2, horizons=[3, 1], batch_size=3))
    assert [len(X) for X, _ in batches] == [3, 3, 1]
    X, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert X[:, :, 0].tolist() == [[2 * s, 2 * s + 2] for s in range(7)]
    assert y.tolist() == [[2 * s + 9, 2 * s + 5] for s in range(7)]


def test_writing_into_a_batch_changes_no_other():
    first, second = iter_batches(np.arange(8.0)[:, None], target=0, window=1, horizons=[2], batch_size=3)
    second[0][:] = -1
    assert first[0].ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize("wrong", [{"window": 0}, {"batch_size": 0}, {"stride": 0}, {"horizons": []}])
def test_errors_of_batches_come_with_the_call(wrong):
    with pytest.raises(ValueError, match=ANY_WORDS):
        iter_batches(np.zeros((9, 1)), **{"target": 0, "window": 2, "horizons": [1], "batch_size": 2, **wrong})
