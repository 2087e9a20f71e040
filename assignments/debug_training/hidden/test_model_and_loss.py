"""Criterion model_and_loss: rules 1 to 4. Each promise has a probe; the last check asks them all.

The probes look past each other's bugs: layers are compared with dropout off and whether or not a softmax follows them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_tensor, fetch

pytestmark = pytest.mark.levels("junior", "mid")


def inputs_for(rng, rows, columns):
    return torch.tensor(rng.normal(size=(rows, columns)), dtype=torch.float32)


def sizes(rng):
    return int(rng.integers(4, 9)), int(rng.integers(3, 7))


def outputs_are_no_probabilities(solution, inside, oracle, rng):
    columns, classes = sizes(rng)
    for training in (False, True):
        model = solution.build_model(columns, classes, dropout=0.0)
        oracle.layers_of([p.numpy() for p in fetch(inside.parameters(model))])
        model.train(training)
        x = 1000 * inputs_for(rng, 20, columns)
        outputs = expect_tensor(model(x), "the model's output", shape=(20, classes)).double()
        assert torch.isfinite(outputs).all()
        # Probabilities, and whatever else is squeezed into an interval, differ by a few units at most.
        spread = outputs.max(dim=1).values - outputs.min(dim=1).values
        assert (spread > 3).any(), "large inputs give large differences between logits"


def dropout_is_for_training_alone(solution, inside, oracle, rng):
    columns, classes = sizes(rng)
    model = solution.build_model(columns, classes, dropout=0.5)
    x = inputs_for(rng, 60, columns)
    model.eval()
    at_rest = [expect_tensor(model(x), "the model's output") for _ in range(3)]
    assert torch.equal(at_rest[0], at_rest[1]), "eval mode is not random"
    assert torch.equal(at_rest[0], at_rest[2])
    model.train()
    first, second = (expect_tensor(model(x), "the model's output") for _ in range(2))
    changed = (first != second).any(dim=1).double().mean().item()
    assert changed > 0.9, "train mode drops other units each time"
    plain = solution.build_model(columns, classes, dropout=0.0)
    plain.train()
    trained = expect_tensor(plain(x), "the model's output")
    plain.eval()
    assert torch.equal(trained, expect_tensor(plain(x), "the model's output")), "dropout=0 drops nothing"


def layers_are_four(solution, inside, oracle, rng):
    columns, classes = sizes(rng)
    model = solution.build_model(columns, classes)
    arrays = [p.numpy() for p in fetch(inside.parameters(model))]
    width = oracle.WIDTH
    wanted = [(width, columns), (width,), (width, width), (width,), (width, width), (width,), (classes, width)]
    assert [a.shape for a in arrays] == [*wanted, (classes,)]
    assert not np.allclose(arrays[2], arrays[4]), "the two inner layers have weights of their own"


def layers_do_what_they_promise(solution, inside, oracle, rng):
    columns, classes = sizes(rng)
    model = solution.build_model(columns, classes, dropout=0.0)
    model.eval()
    arrays = [p.numpy() for p in fetch(inside.parameters(model))]
    x = inputs_for(rng, 30, columns) * 3
    outputs = expect_tensor(model(x), "the model's output", shape=(30, classes)).detach().double().numpy()
    expected = oracle.log_odds(oracle.forward(arrays, x.numpy()))
    expect_close(oracle.log_odds(outputs), expected, "logits less their mean", rtol=1e-3, atol=1e-4)


def loss_is_a_mean(solution, inside, oracle, rng):
    classes, rows = int(rng.integers(3, 7)), int(rng.integers(5, 12))
    for scale in (1.0, 3000.0):
        logits = scale * rng.normal(size=(rows, classes))
        targets = rng.integers(0, classes, rows)
        for times in (1, 3):
            copies = torch.tensor(np.tile(logits, (times, 1))), torch.tensor(np.tile(targets, times))
            loss = expect_tensor(solution.compute_loss(*copies), "compute_loss", shape=()).item()
            assert loss == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)


def dropout_keeps_the_mean(solution, inside, oracle, rng):
    """A drop rate other than the one asked for, or units that are not scaled up again, move the mean logit."""
    model = solution.build_model(6, 3, dropout=0.4)
    arrays = {name: value.numpy() for name, value in zip("abcdefgh", fetch(inside.parameters(model)), strict=True)}
    x = np.repeat(rng.normal(size=(1, 6)), 4000, axis=0)
    model.train()
    outputs = expect_tensor(model(torch.tensor(x, dtype=torch.float32)), "the model's output").detach().double().numpy()
    draws = np.random.default_rng(int(rng.integers(2**31)))
    values = list(arrays.values())
    h = np.maximum(x @ values[0].T + values[1], 0)
    for w, b in zip(values[2:6:2], values[3:7:2], strict=True):
        h = np.maximum(h @ w.T + b, 0) * (draws.random((4000, oracle.WIDTH)) >= 0.4) / 0.6
    expected = h @ values[6].T + values[7]
    expected, outputs = oracle.log_odds(expected), oracle.log_odds(outputs)
    spread = expected.std(axis=0)
    # 4000 rows: the mean's error is 1/63 of the spread, twice; the spread's own is a ninetieth of it.
    assert np.all(np.abs(outputs.mean(axis=0) - expected.mean(axis=0)) < 0.15 * spread)
    assert np.all(np.abs(outputs.std(axis=0) / spread - 1) < 0.12)


def weights_start_at_random(solution, inside, oracle, rng):
    first, second = (fetch(inside.parameters(solution.build_model(5, 4))) for _ in range(2))
    for index in (0, 2, 4, 6):
        assert not torch.equal(first[index], second[index])
        assert first[index].std() > 1e-3


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("softmax_in_forward")
def test_outputs_are_logits(solution, inside, oracle, rng):
    outputs_are_no_probabilities(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("dropout_always_on")
def test_dropout_works_in_train_mode_alone(solution, inside, oracle, rng):
    dropout_is_for_training_alone(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("layers_shared")
def test_each_layer_has_weights_of_its_own(solution, inside, oracle, rng):
    layers_are_four(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("activation_missing")
def test_each_hidden_layer_has_its_relu(solution, inside, oracle, rng):
    layers_do_what_they_promise(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("loss_summed")
def test_loss_does_not_grow_with_the_batch(solution, inside, oracle, rng):
    loss_is_a_mean(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss")
def test_every_rule_of_the_network_holds(solution, inside, oracle, rng):
    for probe in (
        outputs_are_no_probabilities,
        dropout_is_for_training_alone,
        layers_are_four,
        layers_do_what_they_promise,
        loss_is_a_mean,
        dropout_keeps_the_mean,
        weights_start_at_random,
    ):
        probe(solution, inside, oracle, rng)
