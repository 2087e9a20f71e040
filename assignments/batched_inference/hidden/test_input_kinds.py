"""Criterion input_kinds: rules 3 and 9 to 12."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_tensor


@pytest.mark.criterion("input_kinds", weight=2)
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_floating_point_inputs_reach_the_model_in_its_dtype(ask, oracle, rng, kind):
    rows = oracle.rows_of(rng, 9, 3)
    for given in (torch.float64, torch.float32, torch.float16, *([torch.bfloat16] if kind == "tensor" else [])):
        # The first floating-point parameter counts: not an integer one before it, and not the next.
        for dtypes in ((torch.float32,), (torch.int8, torch.float64, torch.float32), (torch.bfloat16, torch.float32)):
            wanted = next(dtype for dtype in dtypes if dtype.is_floating_point)
            inputs = rows.to(given).numpy() if kind == "array" else rows.to(given)
            result, desk = ask(inputs, dtypes=dtypes)
            assert {batch.dtype for batch in desk.asked} == {wanted}, f"{given} for a model of {dtypes}"
            assert torch.equal(result, rows.to(given).to(wanted))


@pytest.mark.criterion("input_kinds")
def test_dtype_is_that_of_the_model_at_the_time(solution, inside, oracle, rng):
    rows = oracle.rows_of(rng, 5, 2)
    desk = oracle.Desk(lambda batch: batch)
    model = inside.Remote(desk)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    for wanted in (torch.float32, torch.float64):
        model.to(wanted)
        assert torch.equal(expect_tensor(predictor.predict(rows), "predict"), rows.to(wanted))
        assert desk.asked[-1].dtype == wanted


@pytest.mark.criterion("input_kinds")
def test_model_without_parameters_gets_what_is_there(ask, oracle, rng):
    for dtype in (torch.float64, torch.float32, torch.int32):  # its buffer is float64, and does not count
        rows = oracle.rows_of(rng, 6, 2).to(dtype)
        for inputs in (rows, rows.numpy()):
            result, desk = ask(inputs, dtypes=())
            assert {batch.dtype for batch in desk.asked} == {dtype}
            assert torch.equal(result, rows)


@pytest.mark.criterion("input_kinds", weight=2)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_integers_and_booleans_keep_their_dtype(ask, rng, dtype):
    rows = torch.tensor(rng.integers(0, 2 if dtype == torch.bool else 200, size=(9, 4))).to(dtype)
    column = rows[:, 0]
    for inputs, expected in (
        *((rows, rows), (rows.numpy(), rows), (list(rows), rows), (list(rows.numpy()), rows)),
        *((list(column), column), (list(column.numpy()), column)),  # the last: numbers of NumPy's
    ):
        result, desk = ask(inputs)
        assert {batch.dtype for batch in desk.asked} == {dtype}
        assert torch.equal(result, expected)


@pytest.mark.criterion("input_kinds", weight=2)
@pytest.mark.parametrize("container", [list, tuple])
def test_lists_of_rows(ask, oracle, rng, container):
    rows = oracle.rows_of(rng, 7, 2, 3)
    flat = rows[:, 0, 0]
    for inputs, expected in (
        (list(rows), rows),
        (list(rows.numpy()), rows),
        (list(rows.double().numpy()), rows),
        (rows.tolist(), rows),
        (flat.tolist(), flat),
        (list(flat), flat),
        (list(flat.double().numpy()), flat),
    ):
        result, desk = ask(container(inputs))
        assert {batch.dtype for batch in desk.asked} == {torch.float32}
        assert torch.equal(result, expected)
    numbers = [int(n) for n in rng.integers(0, 2**40, size=7)]
    result, desk = ask(container(numbers))
    assert {batch.dtype for batch in desk.asked} == {torch.int64}
    assert result.tolist() == numbers
    flags = rng.integers(0, 2, size=(7, 2)).astype(bool)
    for inputs in (flags[:, 0].tolist(), flags.tolist()):
        result, desk = ask(container(inputs))
        assert {batch.dtype for batch in desk.asked} == {torch.bool}
        assert result.tolist() == inputs


@pytest.mark.criterion("input_kinds")
def test_tensors_may_require_gradients(ask, oracle, rng):
    rows = oracle.rows_of(rng, 7, 2)
    for inputs in (rows.clone().requires_grad_(), [row.clone().requires_grad_() for row in rows]):
        result, _ = ask(inputs)
        assert torch.equal(result, rows)
        assert result.requires_grad is False


@pytest.mark.criterion("input_kinds")
@pytest.mark.parametrize(
    "view",
    ["reversed", "every third", "turned", "columns back", "read-only", "rows that are views", "one row, repeated"],
)
def test_arrays_with_any_strides_and_read_only(solution, inside, oracle, rng, view):
    array = oracle.rows_of(rng, 12, 5).numpy()
    views = {
        "reversed": array[::-1],
        "every third": array[::3],
        "turned": array.T,
        "columns back": array[:, ::-2],
        "rows that are views": array[:, ::-2],
        "one row, repeated": array[[0] * 12],
    }
    predictor = solution.BatchPredictor(inside.Noted(), batch_size=4, device="cpu")
    result = expect_tensor(inside.predict_view(predictor, array, view), "predict")
    assert np.array_equal(result.numpy(), 2 * views.get(view, array))


@pytest.mark.criterion("input_kinds", weight=2)
def test_nothing_in_gives_nothing_out(ask):
    for inputs in ([], (), torch.zeros(0, 3), np.zeros((0, 3)), torch.zeros(0, dtype=torch.int64)):
        result, desk = ask(inputs)
        assert result.shape == (0,)
        assert result.dtype == torch.float32
        assert desk.asked == []
    assert ask([1.5])[0].tolist() == [1.5]


@pytest.mark.criterion("input_kinds")
def test_batch_size_below_one_is_refused(solution, inside, oracle):
    for batch_size in (0, -1, -32):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.BatchPredictor(inside.Remote(oracle.Desk(lambda batch: batch)), batch_size=batch_size)
    with pytest.raises(ValueError):  # noqa: PT011
        solution.BatchPredictor(inside.Remote(oracle.Desk(lambda batch: batch)), batch_size=0, device="cpu")
    predictor = solution.BatchPredictor(inside.Noted(), batch_size=1, device="cpu")
    assert expect_tensor(predictor.predict(torch.tensor([2.5])), "predict").tolist() == [5.0]
