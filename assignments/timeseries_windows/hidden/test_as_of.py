"""Rules 12 to 16, senior: what was known of a second stream at each row's time."""

import numpy as np
import pandas as pd
import pytest

from grading.judge import WrongType

pytestmark = pytest.mark.levels("senior")
GRID = pd.Timedelta("10min")
HALF = pd.Timedelta("500ms")


def added(joined, df, names):
    """Return the added values (rows, cols)."""
    if type(joined) is not pd.DataFrame:
        raise WrongType(f"add_latest: expected a DataFrame, found {type(joined).__name__}")
    assert len(joined) == len(df), "another number of rows"
    missing = [name for name in names["cols"] if name not in joined.columns]
    assert not missing, f"columns missing: {missing}"
    return joined[list(names["cols"])].to_numpy(dtype=float)


def check(solution, oracle, df, other, names, **options):
    """Compare with a search through all readings for each row; some rows must have found one."""
    wanted = oracle.latest_known(df, other, **names, **options)
    found = added(solution.add_latest(df, other, **names, **options), df, names)
    assert np.array_equal(found, wanted, equal_nan=True), "other readings than expected"
    return np.isnan(wanted).all(axis=1)


def in_order(df, other, names):
    """Return both frames sorted by time, for checks that do not ask about order."""
    return (frame.sort_values(names["time_col"], ignore_index=True) for frame in (df, other))


@pytest.mark.criterion("as_of", weight=3)
def test_a_reading_is_known_from_its_time_plus_delay_on(solution, oracle, rng):
    for steps in (0, 1, 3):
        df, other, names = oracle.draw_streams(rng, 30, 12)
        df, other = in_order(df, other, names)
        nothing = check(solution, oracle, df, other, names, delay=steps * GRID)
        assert not nothing.all()
        # A little before and a little after the moment, too, also within one second.
        for unit in ("s", "us"):
            near, late = df.copy(), other.copy()
            near[names["time_col"]] += HALF + pd.to_timedelta(rng.integers(-1, 2, len(df)), unit=unit)
            late[names["time_col"]] += HALF
            check(solution, oracle, near, late, names, delay=steps * GRID)
    df, other, names = oracle.draw_streams(rng, 20, 12)
    df, other = in_order(df, other, names)
    assert not check(solution, oracle, df, other, names).all()


@pytest.mark.criterion("as_of", weight=2)
def test_what_is_not_yet_known_changes_nothing(solution, oracle, rng):
    df, other, names = oracle.draw_streams(rng, 40, 20)
    df, other = in_order(df, other, names)
    delay = 2 * GRID
    before = added(solution.add_latest(df, other, **names, delay=delay), df, names)
    for at in (6, 10, 14):
        moment = other[names["time_col"]].iloc[at]
        later = other.copy()
        changed = later[names["time_col"]] + delay > moment
        later.loc[changed, ["rain", "fog"]] += 50_000.0
        after = added(solution.add_latest(df, later, **names, delay=delay), df, names)
        early = (df[names["time_col"]] <= moment).to_numpy()
        assert early.any()
        assert np.array_equal(before[early], after[early], equal_nan=True), "readings are used before they are known"
    assert np.isfinite(before).any()


@pytest.mark.criterion("as_of", weight=2)
def test_readings_that_are_too_old_are_left_out(solution, oracle, rng):
    # Age counts from the reading's own time, not from when it became known. The wide grid makes ages of several days.
    near, wide = [(0, 0), (0, 2), (2, 4), (3, 2), (1, 3)], [(0, 2), (1, 3)]
    for steps, oldest, minutes in [(*pair, 10) for pair in near] + [(*pair, 1000) for pair in wide]:
        df, other, names = oracle.draw_streams(rng, 40, 14, minutes=minutes)
        df, other = in_order(df, other, names)
        options = {"delay": pd.Timedelta(minutes=steps * minutes), "max_age": pd.Timedelta(minutes=oldest * minutes)}
        nothing = check(solution, oracle, df, other, names, **options)
        assert nothing.any()
        assert steps > oldest or not nothing.all()


@pytest.mark.criterion("as_of", weight=2)
def test_rows_of_both_frames_in_any_order(solution, oracle, rng):
    for kind in range(3):
        df, other, names = oracle.draw_streams(rng, 30, 14)
        ordered = [df, other]
        frames = [frame.sort_values(names["time_col"], ignore_index=True) for frame in ordered]
        if kind != 1:
            frames[0] = df
        if kind != 2:
            frames[1] = other
        assert not check(solution, oracle, *frames, names, delay=GRID).all()


@pytest.mark.criterion("as_of")
def test_times_of_the_frame_may_repeat(solution, oracle, rng):
    for keys in (None, (("n", "s"), ("s", "n"))):
        df, other, names = oracle.draw_streams(rng, 40, 6, keys=keys, repeats=True)
        df, other = in_order(df, other, names)
        joined = solution.add_latest(df, other, **names, delay=GRID)
        wanted = oracle.latest_known(df, other, **names, delay=GRID)
        assert np.array_equal(added(joined, df, names), wanted, equal_nan=True)
        assert np.array_equal(joined["load"], df["load"])


@pytest.mark.criterion("as_of", weight=3)
def test_each_series_has_its_own_readings(solution, oracle, rng):
    # Series that only one of the frames has, and one whose readings are all late.
    for keys in ((("b", "a", "c"), ("a", "b", "z")), ((3, 10, -1), (10, 3, 7))):
        df, other, names = oracle.draw_streams(rng, 34, 12, keys=keys)
        df, other = in_order(df, other, names)
        nothing = check(solution, oracle, df, other, names)
        assert nothing[(df["series_id"] == keys[0][2]).to_numpy()].all()
        assert not nothing.all()
        check(solution, oracle, df, other, names, delay=GRID, max_age=4 * GRID)


@pytest.mark.criterion("as_of", weight=2)
def test_the_latest_row_counts_even_with_a_nan(solution, oracle, rng):
    df, other, names = oracle.draw_streams(rng, 40, 14)
    df, other = in_order(df, other, names)
    other.loc[rng.choice(14, 4, replace=False), "rain"] = np.nan
    other.loc[rng.choice(14, 4, replace=False), "fog"] = np.nan
    other.loc[rng.choice(14, 4, replace=False), "fog"] = np.inf
    other["sun"] = np.nan
    check(solution, oracle, df, other, names)


@pytest.mark.criterion("as_of", weight=3)
def test_the_frame_comes_back_with_columns_added(inside, oracle, rng):
    for keys in (None, (("n", "s"), ("s", "n"))):
        df, other, names = oracle.draw_streams(rng, 24, 10, keys=keys)
        # Names that helper columns or suffixes could disturb, and dtypes that a join could change.
        df = df.assign(known=np.arange(24), sun=np.arange(24) % 2 == 0, note=list("abcdefgh" * 3), row=np.nan, index=7)
        df = df[[str(name) for name in rng.permutation(df.columns)]]
        # Integers with more digits than float32 has, and float32.
        other["rain"] = np.arange(len(other)) + 2**40
        other = other.assign(known="x", note=1, load=2.0, fog=other["fog"].astype(np.float32))
        labels = (np.zeros(24, dtype=int), rng.permutation(24) + 7, np.array(list("xyz" * 8)))
        for index in labels:
            frame = df.set_axis(pd.Index(index), axis=0)
            names["cols"] = tuple(rng.permutation(["rain", "fog"]).tolist())
            second = other.set_axis(pd.Index(rng.integers(0, 3, len(other))), axis=0)
            joined, df_after, other_after, cols = inside.latest_after(frame, second, names | {"delay": GRID})
            wanted = oracle.latest_known(frame, second, **names, delay=GRID)
            assert np.isfinite(added(joined, frame, names)).any()
            assert list(joined.columns) == [*frame.columns, *names["cols"]], "other columns, or in another order"
            assert [str(joined[name].dtype) for name in names["cols"]] == ["float64", "float64"]
            pd.testing.assert_frame_equal(joined[list(frame.columns)], frame)
            assert np.array_equal(added(joined, frame, names), wanted, equal_nan=True)
            pd.testing.assert_frame_equal(df_after, frame)
            pd.testing.assert_frame_equal(other_after, second)
            assert cols == names["cols"]


@pytest.mark.criterion("as_of")
def test_time_columns_of_different_units(solution, oracle, rng):
    for left, right in (("s", "ns"), ("ns", "s"), ("us", "ms"), ("s", "ms"), ("ms", "ms")):
        df, other, names = oracle.draw_streams(rng, 24, 10, unit=left)
        df, other = in_order(df, other, names)
        other[names["time_col"]] = other[names["time_col"]].dt.as_unit(right)
        assert not check(solution, oracle, df, other, names, delay=pd.Timedelta("90s"), max_age=6 * GRID).all()
        # Now the finer of the two is a moment beside the grid, which the other one's unit cannot tell; so is the delay.
        # No moment is finer than a microsecond: an Index that is searched for one may refuse it.
        for frame, unit in ((df, left), (other, right)):
            if unit != "s":
                moments = pd.to_timedelta(rng.integers(-1, 2, len(frame)), unit=unit.replace("ns", "us"))
                frame[names["time_col"]] = frame[names["time_col"]] + moments.as_unit(unit)
        for delay in (0 * GRID, GRID, GRID + pd.Timedelta("1us")):
            check(solution, oracle, df, other, names, delay=delay, max_age=3 * GRID)


@pytest.mark.criterion("as_of")
def test_frames_without_rows(solution, oracle, rng):
    for keys in (None, (("n", "s"), ("s", "n"))):
        df, other, names = oracle.draw_streams(rng, 12, 10, keys=keys)
        joined = solution.add_latest(df, other.iloc[:0], **names)
        assert np.isnan(added(joined, df, names)).all()
        assert joined.dtypes.tolist() == [*df.dtypes, np.float64, np.float64]
        for second in (other, other.iloc[:0]):
            joined = solution.add_latest(df.iloc[:0], second, **names, max_age=GRID)
            assert added(joined, df.iloc[:0], names).shape == (0, 2)
            assert list(joined.columns) == [*df.columns, *names["cols"]]
            assert joined.dtypes.tolist() == [*df.dtypes, np.float64, np.float64]


@pytest.mark.criterion("as_of", weight=2)
def test_errors_of_a_join(solution, oracle, rng):
    df, other, names = oracle.draw_streams(rng, 12, 10, keys=(("n", "s"), ("s", "n")))
    assert np.isfinite(added(solution.add_latest(df, other, **names), df, names)).any()
    time, empty = names["time_col"], df.iloc[:0]
    for first in (df, empty):
        for wrong in ({"time_col": "when"}, {"group_col": "who"}, {"cols": ["rain", "hail"]}):
            with pytest.raises(KeyError):
                solution.add_latest(first, other, **(names | wrong))
        for column, frames in (
            (time, (first.drop(columns=time), other)),
            (time, (first, other.drop(columns=time))),
            ("series_id", (first.drop(columns="series_id"), other)),
            ("series_id", (first, other.drop(columns="series_id"))),
        ):
            with pytest.raises(KeyError):
                solution.add_latest(*frames, **names)
            assert column in (time, "series_id")
        for wrong in ({"delay": -GRID}, {"max_age": -GRID}, {"delay": pd.Timedelta(-1, unit="ns")}):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.add_latest(first, other, **names, **wrong)
        with pytest.raises(ValueError):  # noqa: PT011
            solution.add_latest(first.assign(fog=1.0), other, **names)
        for key in (time, "series_id"):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.add_latest(first, other, **(names | {"cols": ["rain", key]}))
        row = int(rng.integers(0, len(other)))
        twice = pd.concat([other.iloc[: row // 2], other.iloc[[row]].assign(rain=-1.0), other], ignore_index=True)
        twice = twice.drop(index=range(row // 2)).iloc[::-1]
        with pytest.raises(ValueError):  # noqa: PT011
            solution.add_latest(first, twice, **names)


@pytest.mark.criterion("as_of")
@pytest.mark.limit(test_s=15)
def test_100_000_rows_of_both(solution, rng):
    rows = 100_000
    start = pd.Timestamp("2022-01-01").as_unit("ns")
    at, taken = (rng.choice(4 * rows, rows, replace=False) for _ in range(2))
    df = pd.DataFrame({"time": start + pd.to_timedelta(at, unit="s"), "load": 1.0})
    other = pd.DataFrame({"time": start + pd.to_timedelta(taken, unit="s"), "rain": taken.astype(float)})
    joined = solution.add_latest(df, other, time_col="time", cols=["rain"])
    found = added(joined, df, {"cols": ["rain"]})[:, 0]
    # Which reading it is, is asked elsewhere; here it is enough that most of the work was done.
    assert np.isfinite(found).mean() > 0.9
    assert np.isin(found[np.isfinite(found)][::100], taken).all()
