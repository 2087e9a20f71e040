"""Criterion plain_history: rules 16 and 17, and result fields that agree with history (14)."""

from __future__ import annotations

import json

import pytest
import torch

from grading.judge import expect_float, fetch

pytestmark = pytest.mark.levels("mid", "senior")


@pytest.mark.criterion("plain_history", weight=2)
def test_history_has_one_record_of_plain_numbers_an_epoch(play, oracle, rng):
    problem, _ = oracle.draw(rng, oracle.always_improves, epochs=3, lr=0.03)
    played = play(problem)
    assert len(played.history) == 3
    for epoch, record in enumerate(played.history):
        assert {"epoch", "train_loss", "val_loss"} <= set(record)
        assert type(record["epoch"]) is int
        assert record["epoch"] == epoch
        assert type(record["train_loss"]) is float
        assert type(record["val_loss"]) is float
    json.dumps(played.history)
    state = {name: value.numpy() for name, value in played.state.items()}
    assert played.history[played.best_epoch]["val_loss"] == pytest.approx(oracle.val_loss(problem, state), rel=1e-6)


@pytest.mark.criterion("plain_history", weight=2)
def test_train_loss_is_the_mean_over_samples_before_each_step(solution, inside, play, oracle, rng):
    # At a learning rate of 0 each batch's loss is known whatever was done with the one before it. Every epoch has rows
    # of its own, so that their losses differ.
    for rows, batch, epochs, lr in ((22, 6, 3, 0.0), (9, 8, 2, 0.0), (5, 5, 1, 0.1), (13, 13, 1, 0.3)):
        options = {"epochs": epochs, "rows": 30, "used": rows, "batch": batch, "lr": lr, "noise": 1.0}
        problem, expected = oracle.draw(rng, lambda losses: True, **options)
        played = play(problem)
        assert len(played.history) == epochs
        for record, epoch in zip(played.history, expected, strict=True):
            loss = expect_float(record["train_loss"], "train_loss")
            assert loss == pytest.approx(epoch.train_loss, rel=1e-6), f"{rows} rows in batches of {batch}, rate {lr}"
    # A sample is a row, however many numbers its target has.
    y = torch.tensor([[0.0, 2.0]] * 3 + [[4.0, 6.0]], dtype=torch.float64)
    model, loader = inside.Net([2, 3]), inside.Batches(torch.zeros(4, 2, dtype=torch.float64), y, [3, 1])
    inside.load_arrays(model, {"last.weight": torch.zeros(1, 3), "last.bias": torch.zeros(1)})
    optimizer = inside.make_sgd(model, lr=0.0)
    result = solution.train(model, loader, loader, inside.mse, optimizer, max_epochs=1, patience=1)
    assert float(fetch(result.history)[0]["train_loss"]) == pytest.approx((3 * 2 + 26) / 4, rel=1e-6)


@pytest.mark.criterion("plain_history", weight=2)
def test_val_loss_is_that_of_the_epochs_weights(play, play_script, oracle, rng):
    problem, _ = oracle.draw(rng, lambda losses: True, epochs=1, lr=0.2)
    played = play(problem)
    found = expect_float(played.history[0]["val_loss"], "val_loss")
    assert found == pytest.approx(oracle.val_loss(problem, {k: v.numpy() for k, v in played.state.items()}), rel=1e-6)
    script = [0.9, 1.1, 0.7, 0.8, 1.5, 0.75]
    history = play_script(script, max_epochs=6, patience=9).history
    assert [record["val_loss"] for record in history] == pytest.approx(script, rel=1e-6)


@pytest.mark.criterion("plain_history")
@pytest.mark.parametrize("patience", [2, 9])
def test_result_is_of_plain_numbers_and_agrees_with_history(play_script, patience):
    played = play_script([0.9, 0.7, 0.8, 0.85, 0.9], max_epochs=5, patience=patience)
    result = played.result
    assert (type(result.best_epoch), type(result.epochs_run)) == (int, int)
    assert type(result.best_val_loss) is float
    assert type(result.stopped_early) is bool
    assert result.epochs_run == len(played.history)
    assert result.best_val_loss == pytest.approx(0.7, rel=1e-6)
    assert result.best_val_loss == played.history[result.best_epoch]["val_loss"]


@pytest.mark.criterion("plain_history", weight=3)
def test_no_graph_outlives_its_batch(play, inside, oracle, rng):
    problem, epochs = oracle.draw(rng, lambda losses: True, epochs=3, rows=24, batch=1, lr=0.0)
    played = play(problem, network="CountingNet")
    losses = [expect_float(record["val_loss"], "val_loss") for record in played.history]
    assert losses == pytest.approx([epoch.val_loss for epoch in epochs], rel=1e-6)
    calls, most, alive = inside.count_graphs(played.model)
    assert calls >= 3 * 24
    assert most <= 4
    assert alive <= 2
