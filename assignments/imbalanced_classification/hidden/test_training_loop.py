"""Rule 3: one pass of gradient descent, compared with the same steps taken by hand."""

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_float, fetch


def draw_sizes(rng, n_batches=5):
    """Return batch sizes between 3 and 14 that differ."""
    return [int(size) for size in rng.choice(np.arange(3, 15), n_batches, replace=False)]


def set_up(inside, lesson, *, column=False):
    """Return model, loss and optimizer beside the candidate's code."""
    model = inside.Linear(lesson.weight, lesson.bias, column)
    return model, inside.weighted_bce(lesson.pos_weight), inside.sgd(model, lesson.lr, lesson.momentum)


def check_trained(oracle, model, weight, bias):
    """Compare a linear model with the weights that it should have."""
    check_state(oracle, model.state_dict(), weight, bias)


def check_state(oracle, state, weight, bias):
    """Compare a linear model's state with the weights that it should have."""
    state = fetch(state)
    found = np.append(state["linear.weight"].numpy().ravel(), state["linear.bias"].numpy())
    expect_close(found, np.append(weight, bias), "trained weights", **oracle.TRAINED_TOLERANCE)


@pytest.mark.criterion("training_loop", weight=6)
def test_weights_follow_gradient_descent(solution, inside, oracle, rng):
    # Long gradients are followed as they are.
    for momentum, scale in ((0.0, 1.0), (None, 1.0), (0.0, 32.0)):
        # As batches are where positives are rare: one without any, and one of nothing else.
        lesson = oracle.Lesson(rng, draw_sizes(rng), momentum=momentum, one_class={1: False, 3: True}, scale=scale)
        model, loss_fn, optimizer = set_up(inside, lesson)
        loader = inside.Batches(lesson.batches)
        for _ in range(2):
            solution.train_epoch(model, loader, loss_fn, optimizer)
        weight, bias, _ = lesson.expected(epochs=2)
        check_trained(oracle, model, weight, bias)
        for (X, y), pair in zip(lesson.batches, loader.pairs, strict=True):
            assert torch.equal(X, pair[0]), "a batch was changed"
            assert torch.equal(y, pair[1]), "a batch was changed"


@pytest.mark.criterion("training_loop", weight=3)
def test_logits_of_both_shapes_meet_their_own_targets(solution, inside, oracle, rng):
    # The first test has (B,) without a single row.
    for column, last in ((True, []), (True, [1]), (False, [1])):
        lesson = oracle.Lesson(rng, [*draw_sizes(rng, 4), *last])
        model, loss_fn, optimizer = set_up(inside, lesson, column=column)
        # Labels that need no conversion, so that reshaping them in place would reach the caller's own.
        batches = [(X, y.float()) for X, y in lesson.batches]
        loader = inside.Batches(batches)
        solution.train_epoch(model, loader, loss_fn, optimizer)
        weight, bias, _ = lesson.expected()
        check_trained(oracle, model, weight, bias)
        for (X, y), pair in zip(batches, loader.pairs, strict=True):
            assert torch.equal(X, pair[0]), "a batch was changed"
            assert torch.equal(y, pair[1]), "a batch was changed"


@pytest.mark.criterion("training_loop", weight=2)
def test_gradients_from_before_do_not_count(solution, inside, oracle, rng):
    lesson = oracle.Lesson(rng, draw_sizes(rng, 3))
    model, loss_fn, optimizer = set_up(inside, lesson)
    inside.leave_gradients(model, lesson.batches[0][0])
    solution.train_epoch(model, inside.Batches(lesson.batches), loss_fn, optimizer)
    weight, bias, _ = lesson.expected()
    check_trained(oracle, model, weight, bias)


@pytest.mark.criterion("training_loop", weight=2)
def test_labels_of_every_dtype_train_alike(solution, inside, oracle, rng):
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64):
        lesson = oracle.Lesson(rng, draw_sizes(rng, 3), label_dtype=dtype)
        model, loss_fn, optimizer = set_up(inside, lesson)
        solution.train_epoch(model, inside.Batches(lesson.batches), loss_fn, optimizer)
        weight, bias, _ = lesson.expected()
        check_trained(oracle, model, weight, bias)


@pytest.mark.criterion("training_loop", weight=1)
def test_batches_are_moved_to_the_device(inside, oracle, rng):
    for home, away in (("cuda", "cpu"), ("cpu", "cuda")):
        lesson = oracle.Lesson(rng, draw_sizes(rng, 3))
        model, loss_fn, _ = set_up(inside, lesson)
        _, state = inside.train_across_devices(
            model, lesson.batches, loss_fn, lesson.lr, lesson.momentum, home=home, away=away
        )
        weight, bias, _ = lesson.expected()
        check_state(oracle, state, weight, bias)


@pytest.mark.criterion("training_loop", weight=1)
def test_any_iterable_is_a_loader_but_not_an_empty_one(solution, inside, oracle, rng):
    lesson = oracle.Lesson(rng, draw_sizes(rng, 3))
    model, loss_fn, optimizer = set_up(inside, lesson)
    solution.train_epoch(model, inside.Once(lesson.batches), loss_fn, optimizer)
    weight, bias, _ = lesson.expected()
    check_trained(oracle, model, weight, bias)
    for empty in ([], inside.Once([])):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.train_epoch(model, empty, loss_fn, optimizer)


@pytest.mark.criterion("training_loop", weight=5)
def test_model_is_in_train_mode_for_every_batch(solution, inside, oracle, rng):
    for arrives_training in (False, True):
        lesson = oracle.Lesson(rng, draw_sizes(rng, 4))
        mean, variance = torch.from_numpy(rng.normal(size=lesson.features)).float(), torch.ones(lesson.features)
        model = inside.Normalised(lesson.weight, lesson.bias, mean, variance, 0.3)
        model.train(arrives_training)
        optimizer = inside.sgd(model, lesson.lr)
        solution.train_epoch(model, inside.Batches(lesson.batches), inside.weighted_bce(lesson.pos_weight), optimizer)
        # In train mode, and only then, each forward pass moves the running mean a tenth of the way to the batch's mean.
        expected = mean.double().numpy()
        for X, _ in lesson.batches:
            expected = 0.9 * expected + 0.1 * X.double().numpy().mean(axis=0)
        state = fetch(model.state_dict())
        expect_close(state["norm.running_mean"], expected, "batch norm's running mean", **oracle.TRAINED_TOLERANCE)
        assert not torch.equal(state["head.linear.weight"].ravel(), lesson.weight), "the model did not learn"


@pytest.mark.criterion("training_loop", weight=5)
@pytest.mark.parametrize("kind", ["batches", "data_loader"])
def test_returned_loss_is_the_mean_over_samples(solution, inside, oracle, rng, kind):
    lesson = oracle.Lesson(rng, [17, 2, 5, 3])
    batches = lesson.batches
    loader = inside.Batches(batches)
    if kind == "data_loader":
        # Some of the rows, and not a whole number of batches.
        X, y = (torch.cat(part) for part in zip(*batches, strict=True))
        rows = [int(row) for row in rng.permutation(len(X))[:19]]
        loader = inside.data_loader(X, y, rows, 4)
        batches = [(X[rows[start : start + 4]], y[rows[start : start + 4]]) for start in range(0, 16, 4)]
    model, loss_fn, optimizer = set_up(inside, lesson)
    mean_loss = expect_float(solution.train_epoch(model, loader, loss_fn, optimizer), "train_epoch")
    expect_close(mean_loss, lesson.expected(batches)[2], "mean loss of the epoch", **oracle.TRAINED_TOLERANCE)


@pytest.mark.criterion("training_loop", weight=5)
def test_no_graph_outlives_the_next_batch(solution, inside, oracle, rng):
    lesson = oracle.Lesson(rng, [int(size) for size in rng.integers(2, 9, 24)])
    model = inside.Watched(lesson.weight, lesson.bias)
    optimizer = inside.sgd(model, lesson.lr, lesson.momentum)
    solution.train_epoch(model, inside.Batches(lesson.batches), inside.weighted_bce(lesson.pos_weight), optimizer)
    weight, bias, _ = lesson.expected()
    check_trained(oracle, model, weight, bias)
    assert model.calls == len(lesson.batches)
    # The last batch's and this one's are alive in any loop; a few more do no harm.
    assert model.most_alive <= 5, f"{model.most_alive} graphs were alive at once"
