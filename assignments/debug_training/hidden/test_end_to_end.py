"""Criterion end_to_end: all rules at once. One check, so that a program with two bugs of optimisation earns nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("junior", "mid")

N, COLUMNS, CLASSES = 100, 3, 5


def run(solution, inside, rows, **options):
    """Return the parameters after `fit`, and its history."""
    result = solution.fit(rows.x, rows.y, **options)
    return [p.numpy() for p in fetch(inside.parameters(result.model))], fetch(result.history)


def same_run_in_numpy(solution, inside, oracle, rng):
    for max_norm in (0.05, 50.0):  # all gradients are cut; none is
        follow_in_numpy(solution, inside, oracle, rng, max_norm)


def follow_in_numpy(solution, inside, oracle, rng, max_norm):
    """One batch an epoch and no dropout: only the split and the first weights are at random, and we are told both."""
    rows = oracle.mark_rows(rng, N, COLUMNS, CLASSES)
    settings = oracle.Settings(epochs=8, lr=0.12, weight_decay=0.1, max_norm=max_norm)
    options = {"batch_size": N, "dropout": 0.0, "val_fraction": 0.3, "seed": int(rng.integers(10_000))}
    options |= {"lr": settings.lr, "weight_decay": settings.weight_decay, "max_norm": settings.max_norm}
    start, nothing = run(solution, inside, rows, epochs=0, **options)
    assert nothing == []
    loading = {key: options[key] for key in ("batch_size", "val_fraction", "seed")}
    train, val, *_ = inside.loaders_of(rows.x, rows.y, 1, **loading)
    train_rows, val_rows = (oracle.rows_of(torch.cat([x for x, _ in fetch(part)[0]]).numpy()) for part in (train, val))
    parts = [(oracle.standardised(rows.x, train_rows, part), rows.y[part]) for part in (train_rows, val_rows)]
    expected = oracle.train(start, [*parts[0], *parts[1]], settings)
    for epochs in (1, settings.epochs):
        arrays, history = run(solution, inside, rows, epochs=epochs, **options)
        assert len(history) == epochs
        for array, wanted in zip(arrays, expected[epochs - 1].parameters, strict=True):
            expect_close(array, wanted, f"the weights after {epochs} epochs", rtol=1e-3, atol=1e-4)
    for record, wanted in zip(history, expected, strict=True):
        for key in ("lr", "train_loss", "val_loss"):
            assert expect_float(record[key], key) == pytest.approx(getattr(wanted, key), rel=1e-3), key
        # A row whose two best logits are all but equal may fall to either side.
        assert abs(expect_float(record["val_accuracy"], "val_accuracy") - wanted.val_accuracy) < 1.5 / len(val_rows)


def same_seed_same_run(solution, inside, oracle, rng):
    rows = oracle.mark_rows(rng, N, COLUMNS, CLASSES)
    seed = int(rng.integers(10_000))
    (first, told), (again, told_again), (other, _) = (
        run(solution, inside, rows, epochs=2, batch_size=16, seed=s) for s in (seed, seed, seed + 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert told == told_again
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def fit_on_a_gpu(solution, inside, oracle, rng):
    rows = oracle.mark_rows(rng, N, COLUMNS, CLASSES)
    options = {"epochs": 2, "batch_size": N, "dropout": 0.0, "seed": int(rng.integers(10_000))}
    arrays, places = inside.fit_on_gpu(rows.x, rows.y, **options)
    assert set(fetch(places)) == {"cuda"}
    expected, _ = run(solution, inside, rows, **options)
    for array, wanted in zip(fetch(arrays), expected, strict=True):
        expect_close(expect_tensor(array, "the weights"), wanted, "the weights", rtol=1e-3, atol=1e-4)


def digits_are_learnt(solution, inside, oracle, rng):
    x, y = oracle.digits()
    columns = rng.permutation(x.shape[1])  # to this network, pixels have no order
    seed = int(rng.integers(10_000))
    result = solution.fit(x[:, columns], y, epochs=10, seed=seed)
    _, val, *_ = inside.loaders_of(x[:, columns], y, 1, batch_size=2000, val_fraction=0.25, seed=seed)
    inputs, targets = fetch(val)[0][0]
    result.model.eval()
    outputs = expect_tensor(result.model(inputs), "the model's output", shape=(449, 10)).detach().numpy()
    accuracy = oracle.accuracy(outputs, targets.numpy())
    assert accuracy >= 0.88
    told = expect_float(fetch(result.history)[-1]["val_accuracy"], "val_accuracy")
    assert told == pytest.approx(accuracy, abs=0.003)


@pytest.mark.criterion("end_to_end")
@pytest.mark.limit(test_s=60)
def test_a_whole_run_is_the_promised_one(solution, inside, oracle, rng):
    for probe in (same_run_in_numpy, same_seed_same_run, fit_on_a_gpu, digits_are_learnt):
        probe(solution, inside, oracle, rng)
