"""Rule 5: pairs that are ranked right, ties by half."""

import numpy as np
import pytest

from grading.judge import expect_close, expect_float


def compare(inside, cases, oracle_auc):
    """Compare all (labels, scores) with an oracle."""
    found = inside.call("roc_auc", [((true, score), {}) for true, score in cases])
    for (true, score), value in zip(cases, found, strict=True):
        expect_close(expect_float(value, "roc_auc"), oracle_auc(true, score), "roc_auc", rtol=0.0, atol=1e-9)


def draw_labels(rng, n):
    """Return labels of both classes, as a list."""
    while True:
        y = (rng.random(n) < rng.uniform(0.2, 0.8)).astype(int).tolist()
        if 0 < sum(y) < n:
            return y


@pytest.mark.criterion("auc", weight=3)
def test_auc_is_the_share_of_pairs(inside, oracle, rng):
    cases = []
    for i in range(60):
        y = draw_labels(rng, int(rng.integers(2, 40)))
        # Distinct scores of any size and sign, related to the labels or not, or the wrong way round.
        score = rng.permutation(len(y)) * 1.0 + np.array(y) * rng.choice([-3.5, 0.0, 3.5, 60.5])
        # The smallest are equal to anyone who rounds, and so are those that lie within 1e-9 of each other.
        score = (score + rng.uniform(-100, 50)) * float(rng.choice([1e-12, 1e-3, 1.0, 1e3, 1e12]))
        if i % 5 == 0:
            score = 0.7 + 1e-12 * rng.permutation(len(y))
        score = score.tolist()
        cases.append((y, score) if i % 2 else (np.array(y, dtype=bool), np.array(score)))
    compare(inside, cases, oracle.auc_by_pairs)


@pytest.mark.criterion("auc", weight=4)
def test_ties_count_half_in_any_order(inside, oracle, rng):
    cases = []
    for i in range(60):
        y = draw_labels(rng, int(rng.integers(4, 40)))
        score = rng.integers(0, 1 + i % 6, len(y)) + np.array(y) * int(rng.integers(0, 2))
        order = np.argsort(y, kind="stable")
        for positions in (order, order[::-1], rng.permutation(len(y))):
            cases.append(([y[j] for j in positions], score[positions] / 4.0))
        cases.append((y, score.tolist()))
        cases.append((np.array(y, dtype=np.uint8), score.astype(np.uint8)))  # whose negative is positive
    # Hanley and McNeil 1982, table I: 58 normal and 51 abnormal images on a scale of five; their area is 0.893.
    y = [0] * 58 + [1] * 51
    ratings = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
    assert abs(oracle.auc_by_pairs(y, ratings) - 0.893) < 5e-4
    cases.append((y, ratings))
    compare(inside, cases, oracle.auc_by_pairs)


@pytest.mark.criterion("auc", weight=2)
@pytest.mark.limit(test_s=20)
def test_auc_of_many_samples(inside, oracle, rng):
    n = 100_000
    y = (rng.random(n) < 0.5).astype(np.int64)
    score = np.where(rng.random(n) < 0.5, rng.normal(size=n), rng.integers(-2, 3, n)) + 0.3 * y
    compare(inside, [(y, score)], oracle.auc_by_area)


@pytest.mark.criterion("auc", weight=1)
def test_auc_refuses_what_has_no_pairs(solution, inside, oracle, rng):
    y = draw_labels(rng, 9)
    score = rng.random(9)
    compare(inside, [(y, score)], oracle.auc_by_pairs)
    for labels, scores in (
        ([], []),
        (y, score[:-1]),
        (y[:-1], score),
        ([0] * 9, score),
        ([1] * 9, score),
        ([2 * label for label in y], score),
        ([label + 1 for label in y], score),
        ([0, 1, 2] * 3, score),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.roc_auc(labels, scores)
