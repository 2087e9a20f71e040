"""Rules 1, 2 and 4: each series by itself, sorted by time, series after series.

Compared with what the candidate makes of each series alone, so that mistakes within a series cost nothing here.
"""

import numpy as np
import pytest

FIELDS = ("X", "y", "t_end", "t_label")
pytestmark = pytest.mark.levels("mid", "senior")


def draw_sizes(rng, keys, *, low=8, high=20):
    """Return the number of rows of each series; keys come in an order of their own."""
    return {key: int(rng.integers(low, high)) for key in keys}


def interleaved(table):
    """Return the frame in order of time, as loggers write it; each series keeps its order."""
    return table.df.sort_values(table.names["time_col"], kind="stable")


def check_series(inside, oracle, table, frames, shape):
    """Compare the result on each frame with those on single series, in the order of their keys."""
    column = table.names["group_col"]
    alone = {name: value for name, value in table.names.items() if name != "group_col"} | shape
    keys = sorted(set(table.df[column].tolist()))
    singles = [(table.df[table.df[column] == key].reset_index(drop=True), alone) for key in keys]
    results = inside.run([*singles, *((frame, table.names | shape) for frame in frames)])
    parts, found = results[: len(keys)], results[len(keys) :]
    wanted = oracle.joined(parts) | {"group": [key for key, part in zip(keys, parts, strict=True) for _ in part["y"]]}
    assert len(wanted["y"]) > 3, "no windows in single series"
    for result in found:
        assert not (gap := oracle.differs(result, wanted)), gap


@pytest.mark.criterion("series", weight=4)
def test_rows_of_one_series_are_sorted(inside, oracle, rng):
    for backwards in (False, False, True):
        table = oracle.draw(rng, int(rng.integers(16, 26)))
        frame = table.df.iloc[::-1] if backwards else table.shuffled(rng)
        arguments = table.names | oracle.draw_shape(rng, longest=4)
        wanted, found, fresh_index = inside.run(
            [(f, arguments) for f in (table.df, frame, frame.reset_index(drop=True))]
        )
        assert oracle.is_cut_from(wanted, table.df, table.names["time_col"])
        assert not (gap := oracle.differs(found, wanted, FIELDS)), gap
        assert not (gap := oracle.differs(fresh_index, wanted, FIELDS)), gap


@pytest.mark.criterion("series", weight=4)
def test_windows_never_cross_series(inside, oracle, rng):
    # Sorted already, so only the border between series counts; one series is too short, one just long enough.
    for keys in (("east", "north", "south", "west"), (0, 1, 2, 3)):
        shape = {"window": int(rng.integers(2, 5)), "horizon": int(rng.integers(1, 4)), "stride": 1}
        sizes = draw_sizes(rng, keys)
        sizes[keys[1]], sizes[keys[2]] = shape["window"] + shape["horizon"] - 1, shape["window"] + shape["horizon"]
        table = oracle.draw(rng, sizes)
        check_series(inside, oracle, table, [table.df], shape)


@pytest.mark.criterion("series", weight=3)
def test_interleaved_and_shuffled_series(inside, oracle, rng):
    for keys in (("b", "a", "c"), (12, -3, 5)):
        table = oracle.draw(rng, draw_sizes(rng, keys))
        shape = oracle.draw_shape(rng, longest=4) | {"stride": 1}
        check_series(inside, oracle, table, [interleaved(table), table.shuffled(rng)], shape)


@pytest.mark.criterion("series", weight=2)
def test_series_come_in_order_of_their_keys(inside, oracle, rng):
    # 9 before 10, "B" before "a"; in the frame the last key comes first.
    for keys in ((100, 10, 9, 0, -7), ("b", "a", "C", "10", "9")):
        table = oracle.draw(rng, draw_sizes(rng, keys))
        shape = {"window": 2, "horizon": 1}
        check_series(inside, oracle, table, [table.df, table.shuffled(rng)], shape)


@pytest.mark.criterion("series", weight=2)
def test_stride_starts_anew_in_each_series(inside, oracle, rng):
    for keys in (("k", "l", "m", "n"), (4, 3, 2, 1)):
        stride = int(rng.integers(2, 5))
        # Lengths that are no multiples of the stride.
        table = oracle.draw(rng, {key: stride * int(rng.integers(3, 6)) + 1 for key in keys})
        shape = {"window": int(rng.integers(1, 4)), "horizon": 1, "stride": stride}
        check_series(inside, oracle, table, [table.df, table.shuffled(rng)], shape)


@pytest.mark.criterion("series", weight=1)
def test_group_tells_the_series(inside, oracle, rng):
    table = oracle.draw(rng, draw_sizes(rng, (7, 3)))
    alone = {name: value for name, value in table.names.items() if name != "group_col"}
    column = table.names["group_col"]
    single = table.df[table.df[column] == 3]
    together, without, one = inside.run(
        [
            (table.df, table.names | {"window": 2}),
            (single, alone | {"window": 2}),
            (single, table.names | {"window": 2}),
        ]
    )
    assert sorted(set(together["group"])) == [3, 7]
    assert len(together["group"]) == len(together["y"])
    assert without["group"] is None
    assert one["group"] == [3] * len(one["y"])
    assert np.array_equal(without["y"], one["y"])
