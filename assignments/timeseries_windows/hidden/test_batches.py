"""Rules 17 to 24, senior: windows of a table that is read bit by bit."""

import numpy as np
import pytest

from grading.judge import WrongType, expect_array

pytestmark = pytest.mark.levels("senior")


def draw_rows(oracle, rng, n):
    """Draw a table of three columns."""
    return oracle.distinct(rng, (n, 3)) if n else np.empty((0, 3))


def stacked(parts):
    """Return the entries of all batches as one list."""
    return [entry for part in parts for entry in part.tolist()]


@pytest.mark.criterion("batches", weight=3)
def test_batches_hold_the_windows_in_order(inside, oracle, rng):
    for _ in range(12):
        arguments = oracle.draw_batches(rng)
        rows = draw_rows(oracle, rng, int(rng.integers(20, 50)))
        found = inside.batches(rows, arguments)
        wanted, _ = oracle.windows_of_rows(rows, **{k: v for k, v in arguments.items() if k != "batch_size"})
        assert len(wanted) > 1
        assert stacked(found["X"]) == wanted, f"other windows than expected; {arguments}"


@pytest.mark.criterion("batches", weight=3)
def test_labels_at_each_horizon(inside, oracle, rng):
    for horizons in ([1], [3], [1, 2, 3], [5, 1], (2, 6, 2), [4, 4]):
        arguments = oracle.draw_batches(rng, horizons=horizons)
        rows = draw_rows(oracle, rng, int(rng.integers(20, 50)))
        found = inside.batches(rows, arguments)
        _, wanted = oracle.windows_of_rows(rows, **{k: v for k, v in arguments.items() if k != "batch_size"})
        assert len(wanted) > 1
        assert stacked(found["y"]) == wanted, f"other labels than expected; {arguments}"


@pytest.mark.criterion("batches", weight=3)
def test_the_last_batch_is_what_is_left(inside, oracle, rng):
    # Every length around the first window that fits and around full batches.
    for stride in (1, 3):
        arguments = oracle.draw_batches(rng, window=2, horizons=[3, 1], batch_size=3, stride=stride)
        sizes = []
        for n in (0, 1, 4, *range(5, 5 + 7 * stride)):
            found = inside.batches(draw_rows(oracle, rng, n), arguments)
            windows = len(range(0, max(n - 4, 0), stride))
            wanted = [3] * (windows // 3) + [windows % 3] * (windows % 3 > 0)
            sizes.append([len(part) for part in found["X"]])
            assert sizes[-1] == [len(part) for part in found["y"]] == wanted, f"batches of other sizes; {n} rows"
            assert found["ended"]
        assert sum(map(len, sizes)) > 6


@pytest.mark.criterion("batches", weight=3)
def test_nothing_is_read_before_it_is_needed(inside, oracle, rng):
    # With the widest stride a batch needs all that it may read, so that reading ahead shows.
    for stride in (1, 12):
        arguments = oracle.draw_batches(rng, window=5, horizons=[2, 7], batch_size=8, stride=stride)
        table = draw_rows(oracle, rng, 500)
        found = inside.batches(table, arguments, n=50_000, most=4)
        assert found["before"] == 0, "rows are read before the first batch is asked for"
        assert len(found["reads"]) == 4
        assert found["reads"][0] > 0
        assert sum(found["reads"]) <= 4 * 8 * (5 + 7), "more rows are read than the batches need"
        assert [len(part) for part in found["X"]] == [8] * 4


@pytest.mark.criterion("batches", weight=2)
def test_reading_for_one_batch_has_a_limit(inside, oracle, rng):
    # Each batch by itself, the last one too; at the widest stride one block just fits.
    for window, horizons, size, stride in ((1, [1], 1, 2), (4, [3], 5, 1), (6, [2, 9], 3, 15), (2, [5], 30, 3)):
        arguments = oracle.draw_batches(rng, window=window, horizons=horizons, batch_size=size, stride=stride)
        found = inside.batches(draw_rows(oracle, rng, 211), arguments)
        assert len(found["reads"]) > 1
        assert max(found["reads"]) <= size * (window + max(horizons)), "one batch reads more rows than it may"


@pytest.mark.criterion("batches")
def test_a_table_of_any_length(inside, oracle, rng):
    arguments = oracle.draw_batches(rng, window=6, horizons=[1, 12], batch_size=16, stride=2)
    table = draw_rows(oracle, rng, 400)
    found = inside.batches(table, arguments, n=40_000_000_000, most=3)
    assert [len(part) for part in found["X"]] == [16] * 3
    wanted, _ = oracle.windows_of_rows(table[:200], **{k: v for k, v in arguments.items() if k != "batch_size"})
    assert stacked(found["X"])[:3] == wanted[:3]


@pytest.mark.criterion("batches")
def test_rows_that_were_used_are_not_kept(inside, rng):
    # 600 batches read 60 rows each, 20 KB: 12 MB in all, of which a few batches may stay.
    arguments = {"target": 1, "window": 4, "horizons": [2, 1], "batch_size": 10, "stride": 6}
    early, late = inside.held(rng.normal(size=(70, 40)), arguments, 50_000, (20, 620))
    assert late - early < 2_000_000, "what is kept grows with the rows read"


@pytest.mark.criterion("batches", weight=2)
def test_batches_share_no_memory(inside, oracle, rng):
    # Also windows that overlap nowhere, and batches of one.
    for stride, size in ((1, 3), (2, 3), (4, 3), (1, 1)):
        arguments = oracle.draw_batches(rng, window=4, horizons=[1, 2], batch_size=size, stride=stride)
        rows = draw_rows(oracle, rng, 50)
        clean, scribbled = inside.batches(rows, arguments), inside.batches(rows, arguments, scribble=True)
        assert len(clean["X"]) > 3
        assert np.array_equal(scribbled["table"], rows), "writing into a batch changes the rows"
        assert stacked(scribbled["X"]) == stacked(clean["X"]), "writing into a batch changes the next one"
        assert stacked(scribbled["y"]) == stacked(clean["y"]), "writing into labels changes the next ones"
        early, late, after = inside.kept_batches(rows, arguments)
        for one, two in zip(early, late, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)), "a batch changes later on"
        for one, two in zip(late[1:], after[1:], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)), "batches share memory"
        (X, y), (X_after, y_after) = late[0], after[0]
        assert (X_after[0] == -1).all(), "writing into a window does nothing, or labels share its memory"
        assert (y_after[0] == -2).all()
        assert np.array_equal(X_after[1:], X[1:]), "windows of a batch share memory"
        assert np.array_equal(y_after[1:], y[1:]), "labels of a batch share memory"


@pytest.mark.criterion("batches", weight=2)
def test_batches_are_tuples_of_float64(inside, oracle, rng):
    for dtype in ("float64", "float32", "int16", "uint8"):
        arguments = oracle.draw_batches(rng, window=3, horizons=[1, 4], batch_size=5, stride=1)
        # With more digits than float32 has.
        rows = rng.normal(size=(40, 3)) if dtype == "float64" else rng.integers(0, 200, (40, 3)).astype(dtype)
        batch = inside.first_batch(rows, arguments)
        if type(batch) is not tuple or len(batch) != 2:
            raise WrongType("a batch: expected a tuple of two arrays")
        expect_array(batch[0], "X", shape=(5, 3, 3), dtype=np.float64)
        expect_array(batch[1], "y", shape=(5, 2), dtype=np.float64)
        assert np.isin(batch[0], rows).all(), "numbers that rows do not hold"
        assert np.isin(batch[1], rows).all(), "labels that rows do not hold"


@pytest.mark.criterion("batches")
def test_each_call_starts_anew(inside, oracle, rng):
    arguments = oracle.draw_batches(rng, window=2, horizons=[2], batch_size=4, stride=1)
    one, two = inside.interleaved_batches(draw_rows(oracle, rng, 40), arguments)
    assert len(one) == 2
    assert len(two) == 3
    for left, right in zip(one, two, strict=False):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
    assert not np.array_equal(one[0][0], one[1][0])


@pytest.mark.criterion("batches", weight=2)
def test_the_call_itself_raises(inside, oracle, rng):
    good = {"target": 1, "window": 3, "horizons": [2, 1], "batch_size": 4, "stride": 2}
    rows = draw_rows(oracle, rng, 30)
    assert len(inside.batches(rows, good)["X"]) > 1
    wrong = [{name: count} for name in ("window", "batch_size", "stride") for count in (0, -2)]
    wrong += [{"horizons": horizons} for horizons in ([], (), [0], [1, 0, 2], [3, -1])]
    for change in wrong:
        for table in (rows, rows[:0]):
            with pytest.raises(ValueError):  # noqa: PT011
                inside.start_batches(table, good | change)
