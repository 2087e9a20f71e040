"""Criterion trajectory: rules 8, 9 and 11. Where weights are compared, the last epoch is the best, so they come back.

The validation loader has one batch and the network neither batch norm nor dropout, so mistakes in validation, in the
stop rule or in restoring do not show here.
"""

from __future__ import annotations

import contextlib

import pytest
import torch

from grading.judge import expect_close, expect_int, fetch


def ends_like(played, epochs):
    """The weights are those that the oracle computed for the last epoch."""
    for name, expected in epochs[-1].arrays.items():
        expect_close(played.state[name], expected, name, rtol=1e-9, atol=1e-10)


@pytest.mark.criterion("trajectory", weight=3)
def test_weights_follow_sgd_with_momentum_and_decay(play, oracle, rng):
    options = {"lr": 0.03, "momentum": 0.6, "weight_decay": 0.02}
    problem, epochs = oracle.draw(rng, oracle.always_improves, epochs=4, **options)
    ends_like(play(problem), epochs)


@pytest.mark.criterion("trajectory")
def test_epochs_without_improvement_change_nothing(play, oracle, rng):
    problem, epochs = oracle.draw(rng, oracle.recovers, epochs=4, noise=0.5, lr=0.2, momentum=0.5)
    ends_like(play(problem), epochs)


@pytest.mark.criterion("trajectory", weight=2)
def test_single_epoch_is_one_step_for_each_batch(play, oracle, rng):
    for rows, batch in ((11, 4), (5, 8), (6, 1)):
        problem, epochs = oracle.draw(rng, lambda losses: True, epochs=1, rows=rows, batch=batch, lr=0.1, momentum=0.9)
        played = play(problem)
        assert played.epochs_run == 1
        ends_like(played, epochs)


@pytest.mark.criterion("trajectory", weight=2)
def test_scheduler_steps_once_after_each_epoch(play, oracle, rng):
    better, worse = {"lr": 0.08, "momentum": 0.3}, {"lr": 0.2, "momentum": 0.5, "noise": 0.5}
    for step_size, gamma, accept, options in (
        (1, 0.5, oracle.always_improves, better),
        (2, 0.25, oracle.always_improves, better),
        (1, 0.9, oracle.recovers, worse),  # it steps after an epoch without an improvement, too
    ):
        problem, epochs = oracle.draw(rng, accept, epochs=4, step_size=step_size, gamma=gamma, **options)
        ends_like(play(problem, scheduled=True), epochs)


@pytest.mark.criterion("trajectory")
def test_loss_is_called_with_outputs_then_targets(play, oracle, rng):
    # One epoch: whatever order validation uses, this epoch is the best.
    problem, epochs = oracle.draw(rng, lambda losses: True, epochs=1, lr=0.02, loss=oracle.UNEVEN_MSE)
    ends_like(play(problem, loss="uneven_mse"), epochs)


@pytest.mark.criterion("trajectory")
def test_large_gradients_are_used_as_they_are(play, oracle, rng):
    problem, epochs = oracle.draw(rng, lambda losses: True, epochs=1, rows=9, batch=4, noise=200.0, lr=1e-3)
    ends_like(play(problem), epochs)


@pytest.mark.criterion("trajectory")
def test_batch_with_an_infinite_loss_is_a_step_like_any_other(play, oracle, rng):
    # Validation is one batch of 15 rows, and its loss is finite.
    problem, epochs = oracle.draw(rng, lambda losses: True, epochs=1, rows=14, lr=0.05, momentum=0.5)
    ends_like(play(problem, loss="infinite_below_ten_rows"), epochs)


@pytest.mark.criterion("trajectory", weight=2)
def test_optimizer_goes_on_from_the_state_it_came_with(play, oracle, rng):
    options = {"epochs": 3, "lr": 0.04, "momentum": 0.8, "warm": True}
    for factors in ({}, {"last.weight": 0.5, "first.bias": 0.25}):  # weights in groups of their own
        problem, epochs = oracle.draw(rng, oracle.always_improves, factors=factors, **options)
        ends_like(play(problem), epochs)


@pytest.mark.criterion("trajectory")
def test_optimizer_is_not_taken_back_to_the_best_epoch(play, inside, oracle, rng):
    options = {"epochs": 4, "noise": 0.5, "lr": 0.2, "momentum": 0.5, "gamma": 0.9}
    problem, epochs = oracle.draw(rng, oracle.ends_worse, **options)
    played = play(problem, scheduled=True)
    after = [problem.lr * problem.gamma**steps for steps in (3, 4)]  # the scheduler's last step may be left out
    assert any(inside.rate(played.optimizer) == pytest.approx(rate) for rate in after)
    found = fetch(inside.velocities(played.model, played.optimizer))
    for name, expected in epochs[-1].velocity.items():
        expect_close(found[name], expected, f"momentum of {name}", rtol=1e-6, atol=1e-9)


@pytest.mark.criterion("trajectory")
def test_frozen_weights_stay_frozen(play, inside, oracle, rng):
    problem, epochs = oracle.draw(
        rng, oracle.always_improves, epochs=3, lr=0.05, momentum=0.5, frozen=("first.weight", "first.bias")
    )
    played = play(problem)
    ends_like(played, epochs)
    flags = {name: name in problem.frozen for name, _ in sorted(problem.arrays.items())}
    assert dict(sorted(inside.frozen_flags(played.model).items())) == flags


@pytest.mark.criterion("trajectory")
def test_second_training_goes_on_where_the_first_ended(solution, build, inside, oracle, rng):
    problem, epochs = oracle.draw(rng, oracle.always_improves, epochs=4, lr=0.04, momentum=0.7)
    model, optimizer = build(problem)
    x, y, x_val, y_val = (torch.tensor(a) for a in (problem.x, problem.y, problem.x_val, problem.y_val))
    loader = inside.Orders(x, y, problem.orders, problem.batch)
    val_loader = inside.Batches(x_val, y_val, [len(x_val)])
    for part in (1, 3):
        result = solution.train(model, loader, val_loader, inside.mse, optimizer, max_epochs=part, patience=9)
        assert expect_int(result.epochs_run, "epochs_run") == part
    state = fetch(inside.snapshot(model))
    for name, expected in epochs[-1].arrays.items():
        expect_close(state[name], expected, name, rtol=1e-9, atol=1e-10)


@pytest.mark.criterion("trajectory")
def test_training_and_validation_happen_on_the_given_device(solution, inside, rng):
    model = inside.DeviceSpy(3)
    x, y = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(6, 1)))
    loader = inside.Batches(x, y, [6])
    optimizer = inside.make_sgd(model, lr=0.1)
    # The meta device has no numbers; a loop that asks it for one ends there. Only look where things lay till then.
    with contextlib.suppress(Exception):
        solution.train(model, loader, loader, model.loss_fn, optimizer, max_epochs=1, patience=1, device="meta")
    places = inside.note_devices(model)
    assert {"input", "weight", "target"} <= {what for what, _ in places}
    assert {device for _, device in places} == {"meta"}
