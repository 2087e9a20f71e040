"""The twelve tests of the benchmark, worth what their weights say. HIDDEN-CANARY-assignment-5e19.

Their inputs are fixed, as in every other grader's version of them, so that all do the same work.
"""

import numpy as np
import pandas as pd
import pytest

from grading.judge import expect_array, expect_close, expect_float, expect_int, expect_keys


def frame():
    ramp = np.arange(10.0)
    return pd.DataFrame({"a": ramp, "b": 2 * ramp, "t": 3 * ramp + 1})


def rows():
    """128 rows of a linear problem; the last 32 are for validation."""
    x = np.random.default_rng(0).standard_normal((128, 3)).astype(np.float32)
    return x, (x @ np.array([[1.0], [-2.0], [0.5]], dtype=np.float32) + np.float32(0.1))


def losses(history, key):
    expect_keys(history, "history", ["train_loss", "val_loss", "best_epoch"])
    assert type(history[key]) is list
    return [expect_float(value, key) for value in history[key]]


@pytest.mark.criterion("f1", weight=5)
def test_f1_of_a_perfect_guess(solution):
    assert expect_float(solution.f1_score([1, 0, 1, 1], [1, 0, 1, 1]), "f1") == pytest.approx(1.0)


@pytest.mark.criterion("f1", weight=10)
def test_f1_of_a_mixed_guess(solution):
    score = solution.f1_score([1, 1, 1, 0, 0, 0, 1, 0], [1, 0, 1, 0, 1, 0, 1, 0])
    assert expect_float(score, "f1") == pytest.approx(0.75)


@pytest.mark.criterion("f1", weight=5)
def test_f1_without_a_predicted_one(solution):
    assert expect_float(solution.f1_score([0, 0, 1], [0, 0, 0]), "f1") == 0.0


@pytest.mark.criterion("f1", weight=5)
def test_f1_refuses_unequal_lengths(solution):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
        solution.f1_score([1, 0], [1])


@pytest.mark.criterion("f1", weight=10)
def test_f1_of_random_labels(solution):
    draw = np.random.default_rng(7)
    truth, guess = draw.integers(0, 2, 200), draw.integers(0, 2, 200)
    expected = 2 * int((truth & guess).sum()) / int(truth.sum() + guess.sum())
    assert expect_float(solution.f1_score(truth, guess), "f1") == pytest.approx(expected)


@pytest.mark.criterion("windows", weight=5)
def test_windows_have_their_shapes(solution):
    X, y = solution.make_windows(frame(), 3, 1, "t")
    expect_array(X, "X", shape=(7, 3, 2))
    expect_array(y, "y", shape=(7,))


@pytest.mark.criterion("windows", weight=10)
def test_windows_hold_the_right_values(solution):
    X, y = solution.make_windows(frame(), 3, 1, "t")
    expect_close(expect_array(X, "X")[0], frame()[["a", "b"]].to_numpy()[:3], "X[0]", rtol=0, atol=0)
    assert float(expect_array(y, "y")[0]) == pytest.approx(10.0)


@pytest.mark.criterion("windows", weight=10)
def test_windows_look_as_far_ahead_as_the_horizon(solution):
    X, y = solution.make_windows(frame(), 3, 4, "t")
    assert len(expect_array(X, "X")) == 4
    assert expect_array(y, "y").tolist() == [19.0, 22.0, 25.0, 28.0]


@pytest.mark.criterion("windows", weight=5)
def test_windows_of_too_short_a_frame_are_empty(solution):
    X, y = solution.make_windows(frame().head(3), 3, 1, "t")
    assert (len(expect_array(X, "X")), len(expect_array(y, "y"))) == (0, 0)


@pytest.mark.criterion("early_stopping", weight=10)
def test_training_lowers_the_validation_loss(solution, inside):
    x, y = rows()
    run = inside.linear_run(x[:96], y[:96], x[96:], y[96:])
    history = solution.train_early_stopping(run.model, run.train_loader, run.val_loader, 5, 30)
    val_loss = losses(history, "val_loss")
    assert val_loss[-1] < 0.5 * val_loss[0]


@pytest.mark.criterion("early_stopping", weight=10)
def test_training_stops_when_patience_is_used_up(solution, inside):
    x, y = rows()
    run = inside.linear_run(x[:96], y[:96], x[96:], -y[96:])
    history = solution.train_early_stopping(run.model, run.train_loader, run.val_loader, 3, 50)
    assert len(losses(history, "val_loss")) == expect_int(history["best_epoch"], "best_epoch") + 4


@pytest.mark.criterion("early_stopping", weight=15)
def test_best_weights_come_back(solution, inside):
    x, y = rows()
    run = inside.linear_run(x[:96], y[:96], x[96:], -y[96:])
    history = solution.train_early_stopping(run.model, run.train_loader, run.val_loader, 3, 50)
    weight, bias = inside.weights(run)
    weight, bias = expect_array(weight, "weight", shape=(1, 3)), expect_array(bias, "bias", shape=(1,))
    loss = float(np.mean((x[96:] @ weight.T + bias + y[96:]) ** 2))
    assert abs(loss - min(losses(history, "val_loss"))) < 1e-4
