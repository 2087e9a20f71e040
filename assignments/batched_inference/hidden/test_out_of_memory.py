"""Criterion out_of_memory: rules 16 to 18."""

from __future__ import annotations

import builtins

import pytest
import torch

from grading.judge import expect_int, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")


def run(solution, inside, desk, rows, batch_size, method):
    predictor = solution.BatchPredictor(inside.Remote(desk), batch_size=batch_size, device="cpu")
    if method == "predict":
        return predictor, expect_tensor(predictor.predict(rows), "predict")
    return predictor, torch.cat([expect_tensor(part, "a batch") for part in predictor.predict_iter(rows)])


@pytest.mark.criterion("out_of_memory", weight=3)
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_every_row_is_predicted_once_in_order(solution, inside, oracle, rng, method):
    for most, batch_size, count in ((3, 8, 29), (1, 8, 10), (5, 6, 31), (2, 32, 7), (4, 7, 4)):
        rows = oracle.rows_of(rng, count, 2)
        desk = oracle.Desk(lambda batch: -batch, most)
        _, result = run(solution, inside, desk, rows, batch_size, method)
        assert torch.equal(result, -rows), f"room for {most}, batches of {batch_size}"
        assert torch.equal(torch.cat(desk.asked), rows)


@pytest.mark.criterion("out_of_memory", weight=2)
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_batch_size_is_halved_and_stays(solution, inside, oracle, rng, method):
    for most, start, end in ((3, 16, 2), (5, 20, 5), (4, 9, 4), (1, 7, 1)):
        desk = oracle.Desk(lambda batch: batch, most)
        predictor, _ = run(solution, inside, desk, oracle.rows_of(rng, 41, 2), start, method)
        assert expect_int(predictor.batch_size, "batch_size") == end
        assert max(desk.sizes) <= end
        failed = len(desk.failed)
        desk.asked.clear()
        predictor.predict(oracle.rows_of(rng, 2 * end + 1, 2))
        assert desk.sizes == [end, end, 1]
        assert len(desk.failed) == failed, "the second call begins with the smaller size"
    desk = oracle.Desk(lambda batch: batch, 2)  # where a batch was shorter, batch_size is halved all the same
    predictor, _ = run(solution, inside, desk, oracle.rows_of(rng, 3, 2), 8, method)
    assert expect_int(predictor.batch_size, "batch_size") == 2
    assert sorted(desk.sizes) == [1, 2]
    for failures, end in ((1, 2), (2, 1)):  # and where it was a single row
        rows = oracle.rows_of(rng, 5, 2)
        desk = oracle.Desk(lambda batch: batch, failures=failures)

        def answer(batch, desk=desk):
            desk.most = 0  # from the second call on
            return batch

        desk.answer = answer
        predictor, result = run(solution, inside, desk, rows, 4, method)
        assert torch.equal(result, rows)
        assert desk.failed == [1] * failures
        assert expect_int(predictor.batch_size, "batch_size") == end


@pytest.mark.criterion("out_of_memory")
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_later_streams_have_the_smaller_size(solution, inside, oracle, rng, method):
    for most, start, end in ((4, 9, 4), (3, 7, 3), (3, 16, 2)):  # also where the old size is no multiple of the new one
        model = inside.Noted(most)
        predictor = solution.BatchPredictor(model, batch_size=start, device="cpu")
        list(getattr(predictor, method)(oracle.rows_of(rng, start, 2)))
        before = len(fetch(model.batches))
        rows = oracle.rows_of(rng, 2 * start + 1, 2)
        parts = [expect_tensor(part, "a batch") for part in predictor.predict_iter(rows)]
        assert [len(part) for part in parts] == oracle.cut(len(rows), end)
        assert [len(batch) for batch in fetch(model.batches)[before:]] == oracle.cut(len(rows), end)
        assert torch.equal(torch.cat(parts), 2 * rows)


@pytest.mark.criterion("out_of_memory")
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_memory_that_runs_out_in_the_middle(solution, inside, oracle, rng, method):
    for batch_size, end, count in ((8, 2, 37), (7, 3, 40), (5, 2, 32)):
        rows = oracle.rows_of(rng, count, 2)
        desk = oracle.Desk(lambda batch: batch + 1)

        def answer(batch, desk=desk):
            if len(desk.asked) >= 2:
                desk.most = 3
            return batch + 1

        desk.answer = answer
        _, result = run(solution, inside, desk, rows, batch_size, method)
        assert torch.equal(result, rows + 1)
        assert desk.sizes[:2] == [batch_size] * 2
        assert max(desk.sizes[2:]) <= end


@pytest.mark.criterion("out_of_memory")
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_error_of_a_single_row_reaches_the_caller(solution, inside, oracle, rng, method):
    desk = oracle.Desk(lambda batch: batch, 0)
    predictor = solution.BatchPredictor(inside.Remote(desk), batch_size=4, device="cpu")
    with pytest.raises(RuntimeError, match="out of memory"):
        list(getattr(predictor, method)(oracle.rows_of(rng, 9, 2)))
    assert desk.failed == [4, 2, 1]
    assert expect_int(predictor.batch_size, "batch_size") == 1


@pytest.mark.criterion("out_of_memory")
@pytest.mark.parametrize("error", ["LookupError", "RuntimeError", "MemoryError"])
def test_other_errors_are_not_tried_again(solution, inside, network, inputs_for, really_predicts, error):
    model, arrays = network("Fails", at=1, error=error)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    with pytest.raises(getattr(builtins, error), match="cannot be predicted"):
        predictor.predict(torch.tensor(inputs_for(arrays, 9)))
    assert expect_int(predictor.batch_size, "batch_size") == 4
    model.at = 10**6
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("out_of_memory", weight=2)
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_failed_call_gives_its_memory_back_before_the_next(inside, oracle, rng, method):
    rows = oracle.rows_of(rng, 64, 32)
    row = 32 * 4
    # A call on k rows needs room for k + 3 * 4k of them: there is none for 16, but for 8, with a failed batch's input
    # or a next one beside it. What the failed call made (two tensors of 64 rows) leaves room for nothing.
    parts, _, size = inside.predict_on_gpu(
        2, rows, memory=164 * row, batch_size=16, device="cuda", method=method, workspace=3
    )
    result = parts if method == "predict" else torch.cat(list(parts))
    assert torch.equal(expect_tensor(result, "result"), rows[:, :1].repeat(1, 2))
    assert expect_int(size, "batch_size") == 8


@pytest.mark.criterion("out_of_memory")
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_batch_that_cannot_be_moved_is_cut(inside, oracle, rng, method):
    rows = oracle.rows_of(rng, 41, 32)
    row = 32 * 4
    # There is no room for 16 rows of input, whatever the model needs; for 8 with a next or a last batch there is.
    options = {"memory": 15 * row, "batch_size": 16, "device": "cuda", "method": method}
    parts, _, size = inside.predict_on_gpu(2, rows, **options)
    result = parts if method == "predict" else torch.cat(list(parts))
    assert torch.equal(expect_tensor(result, "result"), rows[:, :1].repeat(1, 2))
    assert expect_int(size, "batch_size") in (4, 8)
