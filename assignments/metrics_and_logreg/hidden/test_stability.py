"""Rules 8 and 10 to 12: large logits, types, errors, and what a model keeps."""

import numpy as np
import pytest

from grading.judge import expect_array, expect_close, expect_float, expect_int

NAME = "LogisticRegression"


def small_fit(oracle, rng):
    """Return a task and settings under which a fit is quick and takes all its steps, as the oracle does."""
    X, y = oracle.draw_task(rng, 20, 2)
    # One draw in some thousands comes within the default tol before its last step.
    return X, y, {"lr": 0.4, "max_iter": int(rng.integers(10, 40)), "tol": 0.0}


@pytest.mark.criterion("stability", weight=3)
def test_probabilities_of_any_logit(inside, oracle, rng):
    for reach in (3.0, 40.0, 1e3, 1e4):
        X, y, settings = small_fit(oracle, rng)
        _, [(probe, _)] = inside.predictions(NAME, X, y, [X], **settings)
        expect_array(probe, "predict_proba", shape=(20, 2), dtype=np.float64)
        learned = inside.fit(NAME, X, y, **settings)
        scale = reach / np.abs(X @ learned["coef_"]).max()
        learned, [(found, _)] = inside.predictions(NAME, X, y, [X * scale], **settings)
        z = (X * scale) @ learned["coef_"] + learned["intercept_"]
        expect_close(found[:, 1], oracle.sigmoid(z), "probability of class 1", rtol=0.0, atol=1e-9)
        expect_close(found[:, 0], oracle.sigmoid(-z), "probability of class 0", rtol=0.0, atol=1e-9)


@pytest.mark.criterion("stability", weight=4)
def test_losses_of_any_logit(inside, oracle, rng):
    for size in (30.0, 120.0, 120.0):
        # As many rows on either side, so that there are two classes whatever is drawn.
        X = rng.uniform(0.4, 1.0, (12, 2)) * rng.permutation([-1.0, 1.0] * 6)[:, None] * size
        # Every third label is on the wrong side: it costs as much as its logit is large.
        y = (X[:, 0] > 0).astype(int)
        y[::3] = 1 - y[::3]
        found = inside.fit(NAME, X, y, lr=1.0, max_iter=1, tol=0.0)
        coef, intercept, losses = oracle.descend(X, y, lr=1.0, steps=1)
        assert 50 < np.abs(X @ coef + intercept).max() < 1e4
        expect_close(
            [expect_float(v, "loss_history_") for v in found["loss_history_"]], losses, "losses", **oracle.FITTED
        )
        # The step after it starts far out.
        coef, _, _ = oracle.descend(X, y, lr=1.0, steps=2)
        found = inside.fit(NAME, X, y, lr=1.0, max_iter=2, tol=0.0)
        expect_close(found["coef_"], coef, "coef_", **oracle.FITTED)


@pytest.mark.criterion("stability", weight=2)
def test_one_half_is_class_1(inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    others = [np.zeros((3, 2)), X, np.vstack([X, np.zeros((1, 2))])]
    learned, found = inside.predictions(NAME, X, y, others, **settings, fit_intercept=False)
    assert float(np.abs(learned["coef_"]).max()) > 0, "coef_ did not move"
    for other, (probability, predicted) in zip(others, found, strict=True):
        expect_array(predicted, "predict", shape=(len(other),), kind="iu")
        z = other @ learned["coef_"]
        clear = (np.abs(z) > 1e-9) | ~other.any(axis=1)
        assert np.array_equal(predicted[clear], (z >= 0).astype(int)[clear])
        half = probability[~other.any(axis=1)]
        expect_close(half, np.full(half.shape, 0.5), "probabilities of a logit of 0", rtol=0.0, atol=1e-9)


@pytest.mark.criterion("stability", weight=2)
def test_types_of_what_is_learned(inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    whole = np.round(X * 3).astype(np.int64)
    runs = [
        (whole, y, settings),
        (whole.astype(np.float32), y.tolist(), settings),
        (whole.astype(np.float64), y.astype(bool), settings),
        (whole, tuple(y.astype(bool).tolist()), settings),
        (whole, y.astype(np.uint8), settings),  # -1 is 255 there
    ]
    wanted, _, losses = oracle.descend(whole, y, lr=settings["lr"], steps=settings["max_iter"])
    for found in inside.fit_all(NAME, runs):
        expect_array(found["coef_"], "coef_", shape=(2,), dtype=np.float64)
        expect_close(found["coef_"], wanted, "coef_", **oracle.FITTED)
        expect_float(found["intercept_"], "intercept_")
        expect_int(found["n_iter_"], "n_iter_")
        assert type(found["loss_history_"]) is list, "loss_history_: expected a list"
        expect_close(np.array(found["loss_history_"]), losses, "loss_history_", **oracle.FITTED)
    # Single precision holds this data, but not what is computed from it.
    rough = X.astype(np.float32)
    wanted, _, _ = oracle.descend(rough.astype(float), y, lr=settings["lr"], steps=settings["max_iter"])
    expect_close(inside.fit(NAME, rough, y, **settings)["coef_"], wanted, "coef_", **oracle.FITTED)


@pytest.mark.criterion("stability", weight=2)
def test_constant_columns_do_no_harm(inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    X = np.column_stack([X[:, 0], np.zeros(len(X)), np.full(len(X), 1.5)])
    found = inside.fit(NAME, X, y, **settings)
    coef, intercept, _ = oracle.descend(X, y, lr=settings["lr"], steps=settings["max_iter"])
    expect_close(found["coef_"], coef, "coef_", **oracle.FITTED)
    expect_close(expect_float(found["intercept_"], "intercept_"), intercept, "intercept_", **oracle.FITTED)


@pytest.mark.criterion("stability", weight=2)
def test_second_fit_starts_anew(inside, oracle, rng):
    first, second = (small_fit(oracle, rng) for _ in range(2))
    wider = np.column_stack([second[0], rng.normal(size=20)])
    for X in (second[0], wider):
        returned, found = inside.fit_twice(NAME, first[:2], (X, second[1]), **second[2])
        assert returned, "fit should return the model"
        coef, _, losses = oracle.descend(X, second[1], lr=0.4, steps=second[2]["max_iter"])
        expect_close(found["coef_"], coef, "coef_ after the second fit", **oracle.FITTED)
        assert len(found["loss_history_"]) == len(losses)


@pytest.mark.criterion("stability", weight=1)
def test_inputs_stay_as_they_are(inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    after, labels = inside.inputs_after(NAME, X, y, **settings)
    assert np.array_equal(after, X)
    assert np.array_equal(labels, y)
    true, score, other = y.tolist(), X[:, 0].tolist(), (X[:, 1] > 0).astype(int).tolist()
    for name, args in (
        ("confusion_matrix", (true, other)),
        ("confusion_matrix", (y, np.array(other))),
        ("precision_recall_f1", (true, other)),
        ("precision_recall_f1", (y, np.array(other))),
        ("roc_auc", (true, score)),
        ("roc_auc", (y, np.array(score))),
    ):
        kept = inside.arguments_after(name, args)
        assert all(np.array_equal(after, given) for after, given in zip(kept, args, strict=True)), f"{name}: inputs"
    found = inside.fit(NAME, X, y, **settings)
    expect_close(found["coef_"], oracle.descend(X, y, lr=0.4, steps=settings["max_iter"])[0], "coef_", **oracle.FITTED)


@pytest.mark.criterion("stability", weight=2)
def test_settings_that_make_no_sense(solution, inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    for good in ({"l2": 0.0, "tol": 0.0, "max_iter": 1}, {"lr": 1e-9, "l2": 1e-9}, settings):
        assert expect_int(inside.fit(NAME, X, y, **good)["n_iter_"], "n_iter_") >= 1
    bad = ({"lr": 0.0}, {"lr": -0.1}, {"max_iter": 0}, {"max_iter": -3}, {"l2": -1e-3}, {"tol": -1e-9})
    for setting in bad:
        with pytest.raises(ValueError):  # noqa: PT011
            solution.LogisticRegression(**setting)


@pytest.mark.criterion("stability", weight=3)
def test_data_that_cannot_be_fitted(solution, inside, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    assert expect_int(inside.fit(NAME, X, y, **settings)["n_iter_"], "n_iter_") >= 1

    def holed(value):
        other = X.copy()
        other[int(rng.integers(20)), int(rng.integers(2))] = value
        return other

    bad = [
        (X[:, 0], y),
        (X[:, :, None], y),
        (X[:0], y[:0]),
        (holed(np.nan), y),
        (holed(np.inf), y),
        (holed(-np.inf), y),
        (X, y[:-1]),
        (X[:-1], y),
        (X, y[:, None]),
        (X, y + 1),
        (X, 2 * y - 1),
        (X, np.where(np.arange(20) == 3, 2, y)),
        (X, np.zeros(20, dtype=int)),
        (X, np.ones(20, dtype=int)),
        (X, [True] * 20),
    ]
    for table, labels in bad:
        with pytest.raises(ValueError):  # noqa: PT011
            solution.LogisticRegression(**settings).fit(table, labels)


@pytest.mark.criterion("stability", weight=2)
def test_predictions_need_a_fit_and_its_columns(solution, oracle, rng):
    X, y, settings = small_fit(oracle, rng)
    model = solution.LogisticRegression(**settings)
    with pytest.raises(RuntimeError):
        model.predict_proba(X)
    model.fit(X, y)
    expect_array(model.predict_proba(X[:4]), "predict_proba", shape=(4, 2))
    expect_array(model.predict(X[:4]), "predict", shape=(4,))
    for other in (X[:, :1], np.column_stack([X, X[:, 0]])):
        with pytest.raises(ValueError):  # noqa: PT011
            model.predict_proba(other)
        with pytest.raises(ValueError):  # noqa: PT011
            model.predict(other)
