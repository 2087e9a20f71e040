"""Your tests: each passes on right code and fails on a mistake. Import from `solution`."""

import pandas as pd
from solution import make_windows


def test_one_window_fits():
    df = pd.DataFrame({"time": pd.date_range("2024-05-01", periods=3, freq="h"), "load": [10.0, 20, 30]})
    w = make_windows(df, time_col="time", value_cols=["load"], target_col="load", window=2)
    assert w.X.tolist() == [[[10], [20]]]
    assert w.y.tolist() == [30]
