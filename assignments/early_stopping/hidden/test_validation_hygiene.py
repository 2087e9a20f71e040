"""Criterion validation_hygiene: rules 5, 6, 7 (loaders without a batch), 9 (train mode), 10, 15 and, senior, 18."""

from __future__ import annotations

import contextlib

import pytest
import torch

from grading.judge import expect_close, expect_float, expect_int, fetch

TRAIN_ROW, VAL_ROW = 1.0, 2.0


def marked(rng, mark, rows, inputs=3):
    """Draw rows whose first entry tells which data they belong to."""
    x = rng.normal(size=(rows, inputs))
    x[:, 0] = mark
    return torch.tensor(x), torch.tensor(rng.normal(size=(rows, 1)))


@pytest.mark.criterion("validation_hygiene", weight=2)
def test_evaluate_weighs_every_sample_alike(solution, inside, build, oracle, rng):
    model = inside.Net([2, 3])
    y = torch.tensor([[0.0] * 2, [0.0] * 2, [0.0] * 2, [10.0] * 2], dtype=torch.float64)  # a sample is a row
    loader = inside.Batches(torch.zeros(4, 2, dtype=torch.float64), y, [3, 1])
    loss = expect_float(solution.evaluate(model, loader, inside.mean_of_targets), "evaluate")
    assert loss == pytest.approx(2.5, rel=1e-6)
    for sizes in ([15], [6, 6, 3], [1, 14], [7, 7, 1], [2, 9, 4]):
        problem, _ = oracle.draw(rng, lambda losses: True, epochs=1, norm=True, loss=oracle.UNEVEN_MSE)
        model, _ = build(problem)
        loader = inside.Batches(torch.tensor(problem.x_val), torch.tensor(problem.y_val), sizes)
        found = expect_float(solution.evaluate(model, loader, inside.uneven_mse), "evaluate")
        assert found == pytest.approx(oracle.val_loss(problem, problem.arrays), rel=1e-6), f"batches of {sizes}"


@pytest.mark.criterion("validation_hygiene", weight=3)
def test_evaluate_runs_in_eval_mode_and_returns_to_the_callers(solution, inside, rng):
    x, y = marked(rng, VAL_ROW, 7)
    for training in (True, False):
        model = inside.ModeSpy(3)
        model.train(training)
        solution.evaluate(model, inside.Batches(x, y, [3, 3, 1]), inside.mse)
        notes = inside.note_modes(model)
        assert sum(rows for *_, rows in notes) == 7
        assert not any(mode for _, mode, _, _ in notes)
        assert model.training is training


@pytest.mark.criterion("validation_hygiene")
def test_evaluate_records_no_gradients(solution, inside, rng):
    x, y = marked(rng, VAL_ROW, 7)
    model = inside.ModeSpy(3)
    solution.evaluate(model, inside.Batches(x, y, [3, 3, 1]), inside.mse)
    notes = inside.note_modes(model)
    assert sum(rows for *_, rows in notes) == 7
    assert not any(gradients for _, _, gradients, _ in notes)
    assert inside.grad_enabled() is True
    assert inside.evaluate_without_gradients(model, inside.Batches(x, y, [7]), inside.mse) is False


@pytest.mark.criterion("validation_hygiene")
def test_evaluate_leaves_weights_buffers_and_gradients_alone(solution, inside, build, oracle, rng):
    problem, _ = oracle.draw(rng, lambda losses: True, epochs=1, norm=True, frozen=("first.bias",))
    model, _ = build(problem)
    inside.fill_gradients(model, torch.tensor(problem.x), torch.tensor(problem.y))
    before, gradients = fetch(inside.snapshot(model)), fetch(inside.gradients(model))
    loader = inside.Batches(torch.tensor(problem.x_val), torch.tensor(problem.y_val), [5, 5, 5])
    expected = oracle.val_loss(problem, {name: value.numpy() for name, value in before.items()})
    assert expect_float(solution.evaluate(model, loader, inside.mse), "evaluate") == pytest.approx(expected, rel=1e-6)
    after, gradients_after = fetch(inside.snapshot(model)), fetch(inside.gradients(model))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    for name, value in gradients.items():
        assert (gradients_after[name] is None) == (value is None), name
        assert value is None or torch.equal(gradients_after[name], value), name
    assert inside.frozen_flags(model)["first.bias"] is True
    assert inside.frozen_flags(model)["last.bias"] is False


@pytest.mark.criterion("validation_hygiene")
def test_loaders_can_be_any_iterables_of_batches(solution, inside, build, oracle, rng):
    problem, _ = oracle.draw(rng, lambda losses: True, epochs=1)
    model, optimizer = build(problem)
    x, y = torch.tensor(problem.x_val), torch.tensor(problem.y_val)
    pairs = list(zip(x.split(5), y.split(5), strict=True))
    for loader in (inside.OneShot(x, y, [5, 5, 5]), inside.data_loader(x, y, 5), pairs, tuple(pairs)):
        found = expect_float(solution.evaluate(model, loader, inside.mse), "evaluate")
        assert found == pytest.approx(oracle.val_loss(problem, problem.arrays), rel=1e-6)
    for loader in (inside.Bare(x, y, [5, 5, 5]), inside.data_loader(x, y, 5), pairs):
        result = solution.train(model, loader, loader, inside.mse, optimizer, max_epochs=2, patience=2)
        assert expect_int(result.epochs_run, "epochs_run") == 2


@pytest.mark.criterion("validation_hygiene")
def test_loaders_without_batches_are_refused(solution, inside, rng):
    x, y = marked(rng, VAL_ROW, 4)
    full = inside.Batches(x, y, [4])
    for empty in ([], inside.Batches(x[:0], y[:0], [])):
        model = inside.ModeSpy(3)
        optimizer = inside.make_sgd(model, lr=0.1)
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
            solution.evaluate(model, empty, inside.mse)
        for loaders in ((empty, full), (full, empty)):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.train(model, *loaders, inside.mse, optimizer, max_epochs=1, patience=1)
    expect_float(solution.evaluate(inside.ModeSpy(3), full, inside.mse), "evaluate")


@pytest.mark.criterion("validation_hygiene")
def test_evaluate_happens_on_the_given_device(solution, inside, rng):
    x, y = marked(rng, VAL_ROW, 4)
    model = inside.DeviceSpy(3)
    # The meta device has no numbers; a loop that asks it for one ends there. Only look where things lay till then.
    with contextlib.suppress(Exception):
        solution.evaluate(model, inside.Batches(x, y, [4]), model.loss_fn, "meta")
    places = inside.note_devices(model)
    assert {"input", "weight", "target"} <= {what for what, _ in places}
    assert {device for _, device in places} == {"meta"}


@pytest.mark.criterion("validation_hygiene", weight=5)
@pytest.mark.parametrize("training", [True, False])
def test_each_epoch_trains_in_train_mode_and_validates_in_eval_mode(solution, inside, rng, training):
    model = inside.ModeSpy(3)
    model.train(training)
    loader = inside.Batches(*marked(rng, TRAIN_ROW, 10), [4, 4, 2])
    val_loader = inside.Batches(*marked(rng, VAL_ROW, 5), [3, 2])
    optimizer = inside.make_sgd(model, lr=0.01)
    solution.train(model, loader, val_loader, inside.mse, optimizer, max_epochs=3, patience=9)
    notes = inside.note_modes(model)
    trained = [note for note in notes if note[0] == TRAIN_ROW and note[2]]
    validated = [note for note in notes if note[0] == VAL_ROW]
    assert sum(rows for *_, rows in trained) >= 24
    assert all(mode for _, mode, _, _ in trained), "a training batch was seen in eval mode"
    assert sum(rows for *_, rows in validated) >= 15
    assert not any(mode for _, mode, _, _ in validated), "a validation batch was seen in train mode"
    assert not any(gradients for _, _, gradients, _ in validated), "gradients were on for a validation batch"


@pytest.mark.criterion("validation_hygiene")
@pytest.mark.parametrize("training", [True, False])
def test_train_returns_in_the_callers_mode(play, oracle, rng, training):
    problem, _ = oracle.draw(rng, oracle.always_improves, epochs=2, lr=0.03)
    played = play(problem, training=training)
    state = {name: value.numpy() for name, value in played.state.items()}
    assert played.best_val_loss == pytest.approx(oracle.val_loss(problem, state), rel=1e-6)
    assert played.model.training is training
    assert played.model.last.training is training


@pytest.mark.criterion("validation_hygiene", weight=4)
@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_come_from_training_batches_alone(play, oracle, rng, training):
    # The layer before the batch norm is frozen and an epoch is one batch: the statistics depend on nothing but modes.
    options = {"norm": True, "epochs": 3, "rows": 12, "batch": 12, "lr": 0.05, "frozen": ("first.weight", "first.bias")}
    problem, epochs = oracle.draw(rng, oracle.always_improves, **options)
    played = play(problem, training=training)
    assert 0 <= played.best_epoch < played.epochs_run == 3
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"):
        expected = epochs[played.best_epoch].arrays[name]
        expect_close(played.state[name], expected, name, rtol=1e-9, atol=1e-10)


@pytest.mark.criterion("validation_hygiene", weight=2)
@pytest.mark.parametrize("sizes", [[15], [6, 6, 3], [14, 1]])
def test_best_val_loss_is_that_of_the_whole_network_at_rest(play, oracle, rng, sizes):
    # Dropout makes training random, so the judge computes the loss from the weights that came back.
    problem, _ = oracle.draw(rng, lambda losses: True, norm=True, epochs=1, lr=0.1)
    played = play(problem, val_sizes=sizes, dropout=0.5, max_epochs=1)
    state = {name: value.numpy() for name, value in played.state.items()}
    assert played.best_val_loss == pytest.approx(oracle.val_loss(problem, state), rel=1e-6)
    assert int(state["norm.num_batches_tracked"]) > 0


@pytest.mark.levels("senior")
@pytest.mark.criterion("validation_hygiene", weight=2)
def test_every_module_returns_to_its_own_mode(solution, inside, build, oracle, rng):
    problem, _ = oracle.draw(rng, lambda losses: True, epochs=1, norm=True)
    model = inside.Mixed(build(problem)[0])
    before = inside.modes(model)
    assert len(set(before.values())) == 2
    loader = inside.Batches(torch.tensor(problem.x_val), torch.tensor(problem.y_val), [len(problem.x_val)])
    found = expect_float(solution.evaluate(model, loader, inside.mse), "evaluate")
    assert found == pytest.approx(oracle.val_loss(problem, problem.arrays), rel=1e-6)
    assert inside.modes(model) == before


@pytest.mark.levels("senior")
@pytest.mark.criterion("validation_hygiene")
def test_modes_return_that_do_not_follow_from_the_parents(solution, inside, build, oracle, rng):
    problem, _ = oracle.draw(rng, lambda losses: True, epochs=1, norm=True)
    model = inside.Knotted(build(problem)[0])
    before = inside.modes(model)
    loader = inside.Batches(torch.tensor(problem.x_val), torch.tensor(problem.y_val), [len(problem.x_val)])
    found = expect_float(solution.evaluate(model, loader, inside.mse), "evaluate")
    assert found == pytest.approx(oracle.val_loss(problem, problem.arrays), rel=1e-6)
    assert inside.modes(model) == before


@pytest.mark.levels("senior")
@pytest.mark.criterion("validation_hygiene")
@pytest.mark.parametrize("training", [True, False])
def test_modes_return_when_the_loader_or_the_loss_fails(solution, inside, rng, training):
    x, y = marked(rng, VAL_ROW, 6)
    model = inside.Net([3, 4], dropout=0.5)
    model.train(training)
    with pytest.raises(FileNotFoundError):
        solution.evaluate(model, inside.Torn(x, y, [4, 2]), inside.mse)
    assert set(inside.modes(model).values()) == {training}
    with pytest.raises(FloatingPointError):
        solution.evaluate(model, inside.Batches(x, y, [4, 2]), inside.fail)
    assert set(inside.modes(model).values()) == {training}
    assert inside.grad_enabled() is True
    assert inside.evaluate_without_gradients(model, inside.Torn(x, y, [4, 2]), inside.mse) is False
