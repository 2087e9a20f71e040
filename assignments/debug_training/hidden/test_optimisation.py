"""Criterion optimisation: rules 8 to 11 and 16. Each promise has a probe; the last check asks them all.

Most probes use `inside.Line` with its mean output as the loss: the gradient of a batch is the mean of its inputs,
whatever the weights are, so what one step does tells nothing of another bug than its own.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grading.judge import expect_close, expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("junior", "mid")


def step_lines(solution, inside, blocks, *, training=True, loss_fn=None, **options):
    """Train an epoch at a rate of 1 on batches that are these blocks (rows, weights); return the weights."""
    x = torch.tensor(np.concatenate(blocks))
    loader = inside.Batches(x, torch.zeros(len(x), dtype=torch.float64), [len(block) for block in blocks])
    model = inside.Line(x.shape[1])
    model.train(training)
    solution.train_one_epoch(model, loader, inside.sgd(model, 1.0), loss_fn or inside.mean_output, **options)
    return expect_tensor(fetch(model.w), "the weights", shape=(x.shape[1],)).detach().numpy()


def one_hot_blocks(rng, batches, size=1.0):
    """Batch number k moves weight number k alone."""
    return [size * np.repeat(np.eye(batches)[k : k + 1], int(rng.integers(1, 5)), axis=0) for k in range(batches)]


def a_step_uses_its_own_batch(solution, inside, oracle, rng):
    moved = -step_lines(solution, inside, one_hot_blocks(rng, 5))
    expect_close(moved, np.ones(5), "how far each of five batches moved its weight", rtol=1e-6, atol=0)


def a_step_follows_every_loss(solution, inside, oracle, rng):
    """The loss is infinite here, but the gradient is not."""
    moved = -step_lines(solution, inside, one_hot_blocks(rng, 3), loss_fn=inside.infinite_loss)
    expect_close(moved, np.ones(3), "how far each of three batches moved its weight", rtol=1e-6, atol=0)


def long_gradients_are_cut(solution, inside, oracle, rng):
    """The last batch's weight moves as far as the limit; gradients that pile up turn the step by a few degrees only."""
    size, limit = rng.uniform(20, 40), rng.uniform(0.5, 2)
    moved = -step_lines(solution, inside, one_hot_blocks(rng, 4, size), max_norm=float(limit))[-1]
    assert 0.9 * limit < moved < 1.001 * limit


def the_norm_is_of_the_whole_gradient(solution, inside, oracle, rng):
    row = np.array([3.0, 4.0, 12.0])  # a norm of 13
    for limit, expected in ((2.0, row * 2 / 13), (20.0, row), (None, row)):
        model = inside.Halves(1, 2)
        loader = inside.Batches(torch.tensor(row[None]), torch.zeros(1, dtype=torch.float64), [1])
        optimizer = inside.sgd(model, 1.0)
        solution.train_one_epoch(model, loader, optimizer, inside.mean_output, max_norm=limit)
        moved = -np.concatenate([p.numpy() for p in fetch(inside.parameters(model))])
        expect_close(moved, expected, f"a step with max_norm={limit}", rtol=1e-4, atol=1e-9)


def steps_are_taken_in_train_mode(solution, inside, oracle, rng):
    for training in (True, False):
        moved = -step_lines(solution, inside, one_hot_blocks(rng, 4), training=training)
        assert moved[-1] > 0.5, "in eval mode this model steps backwards"


def so_is_the_first_step(solution, inside, oracle, rng):
    moved = -step_lines(solution, inside, one_hot_blocks(rng, 4), training=False)
    assert moved[0] > 0, "in eval mode this model steps backwards"


def the_model_itself_moves(solution, inside, oracle, rng):
    model = inside.MatricesAndVectors(int(rng.integers(2**31)))
    optimizer = solution.make_optimizer(model, lr=0.1, weight_decay=0.0)
    for before, after in fetch(inside.step_on_model(model, optimizer)):
        assert (before - after > 1e-3).all(), "a step against a gradient of one lowers every weight of the model"


def own_tensors(solution, inside, rng, gradient, steps=1, **options):
    model = inside.MatricesAndVectors(int(rng.integers(2**31)))
    pairs = fetch(inside.grouped_step(solution.make_optimizer(model, **options), gradient, steps))
    assert sorted(tuple(p.shape) for p, _ in pairs) == sorted([(4, 3), (4,), (2, 4), (2,), (2,), (2,), (2, 3, 2), ()])
    return pairs


def biases_do_not_decay(solution, inside, oracle, rng):
    for before, after in own_tensors(solution, inside, rng, 0.0, lr=0.1, weight_decay=0.3):
        if before.dim() > 1:
            assert (after.abs() < before.abs()).all(), "weights decay"
        else:
            assert torch.equal(after, before), "biases, other vectors and scalars do not"


def the_rate_is_the_one_asked_for(solution, inside, oracle, rng):
    for lr in (float(rng.uniform(0.01, 0.04)), float(rng.uniform(1.1, 2))):
        for before, after in own_tensors(solution, inside, rng, 1.0, lr=lr, weight_decay=0.0):
            expect_close((before - after) / lr, np.ones(before.shape), "a first step by its rate", rtol=1e-6, atol=0)


def decay_and_momentum_have_their_sizes(solution, inside, oracle, rng):
    lr, decay = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.1, 0.5))
    for before, after in own_tensors(solution, inside, rng, 1.0, steps=4, lr=lr, weight_decay=decay):
        expected, velocity = before.numpy().copy(), 0.0
        for _ in range(4):
            velocity = oracle.MOMENTUM * velocity + 1 + (decay if before.dim() > 1 else 0) * expected
            expected = expected - lr * velocity
        expect_close(after, expected, "four steps with momentum", rtol=1e-6, atol=1e-9)


def play_rates(inside, rng, rows_of_batch, epochs=12):
    """Half of the rows train and half validate, in whole batches."""
    x, y = rng.normal(size=(40, 3)), np.arange(40) % 3
    lr = float(rng.uniform(0.003, 0.01))
    options = {"epochs": epochs, "lr": lr, "batch_size": rows_of_batch, "val_fraction": 0.5, "dropout": 0.0}
    rates, told = (fetch(found) for found in inside.rates_of_fit(x, y, seed=int(rng.integers(1000)), **options))
    assert len(rates) % epochs == 0
    assert len(rates) >= epochs
    return lr, [rates[i * len(rates) // epochs : (i + 1) * len(rates) // epochs] for i in range(epochs)], told


def the_rate_is_halved_after_five_epochs(solution, inside, oracle, rng):
    """Relative to the first one, so that a rate which is wrong from the start is another bug's business."""
    _, epochs, told = play_rates(inside, rng, 20, epochs=22)
    expected = [0.5 ** (number // oracle.HALVE_EVERY) for number in range(len(epochs))]
    expect_close(np.array([e[0] / epochs[0][0] for e in epochs]), expected, "rates of epochs", rtol=1e-6, atol=0)
    assert len(told) == len(epochs)
    expect_close(np.array(told) / told[0], expected, "rates in the history", rtol=1e-6, atol=0)


def the_rate_is_the_same_throughout_an_epoch(solution, inside, oracle, rng):
    lr, epochs, told = play_rates(inside, rng, 5, epochs=7)
    for number, rates in enumerate(epochs):
        expected = lr * 0.5 ** (number // oracle.HALVE_EVERY)
        expect_close(np.array([*rates, told[number]]), np.full(len(rates) + 1, expected), "rates", rtol=1e-6, atol=0)


def the_largest_class_has_an_output(solution, inside, oracle, rng):
    """Class 1 has no row. The largest has one: it is hardly ever among the four that train, but counts all the same."""
    x, y = rng.normal(size=(40, 3)), np.array([0, 2] * 19 + [0, 4])
    for seed in rng.integers(1000, size=2):
        result = solution.fit(x, y, epochs=1, batch_size=8, val_fraction=0.9, seed=int(seed))
        assert [len(p) for p in fetch(inside.parameters(result.model))][-2:] == [5, 5], "outputs of the last layer"


def a_gpu_trains_the_same(solution, inside, oracle, rng):
    weight, x = rng.normal(size=(3, 4)), rng.normal(size=(7, 4))
    y = rng.integers(0, 3, 7)
    tensors = torch.tensor(weight), torch.tensor(x), torch.tensor(y)
    loss, moved = inside.train_on_gpu(*tensors, [4, 3], 0.2)
    total = 0.0
    for rows in (slice(0, 4), slice(4, 7)):
        logits = x[rows] @ weight.T
        total += oracle.cross_entropy(logits, y[rows]) * len(y[rows])
        slope = np.exp(oracle.log_softmax(logits))
        slope[np.arange(len(slope)), y[rows]] -= 1
        weight = weight - 0.2 * slope.T @ x[rows] / len(slope)
    expect_close(expect_tensor(moved, "the weights"), weight, "the weights", rtol=1e-6, atol=1e-9)
    assert expect_float(loss, "train_one_epoch") == pytest.approx(total / 7)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gradients_add_up")
def test_no_batch_moves_its_weight_more_than_once(solution, inside, oracle, rng):
    moved = -step_lines(solution, inside, one_hot_blocks(rng, 5))
    assert (moved[:-1] < 1.001).all(), "a gradient was used again after its own batch"
    a_step_uses_its_own_batch(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("clipped_too_early")
def test_a_gradient_is_cut_before_its_step(solution, inside, oracle, rng):
    long_gradients_are_cut(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("trained_in_eval_mode")
def test_an_epoch_trains_in_train_mode(solution, inside, oracle, rng):
    steps_are_taken_in_train_mode(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("optimizer_on_a_copy")
def test_the_optimizer_moves_the_model(solution, inside, oracle, rng):
    the_model_itself_moves(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("biases_decay")
def test_weights_decay_and_biases_do_not(solution, inside, oracle, rng):
    biases_do_not_decay(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("rate_ignored")
def test_a_step_has_the_length_asked_for(solution, inside, oracle, rng):
    the_rate_is_the_one_asked_for(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("scheduler_steps_first")
def test_the_rate_stays_for_five_epochs(solution, inside, oracle, rng):
    the_rate_is_halved_after_five_epochs(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation")
def test_every_rule_of_the_steps_holds(solution, inside, oracle, rng):
    for probe in (
        a_step_uses_its_own_batch,
        long_gradients_are_cut,
        the_norm_is_of_the_whole_gradient,
        steps_are_taken_in_train_mode,
        so_is_the_first_step,
        the_model_itself_moves,
        biases_do_not_decay,
        the_rate_is_the_one_asked_for,
        decay_and_momentum_have_their_sizes,
        the_rate_is_halved_after_five_epochs,
        the_rate_is_the_same_throughout_an_epoch,
        a_step_follows_every_loss,
        the_largest_class_has_an_output,
        a_gpu_trains_the_same,
    ):
        probe(solution, inside, oracle, rng)
