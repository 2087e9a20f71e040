"""A follow-up of GUIDE.md, worth no points: gradient accumulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_float, fetch


@pytest.mark.extension
@pytest.mark.levels("junior", "mid")
def test_accumulated_batches_step_as_one(solution, inside, rng):
    """Five batches in groups of two: each group's gradient is the mean over its rows, and the rest steps, too."""
    sizes = [3, 1, 2, 4, 2]
    x = rng.normal(size=(sum(sizes), 3))
    model = inside.Line(3)
    model.train()
    loader = inside.Batches(torch.tensor(x), torch.zeros(len(x), dtype=torch.float64), sizes)
    loss = solution.train_one_epoch(model, loader, inside.sgd(model, 1.0), inside.mean_output, accumulate=2)
    moved = -fetch(inside.parameters(model))[0].numpy()
    expected = x[:4].mean(axis=0) + x[4:10].mean(axis=0) + x[10:].mean(axis=0)
    expect_close(moved, expected, "the weights after three steps", rtol=1e-6, atol=1e-9)
    steps = np.zeros(3), -x[:4].mean(axis=0), -x[:4].mean(axis=0) - x[4:10].mean(axis=0)
    total = sum(
        float((x[rows] @ w).sum()) for rows, w in zip((slice(4), slice(4, 10), slice(10, 12)), steps, strict=True)
    )
    assert expect_float(loss, "train_one_epoch") == pytest.approx(total / len(x))
