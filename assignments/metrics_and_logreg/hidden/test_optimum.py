"""Rules 6, 8 and 9: the penalty, when to stop, and where the descent ends."""

import numpy as np
import pytest

from grading.judge import expect_close, expect_float, expect_int

# Dalal, Fowlkes and Hoadley 1989: joint temperature (°F) of 23 shuttle flights, and whether an O-ring was damaged.
TEMPERATURES = (66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78, 67, 53, 67, 75, 70, 81, 76, 79, 75, 76, 58)
DAMAGED = (0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1)


def draw_task(oracle, rng):
    """Draw a task with columns of like size."""
    X, y = oracle.draw_task(rng, int(rng.integers(30, 60)), int(rng.integers(2, 4)))
    return X / np.sqrt((X**2).sum(axis=1).mean() / 2), y


def draw_quick_task(oracle, rng, **settings):
    """Draw a task whose descent is over after some hundred steps; return it with that number."""
    while True:
        X, y = draw_task(oracle, rng)
        _, _, losses = oracle.descend(X, y, steps=800, **settings)
        if len(losses) <= 800:
            return X, y, len(losses) - 1


@pytest.mark.criterion("optimum", weight=4)
def test_penalty_is_half_the_squares_of_coefficients_alone(inside, oracle, rng):
    runs = []
    for _ in range(12):
        X, y = draw_task(oracle, rng)
        settings = {"lr": float(rng.uniform(0.2, 0.8)), "l2": float(rng.uniform(0.2, 0.9)), "tol": 0.0}
        runs.append((X, y, settings | {"max_iter": int(rng.integers(2, 30))}))
    for (X, y, settings), found in zip(runs, inside.fit_all("LogisticRegression", runs), strict=True):
        coef, intercept, _ = oracle.descend(X, y, lr=settings["lr"], steps=settings["max_iter"], l2=settings["l2"])
        expect_close(found["coef_"], coef, "coef_", **oracle.FITTED)
        expect_close(expect_float(found["intercept_"], "intercept_"), intercept, "intercept_", **oracle.FITTED)


@pytest.mark.criterion("optimum", weight=3)
def test_losses_hold_the_penalty(inside, oracle, rng):
    for _ in range(6):
        X, y = draw_task(oracle, rng)
        l2 = float(rng.uniform(0.2, 0.9))
        found = inside.fit("LogisticRegression", X, y, lr=0.5, l2=l2, max_iter=12, tol=0.0)
        assert float(np.abs(found["coef_"]).max()) > 0, "coef_ did not move"
        loss = oracle.objective(X, y, found["coef_"], found["intercept_"], l2)
        expect_close(expect_float(found["loss_history_"][-1], "loss_history_"), loss, "the last loss", **oracle.FITTED)


@pytest.mark.criterion("optimum", weight=4)
def test_descent_ends_where_the_gradient_is_small(inside, oracle, rng):
    for l2 in (0.0, 0.05, 0.5, 0.2):
        tol = float(10.0 ** rng.uniform(-6, -4))
        X, y, steps = draw_quick_task(oracle, rng, lr=0.8, l2=l2, tol=tol)
        found = inside.fit("LogisticRegression", X, y, lr=0.8, l2=l2, tol=tol, max_iter=2000)
        by_coef, by_intercept = oracle.slopes(X, y, found["coef_"], found["intercept_"], l2)
        assert max(*np.abs(by_coef), abs(by_intercept)) <= tol * (1 + 1e-6), "the gradient is not within tol"
        assert abs(expect_int(found["n_iter_"], "n_iter_") - steps) <= 1
        assert len(found["loss_history_"]) == found["n_iter_"] + 1


@pytest.mark.criterion("optimum", weight=2)
def test_tol_looks_at_every_entry_of_the_gradient(inside, oracle, rng):
    # Shares of classes that the start already has right, a feature that still pulls; and the other way round.
    n = int(rng.integers(5, 12))
    x = rng.uniform(0.5, 1.5, 2 * n)
    y = np.array([0, 1] * n)
    pulled = np.where(y == 1, x, x - 3.0)[:, None]
    pulled -= pulled.mean()
    flat = np.zeros((2 * n, 2))
    uneven = np.append(np.ones(n + 2, dtype=int), np.zeros(n - 2, dtype=int))
    small = (1e-3 * rng.permutation(np.array([-1.0, 1.0] * n)))[:, None]
    steps_by_hand = []
    for X, labels in ((pulled, y), (flat, y), (flat, uneven), (small, uneven)):
        found = inside.fit("LogisticRegression", X, labels, lr=0.5, tol=1e-2, max_iter=400)
        _, _, losses = oracle.descend(X, labels, lr=0.5, steps=400, tol=1e-2)
        steps_by_hand.append(len(losses) - 1)
        assert abs(expect_int(found["n_iter_"], "n_iter_") - (len(losses) - 1)) <= (len(losses) > 1)
        assert len(found["loss_history_"]) == found["n_iter_"] + 1
    assert steps_by_hand[1] == 0
    assert min(steps_by_hand[0], steps_by_hand[2], steps_by_hand[3]) > 3
    # Without an intercept its slope is of no interest.
    found = inside.fit("LogisticRegression", flat, uneven, tol=1e-2, fit_intercept=False)
    assert found["n_iter_"] == 0
    # A gradient of exactly 0 is at most 0.
    found = inside.fit("LogisticRegression", flat, uneven, tol=0.0, max_iter=5, fit_intercept=False)
    assert found["n_iter_"] == 0


@pytest.mark.criterion("optimum", weight=2)
def test_no_more_than_max_iter_steps(inside, oracle, rng):
    X, y = draw_task(oracle, rng)
    for most in (1, 2, int(rng.integers(3, 20))):
        found = inside.fit("LogisticRegression", X, y, lr=0.3, tol=0.0, max_iter=most)
        assert expect_int(found["n_iter_"], "n_iter_") == most
        assert float(np.abs(found["coef_"]).max()) > 0, "coef_ did not move"
        gap = [float(np.abs(found["coef_"] - oracle.descend(X, y, lr=0.3, steps=s)[0]).max()) for s in (most, most + 1)]
        assert gap[0] < gap[1], "another number of steps was taken"


@pytest.mark.criterion("optimum", weight=2)
def test_optimum_of_a_known_study(inside):
    X = (np.array(TEMPERATURES)[:, None] - 70.0) / 10.0
    found = inside.fit("LogisticRegression", X, list(DAMAGED), lr=2.0, tol=1e-8, max_iter=5000)
    # Dalal et al. give logit p = 15.043 - 0.2322 t.
    slope = float(found["coef_"][0]) / 10
    assert abs(slope + 0.2322) < 1e-4
    assert abs(found["intercept_"] - 70 * slope - 15.043) < 1e-3
