"""Criterion data: rules 5 to 7. Each promise has a probe; the last check asks them all.

The first columns of each row are its number in binary, so a row is recognised however it was standardised. Batches of
one row are used where a batch that gets lost must not show.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_array, expect_close, expect_tensor, fetch

pytestmark = pytest.mark.levels("junior", "mid")


def load(inside, oracle, x, y, count=1, *, batch_size=1, val_fraction=0.3, seed=5):
    """Return for each loader its passes, each as inputs (n, columns) and targets (n,); most rows must be there."""
    options = {"batch_size": batch_size, "val_fraction": val_fraction, "seed": seed}
    train, val, *_ = inside.loaders_of(x, y, count, **options)
    parts = [[join(batches) for batches in fetch(part)] for part in (train, val)]
    assert [len(part) for part in parts] == [count, count]
    for (train_x, _), (val_x, _) in zip(*parts, strict=True):
        found = {*oracle.rows_of(train_x).tolist(), *oracle.rows_of(val_x).tolist()}
        # A batch that is dropped is another bug's business.
        assert len(found) > len(x) - max(batch_size, 2), "loaders hand out rows of X"
    return parts


def join(batches):
    assert batches, "a loader gave no batch"
    for inputs, targets in batches:
        expect_tensor(inputs, "inputs", dtype=torch.float32)
        expect_tensor(targets, "targets", dtype=torch.int64, shape=(len(inputs),))
    return tuple(torch.cat(tensors).numpy() for tensors in zip(*batches, strict=True))


def draw(oracle, rng):
    return oracle.mark_rows(rng, int(rng.integers(70, 110)))


def no_row_is_in_both(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    for fraction in (0.3, float(rng.uniform(0.2, 0.5))):
        [(train, _)], [(val, _)] = load(inside, oracle, rows.x, rows.y, val_fraction=fraction)
        assert not set(oracle.rows_of(train)) & set(oracle.rows_of(val))


def targets_stay_with_their_rows(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    for part in load(inside, oracle, rows.x, rows.y):
        for inputs, targets in part:
            assert (targets == rows.y[oracle.rows_of(inputs)]).all()


def validation_keeps_its_last_batch(solution, inside, oracle, rng):
    n = int(rng.integers(70, 110))
    rows = oracle.mark_rows(rng, n)
    wanted = int(n * 0.3)
    size = next(size for size in (7, 8, 9, 10) if wanted % size)
    _, [(val, _)] = load(inside, oracle, rows.x, rows.y, batch_size=size)
    found = oracle.rows_of(val)
    assert len(found) == len(set(found)) == wanted


def standardised_by_what_trains(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    [(train, _)], [(val, _)] = load(inside, oracle, rows.x, rows.y)
    train_rows = oracle.rows_of(train)
    for inputs in (train, val):
        expected = oracle.standardised(rows.x, train_rows, oracle.rows_of(inputs))
        expect_close(inputs, expected, "standardised inputs", rtol=1e-3, atol=1e-4)


def training_is_shuffled_anew(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    train, _ = load(inside, oracle, rows.x, rows.y, 4)
    orders = [tuple(oracle.rows_of(inputs)) for inputs, _ in train]
    assert len(set(orders)) == len(orders), "two passes hand out the rows in the same order"


def constant_columns_become_zero(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    for value in (0.0, float(rng.integers(1, 9))):
        x = np.hstack([rows.x, np.full((len(rows.x), 1), value)])
        for part in load(inside, oracle, x, rows.y):
            for inputs, _ in part:
                assert np.isfinite(inputs).all()
                assert np.abs(inputs[:, -1]).max() < 1e-6


def what_changes_only_in_validation_is_not_scaled(solution, inside, oracle, rng):
    """The seed decides the split: the same rows validate when a column is added that is constant where others train."""
    rows = draw(oracle, rng)
    _, [(val, _)] = load(inside, oracle, rows.x, rows.y)
    x = np.hstack([rows.x, np.full((len(rows.x), 1), 2.0)])
    x[oracle.rows_of(val), -1] += rng.integers(1, 9, size=len(val))
    _, [(again, _)] = load(inside, oracle, x, rows.y)
    numbers = oracle.rows_of(again)
    assert set(numbers) == set(oracle.rows_of(val)), "the same seed gives the same split"
    expect_close(again[:, -1], x[numbers, -1] - 2.0, "a feature without spread, less its mean", rtol=1e-3, atol=1e-4)


def small_spreads_are_scaled(solution, inside, oracle, rng):
    """Ten orders of magnitude below one is not exactly 0."""
    rows = draw(oracle, rng)
    x = np.hstack([rows.x, 1e-10 * rng.normal(size=(len(rows.x), 1))])
    [(train, _)], _ = load(inside, oracle, x, rows.y)
    expect_close(
        train, oracle.standardised(x, oracle.rows_of(train), oracle.rows_of(train)), "inputs", rtol=1e-3, atol=1e-3
    )


def targets_of_any_integers(solution, inside, oracle, rng):
    """They are int64 (`join` looks) whatever the labels are."""
    rows = draw(oracle, rng)
    for dtype in (np.int32, np.uint8):
        for part in load(inside, oracle, rows.x, rows.y.astype(dtype)):
            for inputs, targets in part:
                assert (targets == rows.y[oracle.rows_of(inputs)]).all()


def arrays_stay_as_they_were(solution, inside, oracle, rng):
    rows = draw(oracle, rng)
    load(inside, oracle, rows.x, rows.y)
    *_, x, y = inside.loaders_of(rows.x, rows.y, 2, batch_size=16, val_fraction=0.25, seed=3)
    assert np.array_equal(expect_array(x, "X", shape=rows.x.shape), rows.x)
    assert np.array_equal(expect_array(y, "y", shape=rows.y.shape), rows.y)


def every_row_is_there_once_a_pass(solution, inside, oracle, rng):
    n = int(rng.integers(70, 110))
    rows = oracle.mark_rows(rng, n)
    for fraction in (0.25, float(rng.uniform(0.1, 0.5))):
        for size in (1, 11, 200):
            options = {"batch_size": size, "val_fraction": fraction}
            train, val = load(inside, oracle, rows.x, rows.y, 2, **options)
            for (train_x, _), (val_x, _) in zip(train, val, strict=True):
                found = np.concatenate([oracle.rows_of(train_x), oracle.rows_of(val_x)])
                assert sorted(found) == list(range(n))
                assert len(val_x) == int(n * fraction)


def batches_have_their_size(solution, inside, oracle, rng):
    rows = oracle.mark_rows(rng, 100)
    train, val, *_ = inside.loaders_of(rows.x, rows.y, 1, batch_size=16, val_fraction=0.3, seed=1)
    for part, count in ((train, 70), (val, 30)):
        found = [len(inputs) for inputs, _ in fetch(part)[0]]
        assert found == [16] * (count // 16) + [count % 16]


def the_seed_decides_the_split(solution, inside, oracle, rng):
    """And a split is at random: the rows that validate are neither the first nor the last ones."""
    rows = oracle.mark_rows(rng, 100)
    seeds = [int(seed) for seed in rng.choice(10_000, size=4, replace=False)]
    splits = []
    for seed in (*seeds, seeds[0]):
        _, [(val, _)] = load(inside, oracle, rows.x, rows.y, seed=seed)
        splits.append(frozenset(oracle.rows_of(val)))
    assert splits[-1] == splits[0]
    assert len(set(splits)) == len(seeds)
    assert all(min(s) < 25 and max(s) >= 75 for s in splits)


def a_run_has_another_order_each_epoch(solution, inside, oracle, rng):
    """Looks at what the network is given before each step; what the steps do with it is another line's business."""
    rows = draw(oracle, rng)
    options = {"epochs": 3, "batch_size": 8, "lr": 0.0, "weight_decay": 0.0, "dropout": 0.0}
    batches = fetch(inside.batches_of_fit(rows.x, rows.y, seed=int(rng.integers(10_000)), **options))
    steps = len(batches) // 3
    assert len(batches) == 3 * steps > 0
    passes = [torch.cat(batches[number * steps : (number + 1) * steps]).numpy() for number in range(3)]
    orders = {tuple(oracle.rows_of(inputs)) for inputs in passes}
    assert len(orders) == 3, "two epochs of fit have the same batches"


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("rows_in_both")
def test_no_row_trains_and_validates(solution, inside, oracle, rng):
    no_row_is_in_both(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("targets_of_other_rows")
def test_each_row_keeps_its_target(solution, inside, oracle, rng):
    targets_stay_with_their_rows(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("last_batch_dropped")
def test_each_validation_row_is_handed_out(solution, inside, oracle, rng):
    validation_keeps_its_last_batch(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("scaler_sees_validation")
def test_features_are_standardised_by_training_rows_alone(solution, inside, oracle, rng):
    standardised_by_what_trains(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("never_shuffled")
def test_each_pass_over_training_rows_has_its_own_order(solution, inside, oracle, rng):
    training_is_shuffled_anew(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("constant_feature")
def test_a_feature_that_never_changes_is_zero(solution, inside, oracle, rng):
    constant_columns_become_zero(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("caller_array_changed")
def test_the_callers_arrays_are_not_touched(solution, inside, oracle, rng):
    arrays_stay_as_they_were(solution, inside, oracle, rng)


@pytest.mark.criterion("data")
def test_every_rule_of_the_loaders_holds(solution, inside, oracle, rng):
    for probe in (
        no_row_is_in_both,
        targets_stay_with_their_rows,
        validation_keeps_its_last_batch,
        standardised_by_what_trains,
        training_is_shuffled_anew,
        constant_columns_become_zero,
        what_changes_only_in_validation_is_not_scaled,
        small_spreads_are_scaled,
        targets_of_any_integers,
        arrays_stay_as_they_were,
        every_row_is_there_once_a_pass,
        batches_have_their_size,
        the_seed_decides_the_split,
        a_run_has_another_order_each_epoch,
    ):
        probe(solution, inside, oracle, rng)
