"""Criterion by_length: rules 19 and 20."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_int, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")


@pytest.fixture
def ask_sequences(solution, inside, oracle):
    """Return a function that predicts sequences with a model which the judge computes."""

    def run(sequences, batch_size=4, dtype=torch.float64, answer=oracle.answer_sequences, **options):
        desk = oracle.Desk(answer)
        predictor = solution.BatchPredictor(inside.Remote(desk, dtype), batch_size=batch_size, device="cpu")
        return expect_tensor(predictor.predict_sequences(sequences, **options), "predict_sequences"), desk

    return run


def draw(rng, lengths, shape=(2,), dtype=torch.float64):
    return [torch.tensor(rng.normal(size=(int(n), *shape))).to(dtype) for n in lengths]


def expected(oracle, sequences):
    return np.array([oracle.weighted_sum(sequence.numpy()) for sequence in sequences])


@pytest.mark.criterion("by_length", weight=3)
def test_results_stand_in_the_order_of_the_sequences(ask_sequences, oracle, rng):
    for count, batch_size in ((1, 4), (7, 3), (20, 4), (5, 8), (9, 1)):
        sequences = draw(rng, rng.integers(1, 12, size=count))
        result, _ = ask_sequences(sequences, batch_size)
        assert oracle.close(result, expected(oracle, sequences)), f"{count} sequences in batches of {batch_size}"


@pytest.mark.criterion("by_length")
@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_shape_and_dtype_are_those_of_the_output(ask_sequences, rng, shape):
    def answer(padded, lengths):
        return lengths.reshape(-1, *[1] * len(shape)).repeat(1, *shape) + 2**40

    sequences = draw(rng, rng.integers(1, 12, size=7))
    for outputs in (torch.int64, torch.float64, torch.bfloat16):
        result, _ = ask_sequences(sequences, 3, answer=lambda padded, n, to=outputs: answer(padded, n).to(to))
        assert result.dtype == outputs
        assert torch.equal(result, answer(None, torch.tensor([len(s) for s in sequences])).to(outputs))


@pytest.mark.criterion("by_length", weight=2)
def test_batches_are_cut_from_the_sorted_sequences(ask_sequences, oracle, rng):
    for count, batch_size in ((23, 4), (12, 5), (6, 6)):
        lengths = [int(n) for n in rng.permutation(40)[:count] + 1]
        _, desk = ask_sequences(draw(rng, lengths), batch_size)
        assert desk.sizes == oracle.cut(count, batch_size)
        given = [[int(n) for n in batch] for batch in desk.lengths]
        assert sorted(n for batch in given for n in batch) == sorted(lengths)
        padded = sum(batch.shape[1] * len(batch) - sum(n) for batch, n in zip(desk.asked, given, strict=True))
        assert padded <= oracle.most_padding(lengths, batch_size)


@pytest.mark.criterion("by_length", weight=2)
@pytest.mark.parametrize(
    ("pad_value", "shape", "dtype"),
    [(None, (3,), torch.float64), (-7.5, (3, 2), torch.float64), (None, (), torch.float64), (-7.0, (), torch.int64)],
)
def test_sequences_are_filled_up_at_their_ends(ask_sequences, rng, pad_value, shape, dtype):
    sequences = [(9 * sequence).to(dtype) for sequence in draw(rng, rng.integers(1, 9, size=10), shape)]
    for sequence in sequences[::2]:
        sequence[-1] = pad_value or 0.0  # a step that looks like padding counts as a step
    options = {} if pad_value is None else {"pad_value": pad_value}
    _, desk = ask_sequences(sequences, 4, **options)
    found = []
    for batch, lengths in zip(desk.asked, desk.lengths, strict=True):
        assert lengths.dtype == torch.int64
        assert lengths.shape == (len(batch),)
        for row, length in zip(batch, lengths.tolist(), strict=True):
            assert 1 <= length <= len(row)
            assert (row[length:] == (pad_value or 0.0)).all()
            found.append(row[:length])
        assert batch.shape[1] == int(lengths.max())
    for sequence in sequences:
        assert any(sequence.shape == row.shape and torch.equal(sequence, row) for row in found)


@pytest.mark.criterion("by_length")
def test_dtypes_are_those_of_other_inputs(ask_sequences, rng):
    for given, model, wanted in (
        (torch.float32, torch.float64, torch.float64),
        (torch.float64, torch.float32, torch.float32),
        (torch.bfloat16, torch.float32, torch.float32),
        (torch.float64, torch.bfloat16, torch.bfloat16),
        (torch.int64, torch.float32, torch.int64),
    ):
        sequences = [(100 * sequence).to(given) for sequence in draw(rng, [3, 1, 2])]
        for sequence in sequences:
            sequence.requires_grad_(given == torch.float64)
        result, desk = ask_sequences(sequences, 2, dtype=model, answer=lambda padded, n: padded[:, 0].float())
        assert result.requires_grad is False
        assert {batch.dtype for batch in desk.asked} == {wanted}
    result, desk = ask_sequences([])
    assert result.shape == (0,)
    assert desk.asked == []


@pytest.mark.criterion("by_length")
@pytest.mark.parametrize("much", ["input", "output"])
def test_sequences_and_lengths_are_moved(inside, oracle, rng, much):
    # 25 batches. There is room for twelve of inputs, which may be filled up on the device, or for six of outputs.
    times = {"input": 1, "output": 200}[much]
    sequences = draw(rng, rng.integers(12, 17, size=100) if much == "input" else rng.integers(1, 9, size=100), (4,))
    batch = 4 * 4 * 8 * {"input": 16, "output": times}[much]
    options = {"batch_size": 4, "device": "cuda", "method": "predict_sequences"}
    memory = {"input": 12, "output": 6}[much] * batch
    result, places, _ = inside.predict_on_gpu(inside.SumsByLength(times), sequences, memory=memory, **options)
    assert places == ["cpu"]
    assert oracle.close(expect_tensor(result, "result"), np.tile(expected(oracle, sequences), times))


@pytest.mark.criterion("by_length")
def test_running_out_of_memory_reaches_the_caller(solution, inside, oracle, rng):
    desk = oracle.Desk(oracle.answer_sequences, most=2)
    model = inside.Remote(desk, torch.float64)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    sequences = draw(rng, rng.integers(1, 9, size=9))
    with pytest.raises(RuntimeError, match="out of memory"):
        predictor.predict_sequences(sequences)
    assert desk.failed == [4]
    assert expect_int(predictor.batch_size, "batch_size") == 4
    assert fetch(inside.modes(model)) == {"": True}
    desk.most = None
    assert oracle.close(expect_tensor(predictor.predict_sequences(sequences), "result"), expected(oracle, sequences))


@pytest.mark.criterion("by_length")
def test_hooks_of_the_model_run_on_sequences(solution, inside, oracle, rng):
    model = inside.SumsByLength()
    inside.negate_outputs(model)
    sequences = draw(rng, rng.integers(1, 9, size=6))
    result = solution.BatchPredictor(model, batch_size=4, device="cpu").predict_sequences(tuple(sequences))
    assert oracle.close(expect_tensor(result, "result"), -expected(oracle, sequences))


@pytest.mark.criterion("by_length", weight=2)
@pytest.mark.parametrize("frozen", [None, "drop"])
def test_sequences_and_model_stay_as_they_are(solution, inside, oracle, rng, frozen):
    sequences = draw(rng, rng.integers(1, 9, size=10))
    model = inside.DroppingSums()
    inside.set_modes(model, True, frozen)
    before = fetch(inside.modes(model))
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    result, after = fetch(inside.inputs_afterwards(predictor, sequences, "predict_sequences"))
    assert expect_tensor(result, "predict_sequences").requires_grad is False
    assert oracle.close(result, expected(oracle, sequences)), "dropout shows whether the model ran in eval mode"
    assert fetch(inside.modes(model)) == before
    assert len(after) == len(sequences)
    assert all(torch.equal(row, sequence) for row, sequence in zip(after, sequences, strict=True))
