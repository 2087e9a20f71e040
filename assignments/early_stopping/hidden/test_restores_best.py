"""Criterion restores_best: rule 13, however the loop ends."""

from __future__ import annotations

import math

import pytest
import torch

NAN = math.nan


def holds_epoch(played, epoch):
    """Every weight and buffer of a scripted run is that of the given epoch."""
    state, steps = played.state, epoch + 1
    assert torch.equal(state["weight"], torch.full((2, 3), float(steps), dtype=torch.float64)), "weight"
    assert torch.equal(state["head.0.weight"], torch.full((1, 3), float(steps), dtype=torch.float64)), "nested weight"
    assert torch.equal(state["head.0.bias"], torch.full((1,), float(steps), dtype=torch.float64)), "nested bias"
    assert torch.equal(state["running"], torch.full((3,), steps / 3, dtype=torch.float64)), "float buffer"
    assert torch.equal(state["seen"], torch.tensor(steps)), "integer buffer"
    assert float(state.get("latest", steps)) == steps, "buffer that the forward pass assigns anew"


def holds_best(played, script):
    """Every weight and buffer is that of the lowest loss among the epochs that were run."""
    losses = [math.inf if math.isnan(loss) else loss for loss in script[: played.epochs_run]]
    holds_epoch(played, losses.index(min(losses)))


@pytest.mark.criterion("restores_best", weight=2)
def test_best_weights_and_buffers_return_when_stopped_early(play_script, rng):
    best, patience = int(rng.integers(1, 5)), int(rng.integers(2, 4))
    script = [1.0 - 0.1 * i for i in range(best + 1)] + [2.0 + i for i in range(20)]
    played = play_script(script, max_epochs=20, patience=patience)
    assert best + 1 < played.epochs_run < 20
    holds_epoch(played, best)


@pytest.mark.criterion("restores_best", weight=2)
def test_best_weights_and_buffers_return_when_epochs_run_out(play_script, rng):
    best, worse = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    script = [1.0 - 0.1 * i for i in range(best + 1)] + [2.0 + i for i in range(worse)]
    played = play_script(script, assigns=True, max_epochs=len(script), patience=10)
    assert played.epochs_run > best + 1
    holds_epoch(played, best)


@pytest.mark.criterion("restores_best", weight=2)
@pytest.mark.parametrize("early", [True, False])
def test_network_with_batch_norm_returns_to_its_best_epoch(play, oracle, rng, early):
    patience = 2 if early else 50
    problem, _ = oracle.draw(
        rng, lambda losses: oracle.turns(losses, patience), norm=True, epochs=7, noise=2.0, lr=0.3, momentum=0.5
    )
    played = play(problem, patience=patience)
    state = {name: value.numpy() for name, value in played.state.items()}
    # The judge measures the weights that came back, running statistics included.
    assert oracle.val_loss(problem, state) == pytest.approx(played.best_val_loss, rel=1e-6)
    assert int(state["norm.num_batches_tracked"]) == 4 * (played.best_epoch + 1)


@pytest.mark.criterion("restores_best")
@pytest.mark.parametrize("patience", [2, 9])
def test_later_improvement_replaces_an_earlier_one(play_script, patience):
    script = [0.9, 1.5, 0.8, 1.5, 0.7, 1.5, 1.6, 1.7]
    holds_best(play_script(script, max_epochs=8, patience=patience), script)


@pytest.mark.criterion("restores_best")
@pytest.mark.parametrize(("script", "patience"), [((5, 6, 7, 8), 9), ((5, 6, 7, 8), 2), ((8, 7, 6, 5), 1)])
def test_first_and_last_epoch_can_be_the_best(play_script, script, patience):
    holds_best(play_script([float(loss) for loss in script], max_epochs=4, patience=patience), script)


@pytest.mark.criterion("restores_best")
@pytest.mark.parametrize("script", [[0.9, 0.8, NAN, NAN, NAN], [NAN, 0.9, 0.8, NAN, 0.85]])
def test_nan_epochs_never_take_the_place_of_the_best(play_script, script):
    holds_best(play_script(script, max_epochs=5, patience=3), script)


@pytest.mark.criterion("restores_best")
def test_without_any_improvement_the_last_weights_stay(play_script):
    for loss in (NAN, math.inf):
        played = play_script([loss] * 6, max_epochs=6, patience=3)
        holds_epoch(played, played.epochs_run - 1)


@pytest.mark.criterion("restores_best")
@pytest.mark.parametrize("patience", [2, 9])
def test_weights_are_those_of_the_reported_epoch_when_gains_are_small(play_script, patience):
    # Which epoch it is, the stop rule's tests ask.
    played = play_script([1.0, 0.5, 0.45, 0.42, 0.9, 0.95], max_epochs=6, patience=patience, min_delta=0.25)
    assert played.best_epoch >= 0
    holds_epoch(played, played.best_epoch)


@pytest.mark.criterion("restores_best")
def test_parameters_stay_the_objects_that_the_optimizer_knows(solution, inside):
    run = inside.ScriptedRun([0.5, 0.25, 0.75, 0.75])
    model, optimizer = run.model, run.optimizer
    before = inside.parameter_ids(model)
    solution.train(model, run.train_loader, run.val_loader, run.loss_fn, optimizer, max_epochs=4, patience=2)
    assert inside.parameter_ids(model) == before
    assert float(inside.snapshot(model)["weight"][0, 0]) == 2.0
    optimizer.step()
    assert float(inside.snapshot(model)["weight"][0, 0]) == 3.0
