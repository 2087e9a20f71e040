"""Rules 1 and 2: the weight of positives, and the loss that uses it."""

import itertools

import numpy as np
import pytest
import torch

from grading.judge import Handle, WrongType, expect_close, expect_tensor

WEIGHT_TOLERANCE = {"rtol": 1e-4, "atol": 0.0}
LOSS_TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


# Ranges of the number of positives, and of how many more negatives there are: ordinary, rare and very rare positives.
SHARES = (((3, 60), (2, 300)), ((3, 6), (300, 900)), ((2, 4), (4000, 9000)), ((100, 200), (2, 20)))


def draw_labels(rng, positives=(3, 60), extra=(2, 300), *, swap=None):
    """Return labels (N,) in random order and negatives / positives, which is no whole number.

    Args:
        positives: range of the number of positives.
        extra: range of how many more negatives there are.
        swap: whether the two classes change places; None for now and then.
    """
    n_pos = int(rng.integers(*positives))
    n_neg = n_pos + int(rng.integers(*extra))
    n_neg += n_neg % n_pos == 0
    if rng.random() < 0.3 if swap is None else swap:
        n_pos, n_neg = n_neg, n_pos
    return rng.permutation(np.repeat([1, 0], [n_pos, n_neg])), n_neg / n_pos


def number(weight):
    """Return a weight as a float; what type it should have is another test's question."""
    if type(weight) is torch.Tensor and weight.numel() == 1:
        return float(weight.reshape(()))
    if type(weight) is np.ndarray and weight.size == 1:
        return float(weight.reshape(()))
    if isinstance(weight, (int, float, np.number)):
        return float(weight)
    raise WrongType(f"compute_pos_weight: expected one number, found {type(weight).__name__}")


def build_loss(solution, labels):
    """Return the candidate's loss module as a handle."""
    loss = solution.make_loss(labels)
    if type(loss) is not Handle:
        raise WrongType(f"make_loss: expected a module, found {type(loss).__name__}")
    return loss


@pytest.mark.criterion("weighted_loss", weight=4)
def test_weight_is_negatives_over_positives(solution, rng):
    for (positives, extra), swap in itertools.product(SHARES, (False, True)):
        labels, expected = draw_labels(rng, positives, extra, swap=swap)
        for given in (torch.from_numpy(labels), labels):
            expect_close(number(solution.compute_pos_weight(given)), expected, "weight", **WEIGHT_TOLERANCE)


@pytest.mark.criterion("weighted_loss", weight=3)
def test_labels_of_every_dtype_are_taken(solution, rng):
    # More than 255 of each: a sum in uint8 would wrap.
    labels, expected = draw_labels(rng, positives=(300, 700))
    for dtype in ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"):
        array = labels.astype(dtype)
        for given in (array, torch.from_numpy(array)):
            expect_close(number(solution.compute_pos_weight(given)), expected, f"weight of {dtype}", **WEIGHT_TOLERANCE)


@pytest.mark.criterion("weighted_loss", weight=3)
def test_weight_is_a_float32_tensor_of_no_dimension(solution, rng):
    for dtype in ("int64", "float64"):
        labels, expected = draw_labels(rng)
        for given in (torch.from_numpy(labels.astype(dtype)), labels.astype(dtype)):
            weight = expect_tensor(solution.compute_pos_weight(given), "weight", shape=(), dtype=torch.float32)
            expect_close(weight, expected, "weight", **WEIGHT_TOLERANCE)


@pytest.mark.criterion("weighted_loss", weight=2)
def test_labels_of_one_class_are_refused(solution, rng):
    n = int(rng.integers(1, 30))
    one_class = (np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.float32), np.zeros(0, dtype=np.int64))
    good = draw_labels(rng)[0]
    for call, make in itertools.product(
        (solution.compute_pos_weight, solution.make_loss), (torch.from_numpy, np.array)
    ):
        for labels in one_class:
            with pytest.raises(ValueError):  # noqa: PT011
                call(make(labels))
        assert call(make(good)) is not None


@pytest.mark.criterion("weighted_loss", weight=1)
def test_labels_beside_0_and_1_are_refused(solution, rng):
    # 256 is 0 in eight bits, and 0.999 rounds to 1.
    odd_ones = ((2, "int64"), (-1, "int64"), (256, "int64"), (0.5, "float32"), (0.999, "float32"), (np.nan, "float64"))
    for odd, dtype in odd_ones:
        good = draw_labels(rng)[0].astype(dtype)
        # As a third value, where both classes stay (they have three samples or more), and in place of one of the two.
        third = np.append(good, np.array([odd], dtype=dtype))[rng.permutation(len(good) + 1)]
        bad = (third, *(np.where(good == label, odd, good).astype(dtype) for label in (0, 1)))
        for call, make in itertools.product(
            (solution.compute_pos_weight, solution.make_loss), (torch.from_numpy, np.array)
        ):
            for labels in bad:
                with pytest.raises(ValueError):  # noqa: PT011
                    call(make(labels))
            assert call(make(good)) is not None


@pytest.mark.criterion("weighted_loss", weight=1)
def test_labels_are_left_alone(inside, oracle, rng):
    for dtype, make in itertools.product(("int64", "float32"), (torch.from_numpy, np.array)):
        labels, expected = draw_labels(rng)
        labels = labels.astype(dtype)
        weight, after = inside.with_labels("compute_pos_weight", make(labels.copy()))
        expect_close(number(weight), expected, "weight", **WEIGHT_TOLERANCE)
        assert np.array_equal(np.asarray(after), labels)
        loss, after = inside.with_labels("make_loss", make(labels.copy()))
        # A positive at probability 1/2.
        expect_close(loss(torch.zeros(1), torch.ones(1)), expected * np.log(2.0), "loss", **LOSS_TOLERANCE)
        assert np.array_equal(np.asarray(after), labels)


@pytest.mark.criterion("weighted_loss", weight=3)
def test_loss_is_the_plain_mean_of_the_formula(solution, inside, oracle, rng):
    # The weight may be in the thousands, and below 1.
    cases = itertools.product(((SHARES[0], False), (SHARES[0], True), (SHARES[2], False)), (torch.from_numpy, np.array))
    for ((positives, extra), swap), make in cases:
        labels, weight = draw_labels(rng, positives, extra, swap=swap)
        loss = build_loss(solution, make(labels))
        if inside.is_module(loss) is not True:
            raise WrongType("make_loss: expected an nn.Module")
        for n in (1, int(rng.integers(2, 40))):
            # Within 4: beyond, torch's own gradient in float32 loses digits where the weight is large.
            z = np.clip(rng.normal(size=n) * 3, -4, 4).astype(np.float32)
            y = (rng.random(n) < 0.4).astype(np.float32)
            value, slopes = inside.value_and_gradient(loss, torch.from_numpy(z), torch.from_numpy(y))
            expect_tensor(value, "loss", shape=())
            expect_close(value, oracle.loss_values(z, y, weight).mean(), "loss", **LOSS_TOLERANCE)
            expect_close(slopes, oracle.loss_slopes(z, y, weight) / n, "gradient of the loss", **LOSS_TOLERANCE)


FAR = (-200.0, -120.0, -60.0, 60.0, 120.0, 200.0)


def draw_far_batches(rng):
    """Yield logits and targets with one logit far from zero, alone and among ordinary ones."""
    for z, y, others in itertools.product(FAR, (0.0, 1.0), (0, 3)):
        logits = np.append(rng.normal(size=others), z).astype(np.float32)
        yield logits, np.append(rng.random(others) < 0.5, y).astype(np.float32)


@pytest.mark.criterion("weighted_loss", weight=8)
def test_loss_is_right_far_from_zero(solution, oracle, rng):
    labels, weight = draw_labels(rng)
    loss = build_loss(solution, torch.from_numpy(labels))
    for z, y in draw_far_batches(rng):
        value = expect_tensor(loss(torch.from_numpy(z), torch.from_numpy(y)), "loss")
        expect_close(value, oracle.loss_values(z, y, weight).mean(), "loss", **LOSS_TOLERANCE)


@pytest.mark.criterion("weighted_loss", weight=4)
def test_gradient_is_right_far_from_zero(solution, inside, oracle, rng):
    labels, weight = draw_labels(rng)
    loss = build_loss(solution, torch.from_numpy(labels))
    for z, y in draw_far_batches(rng):
        _, slopes = inside.value_and_gradient(loss, torch.from_numpy(z), torch.from_numpy(y))
        expect_close(slopes, oracle.loss_slopes(z, y, weight) / len(z), "gradient of the loss", **LOSS_TOLERANCE)


@pytest.mark.criterion("weighted_loss", weight=1)
def test_weight_comes_from_the_training_labels_alone(solution, inside, oracle, rng):
    labels, weight = draw_labels(rng)
    other_labels, other_weight = draw_labels(rng)
    loss = build_loss(solution, torch.from_numpy(labels))
    other = build_loss(solution, other_labels)
    n = int(rng.integers(5, 20))
    # Batches of one class, of an odd share, and the first one again.
    mixed = (np.arange(n) < 2).astype(np.float32)
    for y in (np.zeros(n, np.float32), np.ones(n, np.float32), mixed, np.zeros(n, np.float32), 1 - mixed):
        z = rng.normal(size=n).astype(np.float32)
        for module, w in ((loss, weight), (other, other_weight)):
            value, _ = inside.value_and_gradient(module, torch.from_numpy(z), torch.from_numpy(y))
            expect_close(value, oracle.loss_values(z, y, w).mean(), "loss", **LOSS_TOLERANCE)
