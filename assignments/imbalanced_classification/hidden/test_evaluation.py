"""Rules 4 and 5: metrics of thresholded probabilities, and the threshold with the best F1."""

import itertools

import numpy as np
import pytest
import torch

from grading.judge import WrongType, expect_close, expect_float, expect_keys, fetch

COUNTED = ("precision", "recall", "f1")


def number(found, name):
    """Return a metric as a float; whether it should be a tensor is the first test's question."""
    found = fetch(found)
    if type(found) is not dict or name not in found:
        raise WrongType(f"evaluate: expected a dict with {name!r}")
    value = found[name]
    return float(value) if type(value) is torch.Tensor and value.numel() == 1 else expect_float(value, name)


def check_metrics(oracle, found, expected, *, names=COUNTED):
    """Compare some of the metrics."""
    for name in names:
        expect_close(number(found, name), expected[name], name, **oracle.METRIC_TOLERANCE)


@pytest.mark.criterion("evaluation", weight=4)
def test_probabilities_are_compared_with_the_threshold(solution, inside, oracle, rng):
    y, z, threshold = oracle.draw_task(rng, 120)
    for options in ({}, {"threshold": threshold}, {"threshold": 0.0}):
        batches = oracle.as_batches(y, z, oracle.ragged(rng, 120))
        model = inside.Forwarding()
        found = solution.evaluate(model, inside.Batches(batches), **options)
        expected = oracle.metrics(y, z, oracle.sigmoid(z) >= options.get("threshold", 0.5))
        found = expect_keys(fetch(found), "evaluate", oracle.METRICS)
        for name in oracle.METRICS:
            expect_float(found[name], name)
        check_metrics(oracle, found, expected)


@pytest.mark.criterion("evaluation", weight=1)
def test_a_probability_equal_to_the_threshold_is_positive(solution, inside, oracle, rng):
    # sigmoid(0) is 1/2 exactly, and sigmoid(100) is 1, in single and in double precision.
    y, z = oracle.draw_scores(rng, 60)
    at_half = rng.permutation(60)[:20]
    z[at_half], y[at_half] = 0.0, np.arange(20) < 12
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 60))
    for options in ({}, {"threshold": 0.5}):
        found = solution.evaluate(inside.Forwarding(), inside.Batches(batches), **options)
        check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
    z[at_half[:15]] = rng.choice([100.0, 150.0, 200.0], 15)
    z[at_half[15:]] = -100.0
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 60))
    for threshold, reached in ((1.0, z >= 100), (0.0, z >= -100)):
        found = solution.evaluate(inside.Forwarding(), inside.Batches(batches), threshold=threshold)
        check_metrics(oracle, found, oracle.metrics(y, z, reached))


@pytest.mark.criterion("evaluation", weight=3)
def test_dropout_is_off_and_batch_norm_stands_still(solution, inside, oracle, rng):
    n, features, kinds = 90, 4, (0,)
    # Until there is each kind of prediction: where none is wrong, four times 1.0 would be right.
    while min(kinds) < 3:
        X = rng.normal(size=(n, features)).astype(np.float32) * 2 + 1
        weight, bias = rng.choice([-1.5, 1.5], features), 0.3
        mean, variance = rng.normal(size=features), rng.uniform(0.5, 2.0, features)
        z = ((X - mean) / np.sqrt(variance + 1e-5)) @ weight + bias
        # No logit near the threshold.
        X, z = X[np.abs(z) > 1e-2], z[np.abs(z) > 1e-2]
        y = z + 2 * rng.normal(size=len(z)) > 0
        kinds = oracle.counts(y, z >= 0)
    cuts = oracle.ragged(rng, len(z))
    ends = np.cumsum(cuts)
    batches = [
        (torch.from_numpy(X[end - size : end]), torch.from_numpy(y[end - size : end]).long())
        for size, end in zip(cuts, ends, strict=True)
    ]
    tensors = [torch.from_numpy(value).float() for value in (weight, mean, variance)]
    for arrives_training in (True, False):
        model = inside.Normalised(tensors[0], bias, tensors[1], tensors[2], 0.5)
        model.train(arrives_training)
        before = inside.snapshot(model)
        found = solution.evaluate(model, inside.Batches(batches))
        check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
        after = fetch(model.state_dict())
        assert all(torch.equal(before[name], after[name]) for name in before), "evaluate changed the model"


@pytest.mark.criterion("evaluation", weight=2)
def test_gradients_are_not_recorded(solution, inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 80)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 80))
    model = inside.Forwarding()
    found = solution.evaluate(model, inside.Batches(batches))
    check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
    recorded = fetch(model.recorded)
    assert recorded
    assert not any(recorded), "gradients were recorded"


@pytest.mark.criterion("evaluation", weight=2)
def test_model_and_gradient_mode_come_back(solution, inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 80)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 80))
    for training in (True, False):
        model = inside.Forwarding()
        model.train(training)
        found = solution.evaluate(model, inside.Batches(batches))
        check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
        assert model.training is training
        assert inside.grad_is_enabled() is True
        assert model.scale.requires_grad is True
        # Where the caller records no gradients, nobody does afterwards.
        found, recording = inside.evaluate_inside_no_grad(model, inside.Batches(batches))
        check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
        assert recording is False, "evaluate switched gradients on"


@pytest.mark.levels("senior")
@pytest.mark.criterion("evaluation", weight=2)
def test_every_module_gets_its_mode_back(solution, inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 80)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 80))
    for training in (True, False):
        model = inside.PartlyFrozen(training)
        before = inside.modes(model)
        check_metrics(oracle, solution.evaluate(model, inside.Batches(batches)), oracle.metrics(y, z, z >= 0))
        assert inside.modes(model) == before, "a part came back in another mode"


@pytest.mark.levels("senior")
@pytest.mark.criterion("evaluation", weight=1)
def test_modes_come_back_after_an_error(solution, inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 80)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 80))
    for training in (True, False):
        model = inside.Forwarding()
        model.train(training)
        check_metrics(oracle, solution.evaluate(model, inside.Batches(batches)), oracle.metrics(y, z, z >= 0))
        breaks_late = inside.BreaksLate(len(batches))
        breaks_late.train(training)
        for broken, loader in ((model, inside.Breaking(batches)), (breaks_late, inside.Batches(batches))):
            assert inside.evaluate_broken(broken, loader) is True, "the error did not come through"
            assert broken.training is training
            assert inside.grad_is_enabled() is True


@pytest.mark.criterion("evaluation", weight=3)
def test_metrics_are_over_all_samples_together(solution, inside, oracle, rng):
    # The last batch is a single row, and the second half's positives stand together.
    y, z, _ = oracle.draw_task(rng, 121)
    order = np.arange(121)
    order[60:] = order[60:][np.argsort(~y[60:], kind="stable")]
    y, z = y[order], z[order]
    expected = oracle.metrics(y, z, z >= 0)
    dtypes = (torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64)
    for dtype, column in (*((dtype, True) for dtype in dtypes), (torch.int64, False)):
        batches = oracle.as_batches(y, z, oracle.ragged(rng, 121, last_single=True), label_dtype=dtype)
        loader = inside.Batches(batches)
        found = solution.evaluate(inside.Forwarding(column), loader)
        check_metrics(oracle, found, expected)
        for (X, given), pair in zip(batches, loader.pairs, strict=True):
            assert torch.equal(X, pair[0]), "a batch was changed"
            assert torch.equal(given, pair[1]), "a batch was changed"


@pytest.mark.criterion("evaluation", weight=3)
def test_average_precision_ranks_all_samples(solution, inside, oracle, rng):
    n = 100
    y, z = oracle.draw_scores(rng, n)
    y[:4] = [True, False, True, False]
    distinct = (np.argsort(np.argsort(z + rng.uniform(0, 1e-3, n))) - n / 2 + 0.5) / 32
    # Probabilities far below 0.01, as rare classes have them, and logits that differ where all probabilities are 1.
    rare, sure = distinct * 3 - 7, np.where(rng.random(n) < 0.3, 100 + 20 * distinct, distinct)
    labels = (torch.int64, torch.bool, torch.uint8, torch.float32, torch.float64)
    cases = zip((distinct, np.round(z * 2) / 2, np.full(n, 0.25), rare, sure), labels, strict=True)
    for scores, label_dtype in cases:
        order = rng.permutation(n)
        batches = oracle.as_batches(y[order], scores[order], oracle.ragged(rng, n), label_dtype=label_dtype)
        for threshold in (0.3, 0.8):
            found = solution.evaluate(inside.Forwarding(), inside.Batches(batches), threshold=threshold)
            probabilities = oracle.sigmoid(scores)
            expected = oracle.metrics(y, probabilities, probabilities >= threshold)
            check_metrics(oracle, found, expected, names=("average_precision",))


@pytest.mark.criterion("evaluation", weight=2)
def test_nothing_over_nothing_is_zero(solution, inside, oracle, rng):
    scores = oracle.draw_scores(rng, 40, reach=3.0)[1]
    some, none = rng.permutation(40) < 12, np.zeros(40, dtype=bool)
    # No sample is predicted positive, none is positive, or both.
    for y, threshold in ((some, 0.99), (none, 0.02), (none, 0.99)):
        batches = oracle.as_batches(y, scores, oracle.ragged(rng, 40))
        found = solution.evaluate(inside.Forwarding(), inside.Batches(batches), threshold=threshold)
        check_metrics(oracle, found, dict.fromkeys(COUNTED, 0.0))
        if y is none:
            check_metrics(oracle, found, {"average_precision": 0.0}, names=("average_precision",))


@pytest.mark.criterion("evaluation", weight=1)
def test_batches_are_moved_and_numbers_come_back_from_a_gpu(inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 60)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 60))
    expected = oracle.metrics(y, z, z >= 0)
    # Labels lie on the CPU: to count there or on the device is both right.
    for home, away in (("cuda", "cpu"), ("cpu", "cuda")):
        found = inside.evaluate_across_devices(inside.Forwarding(), batches, home=home, away=away)
        found = expect_keys(fetch(found), "evaluate", oracle.METRICS)
        for name in oracle.METRICS:
            expect_float(found[name], name)
        check_metrics(oracle, found, expected, names=oracle.METRICS)


@pytest.mark.criterion("evaluation", weight=1)
def test_any_iterable_is_a_loader_but_not_an_empty_one(solution, inside, oracle, rng):
    y, z, _ = oracle.draw_task(rng, 60)
    batches = oracle.as_batches(y, z, oracle.ragged(rng, 60))
    found = solution.evaluate(inside.Forwarding(), inside.Once(batches))
    check_metrics(oracle, found, oracle.metrics(y, z, z >= 0))
    for empty in ([], inside.Once([])):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.evaluate(inside.Forwarding(), empty)


# choice of a threshold ------------------------------------------------------------------------------------------------


def check_best(oracle, found, y_true, y_prob):
    """The threshold must reach the best F1 that there is, and the F1 beside it be the one it reaches."""
    found = fetch(found)
    if type(found) is not tuple or len(found) != 2:
        raise WrongType("best_f1_threshold: expected a tuple of two floats")
    # An infinite threshold is one, too.
    threshold, f1 = expect_float(found[0], "threshold", allow_nan=True), expect_float(found[1], "f1")
    assert not np.isnan(threshold), "threshold: expected a number, found nan"
    best = oracle.best_f1(y_true, y_prob)
    expect_close(f1, best, "best F1", **oracle.METRIC_TOLERANCE)
    reached = oracle.f1_at(y_true, np.asarray(y_prob, dtype=float), threshold)
    expect_close(reached, best, "F1 at the returned threshold", **oracle.METRIC_TOLERANCE)


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("evaluation", weight=2)
def test_best_threshold_is_the_best_of_all(inside, oracle, rng):
    cases = itertools.product((5, 40, 150), ("spread", "narrow", "tied"), (torch.from_numpy, np.array))
    dtypes = itertools.cycle((bool, np.uint8, np.int64, np.float32, np.float64))
    for (n, scores, make), dtype in zip(cases, dtypes, strict=False):
        y, z = oracle.draw_scores(rng, n)
        y[rng.integers(n)] = True
        # Multiples of 2**-22, so that they are the same numbers in float32 and float64.
        prob = np.round(oracle.sigmoid(z) * 2**22) / 2**22
        if scores == "narrow":  # between any two points of a grid
            start = round(rng.uniform(0.2, 0.7) * 2**22)
            prob = (start + rng.permutation(n)) / 2**22
        if scores == "tied":
            prob = np.round(prob * 8) / 8
        prob = prob.astype(np.float32 if n == 40 else np.float64)
        labels = y.astype(dtype)
        found, y_after, prob_after = inside.with_pair(make(labels), make(prob))
        check_best(oracle, found, y, prob)
        assert np.array_equal(np.asarray(y_after), labels), "the labels were changed"
        assert np.array_equal(np.asarray(prob_after), prob), "the probabilities were changed"


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("evaluation", weight=1)
def test_best_threshold_at_the_edges(solution, oracle, rng):
    n = int(rng.integers(8, 30))
    rank = np.arange(n)
    cases = {
        "the highest is negative": (rank >= n // 2) & (rank < n - 1),
        "the lowest is best": rank % 3 != 1,
        "the highest is best": rank == n - 1,
        "all positive": rank >= 0,
        "none positive": rank < 0,
        "alternating": rank % 2 == 0,
    }
    for y in cases.values():
        prob = np.sort(rng.permutation(1000)[:n]) / 1024 + 1 / 64
        order = rng.permutation(n)
        y, prob = y[order], prob[order]
        check_best(oracle, solution.best_f1_threshold(y.astype(np.int64), prob), y, prob)
    # Equally good at the first and the last, worse in between.
    tied, apart = np.array([1, 0, 0, 1]), np.array([0.9375, 0.875, 0.75, rng.integers(1, 33) / 64])
    check_best(oracle, solution.best_f1_threshold(tied, apart), tied, apart)
    # F1 differs in the fourth digit, and more than 255 are positive: a sum in uint8 would wrap.
    counts = np.array([[350, 50], [100, 157], [50, 300]])
    close, steps = np.tile([1, 0], 3).repeat(counts.ravel()), np.sort(rng.permutation(64)[:3] + 1)[::-1] / 64
    scores = steps.repeat(counts.sum(axis=1))
    check_best(oracle, solution.best_f1_threshold(close.astype(np.uint8), scores), close, scores)
    one = np.ones(1, dtype=np.int64)
    check_best(oracle, solution.best_f1_threshold(one, prob[:1]), one, prob[:1])
    for labels, scores in ((one[:0], prob[:0]), (y[:-1].astype(np.int64), prob), (y.astype(np.int64), prob[:1])):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.best_f1_threshold(labels, scores)
