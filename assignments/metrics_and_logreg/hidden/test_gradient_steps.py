"""Rules 6 to 8 without penalty: every step is the gradient's, and every loss the objective's.

Logits stay small here, so that a loss that fails far out costs nothing.
"""

import numpy as np
import pytest

from grading.judge import expect_close, expect_float


def draw_runs(oracle, rng, count, steps, **settings):
    """Draw data, a step size and a number of steps."""
    runs = []
    for _ in range(count):
        X, y = oracle.draw_task(rng, int(rng.integers(12, 30)), int(rng.integers(1, 5)))
        most = int(rng.integers(*steps))
        runs.append((X, y, {"lr": float(rng.uniform(0.1, 0.6)), "max_iter": most, "tol": 0.0, **settings}))
    return runs


def follow(oracle, X, y, settings):
    """Return what the oracle finds for a run."""
    return oracle.descend(
        X, y, lr=settings["lr"], steps=settings["max_iter"], fit_intercept=settings.get("fit_intercept", True)
    )


def check_weights(oracle, runs, results):
    """Compare coefficients and intercepts."""
    for (X, y, settings), found in zip(runs, results, strict=True):
        coef, intercept, _ = follow(oracle, X, y, settings)
        expect_close(found["coef_"], coef, "coef_", **oracle.FITTED)
        expect_close(expect_float(found["intercept_"], "intercept_"), intercept, "intercept_", **oracle.FITTED)


@pytest.mark.criterion("gradient_steps", weight=4)
def test_first_step_follows_the_gradient(inside, oracle, rng):
    runs = draw_runs(oracle, rng, 20, (1, 2))
    check_weights(oracle, runs, inside.fit_all("LogisticRegression", runs))


@pytest.mark.criterion("gradient_steps", weight=4)
def test_many_steps_follow_the_gradient(inside, oracle, rng):
    runs = draw_runs(oracle, rng, 12, (2, 60))
    check_weights(oracle, runs, inside.fit_all("LogisticRegression", runs))


@pytest.mark.criterion("gradient_steps", weight=3)
def test_losses_before_and_after_each_step(inside, oracle, rng):
    runs = draw_runs(oracle, rng, 12, (1, 30))
    for (X, y, settings), found in zip(runs, inside.fit_all("LogisticRegression", runs), strict=True):
        _, _, losses = follow(oracle, X, y, settings)
        history = found["loss_history_"]
        assert len(history) == settings["max_iter"] + 1, "loss_history_: expected one entry more than steps"
        expect_close(
            [expect_float(loss, "loss_history_") for loss in history], losses, "loss_history_", **oracle.FITTED
        )


@pytest.mark.criterion("gradient_steps", weight=2)
def test_losses_agree_with_the_weights(inside, oracle, rng):
    # Judged by the candidate's own weights: the last loss is the objective at what was returned.
    runs = draw_runs(oracle, rng, 12, (3, 40))
    for (X, y, _), found in zip(runs, inside.fit_all("LogisticRegression", runs), strict=True):
        assert float(np.abs(found["coef_"]).max()) > 0, "coef_ did not move"
        loss = oracle.objective(X, y, found["coef_"], found["intercept_"])
        expect_close(expect_float(found["loss_history_"][-1], "loss_history_"), loss, "the last loss", **oracle.FITTED)


@pytest.mark.criterion("gradient_steps", weight=2)
def test_steps_without_intercept(inside, oracle, rng):
    runs = draw_runs(oracle, rng, 10, (1, 30), fit_intercept=False)
    results = inside.fit_all("LogisticRegression", runs)
    check_weights(oracle, runs, results)
    assert all(found["intercept_"] == 0 for found in results)


@pytest.mark.criterion("gradient_steps", weight=1)
def test_settings_that_are_not_given(inside, oracle, rng):
    X, y = oracle.draw_task(rng, 24, 2)
    coef, _, losses = oracle.descend(X, y, lr=0.1, steps=25)
    expect_close(inside.fit("LogisticRegression", X, y, max_iter=25)["coef_"], coef, "coef_", **oracle.FITTED)
    # 1,000 steps of 0.1 unless the gradient is below 1e-6 before.
    _, _, losses = oracle.descend(X, y, lr=0.1, steps=1000, tol=1e-6)
    found = inside.fit("LogisticRegression", X, y)
    assert abs(len(found["loss_history_"]) - len(losses)) <= 1
    expect_close(float(found["loss_history_"][-1]), losses[-1], "the last loss", rtol=1e-6, atol=0.0)
    # Only the intercept has something to learn, and arrives before 1,000 steps.
    X, y = np.zeros((8, 1)), [0, 1, 1, 0, 1, 1, 1, 0]
    _, _, losses = oracle.descend(X, y, lr=0.1, steps=1000, tol=1e-6)
    assert 300 < len(losses) < 900
    assert abs(len(inside.fit("LogisticRegression", X, y)["loss_history_"]) - len(losses)) <= 1
