"""Rule 6, senior: the focal loss, its gradient, and what it refuses."""

import itertools

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_tensor

LOSS_TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def draw(rng, n, *, spread=2.5):
    """Return logits (n,) float32 and labels (n,) bool of both classes, in random order."""
    z = (rng.normal(size=n) * spread).astype(np.float32)
    return z, rng.permutation(np.arange(n) < max(1, n // 3))


def as_tensors(z, y, dtype=torch.float32):
    """Return logits and targets."""
    return torch.from_numpy(z), torch.from_numpy(y).to(dtype)


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=3)
def test_focal_loss_is_the_formula(solution, oracle, rng):
    # With the defaults, and with every way to sum up; gamma 0 is the cross-entropy.
    for gamma in (None, 0.0, 1.0, 2.0, float(rng.uniform(2.2, 4.5))):
        z, y = draw(rng, int(rng.integers(4, 40)))
        logits, targets = as_tensors(z, y)
        expected = oracle.focal_values(z, y, 2.0 if gamma is None else gamma)
        options = {} if gamma is None else {"gamma": gamma}
        found = expect_tensor(solution.focal_loss(logits, targets, **options), "focal loss", shape=())
        expect_close(found, expected.mean(), "focal loss", **LOSS_TOLERANCE)
        for reduction, value in (("none", expected), ("mean", expected.mean()), ("sum", expected.sum())):
            found = solution.focal_loss(logits, targets, reduction=reduction, **options)
            found = expect_tensor(found, f"focal loss, {reduction}", shape=value.shape)
            expect_close(found, value, f"focal loss, {reduction}", **LOSS_TOLERANCE)


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=2)
def test_alpha_is_the_share_of_positives(solution, oracle, rng):
    for alpha, reduction in itertools.product((float(rng.uniform(0.1, 0.4)), 0.0, 1.0), ("none", "mean", "sum")):
        z, y = draw(rng, int(rng.integers(5, 40)))
        gamma = float(rng.uniform(0.5, 3.0))
        expected = oracle.focal_values(z, y, gamma, alpha)
        expected = {"none": expected, "mean": expected.mean(), "sum": expected.sum()}[reduction]
        found = solution.focal_loss(*as_tensors(z, y), gamma=gamma, alpha=alpha, reduction=reduction)
        expect_close(expect_tensor(found, "focal loss", shape=expected.shape), expected, "loss", **LOSS_TOLERANCE)


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=2)
def test_focal_gradient_and_far_logits(inside, oracle, rng):
    for gamma, alpha in itertools.product((0.0, 1.0, 2.0, 5.0), (None, 0.3)):
        far = np.array([-200.0, -120.0, -60.0, 60.0, 120.0, 200.0])
        z = np.concatenate([far, far, rng.normal(size=8) * 2]).astype(np.float32)
        y = np.concatenate([np.zeros(6), np.ones(6), np.arange(8) % 2]).astype(bool)
        order = rng.permutation(len(z))
        check_both(inside, oracle, z[order], y[order], gamma, alpha)


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=1)
def test_gradient_for_gamma_between_0_and_1(inside, oracle, rng):
    z = np.array([-200.0, -90.0, -30.0, -3.0, 3.0, 30.0, 90.0, 200.0], dtype=np.float32)
    for gamma in (0.5, float(rng.uniform(0.1, 0.9))):
        for y in (np.zeros(8, dtype=bool), np.ones(8, dtype=bool)):
            check_both(inside, oracle, z, y, gamma, None)


def check_both(inside, oracle, z, y, gamma, alpha):
    """Compare value and gradient of the sum of all samples' losses, and the values one by one."""
    values, slopes = inside.focal_with_gradient(*as_tensors(z, y), gamma=gamma, alpha=alpha)
    expect_tensor(values, "focal loss", shape=z.shape)
    expect_close(values, oracle.focal_values(z, y, gamma, alpha), f"loss at gamma {gamma}", **LOSS_TOLERANCE)
    expect_close(slopes, oracle.focal_slopes(z, y, gamma, alpha), f"gradient at gamma {gamma}", **LOSS_TOLERANCE)


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=1)
def test_focal_targets_of_every_dtype_and_columns(solution, inside, oracle, rng):
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64):
        z, y = draw(rng, 12)
        for shape, precision in itertools.product(((12,), (12, 1)), (torch.float32, torch.float64)):
            logits, targets = (tensor.reshape(shape) for tensor in as_tensors(z, y, dtype))
            logits = logits.to(precision)
            found, logits_after, targets_after = inside.focal_and_inputs(logits, targets)
            expected = oracle.focal_values(z, y, 2.0).reshape(shape)
            expect_close(expect_tensor(found, "focal loss", shape=shape), expected, f"{dtype}", **LOSS_TOLERANCE)
            assert torch.equal(logits_after, logits), "the logits were changed"
            assert torch.equal(targets_after, targets), "the targets were changed"
            for reduction, value in (("mean", expected.mean()), ("sum", expected.sum())):
                found = solution.focal_loss(logits, targets, reduction=reduction)
                expect_close(
                    expect_tensor(found, reduction, shape=()), value, f"{dtype}, {reduction}", **LOSS_TOLERANCE
                )


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss", weight=1)
def test_focal_loss_refuses_what_means_nothing(solution, oracle, rng):
    z, y = draw(rng, 6)
    logits, targets = as_tensors(z, y)
    assert expect_tensor(solution.focal_loss(logits, targets, gamma=0.0, alpha=1.0), "focal loss") is not None
    for options in ({"gamma": -0.5}, {"alpha": -0.1}, {"alpha": 1.5}, {"reduction": "average"}):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.focal_loss(logits, targets, **options)
    for other in (logits[:, None], logits[:1]):
        for pair in ((other, targets), (logits, other.abs())):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.focal_loss(*pair)
