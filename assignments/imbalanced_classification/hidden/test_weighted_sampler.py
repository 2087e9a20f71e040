"""Rule 7, senior: a sampler that draws both classes equally often."""

import itertools

import numpy as np
import pytest
import torch

from grading.judge import WrongType, expect_close

PASSES = 40


def draw_labels(rng, n_pos=(15, 30), n_neg=(150, 300)):
    """Return labels (N,) in random order, the positives rare."""
    return rng.permutation(np.repeat([1, 0], [int(rng.integers(*n_pos)), int(rng.integers(*n_neg))]))


def draw_passes(inside, sampler, passes=PASSES):
    """Return the indices of some passes, shape (passes, N)."""
    drawn = inside.passes(sampler, passes)
    if type(drawn) is not list or not all(type(row) is list and all(type(i) is int for i in row) for row in drawn):
        raise WrongType("make_weighted_sampler: expected a sampler of integers")
    if len({len(row) for row in drawn}) != 1:
        raise WrongType("make_weighted_sampler: passes differ in length")
    return np.array(drawn)


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler", weight=4)
def test_half_of_the_draws_are_positive(solution, inside, rng):
    # 8,000 draws or more: a share of 1/2 has a standard deviation of 0.0056.
    for rare, make in ((1, torch.from_numpy), (0, np.array)):
        labels = draw_labels(rng)
        labels = labels if rare == 1 else 1 - labels
        drawn = draw_passes(inside, solution.make_weighted_sampler(make(labels.copy())), -(-8000 // len(labels)))
        assert drawn.min() >= 0
        assert drawn.max() < len(labels)
        expect_close(labels[drawn].mean(), 0.5, "share of positives drawn", rtol=0.0, atol=0.04)
        # Each row of the rare class is expected 120 times or more, as often as its like.
        times = np.bincount(drawn.ravel(), minlength=len(labels))[labels == rare]
        assert times.min() > 0.3 * times.mean(), "some rows are hardly drawn"


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler", weight=2)
def test_it_is_torchs_sampler_of_n_draws_with_equal_weights_in_a_class(solution, inside, rng):
    for make in (torch.from_numpy, np.array):
        labels = draw_labels(rng)
        sampler = solution.make_weighted_sampler(make(labels.copy()))
        if inside.is_weighted_sampler(sampler) is not True:
            raise WrongType("make_weighted_sampler: expected torch's WeightedRandomSampler")
        assert draw_passes(inside, sampler, 2).shape == (2, len(labels))
        weights = np.asarray(inside.weights_of(sampler), dtype=float)
        assert weights.shape == labels.shape
        shares = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
        expect_close(weights / weights.sum(), shares, "weights", rtol=1e-4, atol=0.0)


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler", weight=2)
def test_the_generator_decides_the_draws(solution, inside, rng):
    labels = torch.from_numpy(draw_labels(rng))
    seed, other = (int(value) for value in rng.choice(2**31, 2, replace=False))
    drawn = []
    for number, used in enumerate((seed, seed, other)):
        # Whatever torch's own generator does in between.
        inside.seed_torch(number)
        sampler = solution.make_weighted_sampler(labels, generator=inside.generator(used))
        drawn.append(draw_passes(inside, sampler, 2))
    assert np.array_equal(drawn[0], drawn[1]), "one seed, different draws"
    assert not np.array_equal(drawn[0], drawn[2]), "different seeds, the same draws"
    assert not np.array_equal(drawn[0][0], drawn[0][1]), "each pass draws the same"
    # Without a generator torch's own one serves, and it is not seeded on the way.
    for first, second, same in ((seed, seed, True), (seed, other, False)):
        rows = []
        for used in (first, second):
            inside.seed_torch(used)
            rows.append(draw_passes(inside, solution.make_weighted_sampler(labels), 1))
        assert np.array_equal(*rows) is same, "torch's own generator does not decide the draws"
        again = draw_passes(inside, solution.make_weighted_sampler(labels), 1)
        assert not np.array_equal(rows[1], again), "the draws do not come from torch's own generator"
    # It draws when a pass begins, not when the sampler is made.
    sampler, rows = solution.make_weighted_sampler(labels), []
    for _ in range(2):
        inside.seed_torch(seed)
        rows.append(draw_passes(inside, sampler, 1))
    assert np.array_equal(*rows), "the draws do not come from torch's own generator"


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler", weight=1)
def test_sampler_takes_labels_of_every_dtype_and_leaves_them_alone(inside, rng):
    # More than 255 of each: a sum in uint8 would wrap.
    labels = draw_labels(rng, n_pos=(260, 300), n_neg=(600, 800))
    shares = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
    for dtype, make in itertools.product(
        ("bool", "uint8", "int32", "int64", "float32", "float64"), (torch.from_numpy, np.array)
    ):
        sampler, after = inside.with_labels("make_weighted_sampler", make(labels.astype(dtype)))
        weights = np.asarray(inside.weights_of(sampler), dtype=float)
        assert weights.shape == labels.shape
        expect_close(weights / weights.sum(), shares, f"weights of {dtype}", rtol=1e-4, atol=0.0)
        assert np.array_equal(np.asarray(after), labels.astype(dtype)), "the labels were changed"


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler", weight=1)
def test_sampler_refuses_what_has_no_weight(solution, inside, rng):
    n = int(rng.integers(2, 30))
    good = draw_labels(rng)
    bad = [np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.float32), np.zeros(0, dtype=np.int64)]
    bad += [np.append(good, odd).astype(dtype) for odd, dtype in ((2, "int64"), (-1, "int64"), (0.5, "float32"))]
    bad += [np.append(good, np.nan), np.where(good == 0, -1, good), np.where(good == 1, 2, good)]
    for make in (torch.from_numpy, np.array):
        for labels in bad:
            with pytest.raises(ValueError):  # noqa: PT011
                solution.make_weighted_sampler(make(labels.copy()))
        assert inside.is_weighted_sampler(solution.make_weighted_sampler(make(good.copy()))) is True
