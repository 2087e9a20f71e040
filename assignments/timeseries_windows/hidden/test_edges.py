"""Rules 7 to 10 at their edges: errors, empty results, types, memory."""

import itertools

import numpy as np
import pandas as pd
import pytest

from grading.judge import WrongType, expect_array

FIELDS = ("X", "y", "t_end", "t_label")
# Junior is asked about one series without freq; what mid and senior are asked stays as it was.
ASKED = pytest.mark.parametrize(
    "full",
    [
        pytest.param(False, id="one series", marks=pytest.mark.levels("junior")),
        pytest.param(True, id="series and freq", marks=pytest.mark.levels("mid", "senior")),
    ],
)


def check_times(w):
    """Raise unless both times are what the class promises."""
    for name in ("t_end", "t_label"):
        if type(getattr(w, name)) is not pd.DatetimeIndex:
            raise WrongType(f"{name}: expected a DatetimeIndex, found {type(getattr(w, name)).__name__}")


@pytest.mark.criterion("edges", weight=2)
@ASKED
def test_counts_below_1_are_refused(solution, inside, oracle, rng, full):
    table = oracle.draw(rng, {"a": 8, "b": 8} if full else 8)
    (accepted,) = inside.run([(table.df, table.names | {"window": 1, "horizon": 1, "stride": 1})])
    assert oracle.is_cut_from(accepted, table.df, table.names["time_col"])
    alone = {name: value for name, value in table.names.items() if name != "group_col"}
    single = table.df[table.df[table.names["group_col"]] == "a"] if full else table.df
    for name, count in itertools.product(("window", "horizon", "stride"), (0, -1, -3)):
        shape = {"window": 2, name: count}
        for df, names in ((table.df, table.names), (single, alone), (single.iloc[:0], alone)):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.make_windows(df, **names, **shape)


@pytest.mark.criterion("edges", weight=2)
@ASKED
def test_unknown_columns_are_key_errors(solution, inside, oracle, rng, full):
    table = oracle.draw(rng, {"a": 8, "b": 8} if full else 8)
    (accepted,) = inside.run([(table.df, table.names | {"window": 2})])
    assert oracle.is_cut_from(accepted, table.df, table.names["time_col"])
    features = table.names["value_cols"]
    for name in ("time_col", "target_col", *(["group_col"] if full else []), "value_cols"):
        missing = [*features[:-1], "nowhere"] if name == "value_cols" else "nowhere"
        for df in (table.df, table.df.iloc[:0], table.df.iloc[:1]):
            with pytest.raises(KeyError):
                solution.make_windows(df, **(table.names | {name: missing}), window=2)


@pytest.mark.criterion("edges", weight=3)
@ASKED
def test_nothing_left_has_empty_results(solution, oracle, rng, full):
    for grouped in (False, True) if full else (False,):
        table = oracle.draw(rng, {"a": 5, "b": 4} if grouped else 5, features=int(rng.integers(1, 4)))
        all_missing = table.df.copy()
        all_missing[table.names["value_cols"][0]] = np.nan
        frames = [
            (table.df.iloc[:0], 3, 1),
            (table.df.iloc[:1], 2, 1),
            (table.df, 5, 1),
            (table.df, 1, 5),
            (all_missing, 2, 1),
        ]
        for df, window, horizon in frames:
            for freq in (None, table.step) if full else (None,):
                w = solution.make_windows(df, **table.names, window=window, horizon=horizon, freq=freq)
                expect_array(w.X, "X", shape=(0, window, len(table.names["value_cols"])), dtype=np.float64)
                expect_array(w.y, "y", shape=(0,), dtype=np.float64)
                check_times(w)
                assert len(w.t_end) == len(w.t_label) == 0
                if grouped:
                    expect_array(w.group, "group", shape=(0,))
                else:
                    assert w.group is None


@pytest.mark.criterion("edges", weight=2)
@ASKED
def test_fields_have_the_promised_types(solution, inside, oracle, rng, full):
    for sizes in (10, {"a": 9, "b": 7}, {1: 9, 2: 7}) if full else (10,):
        table = oracle.draw(rng, sizes)
        w = solution.make_windows(table.df, **table.names, window=2)
        if type(w).__name__ != "Windows":
            raise WrongType(f"make_windows: expected Windows, found {type(w).__name__}")
        n = len(table.df) - 2 * (len(sizes) if isinstance(sizes, dict) else 1)
        expect_array(w.X, "X", dtype=np.float64)
        expect_array(w.y, "y", dtype=np.float64)
        assert w.X.ndim == 3
        assert w.y.ndim == 1
        assert abs(len(w.y) - n) < 6
        check_times(w)
        if isinstance(sizes, dict):
            expect_array(w.group, "group", shape=w.y.shape)


@pytest.mark.criterion("edges", weight=2)
def test_number_columns_of_any_dtype(solution, inside, oracle, rng):
    table = oracle.draw(rng, 14, features=3, others=0)
    columns = sorted({*table.names["value_cols"], table.names["target_col"]})
    whole = table.df.copy()
    whole[columns] = np.arange(14 * len(columns)).reshape(14, -1) * 3.0 + 1
    arguments = table.names | {"window": 2}
    (wanted,) = inside.run([(whole, arguments)])
    for dtypes in (["int64"], ["int32", "float64"], ["float32"], ["uint8", "int64", "float32"]):
        df = whole.astype({name: dtypes[i % len(dtypes)] for i, name in enumerate(columns)})
        w = solution.make_windows(df, **arguments)
        expect_array(w.X, "X", dtype=np.float64)
        expect_array(w.y, "y", dtype=np.float64)
        (found,) = inside.run([(df, arguments)])
        assert len(found["y"])
        assert not (gap := oracle.differs(found, wanted, FIELDS)), gap
    # More digits than float32 has.
    fine = whole.copy()
    fine[columns] = rng.normal(size=(14, len(columns)))
    (found,) = inside.run([(fine, arguments)])
    assert set(found["X"].ravel().tolist()) <= set(fine[columns].to_numpy().ravel().tolist())
    assert set(found["y"].tolist()) <= set(fine[columns].to_numpy().ravel().tolist())


@pytest.mark.criterion("edges", weight=2)
@ASKED
def test_index_labels_and_kind_of_value_cols_mean_nothing(inside, oracle, rng, full):
    for sizes in (16, {"a": 9, "b": 8}) if full else (16,):
        table = oracle.draw(rng, sizes)
        n = len(table.df)
        arguments = table.names | {"window": 3} | ({"freq": table.step} if full else {})
        calls = [(table.df, arguments), (table.df, arguments | {"value_cols": tuple(arguments["value_cols"])})]
        for labels in (np.zeros(n, dtype=int), rng.permutation(n) - 5, np.arange(n) // 3, list("xyz" * n)[:n]):
            calls.append((table.df.set_axis(pd.Index(labels), axis=0), arguments))
        wanted, *others = inside.run(calls)
        assert oracle.is_cut_from(wanted, table.df, table.names["time_col"])
        for found in others:
            assert not (gap := oracle.differs(found, wanted)), gap


@pytest.mark.criterion("edges")
@ASKED
def test_columns_that_nobody_names_may_hold_anything(inside, oracle, rng, full):
    # Texts and lists are no numbers, lists cannot be hashed, and NaT is missing.
    for sizes in (16, {"a": 9, "b": 8}) if full else (16,):
        table = oracle.draw(rng, sizes)
        n = len(table.df)
        odd = table.df.copy()
        odd["serviced"] = pd.DatetimeIndex([pd.NaT, pd.Timestamp("2019-04-01"), pd.NaT, *[pd.Timestamp(0)] * (n - 3)])
        odd["tags"] = [[at, "new"] for at in range(n)]
        odd["remark"] = ["fine", None, "see below"] + ["1.5"] * (n - 3)
        arguments = table.names | {"window": 3} | ({"freq": table.step} if full else {})
        for frame in (odd, odd[odd.columns[::-1]]):
            wanted, found = inside.run([(table.df, arguments), (frame, arguments)])
            assert oracle.is_cut_from(wanted, table.df, table.names["time_col"])
            assert not (gap := oracle.differs(found, wanted)), gap


@pytest.mark.criterion("edges", weight=2)
@ASKED
def test_inputs_stay_unchanged(inside, oracle, rng, full):
    many = (14, {"b": 9, "a": 8}, {2: 6, 1: 8})
    for sizes, target_inside in itertools.product(many if full else many[:1], (True, False)):
        table = oracle.draw(rng, sizes, target_inside=target_inside)
        frame = table.shuffled(rng)
        frame.loc[frame.index[:2], table.names["value_cols"][0]] = np.nan
        columns = list(table.names["value_cols"])
        for freq in (None, table.step) if full else (None,):
            after, value_cols, made = inside.inputs_after(frame, table.names | {"window": 2, "freq": freq})
            assert oracle.is_cut_from(made, frame, table.names["time_col"])
            pd.testing.assert_frame_equal(after, frame)
            assert value_cols == columns


@pytest.mark.criterion("edges", weight=3)
@ASKED
def test_results_share_no_memory(inside, oracle, rng, full):
    # Sorted and of one dtype: where a view of the frame would be at hand. Also without overlaps, and one window alone.
    for sizes, features, target_inside, window, stride in (
        (12, 3, True, 3, 1),
        (12, 1, False, 2, 2),
        (10, 1, False, 7, 5),
        ({"a": 12}, 2, True, 1, 1),
        ({"a": 9, "b": 9}, 1, True, 3, 2),
    )[: 5 if full else 3]:
        table = oracle.draw(rng, sizes, features=features, target_inside=target_inside, others=0)
        shape = {"window": window, "stride": stride}
        at = 0 if window == 7 else int(rng.integers(1, 4))
        for frame in (table.df, table.df[sorted(table.df.columns)]):
            df, copies = inside.write_into(frame, table.names | shape, at)
            (made,) = inside.run([(frame, table.names | shape)])
            assert window == 7 or oracle.is_cut_from(made, frame, table.names["time_col"])
            (X, y), (X_between, y_between), (X_after, y_after) = copies
            others = np.arange(len(y)) != at
            assert (X_between[at] == -1).all()
            assert np.array_equal(X_between[others], X[others]), "windows share memory"
            assert np.array_equal(y_between, y), "X and y share memory"
            assert y_after[at] == -2
            assert np.array_equal(y_after[others], y[others]), "labels share memory"
            assert np.array_equal(X_after, X_between), "X and y share memory"
            pd.testing.assert_frame_equal(df, frame)


@pytest.mark.criterion("edges", weight=2)
def test_split_returns_positions(solution, inside, rng):
    n = int(rng.integers(6, 12))
    start = pd.Timestamp("2023-05-01") + pd.Timedelta(hours=int(rng.integers(0, 9999)))
    order = rng.permutation(n)
    t_end = start + pd.to_timedelta(order, unit="h")
    cases = [(t_end, start + pd.Timedelta(hours=at)) for at in (-5, n // 2, 2 * n)] + [(t_end[:0], start)]
    for times, cutoff in cases:
        result = inside.split_as_is(times, times + pd.Timedelta(hours=1), cutoff)
        if type(result) is not tuple or len(result) != 2:
            raise WrongType("time_split: expected a tuple of two arrays")
        for positions in result:
            expect_array(positions, "positions", kind="iu")
            assert positions.ndim == 1
            assert (np.diff(positions.astype(np.int64)) > 0).all(), "positions are not ascending"
        assert result[0].size + result[1].size <= len(times)


@pytest.mark.levels("senior")
@pytest.mark.criterion("edges", weight=2)
def test_a_missing_time_or_key_is_refused(solution, inside, oracle, rng):
    table, counted = oracle.draw(rng, {"a": 9, "b": 8}), oracle.draw(rng, {0: 7, 5: 8})
    for whole in (table, counted):
        (accepted,) = inside.run([(whole.df, whole.names | {"window": 2})])
        assert oracle.is_cut_from(accepted, whole.df, whole.names["time_col"])
    alone = {name: value for name, value in table.names.items() if name != "group_col"}
    single = table.df[table.df[table.names["group_col"]] == "a"]
    for df, names, column in (
        (single, alone, "time_col"),
        (table.df, table.names, "time_col"),
        (table.df, table.names, "group_col"),
        (counted.df, counted.names, "group_col"),
    ):
        for where in ([0], [len(df) - 1], [int(rng.integers(1, len(df) - 1))], [2, 3]):
            holed = df.copy()
            holed.loc[df.index[where], names[column]] = pd.NaT if column == "time_col" else None
            # Also where no window would hold the row, or none is left at all.
            for shape in ({"window": 2}, {"window": 30}, {"window": 1, "stride": 20}):
                with pytest.raises(ValueError):  # noqa: PT011
                    solution.make_windows(holed, **names, **shape)


@pytest.mark.levels("senior")
@pytest.mark.criterion("edges")
def test_a_negative_embargo_is_refused(inside, rng):
    start = pd.Timestamp("2023-05-01") + pd.Timedelta(hours=int(rng.integers(0, 9999)))
    t_end = start + pd.to_timedelta(np.arange(9), unit="h")
    train, test = inside.split(t_end, t_end + pd.Timedelta("1h"), t_end[5], pd.Timedelta(0))
    assert 0 < len(train) < 9
    assert 0 < len(test) < 9
    for embargo in (pd.Timedelta("-1h"), pd.Timedelta(-1, unit="ns"), pd.Timedelta(days=-400)):
        for times in (t_end, t_end[:0]):
            with pytest.raises(ValueError):  # noqa: PT011
                inside.split(times, times + pd.Timedelta("1h"), t_end[5], embargo)
