"""Criterion evaluation: rules 10, 12, 14, 15 and 17. Each promise has a probe; the last check asks them all.

Probes of values use one batch where averaging is another bug's business, and models without a mode where modes are.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_float, expect_int, expect_keys, expect_tensor, fetch

pytestmark = pytest.mark.levels("junior", "mid")


def measure(solution, model, loader, loss_fn):
    metrics = fetch(solution.evaluate(model, loader, loss_fn))
    expect_keys(metrics, "evaluate", {"loss", "accuracy"})
    return tuple(expect_float(metrics[key], key) for key in ("loss", "accuracy"))


def ragged(rng):
    """Logits and targets for batches of 6, 3 and 1 rows; the small batches are worse than the large one."""
    logits = rng.normal(size=(10, 4))
    targets = logits.argmax(axis=1)
    targets[6:] = (targets[6:] + rng.integers(1, 4, 4)) % 4
    targets[0] = (targets[0] + 1) % 4
    return logits, targets, [6, 3, 1]


def batches(inside, x, y, sizes):
    return inside.Batches(torch.tensor(x), torch.tensor(y), sizes)


def measured_at_rest(solution, inside, oracle, rng):
    inputs, hidden, classes = 5, 12, 4
    arrays = oracle.draw_resting(rng, inputs, hidden, classes)
    x, y = 3 * rng.normal(size=(20, inputs)), rng.integers(0, classes, 20)
    for training in (True, False):
        model = inside.Resting(inputs, hidden, classes)
        inside.load_arrays(model, {name: torch.tensor(value) for name, value in arrays.items()})
        model.train(training)
        loss, _ = measure(solution, model, batches(inside, x, y, [20]), inside.cross_entropy)
        assert loss == pytest.approx(oracle.cross_entropy(oracle.at_rest(arrays, x), y), rel=1e-6)
        state = fetch(inside.snapshot(model))
        for name, value in arrays.items():
            expect_close(state[name], value, f"{name} afterwards", rtol=0, atol=0)


def the_mode_comes_back(solution, inside, oracle, rng):
    logits, targets, _ = ragged(rng)
    for training in (False, True):
        model = inside.Rows()
        model.train(training)
        loss, accuracy = measure(solution, model, batches(inside, logits, targets, [10]), inside.cross_entropy)
        assert loss == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)
        assert accuracy == pytest.approx(0.5, abs=1e-6)
        assert fetch(inside.modes(model)) == [training] * 3


def no_gradient_is_recorded(solution, inside, oracle, rng):
    logits, targets, sizes = ragged(rng)
    model = inside.Rows()
    measure(solution, model, batches(inside, logits, targets, sizes), inside.cross_entropy)
    notes = fetch(model.notes)
    assert sum(rows for _, rows in notes) == len(logits)
    assert not any(recorded for recorded, _ in notes)
    for recording in (True, False):
        loader = batches(inside, logits, targets, sizes)
        assert inside.is_recording_after(recording, model, loader, inside.cross_entropy) is recording, "afterwards"
    loss, _ = measure(solution, inside.Rows(), batches(inside, logits, targets, [10]), inside.cross_entropy)
    assert loss == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)


def the_loss_weighs_rows(solution, inside, oracle, rng):
    logits, targets, sizes = ragged(rng)
    loss, _ = measure(solution, inside.Rows(), batches(inside, logits, targets, sizes), inside.cross_entropy)
    assert loss == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)


def the_accuracy_weighs_rows(solution, inside, oracle, rng):
    logits, targets, sizes = ragged(rng)
    _, accuracy = measure(solution, inside.Rows(), batches(inside, logits, targets, sizes), inside.cross_entropy)
    assert accuracy == pytest.approx(0.5, abs=1e-6)


def a_gpu_measures_the_same(solution, inside, oracle, rng):
    weight, x, y = rng.normal(size=(3, 4)), rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    found = inside.evaluate_on_gpu(torch.tensor(weight), torch.tensor(x), torch.tensor(y), [8])
    logits = x @ weight.T
    assert expect_float(found["loss"], "loss") == pytest.approx(oracle.cross_entropy(logits, y), rel=1e-6)
    assert expect_float(found["accuracy"], "accuracy") == pytest.approx(oracle.accuracy(logits, y))


def no_graph_outlives_its_batch(solution, inside, oracle, rng):
    x = torch.tensor(rng.normal(size=(48, 1)))
    loader = inside.Batches(x, torch.zeros(48, dtype=torch.float64), [2] * 24)
    model = inside.CountingModel()
    loss = solution.train_one_epoch(model, loader, inside.sgd(model, 0.0), inside.mean_output)
    expect_float(loss, "train_one_epoch")
    calls, most = (expect_int(n, "count") for n in fetch(inside.count_graphs(model)))
    assert calls == 24
    assert most <= 4, "graphs of many batches are alive at once"


def fitted_accuracy(solution, inside, oracle, rng):
    """Targets are drawn at random, so what was learnt by heart is worth nothing on other rows.

    Validation is one batch, and a whole one; there is no dropout. The accuracy is computed anew from outputs.
    """
    n, n_val = 92, 23
    x, y = rng.normal(size=(n, 6)), np.concatenate([np.arange(4), rng.integers(0, 4, n - 4)])
    seed = int(rng.integers(10_000))
    options = {"batch_size": n_val, "val_fraction": 0.25, "seed": seed}
    result = solution.fit(x, y, epochs=6, lr=0.03, dropout=0.0, **options)
    told = expect_float(fetch(result.history)[-1]["val_accuracy"], "val_accuracy")
    _, val, *_ = inside.loaders_of(x, y, 1, **options)
    inputs, targets = fetch(val)[0][0]
    assert len(targets) == n_val
    result.model.eval()
    outputs = expect_tensor(result.model(inputs), "the model's output").detach().numpy()
    # Of 69 training rows another share is right: 23 and 69 rows have no share in common but thirds of 23.
    assert told == pytest.approx(oracle.accuracy(outputs, targets.numpy()), abs=1e-6)


def validation_rows_are_measured(solution, inside, oracle, rng):
    """Three runs: a share on the training rows could be the one on the validation rows by chance in one of them."""
    for _ in range(3):
        fitted_accuracy(solution, inside, oracle, rng)


def the_train_loss_weighs_rows_before_their_step(solution, inside, oracle, rng):
    logits, targets, sizes = ragged(rng)
    model = inside.Rows()
    loader = batches(inside, logits, targets, sizes)
    loss = solution.train_one_epoch(model, loader, inside.sgd(model, 0.0), inside.cross_entropy)
    assert expect_float(loss, "train_one_epoch") == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)
    model = inside.Rows()
    loader = batches(inside, logits, targets, [10])
    loss = solution.train_one_epoch(model, loader, inside.sgd(model, 5.0), inside.cross_entropy)
    assert expect_float(loss, "train_one_epoch") == pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)


def a_list_of_batches_is_a_loader(solution, inside, oracle, rng):
    """It has a length, and no data set."""
    logits, targets, sizes = ragged(rng)
    x, y = torch.tensor(logits), torch.tensor(targets)
    loader = list(zip(x.split(sizes), y.split(sizes), strict=True))
    expected = pytest.approx(oracle.cross_entropy(logits, targets), rel=1e-6)
    loss, accuracy = measure(solution, inside.Rows(), loader, inside.cross_entropy)
    assert loss == expected
    assert accuracy == pytest.approx(0.5, abs=1e-6)
    model = inside.Rows()
    loss = solution.train_one_epoch(model, loader, inside.sgd(model, 0.0), inside.cross_entropy)
    assert expect_float(loss, "train_one_epoch") == expected


def weights_and_gradients_stay(solution, inside, oracle, rng):
    logits, targets, sizes = ragged(rng)
    model = inside.Rows()
    inside.give_gradient(model, 3.0)
    measure(solution, model, batches(inside, logits, targets, sizes), inside.cross_entropy)
    [(wants, gradient)] = fetch(inside.gradients(model))
    assert wants is True
    assert expect_tensor(gradient, "the gradient").item() == 3.0
    assert fetch(inside.parameters(model))[0].item() == 1.0


def history_is_plain(solution, inside, oracle, rng):
    x, y = rng.normal(size=(40, 3)), np.arange(40) % 3
    history = fetch(solution.fit(x, y, epochs=3, batch_size=9, seed=2).history)
    assert type(history) is list
    assert len(history) == 3
    for record in history:
        for key in ("lr", "train_loss", "val_loss", "val_accuracy"):
            assert type(record[key]) is float, key
            assert math.isfinite(record[key])
        assert 0 <= record["val_accuracy"] <= 1


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("measured_in_train_mode")
def test_a_model_is_measured_in_eval_mode(solution, inside, oracle, rng):
    measured_at_rest(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("mode_read_too_late")
def test_a_model_has_its_mode_again(solution, inside, oracle, rng):
    the_mode_comes_back(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("measured_with_gradients")
def test_measuring_records_no_gradients(solution, inside, oracle, rng):
    no_gradient_is_recorded(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("loss_mean_of_batches")
def test_each_row_counts_the_same_in_the_loss(solution, inside, oracle, rng):
    the_loss_weighs_rows(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("accuracy_mean_of_batches")
def test_each_row_counts_the_same_in_the_accuracy(solution, inside, oracle, rng):
    the_accuracy_weighs_rows(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("targets_stay_behind")
def test_a_model_on_a_gpu_is_measured_there(solution, inside, oracle, rng):
    a_gpu_measures_the_same(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("graphs_pile_up")
def test_memory_does_not_grow_with_the_epoch(solution, inside, oracle, rng):
    no_graph_outlives_its_batch(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("training_rows_measured")
def test_the_history_tells_of_validation_rows(solution, inside, oracle, rng):
    validation_rows_are_measured(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation")
def test_every_rule_of_measuring_holds(solution, inside, oracle, rng):
    for probe in (
        measured_at_rest,
        the_mode_comes_back,
        no_gradient_is_recorded,
        the_loss_weighs_rows,
        the_accuracy_weighs_rows,
        a_gpu_measures_the_same,
        no_graph_outlives_its_batch,
        validation_rows_are_measured,
        the_train_loss_weighs_rows_before_their_step,
        a_list_of_batches_is_a_loader,
        weights_and_gradients_stay,
        history_is_plain,
    ):
        probe(solution, inside, oracle, rng)
