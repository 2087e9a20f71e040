"""Criterion lazy: rules 13 to 15."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_int, expect_tensor, fetch

pytestmark = pytest.mark.levels("mid", "senior")

# Streams and models of this file live beside the candidate's code: they may be read in a thread, the judge may not.


@pytest.fixture
def stream(solution, inside):
    """Return a function that starts predict_iter with a model that doubles."""

    def start(inputs, batch_size=4):
        model = inside.Noted()
        return solution.BatchPredictor(model, batch_size=batch_size, device="cpu").predict_iter(inputs), model

    return start


@pytest.mark.criterion("lazy", weight=2)
@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_one_result_for_each_batch(stream, inside, oracle, rng, batch_size):
    for count in (0, 1, batch_size, batch_size + 1, 3 * batch_size, 3 * batch_size + 1):
        rows = oracle.rows_of(rng, count, 2)
        results, model = stream(inside.Tap(list(rows)), batch_size)
        parts = [expect_tensor(part, "a batch") for part in results]
        assert [len(part) for part in parts] == oracle.cut(count, batch_size)
        assert [len(batch) for batch in fetch(model.batches)] == oracle.cut(count, batch_size)
        if parts:
            assert torch.equal(torch.cat(parts), 2 * rows)


@pytest.mark.criterion("lazy")
def test_rows_of_every_kind(stream, inside, oracle, rng):
    rows = oracle.rows_of(rng, 7, 3)
    tokens = rng.integers(0, 1000, size=(7, 3))
    for inputs, expected in (
        (list(rows.double().numpy()), rows),
        (inside.Tap(rows.tolist()), rows),
        (rows, rows),
        (rows.double().numpy(), rows),
        (list(tokens), torch.tensor(tokens)),
        (inside.Tap(rows[:, 0].tolist()), rows[:, 0]),
        (rows[:, 0], rows[:, 0]),
        (rows[:, 0].double().numpy(), rows[:, 0]),
        (tokens[:, 0], torch.tensor(tokens[:, 0])),
        (inside.Tap(list(tokens[:, 0])), torch.tensor(tokens[:, 0])),
    ):
        results, model = stream(inputs)
        result = torch.cat([expect_tensor(part, "a batch") for part in results])
        assert {batch.dtype for batch in fetch(model.batches)} == {expected.dtype}
        assert torch.equal(result, 2 * expected)


@pytest.mark.criterion("lazy")
def test_rows_may_be_views(solution, inside, oracle, rng):
    array = oracle.rows_of(rng, 7, 5).numpy()
    predictor = solution.BatchPredictor(inside.Noted(), batch_size=4, device="cpu")
    result = expect_tensor(inside.predict_view(predictor, array, "columns back", "predict_iter"), "predict_iter")
    assert np.array_equal(result.numpy(), 2 * array[:, ::-2])


@pytest.mark.criterion("lazy")
def test_streams_know_nothing_of_each_other(solution, inside, oracle, rng):
    first, second = oracle.rows_of(rng, 22, 2).split(11)
    predictor = solution.BatchPredictor(inside.Noted(), batch_size=4, device="cpu")
    found = fetch(inside.in_turns(predictor, first, second))
    for parts, rows in zip(found, (first, second), strict=True):
        assert torch.equal(torch.cat([expect_tensor(part, "a batch") for part in parts]), 2 * rows)


@pytest.mark.criterion("lazy", weight=3)
def test_no_more_than_one_batch_is_read_ahead(stream, inside, rng):
    batch_size = int(rng.integers(2, 6))
    # An endless iterator, and what knows its length and can be read again, like a data set.
    for tap in (inside.Tap(None), inside.Sized(100), inside.Rows(100)):
        results, model = stream(tap, batch_size)
        results = iter(results)
        assert expect_int(tap.read, "rows read") <= batch_size, "before the first result"
        for taken in range(1, 6):
            part = expect_tensor(next(results), "a batch", shape=(batch_size, 1))
            assert part[:, 0].tolist() == [2.0 * i for i in range((taken - 1) * batch_size, taken * batch_size)]
            assert expect_int(tap.read, "rows read") <= (taken + 1) * batch_size, f"after {taken} results"
            assert len(fetch(model.batches)) <= taken + 1


@pytest.mark.criterion("lazy", weight=2)
@pytest.mark.parametrize("training", [True, False])
def test_modes_are_the_callers_between_results(solution, inside, network, inputs_for, oracle, training):
    model, arrays = network()
    inside.set_modes(model, training, "middle.norm")
    before = fetch(inside.modes(model))
    predictor = solution.BatchPredictor(model, batch_size=2, device="cpu")
    x = inputs_for(arrays, 9)
    seen = fetch(inside.between_results(predictor.predict_iter(torch.tensor(x)), model, 3))
    assert len(seen) == 4
    for _, gradients, modes in seen:
        assert gradients is True
        assert modes == before
    parts = [expect_tensor(part, "a batch") for part, _, _ in seen[:3]]
    assert oracle.close(torch.cat(parts), oracle.forward(arrays, x[:6]))


@pytest.mark.criterion("lazy")
def test_modes_may_change_between_results(solution, inside, network, inputs_for, oracle):
    model, arrays = network()
    x = inputs_for(arrays, 10)
    stream = solution.BatchPredictor(model, batch_size=2, device="cpu").predict_iter(torch.tensor(x))
    wanted = [(True, True), (False, True), (True, False), (False, False), (True, True)]
    seen = fetch(inside.while_modes_change(stream, model, wanted))
    for (training, enabled), (_, gradients, modes) in zip(wanted, seen, strict=True):
        assert gradients is enabled
        assert {name: mode for name, mode in modes.items() if mode is not training} == {"middle.norm": not training}
    parts = [expect_tensor(part, "a batch") for part, _, _ in seen]
    assert oracle.close(torch.cat(parts), oracle.forward(arrays, x))
    predictor = solution.BatchPredictor(model, batch_size=2, device="cpu")
    for end in ("closed", "dropped", "read to its end"):  # what was changed last is not undone there
        for training in (True, False):
            found = fetch(inside.modes_after_stream(predictor, torch.tensor(x), model, training, end))
            part, gradients, modes = found
            assert oracle.close(expect_tensor(part, "a batch"), oracle.forward(arrays, x[:2]))
            assert gradients is training
            assert {name: mode for name, mode in modes.items() if mode is not training} == {"middle.norm": not training}


@pytest.mark.criterion("lazy")
def test_stream_predicts_in_eval_mode_without_gradients(solution, inside, network, inputs_for, oracle):
    model, arrays = network()
    x = inputs_for(arrays, 7)
    predictor = solution.BatchPredictor(model, batch_size=3, device="cpu")
    parts = [expect_tensor(part, "a batch") for part in predictor.predict_iter(torch.tensor(x))]
    assert oracle.close(torch.cat(parts), oracle.forward(arrays, x))
    assert not any(part.requires_grad for part in parts)
    assert not any(recorded for _, _, recorded in fetch(inside.seen_in_calls(model)))


@pytest.mark.criterion("lazy")
def test_errors_reach_the_caller(solution, stream, inside, network, inputs_for, oracle, rng):
    rows = oracle.rows_of(rng, 9, 2)
    results, _ = stream(inside.Tap(list(rows), "the file ends here"), 4)
    results = iter(results)
    assert torch.equal(expect_tensor(next(results), "a batch"), 2 * rows[:4])
    with pytest.raises(LookupError, match="the file ends here"):
        list(results)
    results, _ = stream(inside.tap_out_of_memory(list(rows)), 4)
    with pytest.raises(RuntimeError, match="no memory to decode"):  # smaller batches would not help
        list(results)
    model, arrays = network("Fails", at=1)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    before = fetch(inside.modes(model))
    with pytest.raises(LookupError, match="cannot be predicted"):
        list(predictor.predict_iter(torch.tensor(inputs_for(arrays, 9))))
    assert fetch(inside.modes(model)) == before
