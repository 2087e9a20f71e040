"""Rules 2 and 5 to 7: which windows go because of a NaN or a missing step, and times that stand twice.

Which rows a window rests on is taken from the candidate's own result on the same series without holes, so that mistakes
in labels or times cost nothing here.
"""

import itertools

import numpy as np
import pandas as pd
import pytest

# Junior is asked about one series.
ASKED = pytest.mark.parametrize(
    "full",
    [
        pytest.param(False, id="one series", marks=pytest.mark.levels("junior")),
        pytest.param(True, id="several series", marks=pytest.mark.levels("mid", "senior")),
    ],
)


def with_nan(table, cells):
    """Return the frame with some cells, given as (row, column), set to NaN."""
    df = table.df.copy()
    for row, column in cells:
        df.loc[row, column] = np.nan
    return df


def check_kept(inside, oracle, table, cases, shape):
    """Compare windows kept of each (frame, extra arguments, stays) with those of the whole series that should stay."""
    arguments = table.names | shape
    clean, *found = inside.run([(table.df, arguments), *((df, arguments | extra) for df, extra, _ in cases)])
    assert len(clean["y"]), "no windows without holes"
    for result, (_, _, stays) in zip(found, cases, strict=True):
        assert len(result["X"]) == len(result["y"]) == len(result["t_end"]) == len(result["t_label"])
        assert oracle.kept_as(result, clean, table, shape["window"], stays), "other windows dropped than should be"
        assert np.isfinite(result["X"]).all(), "a NaN in X"
        assert np.isfinite(result["y"]).all(), "a NaN in y"


@pytest.mark.criterion("gaps", weight=3)
def test_windows_that_hold_a_nan_go(inside, oracle, rng):
    for _ in range(3):
        table = oracle.draw(rng, 30, features=3, target_inside=False)
        shape = {"window": int(rng.integers(2, 6)), "horizon": int(rng.integers(1, 4))}
        cases = []
        # One hole in each feature in turn, at any place of a window; then several.
        for cells in (
            *([(int(rng.integers(8, 22)), name)] for name in table.names["value_cols"]),
            [(int(rng.integers(8, 13)), table.names["value_cols"][0]), (15, table.names["value_cols"][-1])],
        ):
            holes = {row for row, _ in cells}
            cases.append((with_nan(table, cells), {}, lambda rows, _, holes=holes: not holes & set(rows)))
        check_kept(inside, oracle, table, cases, shape)


@pytest.mark.criterion("gaps", weight=3)
def test_windows_whose_label_is_nan_go(inside, oracle, rng):
    for target_inside in (False, True, False):
        table = oracle.draw(rng, 30, target_inside=target_inside)
        shape = {"window": int(rng.integers(1, 5)), "horizon": int(rng.integers(1, 4))}
        target = table.names["target_col"]
        holes = set(rng.choice(np.arange(8, 26), 2, replace=False).tolist())
        df = with_nan(table, [(row, target) for row in holes])
        # Among the features, the target must not be missing in the window either.
        used = [holes if target_inside else set()]
        stays = [lambda rows, label, used=used[0], holes=holes: label not in holes and not used & set(rows)]
        check_kept(inside, oracle, table, [(df, {}, stays[0])], shape)


@pytest.mark.criterion("gaps", weight=2)
def test_a_nan_elsewhere_drops_nothing(inside, oracle, rng):
    # In the target inside the window, between window and label, in unnamed columns, before and after all windows.
    # Infinity is no NaN: it drops nothing anywhere.
    for _ in range(3):
        table = oracle.draw(rng, 24, target_inside=False, others=2)
        shape = {"window": 3, "horizon": 4, "stride": 30}
        first = table.names["value_cols"][0]
        note = next(name for name in table.df.columns if name.startswith("note"))
        cells = [
            (0, table.names["target_col"]),
            (2, table.names["target_col"]),
            (3, first),
            (5, first),
            (6, first),
            (1, note),
        ]
        table.df.loc[1, first], table.df.loc[6, table.names["target_col"]] = np.inf, -np.inf
        whole, holed = inside.run([(table.df, table.names | shape), (with_nan(table, cells), table.names | shape)])
        assert len(whole["y"]) == 1
        assert not (gap := oracle.differs(holed, whole)), gap


@pytest.mark.criterion("gaps", weight=2)
def test_dropped_windows_shift_no_others(inside, oracle, rng):
    for stride in (2, 3, 4):
        table = oracle.draw(rng, 44, target_inside=False)
        shape = {"window": int(rng.integers(1, 4)), "horizon": int(rng.integers(1, 3)), "stride": stride}
        # In the rows of a start and of none.
        cells = [(2 * stride, table.names["value_cols"][0]), (6 * stride + 1, table.names["value_cols"][1])]
        holes = {row for row, _ in cells}

        def stays(rows, _, holes=holes):
            return not holes & set(rows)

        arguments = table.names | shape
        clean, found = inside.run([(table.df, arguments), (with_nan(table, cells), arguments)])
        by_value, _ = oracle.reaches(table, clean, shape["window"])
        keep = np.array([stays(*pair) for pair in by_value], dtype=bool)
        assert 0 < keep.sum() < len(keep)
        assert np.array_equal(found["X"], clean["X"][: len(keep)][keep]), "other windows left than should be"


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps", weight=2)
def test_windows_behind_a_gap_start_where_they_did(inside, oracle, rng):
    # The first row behind the gap is no start: counting from it, or counting the missing row, gives other windows.
    for stride in (2, 3, 4):
        behind = stride * int(rng.integers(4, 6)) + int(rng.integers(1, stride))
        steps = np.ones(43)
        steps[behind - 1] = 2
        table = oracle.draw(rng, 44, steps=steps)
        # At least as long as the stride, so that a window spans the gap.
        shape = {"window": stride + int(rng.integers(3)), "horizon": int(rng.integers(1, 3)), "stride": stride}
        cases = [(table.df, {"freq": table.step}, keeps_step(broken(oracle, table)))]
        check_kept(inside, oracle, table, cases, shape)


@pytest.mark.criterion("gaps", weight=2)
def test_without_a_step_only_rows_count(inside, oracle, rng):
    for _ in range(3):
        regular = oracle.draw(rng, 26)
        irregular = regular.df.copy()
        column = regular.names["time_col"]
        seconds = np.cumsum(rng.integers(1, 5000, len(irregular)))
        irregular[column] = (pd.Timestamp("2022-03-01") + pd.to_timedelta(seconds, unit="s")).as_unit("us")
        arguments = regular.names | oracle.draw_shape(rng, longest=4)
        plain, found = inside.run([(regular.df, arguments), (irregular, arguments)])
        assert oracle.is_cut_from(plain, regular.df, column)
        assert not (gap := oracle.differs(found, plain, ("X", "y"))), gap


def broken(oracle, table):
    """Return the rows after which the next row does not come a step later."""
    times = oracle.nanoseconds(table.df[table.names["time_col"]])
    return set(np.flatnonzero(np.diff(times) != pd.Timedelta(table.step).value).tolist())


def keeps_step(breaks):
    """Return the question whether a window keeps the step from its first row through to its label."""
    return lambda rows, label: not breaks & set(range(rows[0], label))


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps", weight=4)
def test_windows_that_span_a_missing_step_go(inside, oracle, rng):
    for unit in ("s", "ms", "us", "ns"):
        steps = np.ones(35)
        steps[rng.choice(np.arange(9, 28), 2, replace=False)] = rng.integers(2, 4, 2)
        table = oracle.draw(rng, 36, steps=steps, unit=unit)
        shape = {"window": int(rng.integers(1, 5)), "horizon": int(rng.integers(1, 4))}
        cases = [(table.df, {"freq": table.step}, keeps_step(broken(oracle, table)))]
        check_kept(inside, oracle, table, cases, shape)


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps", weight=2)
def test_every_single_step_is_exact(inside, oracle, rng):
    # Steps too short, and uneven ones that make up for each other: the label's distance alone would look right.
    # A day among the steps: two of them differ in nothing but their days. One step is off by no more than a moment.
    for horizon, step in zip((1, 2, 2, 3), rng.permutation(["1D", "1h", "15min", "30s"]).tolist(), strict=True):
        steps = np.ones(35)
        at = int(rng.integers(8, 14))
        steps[at], steps[at + 1] = 0.5, 1.5
        steps[at + 12] = rng.choice([0.5, 1.5])
        unit = str(rng.choice(["ms", "us", "ns"]))
        table = oracle.draw(rng, 36, step=step, steps=steps, unit=unit)
        table.df.loc[at + 18 :, table.names["time_col"]] += pd.Timedelta(int(rng.choice([-1, 1])), unit=unit)
        shape = {"window": int(rng.integers(1, 4)), "horizon": horizon}
        cases = [(table.df, {"freq": table.step}, keeps_step(broken(oracle, table)))]
        check_kept(inside, oracle, table, cases, shape)
        # A regular series of another step than asked for keeps nothing.
        regular = oracle.draw(rng, 20, step=step)
        double = f"{int(2 * pd.Timedelta(regular.step).total_seconds())}s"
        calls = [(regular.df, regular.names | shape | {"freq": freq}) for freq in (regular.step, double)]
        kept, none = inside.run(calls)
        assert len(kept["y"])
        assert len(none["y"]) == 0


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps", weight=2)
def test_gaps_and_nan_in_several_series(inside, oracle, rng):
    # Each series as if alone: a hole in one touches no other, and steps between series are none.
    for keys in (("v", "u"), (1, 2)):
        table = oracle.draw(rng, {key: int(rng.integers(20, 28)) for key in keys})
        column, time = table.names["group_col"], table.names["time_col"]
        lost = rng.choice(np.arange(6, 18), 2, replace=False)
        df = table.df.drop(index=lost).reset_index(drop=True)
        df.loc[int(rng.integers(26, 32)), table.names["value_cols"][0]] = np.nan
        # The second series starts one step after the first one ends.
        second = df[column] == sorted(keys)[-1]
        gap = df.loc[~second, time].max() + pd.Timedelta(table.step) - df.loc[second, time].min()
        df.loc[second, time] = df.loc[second, time] + gap
        shape = {"window": 2, "horizon": int(rng.integers(1, 3)), "freq": table.step}
        alone = {name: value for name, value in table.names.items() if name != "group_col"} | shape
        singles = [(df[df[column] == key].reset_index(drop=True), alone) for key in sorted(keys)]
        first, last, found = inside.run([*singles, (df, table.names | shape)])
        assert min(len(first["y"]), len(last["y"])) > 3
        gap = oracle.differs(found, oracle.joined([first, last]), ("X", "y", "t_end", "t_label"))
        assert not gap, gap


@pytest.mark.criterion("gaps", weight=3)
@ASKED
def test_a_time_twice_in_a_series_is_refused(solution, inside, oracle, rng, full):
    once = oracle.draw(rng, {"a": 9, "b": 8} if full else 12)
    (accepted,) = inside.run([(once.df, once.names | {"window": 3})])
    assert oracle.is_cut_from(accepted, once.df, once.names["time_col"])
    many = (12, {"a": 9, "b": 8}, {2: 7, 1: 9})
    for sizes, shuffled, same in itertools.product(many if full else many[:1], (False, True), (False, True)):
        table = oracle.draw(rng, sizes)
        row = int(rng.integers(2, len(table.df) - 1))
        again = table.df.iloc[[row]].copy()
        if not same:
            # Other readings at the same time, one of them missing.
            again[table.names["target_col"]], again[table.names["value_cols"][0]] = -1.0, np.nan
        df = pd.concat([table.df.iloc[: row + 1], again, table.df.iloc[row + 1 :]], ignore_index=True)
        df = df.iloc[rng.permutation(len(df))] if shuffled else df
        # With and without windows left, and where stride would step over the rows.
        for shape in ({"window": 3}, {"window": 40}, {"window": 1, "stride": 30}):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.make_windows(df, **table.names, **shape)


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("gaps", weight=2)
def test_the_same_time_in_two_series_is_fine(inside, oracle, rng):
    table = oracle.draw(rng, {"p": 9, "q": 9})
    with_freq, without = inside.run([(table.df, table.names | {"window": 2, "freq": f}) for f in (table.step, None)])
    assert sorted(set(with_freq["group"])) == sorted(set(without["group"])) == ["p", "q"]
