"""A follow-up of GUIDE.md, worth no points: mixed precision."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_tensor


@pytest.mark.extension
def test_mixed_precision_returns_float32(solution, inside, network, inputs_for, oracle):
    model, arrays = network(dtype=torch.float32)
    x = inputs_for(arrays, 23)
    expected = oracle.forward(arrays, x)
    options = {"batch_size": 5, "device": "cpu"}
    inputs = torch.tensor(x, dtype=torch.float32)
    full = expect_tensor(solution.BatchPredictor(model, **options).predict(inputs), "predict", dtype=torch.float32)
    half = solution.BatchPredictor(model, amp=True, **options).predict(inputs)
    half = expect_tensor(half, "predict with amp", dtype=torch.float32)
    assert oracle.close(full, expected, rtol=1e-4)
    # bfloat16 keeps 8 bits: about 0.4 % of each factor, and some more after two layers.
    assert oracle.close(half, expected, rtol=0.05)
    assert not oracle.close(half, expected, rtol=1e-4), "nothing was computed in lower precision"
