"""Criterion no_trace: rules 4 and 8."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_bool, expect_tensor, fetch

NEVER = 10**6


def same_state(model, inside, before):
    after = fetch(inside.snapshot(model))
    return set(after) == set(before) and all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.criterion("no_trace", weight=3)
@pytest.mark.parametrize(("training", "frozen"), [(True, None), (False, "middle"), (True, "middle.norm")])
def test_model_predicts_in_eval_mode(solution, inside, network, inputs_for, oracle, training, frozen):
    model, arrays = network()
    inside.set_modes(model, training, frozen)
    x = inputs_for(arrays, 11)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    for _ in range(2):  # in train mode, outputs of dropout and batch norm are others
        assert oracle.close(expect_tensor(predictor.predict(torch.tensor(x)), "predict"), oracle.forward(arrays, x))


@pytest.mark.criterion("no_trace", weight=2)
def test_weights_buffers_and_flags_stay(solution, inside, network, inputs_for, really_predicts):
    model, arrays = network()
    before = fetch(inside.snapshot(model))
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    predictor.predict(torch.tensor(inputs_for(arrays, 11)))
    assert same_state(model, inside, before)
    for name, (requires, gradient) in fetch(inside.flags(model)).items():
        assert requires is True, name
        assert gradient is None, name
    inside.prepare_training(model)
    predictor.predict(torch.tensor(inputs_for(arrays, 11)))
    for name, (requires, gradient) in fetch(inside.flags(model)).items():
        assert requires is (name != "first.bias"), name
        assert gradient is None if name == "first.bias" else (gradient == 0.5).all(), name
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace")
def test_hooks_of_the_model_run(solution, inside, network, inputs_for, oracle):
    model, arrays = network()
    inside.negate_outputs(model)
    x = inputs_for(arrays, 7)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    assert oracle.close(expect_tensor(predictor.predict(torch.tensor(x)), "predict"), -oracle.forward(arrays, x))


@pytest.mark.criterion("no_trace", weight=2)
def test_no_gradients_are_recorded(solution, inside, network, inputs_for, really_predicts):
    model, arrays = network()
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    result = expect_tensor(predictor.predict(torch.tensor(inputs_for(arrays, 9))), "predict")
    assert result.requires_grad is False
    calls = fetch(inside.seen_in_calls(model))
    assert calls
    assert not any(recorded for _, _, recorded in calls)
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace", weight=2)
@pytest.mark.parametrize(
    ("training", "frozen"), [(True, None), (False, None), (True, "middle"), (False, "middle.drop"), (True, "last")]
)
def test_every_submodule_is_in_its_mode_again(
    solution, inside, network, inputs_for, really_predicts, oracle, training, frozen
):
    model, arrays = network()
    inside.set_modes(model, training, frozen)
    before = fetch(inside.modes(model))
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    assert fetch(inside.modes(model)) == before, "after the constructor"
    predictor.predict(torch.tensor(inputs_for(arrays, 9)))
    assert fetch(inside.modes(model)) == before
    if training and frozen is None:
        inside.set_modes(model, False, "middle")  # the modes of this moment count, not those of the first call
        before = fetch(inside.modes(model))
        predictor.predict(torch.tensor(inputs_for(arrays, 5)))
        assert fetch(inside.modes(model)) == before
        inside.exchange_part(model)  # and the parts of this moment
        before = fetch(inside.modes(model))
        x = inputs_for(arrays, 5)
        assert oracle.close(expect_tensor(predictor.predict(torch.tensor(x)), "predict"), oracle.forward(arrays, x))
        assert fetch(inside.modes(model)) == before
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace", weight=2)
@pytest.mark.parametrize(("at", "error"), [(0, "LookupError"), (1, "LookupError"), (1, "KeyboardInterrupt")])
def test_modes_come_back_when_the_model_raises(solution, inside, network, inputs_for, really_predicts, at, error):
    model, arrays = network("Fails", at=at, error=error)
    inside.set_modes(model, True, "middle.norm")
    before = fetch(inside.modes(model))
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    if error == "KeyboardInterrupt":
        assert expect_bool(inside.interrupted(predictor.predict, torch.tensor(inputs_for(arrays, 9))), "interrupted")
    else:
        with pytest.raises(LookupError, match="cannot be predicted"):
            predictor.predict(torch.tensor(inputs_for(arrays, 9)))
    assert fetch(inside.modes(model)) == before
    model.at = NEVER
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace")
@pytest.mark.parametrize("at", [1, NEVER])
def test_gradient_mode_is_the_callers(solution, inside, network, inputs_for, really_predicts, at):
    model, arrays = network("Fails", at=at)
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    on, off = inside.grad_modes_around(predictor.predict, torch.tensor(inputs_for(arrays, 9)))
    assert expect_bool(on, "gradient mode after a call with gradients on") is True
    assert expect_bool(off, "gradient mode after a call with gradients off") is False
    model.at = NEVER
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace")
def test_weights_that_change_later_count(solution, inside, network, inputs_for, really_predicts, rng):
    model, arrays = network()
    predictor = solution.BatchPredictor(model, batch_size=4, device="cpu")
    predictor.predict(torch.tensor(inputs_for(arrays, 7)))
    arrays["last.bias"] = arrays["last.bias"] + rng.uniform(1.0, 2.0)
    inside.load_arrays(model, {name: torch.as_tensor(value) for name, value in arrays.items()})
    really_predicts(predictor, model, arrays)


@pytest.mark.criterion("no_trace")
def test_inputs_stay(solution, inside, oracle, rng):
    rows = oracle.rows_of(rng, 9, 2)
    predictor = solution.BatchPredictor(inside.Noted(), batch_size=4, device="cpu")
    for inputs in (rows, rows.numpy(), rows.double().numpy(), list(rows), list(rows.numpy()), rows.tolist()):
        result, after = fetch(inside.inputs_afterwards(predictor, inputs))
        assert torch.equal(expect_tensor(result, "predict"), 2 * rows)
        assert type(after) is type(inputs)
        assert len(after) == len(inputs)
        for row, expected in zip(after, inputs, strict=True):
            assert type(row) is type(expected)
            assert torch.equal(torch.as_tensor(row), torch.as_tensor(expected))
