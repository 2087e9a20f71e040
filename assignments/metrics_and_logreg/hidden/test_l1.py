"""Rules 16 and 17: proximal steps, and the optimum by its own conditions."""

import numpy as np
import pytest

from grading.judge import expect_array, expect_close, expect_float, expect_int

pytestmark = pytest.mark.levels("senior")

NAME = "fit_l1"


def run(inside, runs):
    """Return (coefficients, intercept, steps) of each (X, y, settings), checked for their types."""
    checked = []
    for (X, _, _), found in zip(runs, inside.call(NAME, [((X, y), more) for X, y, more in runs]), strict=True):
        assert type(found) in (tuple, list), "fit_l1: expected a tuple of three"
        assert len(found) == 3, "fit_l1: expected three values"
        coef = expect_array(found[0], "coefficients", shape=(np.shape(X)[1],), dtype=np.float64)
        checked.append((coef, expect_float(found[1], "intercept"), expect_int(found[2], "steps")))
    return checked


def draw_sparse(oracle, rng, n=60, d=4, noise=3):
    """Draw a task with some features that say nothing, columns of like size."""
    X, y = oracle.draw_task(rng, n, d - noise)
    X = np.column_stack([X, rng.normal(size=(n, noise))])[:, rng.permutation(d)]
    return X / np.sqrt((X**2).sum(axis=1).mean() / 2), y


def largest_slope(oracle, X, y):
    """Return the l1 from which on all coefficients are zero: the gradient where only the intercept is fitted."""
    rate = float(np.mean(y))
    return float(np.abs(oracle.slopes(X, y, np.zeros(X.shape[1]), np.log(rate / (1 - rate)))[0]).max())


@pytest.mark.criterion("l1_solver", weight=4)
def test_steps_shrink_by_lr_times_l1(inside, oracle, rng):
    runs = []
    for _ in range(16):
        X, y = draw_sparse(oracle, rng, 30)
        settings = {"l1": float(rng.uniform(0.01, 0.12)), "lr": float(rng.uniform(0.2, 0.9))}
        runs.append((X, y, settings | {"max_iter": int(rng.integers(1, 40)), "tol": 0.0}))
    for (X, y, more), (coef, intercept, _) in zip(runs, run(inside, runs), strict=True):
        wanted = oracle.proximal(X, y, l1=more["l1"], lr=more["lr"], steps=more["max_iter"])
        expect_close(coef, wanted[0], "coefficients", **oracle.FITTED)
        expect_close(intercept, wanted[1], "intercept", **oracle.FITTED)


@pytest.mark.criterion("l1_solver", weight=4)
def test_optimum_meets_its_conditions(inside, oracle, rng):
    runs = []
    for share in (0.25, 0.5, 0.75):
        X, y = draw_sparse(oracle, rng)
        runs.append((X, y, {"l1": share * largest_slope(oracle, X, y), "lr": 0.8, "tol": 1e-8, "max_iter": 5000}))
    for (X, y, more), (coef, intercept, _) in zip(runs, run(inside, runs), strict=True):
        by_coef, by_intercept = oracle.slopes(X, y, coef, intercept)
        zero = coef == 0.0
        assert (np.abs(by_coef[zero]) <= more["l1"] + 1e-6).all(), "a coefficient is zero and should not be"
        assert (np.abs(by_coef + more["l1"] * np.sign(coef))[~zero] <= 1e-6).all(), (
            "a coefficient is not at its optimum"
        )
        assert abs(by_intercept) <= 1e-6, "the intercept is not at its optimum"


@pytest.mark.criterion("l1_solver", weight=3)
def test_coefficients_become_exactly_zero(inside, oracle, rng):
    for _ in range(3):
        X, y = draw_sparse(oracle, rng)
        bound = largest_slope(oracle, X, y)
        settings = {"lr": 0.8, "tol": 1e-8, "max_iter": 5000}
        shares = (1.05, 0.6, 0.1)
        found = run(inside, [(X, y, settings | {"l1": share * bound}) for share in shares])
        rate = float(y.mean())
        assert (found[0][0] == 0.0).all(), "every coefficient should be exactly 0.0"
        expect_close(found[0][1], np.log(rate / (1 - rate)), "intercept", rtol=1e-5, atol=1e-5)
        for share, (coef, _, _) in zip(shares, found, strict=True):
            wanted, _, _ = oracle.proximal(X, y, l1=share * bound, **{"lr": 0.8, "tol": 1e-8, "steps": 5000})
            assert np.array_equal(coef == 0.0, wanted == 0.0), "other coefficients are zero"


@pytest.mark.criterion("l1_solver", weight=2)
def test_without_l1_it_is_gradient_descent(inside, oracle, rng):
    runs = []
    for _ in range(6):
        X, y = oracle.draw_task(rng, 25, 3)
        runs.append((X, y, {"l1": 0.0, "lr": 0.4, "max_iter": int(rng.integers(1, 30)), "tol": 0.0}))
    X, y = oracle.draw_task(rng, 25, 2)
    runs.append((X.astype(np.float32), y.tolist(), {"l1": 0.0, "max_iter": 20, "tol": 0.0}))
    for (X, y, more), (coef, intercept, steps) in zip(runs, run(inside, runs), strict=True):
        wanted = oracle.descend(X, y, lr=more.get("lr", 0.1), steps=more["max_iter"])
        expect_close(coef, wanted[0], "coefficients", **oracle.FITTED)
        expect_close(intercept, wanted[1], "intercept", **oracle.FITTED)
        assert steps == more["max_iter"]


@pytest.mark.criterion("l1_solver", weight=3)
def test_l1_stops_after_the_first_small_move(inside, oracle, rng):
    runs = []
    for _ in range(6):
        X, y = draw_sparse(oracle, rng, 40)
        tol = float(10.0 ** rng.uniform(-5, -3))
        runs.append((X, y, {"l1": float(rng.uniform(0.01, 0.06)), "lr": 0.6, "tol": tol, "max_iter": 4000}))
    # The first step moves nothing; and only the intercept moves.
    still, uneven = np.zeros((4, 1)), [1, 1, 1, 0]
    runs += [(still, [0, 1, 0, 1], {"l1": 0.1, "tol": tol}) for tol in (1e-6, 0.0)]
    runs += [(still, uneven, {"l1": 0.1, "tol": 1e-3, "lr": 0.5})]
    # Settings that are not given: 1,000 steps, or until 1e-6.
    X, y = draw_sparse(oracle, rng, 40)
    runs += [(np.zeros((8, 1)), uneven * 2, {"l1": 0.1})]
    [(_, _, steps)] = run(inside, [(X, y, {"l1": 0.05, "tol": 0.0})])
    assert steps == 1000
    for (X, y, more), (_, _, steps) in zip(runs, run(inside, runs), strict=True):
        most = more.get("max_iter", 1000)
        wanted = oracle.proximal(X, y, l1=more["l1"], lr=more.get("lr", 0.1), steps=most, tol=more.get("tol", 1e-6))
        assert wanted[2] < most
        assert abs(steps - wanted[2]) <= (wanted[2] > 1), "another number of steps"


@pytest.mark.criterion("l1_solver", weight=1)
def test_l1_of_far_logits(inside, oracle, rng):
    while True:
        X, y = draw_sparse(oracle, rng, 20)
        X = X * 100
        middle, wanted = (oracle.proximal(X, y, l1=0.5, lr=1.0, steps=steps) for steps in (1, 2))
        # Above 710, where exp overflows, and on both sides of 0.
        z = X @ middle[0] + middle[1]
        if z.max() > 800 and z.min() < -800 and np.abs(z).max() < 1e4:
            break
    [(coef, intercept, _)] = run(inside, [(X, y, {"l1": 0.5, "lr": 1.0, "max_iter": 2, "tol": 0.0})])
    expect_close(coef, wanted[0], "coefficients", **oracle.FITTED)
    expect_close(intercept, wanted[1], "intercept", **oracle.FITTED)


@pytest.mark.criterion("l1_solver", weight=1)
def test_l1_leaves_inputs(inside, oracle, rng):
    X, y = draw_sparse(oracle, rng, 20)
    whole = np.round(X * 3).astype(np.int64)
    for table, labels in ((X, y), (X, y.tolist()), (whole, y.astype(bool)), (X, y.astype(np.uint8))):
        after, labels_after = inside.arguments_after(NAME, (table, labels), l1=0.1, lr=0.2, max_iter=5)
        assert np.array_equal(after, table)
        assert np.array_equal(labels_after, labels)
        wanted = oracle.proximal(table, labels, l1=0.1, lr=0.2, steps=5)
        [(coef, _, _)] = run(inside, [(table, labels, {"l1": 0.1, "lr": 0.2, "max_iter": 5})])
        expect_close(coef, wanted[0], "coefficients", **oracle.FITTED)


@pytest.mark.criterion("l1_solver", weight=2)
def test_l1_refuses_what_it_cannot_fit(solution, inside, oracle, rng):
    X, y = draw_sparse(oracle, rng, 20)
    [(_, _, steps)] = run(inside, [(X, y, {"l1": 0.0, "max_iter": 3, "tol": 0.0})])
    assert steps == 3
    for bad in ({"l1": -0.1}, {"lr": 0.0}, {"lr": -1.0}, {"max_iter": 0}, {"tol": -1e-3}):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.fit_l1(X, y, **({"l1": 0.1} | bad))
    holed = X.copy()
    holed[3, 1] = np.nan
    for table, labels in (
        (X[:, 0], y),
        (holed, y),
        (X[:0], y[:0]),
        (X, y[:-1]),
        (X, y + 1),
        (X, np.ones(20, dtype=int)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.fit_l1(table, labels, l1=0.1)
