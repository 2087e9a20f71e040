"""Small examples with answers that you can check by hand. The hidden tests ask the same questions of other data."""

import math

import numpy as np
import pytest
import solution

TRUE, PREDICTED = ["a", "a", "b", "b", "c"], ["a", "b", "b", "b", "a"]


@pytest.mark.criterion("f1_family")
def test_confusion_matrix_of_the_readme():
    matrix = solution.confusion_matrix(TRUE, PREDICTED)
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert solution.confusion_matrix(TRUE, PREDICTED, labels=["b", "a"]).tolist() == [[2, 0], [1, 1]]


@pytest.mark.criterion("f1_family")
@pytest.mark.parametrize(
    ("average", "expected"),
    [("macro", (7 / 18, 1 / 2, 13 / 30)), ("weighted", (7 / 15, 3 / 5, 13 / 25)), ("micro", (3 / 5, 3 / 5, 3 / 5))],
)
def test_averages_of_the_readme(average, expected):
    assert solution.precision_recall_f1(TRUE, PREDICTED, average=average) == pytest.approx(expected)


@pytest.mark.criterion("f1_family")
def test_binary():
    precision, recall, f1 = solution.precision_recall_f1([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    assert (precision, recall, f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert solution.precision_recall_f1([0, 1], [0, 0], zero_division=1.0) == pytest.approx((1.0, 0.0, 0.0))


@pytest.mark.criterion("auc")
def test_auc():
    assert solution.roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == pytest.approx(0.75)
    assert solution.roc_auc([0, 1, 1, 0], [2.0, 2.0, 3.0, 1.0]) == pytest.approx(0.875)
    with pytest.raises(ValueError):  # noqa: PT011
        solution.roc_auc([1, 1], [0.2, 0.3])


@pytest.mark.criterion("gradient_steps")
def test_first_step_of_the_readme():
    model = solution.LogisticRegression(lr=0.6, max_iter=1).fit(np.array([[-1.0], [1], [2]]), [0, 1, 1])
    assert model.coef_.tolist() == pytest.approx([0.4])
    assert model.intercept_ == pytest.approx(0.1)
    assert model.loss_history_ == pytest.approx([math.log(2), 0.456529], abs=1e-6)
    assert model.n_iter_ == 1


@pytest.mark.criterion("optimum")
def test_shuttle_flights():
    # Temperature at the start of 23 shuttle flights, in tens of °F from 70, and whether a seal was damaged.
    # Dalal, Fowlkes and Hoadley (1989) find logit p = 15.043 - 0.2322 t, with t in °F.
    cold = [-4, 0, -1, -2, -3, 2, 3, 0, -13, -7, 0, 8, -3, -17, -3, 5, 0, 11, 6, 9, 5, 6, -12]
    damaged = [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1]
    model = solution.LogisticRegression(lr=2.0, tol=1e-8, max_iter=5000).fit(np.array(cold)[:, None] / 10, damaged)
    assert model.coef_[0] / 10 == pytest.approx(-0.2322, abs=1e-4)
    assert model.intercept_ - 7 * model.coef_[0] == pytest.approx(15.043, abs=1e-3)
    assert model.n_iter_ < 1000


@pytest.mark.criterion("stability")
def test_far_logits():
    model = solution.LogisticRegression(lr=1.0, max_iter=1, tol=0.0).fit(np.array([[-100.0], [100], [90]]), [0, 1, 0])
    # One step: the coefficient is (50 + 50 - 45) / 3, the intercept -1/6, and the third row is far on the wrong side.
    assert model.loss_history_[1] == pytest.approx((90 * 55 / 3 - 1 / 6) / 3)
    assert model.predict_proba(np.array([[100.0], [-100.0]])).tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.criterion("stability")
def test_errors():
    with pytest.raises(ValueError):  # noqa: PT011
        solution.LogisticRegression(lr=0.0)
    with pytest.raises(ValueError):  # noqa: PT011
        solution.LogisticRegression().fit(np.ones((3, 1)), [1, 1, 1])


@pytest.mark.criterion("softmax")
@pytest.mark.levels("mid", "senior")
def test_softmax_one_step():
    X = np.array([[1.0], [2.0], [-1.0]])
    model = solution.SoftmaxRegression(lr=0.9, max_iter=1).fit(X, ["dog", "cat", "cat"])
    assert model.classes_.tolist() == ["cat", "dog"]
    # At the start both probabilities are 1/2: the gradient of "cat" is (1 - 2 + 1) / 2 / 3 = 0, its intercept's -1/6.
    assert model.coef_.ravel().tolist() == pytest.approx([0.0, 0.0])
    assert model.intercept_.tolist() == pytest.approx([0.15, -0.15])
    assert model.predict(X).tolist() == ["cat", "cat", "cat"]


@pytest.mark.criterion("softmax")
@pytest.mark.levels("mid", "senior")
def test_softmax_learns_three_classes():
    X = np.array([[2.0, 0], [3, 0], [0, 2], [0, 3], [-2, -2], [-3, -3]])
    y = [30, 30, 20, 20, 10, 10]
    model = solution.SoftmaxRegression(lr=0.5, l2=0.1, tol=1e-5).fit(X, y)
    assert model.predict(X).tolist() == y
    assert model.predict_proba(X).sum(axis=1).tolist() == pytest.approx([1.0] * 6)
    assert model.n_iter_ < 1000


@pytest.mark.criterion("calibration")
@pytest.mark.levels("senior")
def test_calibration_error_by_hand():
    # Bins of width 1/4: {0, 0.25} says 0.125 and has 1/2; {0.5} says 0.5 and has 0; {1} says 1 and has 1.
    error = solution.expected_calibration_error([0, 1, 0, 1], [0.0, 0.25, 0.5, 1.0], n_bins=4)
    assert error == pytest.approx(2 / 4 * 0.375 + 1 / 4 * 0.5)


@pytest.mark.criterion("l1_solver")
@pytest.mark.levels("senior")
def test_l1_one_step():
    X = np.array([[-1.0, 0.1], [1.0, 0.0], [2.0, 0.1]])
    coef, intercept, steps = solution.fit_l1(X, [0, 1, 1], l1=0.1, lr=0.6, max_iter=1)
    # Gradients -2/3, 0 and -1/6; then the threshold 0.06.
    assert coef.tolist() == pytest.approx([0.34, 0.0])
    assert coef[1] == 0.0
    assert intercept == pytest.approx(0.1)
    assert steps == 1


@pytest.mark.criterion("l1_solver")
@pytest.mark.levels("senior")
def test_strong_l1_leaves_only_the_intercept():
    X = np.array([[1.0], [2.0], [-1.0], [0.5]])
    coef, intercept, steps = solution.fit_l1(X, [1, 1, 0, 1], l1=5.0, lr=1.0, tol=1e-8)
    assert coef.tolist() == [0.0]
    assert intercept == pytest.approx(math.log(3), abs=1e-6)
    assert steps < 1000
