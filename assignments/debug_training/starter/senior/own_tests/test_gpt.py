"""Your tests of the GPT: each passes on right code and fails on a bug. Import from `solution`."""

import torch
from solution import cut_windows


def test_a_stream_that_fits_is_one_window():
    assert [window.tolist() for window in cut_windows(torch.tensor([3, 1, 2]), 3)] == [[3, 1, 2]]
