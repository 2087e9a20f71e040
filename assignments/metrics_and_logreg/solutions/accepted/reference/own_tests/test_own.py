"""Your tests: each passes on a right solution and fails on a wrong one. Import from `solution`, as this one does."""

#: private
import math

import numpy as np
import pytest

#: end
import solution


def test_rows_are_true_classes():
    assert solution.confusion_matrix([5, 7, 7], [7, 7, 7]).tolist() == [[0, 1], [0, 2]]


#: private
near = {"rel": 1e-7, "abs": 1e-9}


def refuses(function, *args, error=ValueError, **options):
    with pytest.raises(error):
        function(*args, **options)


def sample(d=3, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, d))
    return X, (X[:, 0] + 0.5 + rng.normal(size=40) > 0).astype(int)


def pull(X, y, coef, intercept):
    """Gradient of the mean log-loss, for moderate logits."""
    residual = 1 / (1 + np.exp(-(X @ coef + intercept))) - y
    return X.T @ residual / len(y), residual.mean()


def test_rule_1_classes():
    assert solution.confusion_matrix(["b", "b"], ["b", "a"]).tolist() == [[0, 0], [1, 1]]
    chosen = solution.confusion_matrix([1, 2, 3], [1, 3, 3], labels=[3, 7, 1])
    assert chosen.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_rule_2_denominators():
    assert solution.precision_recall_f1([1, 0], [0, 1], zero_division=0.5) == pytest.approx((0, 0, 0))
    assert solution.precision_recall_f1([1, 0], [0, 0], zero_division=0.5) == pytest.approx((0.5, 0, 0))
    assert solution.precision_recall_f1([0, 0], [0, 0], zero_division=0.5) == pytest.approx((0.5, 0.5, 0.5))


def test_rule_3_averages():
    true, predicted = ["n", "n", "n", "y", "y"], ["n", "y", "y", "y", "z"]
    # Precision, recall and F1 are 1, 1/3, 1/2 of "n", 1/3, 1/2, 2/5 of "y" and 0, 0 / 0, 0 of "z".
    for average, expected in {
        "macro": (4 / 9, 5 / 18, 3 / 10),
        "weighted": (11 / 15, 2 / 5, 23 / 50),
        "micro": (2 / 5, 2 / 5, 2 / 5),
    }.items():
        assert solution.precision_recall_f1(true, predicted, average=average) == pytest.approx(expected)
    assert solution.precision_recall_f1(true, predicted, pos_label="n") == pytest.approx((1, 1 / 3, 1 / 2))
    assert solution.precision_recall_f1([2, 2, 1], [2, 1, 1], pos_label=2) == pytest.approx((1, 1 / 2, 2 / 3))
    assert solution.precision_recall_f1(true, predicted, pos_label="absent") == pytest.approx((0, 0, 0))


def test_rule_5_pairs():
    rng = np.random.default_rng(2)
    y, score = np.append([0, 1], rng.integers(0, 2, 30)), rng.integers(0, 5, 32)
    gaps = np.sign(score[y == 1][:, None] - score[y == 0])
    assert solution.roc_auc(y, score) == pytest.approx(((1 + gaps) / 2).mean(), **near)
    for labels in ([0, 0], [1, 1], [1, 2], [0, 1, 1]):
        refuses(solution.roc_auc, labels, [0.1, 0.2])


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_rules_6_to_8_step_by_step(l2, fit_intercept):
    X, y = sample()
    coef, intercept, losses = np.zeros(3), 0.0, []
    for _ in range(5):
        z = X @ coef + intercept
        losses.append(np.mean(np.log1p(np.exp(np.where(y == 1, -z, z)))) + l2 / 2 * np.sum(coef**2))
        slope, shift = pull(X, y, coef, intercept)
        if len(losses) < 5:
            coef, intercept = coef - 0.5 * (slope + l2 * coef), intercept - 0.5 * shift * fit_intercept
    model = solution.LogisticRegression(lr=0.5, max_iter=4, l2=l2, tol=0.0, fit_intercept=fit_intercept).fit(X, y)
    assert model.coef_ == pytest.approx(coef, **near)
    assert model.intercept_ == pytest.approx(intercept, **near)
    assert model.loss_history_ == pytest.approx(losses, **near)
    assert model.n_iter_ == 4


@pytest.mark.parametrize("lr", [0.05, 2.0])
def test_rule_9_stops_at_the_gradient(lr):
    X, y = sample()
    model = solution.LogisticRegression(lr=lr, max_iter=20_000, l2=0.1, tol=1e-4).fit(X, y)
    slope, shift = pull(X, y, model.coef_, model.intercept_)
    largest = max(np.abs(slope + 0.1 * model.coef_).max(), abs(shift))
    assert largest <= 1.0001e-4
    assert model.n_iter_ < 20_000
    assert solution.LogisticRegression(tol=10.0).fit(X, y).n_iter_ == 0


def test_rule_10_predictions():
    X, y = sample()
    model = solution.LogisticRegression(max_iter=9, fit_intercept=False).fit(X, y)
    chance = 1 / (1 + np.exp(-X @ model.coef_))
    assert np.allclose(model.predict_proba(X), np.column_stack([1 - chance, chance]), rtol=1e-7, atol=1e-9)
    assert model.predict(X).tolist() == (chance >= 0.5).astype(int).tolist()
    assert model.predict(np.zeros((1, 3))).tolist() == [1]


@pytest.mark.parametrize("kind", [solution.LogisticRegression, solution.SoftmaxRegression])
def test_rule_11_far_logits(kind):
    X = np.array([[-100.0], [100.0], [90.0]])
    model = kind(lr=1.0, max_iter=1, tol=0.0).fit(X, [0, 1, 0])
    # Both classes start at 1/2. The step is (50 + 50 - 45) / 3 and -1 / 6, and class 0's own row mirrors that.
    z = (90 * 55 / 3 - 1 / 6) * (2 if kind is solution.SoftmaxRegression else 1)
    assert model.loss_history_[1] == pytest.approx(z / 3, **near)
    assert model.predict_proba(X[:2]).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("kind", [solution.LogisticRegression, solution.SoftmaxRegression])
def test_rule_12_state_and_errors(kind):
    X, y = sample()
    refuses(kind().predict_proba, X, error=RuntimeError)
    model, fresh = kind(max_iter=5), kind(max_iter=5)
    assert model.fit(*sample(seed=8)) is model
    assert model.fit(X, y).coef_ == pytest.approx(fresh.fit(X, y).coef_, **near)
    refuses(model.predict, X[:, :2])
    for bad in ({"lr": 0.0}, {"max_iter": 0}, {"l2": -0.1}, {"tol": -0.1}):
        refuses(kind, **bad)
    for hole in (math.nan, math.inf, -math.inf):
        holed = X.copy()
        holed[3, 1] = hole
        refuses(kind().fit, holed, y)
    for bad_x, bad_y in ((X[0], y[:3]), (X[:0], y[:0]), (X, y[1:]), (X, y[:, None]), (X, 0 * y)):
        refuses(kind().fit, bad_x, bad_y)


def test_rules_13_and_14_step_by_step():
    X, _ = sample()
    labels = np.array(["blue", "red", "green"])[np.arange(40) % 7 % 3]
    coef, intercept, losses = np.zeros((3, 3)), np.zeros(3), []
    truth = labels[:, None] == np.array(["blue", "green", "red"])
    for _ in range(4):
        chance = np.exp(X @ coef.T + intercept)
        chance /= chance.sum(axis=1, keepdims=True)
        losses.append(-np.log(chance[truth]).mean() + 0.3 / 2 * np.sum(coef**2))
        if len(losses) < 4:
            coef = coef - 0.5 * ((chance - truth).T @ X / 40 + 0.3 * coef)
            intercept = intercept - 0.5 * (chance - truth).mean(axis=0)
    model = solution.SoftmaxRegression(lr=0.5, max_iter=3, l2=0.3, tol=0.0).fit(X, labels)
    assert model.classes_.tolist() == ["blue", "green", "red"]
    assert model.coef_ == pytest.approx(coef, **near)
    assert model.intercept_ == pytest.approx(intercept, **near)
    assert model.loss_history_ == pytest.approx(losses, **near)
    assert model.predict_proba(X) == pytest.approx(chance, **near)
    assert model.predict(X).tolist() == model.classes_[chance.argmax(axis=1)].tolist()


def test_rule_14_first_of_equals():
    model = solution.SoftmaxRegression(max_iter=1).fit(np.eye(3), [30, 20, 10])
    assert model.predict(np.zeros((1, 3))).tolist() == [10]


def test_rule_15_bins():
    # Bins of width 1/4: {0, 0.25} says 0.25 / 2 and has 1; {0.3} and {1} say 0.3 and 1 and have 0.
    error = solution.expected_calibration_error([1, 1, 0, 0], [0.0, 0.25, 0.3, 1.0], n_bins=4)
    assert error == pytest.approx((1.75 + 0.3 + 1) / 4, **near)
    assert solution.expected_calibration_error([1, 1], [0.0, 0.0]) == pytest.approx(1.0, **near)
    for chances in ([0.5, -0.1], [0.5, 1.1], [0.5, math.nan], [0.5]):
        refuses(solution.expected_calibration_error, [0, 1], chances)
    refuses(solution.expected_calibration_error, [0, 2], [0.5, 0.5])
    refuses(solution.expected_calibration_error, [0, 1], [0.5, 0.5], n_bins=0)


def test_rules_16_and_17_step_by_step():
    X, y = sample(d=4, seed=3)
    X[:, 1] *= -1
    X[:, 2] = -X[:, 0]
    coef, intercept = np.zeros(4), 0.0
    for _ in range(6):
        slope, shift = pull(X, y, coef, intercept)
        moved = coef - 0.5 * slope
        coef = np.sign(moved) * np.maximum(np.abs(moved) - 0.5 * 0.05, 0.0)
        intercept -= 0.5 * shift
    found, found_intercept, steps = solution.fit_l1(X, y, l1=0.05, lr=0.5, max_iter=6, tol=0.0)
    assert found == pytest.approx(coef, **near)
    assert found_intercept == pytest.approx(intercept, **near)
    assert steps == 6
    assert coef.min() < 0 < coef.max()
    assert solution.fit_l1(X, y, l1=9.0, tol=1.0)[2] == 1
    refuses(solution.fit_l1, X, y, l1=-0.1)


#: end
