"""Rules 13 and 14: several classes, with labels of any kind."""

import numpy as np
import pytest

from grading.judge import expect_array, expect_close, expect_float, expect_int

pytestmark = [pytest.mark.criterion("softmax"), pytest.mark.levels("mid", "senior")]

NAME = "SoftmaxRegression"
ALPHABETS = (["pear", "Apple", "fig", "10", "9"], [30, -2, 7, 100, 4], ["b", "a", "c", "e", "d"])


def named(rng, codes, k, at):
    """Return labels whose ascending order is that of the codes, and those labels."""
    classes = sorted(ALPHABETS[at % len(ALPHABETS)][:k])
    labels = [classes[code] for code in codes]
    return (labels if rng.random() < 0.5 else np.array(labels)), classes


def draw_runs(oracle, rng, count, *, l2=False, steps=(1, 40)):
    """Draw runs, with what the oracle finds."""
    runs, wanted = [], []
    for i in range(count):
        k = 2 + i % 4
        X, codes = oracle.draw_classes(rng, int(rng.integers(24, 50)), int(rng.integers(2, 4)), k)
        # Single precision and integers hold data, but not what is computed from it.
        X = (X, X.astype(np.float32), np.round(X).astype(np.int64))[i % 3]
        y, _ = named(rng, codes, k, i)
        settings = {"lr": float(rng.uniform(0.2, 0.7)), "l2": float(rng.uniform(0.1, 0.6)) if l2 else 0.0}
        most = int(rng.integers(*steps))
        runs.append((X, y, settings | {"max_iter": most, "tol": 0.0}))
        wanted.append(oracle.softmax_descend(X, codes, steps=most, **settings))
    return runs, wanted


def check_weights(oracle, results, wanted):
    """Compare coefficients and intercepts."""
    for found, (coef, intercept, _) in zip(results, wanted, strict=True):
        expect_array(found["coef_"], "coef_", shape=coef.shape, dtype=np.float64)
        expect_array(found["intercept_"], "intercept_", shape=intercept.shape, dtype=np.float64)
        expect_close(found["coef_"], coef, "coef_", **oracle.FITTED)
        expect_close(found["intercept_"], intercept, "intercept_", **oracle.FITTED)


@pytest.mark.criterion("softmax", weight=5)
def test_softmax_steps_follow_the_gradient(inside, oracle, rng):
    runs, wanted = draw_runs(oracle, rng, 12)
    check_weights(oracle, inside.fit_all(NAME, runs), wanted)


@pytest.mark.criterion("softmax", weight=3)
def test_softmax_penalty_spares_intercepts(inside, oracle, rng):
    runs, wanted = draw_runs(oracle, rng, 8, l2=True)
    check_weights(oracle, inside.fit_all(NAME, runs), wanted)


@pytest.mark.criterion("softmax", weight=3)
def test_softmax_losses_agree_with_the_weights(inside, oracle, rng):
    # Judged by the candidate's own weights.
    for i in range(6):
        k = 2 + i % 3
        X, codes = oracle.draw_classes(rng, 30, 2, k)
        y, _ = named(rng, codes, k, i)
        l2 = float(rng.choice([0.0, 0.5]))
        found = inside.fit(NAME, X, y, lr=0.4, l2=l2, max_iter=9, tol=0.0)
        assert len(found["loss_history_"]) == 10, "loss_history_: expected one entry more than steps"
        assert float(np.abs(found["coef_"]).max()) > 0, "coef_ did not move"
        loss = oracle.softmax_objective(X, codes, found["coef_"], found["intercept_"], l2)
        expect_close(expect_float(found["loss_history_"][0], "loss_history_"), np.log(k), "first loss", **oracle.FITTED)
        expect_close(expect_float(found["loss_history_"][-1], "loss_history_"), loss, "last loss", **oracle.FITTED)


@pytest.mark.criterion("softmax", weight=3)
def test_softmax_ends_where_the_gradient_is_small(inside, oracle, rng):
    for i, l2 in enumerate((0.1, 0.4)):
        X, codes = oracle.draw_classes(rng, 40, 2, 3 + i)
        X = X / np.sqrt((X**2).sum(axis=1).mean())
        y, _ = named(rng, codes, 3 + i, i)
        tol = float(10.0 ** rng.uniform(-5, -4))
        found = inside.fit(NAME, X, y, lr=0.6, l2=l2, tol=tol, max_iter=3000)
        _, _, losses = oracle.softmax_descend(X, codes, lr=0.6, steps=3000, l2=l2, tol=tol)
        slopes = oracle.softmax_slopes(X, codes, found["coef_"], found["intercept_"], l2)
        assert max(np.abs(part).max() for part in slopes) <= tol * (1 + 1e-6), "the gradient is not within tol"
        assert abs(expect_int(found["n_iter_"], "n_iter_") - (len(losses) - 1)) <= 1
    # Balanced classes, nothing to learn: no step at all.
    found = inside.fit(NAME, np.zeros((6, 2)), ["x", "y", "z"] * 2)
    assert found["n_iter_"] == 0
    assert len(found["loss_history_"]) == 1
    # A gradient of exactly 0 is at most 0.
    assert inside.fit(NAME, np.zeros((4, 1)), [0, 1, 0, 1], tol=0.0, max_iter=5)["n_iter_"] == 0
    # Classes of unequal size, nothing else to learn: intercepts move, and with no setting given.
    codes = rng.permutation([0, 0, 0, 0, 1, 1, 1, 2, 2])
    _, _, losses = oracle.softmax_descend(np.zeros((9, 1)), codes, lr=0.1, steps=1000, tol=1e-6)
    assert 300 < len(losses) < 950
    found = inside.fit(NAME, np.zeros((9, 1)), codes + 5)
    assert abs(len(found["loss_history_"]) - len(losses)) <= 1
    X, codes = oracle.draw_classes(rng, 24, 2, 3)
    assert expect_int(inside.fit(NAME, X, codes, tol=0.0)["n_iter_"], "n_iter_") == 1000


@pytest.mark.criterion("softmax", weight=4)
def test_softmax_predicts_labels_in_the_order_of_classes(inside, oracle, rng):
    for i in range(6):
        k = 2 + i % 4
        X, codes = oracle.draw_classes(rng, 40, 3, k)
        y, classes = named(rng, codes, k, i)
        other = rng.normal(size=(25, 3))
        learned, [(probability, predicted)] = inside.predictions(NAME, X, y, [other], lr=0.5, max_iter=30)
        assert float(np.abs(learned["coef_"]).max()) > 0, "coef_ did not move"
        assert np.asarray(learned["classes_"]).tolist() == classes, "classes_: expected the labels in ascending order"
        expect_array(probability, "predict_proba", shape=(25, k), dtype=np.float64)
        wanted = oracle.softmax(other @ learned["coef_"].T + learned["intercept_"])
        expect_close(probability, wanted, "predict_proba", rtol=0.0, atol=1e-9)
        expect_array(predicted, "predict", shape=(25,))
        assert predicted.tolist() == [classes[c] for c in wanted.argmax(axis=1)]


@pytest.mark.criterion("softmax", weight=1)
def test_softmax_takes_the_first_of_equals(inside, rng):
    # Classes of equal size and a column of zeros: nothing tells them apart.
    y = ["m", "k", "m", "k", "z", "z", "z", "k", "m"]
    _, [(probability, predicted)] = inside.predictions(NAME, np.zeros((9, 1)), y, [np.ones((4, 1))], lr=0.5)
    expect_close(probability, np.full((4, 3), 1 / 3), "predict_proba", rtol=0.0, atol=1e-9)
    assert predicted.tolist() == ["k"] * 4
    # With unequal sizes, intercepts learn the shares.
    y[int(rng.choice([1, 3, 7]))] = "z"
    _, [(probability, predicted)] = inside.predictions(NAME, np.zeros((9, 1)), y, [np.ones((4, 1))], lr=1.0)
    expect_close(probability, np.tile([2 / 9, 3 / 9, 4 / 9], (4, 1)), "predict_proba", rtol=0.0, atol=1e-4)
    assert predicted.tolist() == ["z"] * 4


@pytest.mark.criterion("softmax", weight=3)
def test_softmax_of_any_logit(inside, oracle, rng):
    for size in (1.0, 100.0, 100.0):
        k = int(rng.integers(3, 5))
        while True:
            X, codes = oracle.draw_classes(rng, 18, 2, k)
            X = X * size
            coef, intercept, losses = oracle.softmax_descend(X, codes, lr=1.0, steps=1)
            # Rule 11 speaks of logits up to 10,000.
            if np.abs(X @ coef.T + intercept).max() < 1e4:
                break
        y, _ = named(rng, codes, k, 0)
        learned, [(probability, _)] = inside.predictions(NAME, X, y, [X], lr=1.0, max_iter=1, tol=0.0)
        found = [expect_float(v, "loss_history_") for v in learned["loss_history_"]]
        expect_close(found, losses, "losses", **oracle.FITTED)
        expect_close(probability, oracle.softmax(X @ coef.T + intercept), "predict_proba", rtol=0.0, atol=1e-9)


@pytest.mark.criterion("softmax", weight=2)
def test_softmax_refuses_what_it_cannot_fit(solution, inside, oracle, rng):
    X, codes = oracle.draw_classes(rng, 20, 2, 3)
    y, _ = named(rng, codes, 3, 0)
    assert inside.fit(NAME, X, y, max_iter=3, tol=0.0)["n_iter_"] == 3

    def holed(value):
        other = X.copy()
        other[3, 1] = value
        return other

    for setting in ({"lr": 0.0}, {"max_iter": 0}, {"l2": -0.1}, {"tol": -0.1}):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.SoftmaxRegression(**setting)
    for table, labels in (
        (X[:, 0], y),
        (X[:0], y[:0]),
        (holed(np.nan), y),
        (holed(np.inf), y),
        (X, list(y)[:-1]),
        (X, np.array(y)[:, None]),
        (X, ["a"] * 20),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.SoftmaxRegression().fit(table, labels)
    model = solution.SoftmaxRegression(max_iter=2)
    with pytest.raises(RuntimeError):
        model.predict_proba(X)
    model.fit(X, y)
    expect_array(model.predict_proba(X[:3]), "predict_proba", shape=(3, 3))
    for predict in (model.predict_proba, model.predict):
        with pytest.raises(ValueError):  # noqa: PT011
            predict(X[:, :1])


@pytest.mark.criterion("softmax", weight=1)
def test_softmax_fits_anew_and_leaves_inputs(inside, oracle, rng):
    first, second = oracle.draw_classes(rng, 20, 2, 4), oracle.draw_classes(rng, 20, 3, 3)
    returned, found = inside.fit_twice(NAME, first, second, lr=0.3, max_iter=8, tol=0.0)
    assert returned, "fit should return the model"
    coef, _, losses = oracle.softmax_descend(*second, lr=0.3, steps=8)
    expect_array(found["coef_"], "coef_", shape=coef.shape)
    expect_close(found["coef_"], coef, "coef_ after the second fit", **oracle.FITTED)
    assert len(found["loss_history_"]) == len(losses)
    X, y = inside.inputs_after(NAME, *first, max_iter=3)
    assert np.array_equal(X, first[0])
    assert np.array_equal(y, first[1])
