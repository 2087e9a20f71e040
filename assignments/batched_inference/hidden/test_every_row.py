"""Criterion every_row: rules 6 and 7."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_tensor


@pytest.mark.criterion("every_row", weight=3)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_result_equals_one_call_on_all_rows(ask, oracle, rng, batch_size):
    for count in range(1, 2 * batch_size + 2):
        rows = oracle.rows_of(rng, count, 3)
        result, _ = ask(rows, lambda batch: 2 * batch[:, :2] + 1, batch_size=batch_size)
        assert torch.equal(result, 2 * rows[:, :2] + 1), f"{count} rows in batches of {batch_size}"


@pytest.mark.criterion("every_row", weight=2)
def test_results_stand_in_the_order_of_the_inputs(ask, oracle, rng):
    for count, batch_size in ((53, 8), (64, 8), (31, 32), (40, 7)):
        rows = oracle.rows_of(rng, count, 2, 3)
        result, _ = ask(rows, lambda batch: batch.transpose(1, 2), batch_size=batch_size)
        assert torch.equal(result, rows.transpose(1, 2)), f"{count} rows in batches of {batch_size}"


@pytest.mark.criterion("every_row", weight=2)
def test_network_gives_what_it_gives_without_batches(solution, network, inputs_for, oracle, inside, rng):
    model, arrays = network()
    inside.set_modes(model, False)
    x = inputs_for(arrays, int(rng.integers(20, 60)))
    predictor = solution.BatchPredictor(model, batch_size=int(rng.integers(3, 9)), device="cpu")
    for rows in (x, x[:5], x[::-1].copy()):
        result = expect_tensor(predictor.predict(torch.tensor(rows)), "predict", dtype=torch.float64)
        assert oracle.close(result, oracle.forward(arrays, rows))


@pytest.mark.criterion("every_row", weight=2)
@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 1), (3, 1)])
def test_axes_of_the_output_stay(ask, oracle, rng, shape):
    for count, batch_size in ((1, 4), (5, 4), (3, 1), (8, 4)):
        rows = oracle.rows_of(rng, count, 6)
        width = max(1, torch.Size(shape).numel())
        result, _ = ask(rows, lambda batch, w=width: batch[:, :w].reshape(len(batch), *shape), batch_size=batch_size)
        assert torch.equal(result, rows[:, :width].reshape(count, *shape)), f"{count} rows in batches of {batch_size}"


@pytest.mark.criterion("every_row")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float64, torch.float16, torch.bfloat16])
def test_dtype_is_that_of_the_output(ask, oracle, rng, dtype):
    rows = oracle.rows_of(rng, 11, 3)
    scale = 1e15 if dtype == torch.int64 else 1.0
    result, _ = ask(rows, lambda batch: (batch.double() * scale).to(dtype), batch_size=4)
    assert result.dtype == dtype
    assert torch.equal(result, (rows.double() * scale).to(dtype))


@pytest.mark.criterion("every_row", weight=2)
def test_model_gets_consecutive_batches_and_no_other_call(ask, oracle, rng):
    for count, batch_size in ((10, 4), (8, 4), (3, 4), (1, 1), (int(rng.integers(20, 40)), int(rng.integers(2, 9)))):
        rows = oracle.rows_of(rng, count, 2)
        _, desk = ask(rows, batch_size=batch_size)
        assert desk.sizes == oracle.cut(count, batch_size)
        assert torch.equal(torch.cat(desk.asked), rows)


@pytest.mark.criterion("every_row")
def test_batches_have_32_rows_by_default(solution, inside, oracle, rng):
    desk = oracle.Desk(lambda batch: batch)
    result = solution.BatchPredictor(inside.Remote(desk), device="cpu").predict(oracle.rows_of(rng, 70, 1))
    assert expect_tensor(result, "predict", shape=(70, 1)).requires_grad is False
    assert desk.sizes == [32, 32, 6]
