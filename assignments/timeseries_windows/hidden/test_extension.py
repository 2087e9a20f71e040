"""Follow-up 1 of the guide, without points: `backtest(w, cutoffs, embargo)`."""

import numpy as np
import pandas as pd
import pytest


@pytest.mark.extension
def test_backtest_tests_each_window_once(inside, rng):
    start = pd.Timestamp("2022-01-01") + pd.Timedelta(hours=int(rng.integers(0, 9000)))
    end = rng.permutation(np.repeat(np.arange(60), 2))
    label = end + rng.integers(1, 5, len(end))
    t_end, t_label = (start + pd.to_timedelta(hours, unit="h") for hours in (end, label))
    at = np.sort(rng.choice(np.arange(10, 55), 4, replace=False))
    for embargo in (0, 3):
        cutoffs = [start + pd.Timedelta(hours=int(hour)) for hour in at]
        splits = inside.backtest(t_end, t_label, cutoffs, pd.Timedelta(hours=embargo))
        assert len(splits) == 4
        for (train, test), hour, after in zip(splits, at, [*at[1:], 10_000], strict=True):
            assert sorted(train.tolist()) == [i for i, known in enumerate(label) if known < hour - embargo]
            assert sorted(test.tolist()) == [i for i, made in enumerate(end) if hour <= made < after]
