"""A large table, in one call."""

import numpy as np
import pandas as pd
import pytest

WINDOW, STRIDE, HORIZON, SERIES = 128, 8, 4, 5


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("scale")
@pytest.mark.limit(test_s=15)
def test_200_000_rows(inside, rng):
    rows = 40_000
    values = rng.integers(0, 1_000_000, (SERIES * rows, 2)) / 64
    minutes = np.tile(np.arange(rows), SERIES)
    # A missing step near the end of each series, where windows are few.
    minutes += minutes > rows - 200
    df = pd.DataFrame(
        {
            "time": (pd.Timestamp("2022-01-01") + pd.to_timedelta(minutes, unit="min")).as_unit("us"),
            "meter": np.repeat(np.arange(SERIES), rows),
            "load": values[:, 0],
            "temp": values[:, 1],
        }
    ).iloc[rng.permutation(SERIES * rows)]
    arguments = {"time_col": "time", "value_cols": ["load", "temp"], "target_col": "load", "group_col": "meter"}
    arguments |= {"window": WINDOW, "horizon": HORIZON, "stride": STRIDE, "freq": "1min"}
    shape, X, y = inside.last_rows(df, arguments)
    # Values are asked about elsewhere; here it is enough that most of the work was done.
    fitting = SERIES * (rows - WINDOW - HORIZON) // STRIDE
    assert 0.9 * fitting < len(y) < 1.1 * fitting
    assert shape == (len(y), WINDOW, 2)
    assert np.isin(X[::50], values).all()
    assert len(np.unique(y)) > 0.9 * len(y)
