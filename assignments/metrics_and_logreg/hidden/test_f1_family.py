"""Rules 1 to 4: counts and averages of labels of every kind."""

import numpy as np
import pytest

from grading.judge import expect_array, expect_close, expect_float

KINDS = ("list", "tuple", "array")
ALPHABETS = ([0, 1], [0, 1, 2], [7, -3, 12, 100, 2], ["no", "yes"], ["b", "a", "C", "10", "9"], [False, True])


def given(rng, *columns):
    """Return the labels in one of the forms that the README allows."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    form = {"list": list, "tuple": tuple, "array": np.array}[kind]
    return tuple(form(column) for column in columns)


def expect_three(found, wanted, what):
    """Compare precision, recall and F1."""
    assert type(found) in (tuple, list), f"{what}: expected a tuple of three floats"
    assert len(found) == 3, f"{what}: expected three floats"
    for name, got, value in zip(("precision", "recall", "f1"), found, wanted, strict=True):
        expect_close(expect_float(got, f"{what}, {name}"), value, f"{what}, {name}", rtol=0.0, atol=1e-9)


def compare(inside, oracle, rng, cases, **settings):
    """Compare with the oracle all cases (y_true, y_pred, further settings)."""
    calls = [(given(rng, true, pred), settings | more) for true, pred, more in cases]
    for (true, pred, more), found in zip(cases, inside.call("precision_recall_f1", calls), strict=True):
        expect_three(found, oracle.f1_family(true, pred, **(settings | more)), str(settings | more))


def draw_cases(oracle, rng, count, alphabets=ALPHABETS):
    """Draw labels of all kinds, few and many."""
    return [
        (*oracle.draw_labels(rng, int(rng.integers(1, 30)), alphabets[i % len(alphabets)]), {}) for i in range(count)
    ]


@pytest.mark.criterion("f1_family", weight=4)
def test_confusion_matrix_counts_pairs_in_order_of_labels(inside, oracle, rng):
    cases = draw_cases(oracle, rng, 60)
    # A class that is only true, one that is only predicted, and the larger label first.
    cases += [([5, 5, 2], [5, 9, 5], {}), (["z", "a"], ["z", "m"], {}), ([True], [False], {})]
    found = inside.call("confusion_matrix", [(given(rng, true, pred), {}) for true, pred, _ in cases])
    for (true, pred, _), matrix in zip(cases, found, strict=True):
        wanted = oracle.confusion(true, pred, oracle.classes_of(true, pred))
        expect_array(matrix, "confusion_matrix", shape=wanted.shape, kind="iu")
        assert np.array_equal(matrix, wanted)


@pytest.mark.criterion("f1_family", weight=2)
def test_confusion_matrix_of_chosen_labels(inside, oracle, rng):
    cases = []
    for i in range(40):
        alphabet = ([3, 1, 2, 8], ["b", "a", "c", "B"])[i % 2]
        true, pred = oracle.draw_labels(rng, int(rng.integers(3, 30)), alphabet)
        extra = 99 if i % 2 == 0 else "zz"
        labels = [alphabet[j] for j in rng.permutation(4)[: int(rng.integers(2, 5))]]
        # One label of the data for sure, one that occurs nowhere.
        labels = [label for label in labels if label != true[0]] + [true[0], extra]
        labels = [labels[j] for j in rng.permutation(len(labels))]
        cases.append((true, pred, labels))
    calls = [(given(rng, true, pred), {"labels": given(rng, labels)[0]}) for true, pred, labels in cases]
    for (true, pred, labels), matrix in zip(cases, inside.call("confusion_matrix", calls), strict=True):
        expect_array(matrix, "confusion_matrix", shape=(len(labels), len(labels)), kind="iu")
        assert np.array_equal(matrix, oracle.confusion(true, pred, labels))


@pytest.mark.criterion("f1_family", weight=4)
def test_binary_takes_pos_label_against_the_rest(inside, oracle, rng):
    cases = draw_cases(oracle, rng, 40, ([0, 1], [False, True]))
    for i in range(60):
        alphabet = ALPHABETS[i % len(ALPHABETS)]
        true, pred = oracle.draw_labels(rng, int(rng.integers(4, 30)), alphabet)
        cases.append((true, pred, {"pos_label": alphabet[int(rng.integers(len(alphabet)))]}))
    compare(inside, oracle, rng, cases)


@pytest.mark.criterion("f1_family", weight=4)
def test_macro_is_the_mean_over_classes(inside, oracle, rng):
    compare(inside, oracle, rng, draw_cases(oracle, rng, 80), average="macro")


@pytest.mark.criterion("f1_family", weight=3)
def test_weighted_counts_true_samples(inside, oracle, rng):
    compare(inside, oracle, rng, draw_cases(oracle, rng, 80), average="weighted")


@pytest.mark.criterion("f1_family", weight=2)
def test_micro_adds_counts_first(inside, oracle, rng):
    compare(inside, oracle, rng, draw_cases(oracle, rng, 60), average="micro")
    # pos_label is of interest to "binary" alone.
    true, pred = oracle.draw_labels(rng, 20, [0, 1, 2])
    for average in ("micro", "macro", "weighted"):
        compare(inside, oracle, rng, [(true, pred, {"pos_label": 2}), (true, pred, {"pos_label": 9})], average=average)


@pytest.mark.criterion("f1_family", weight=4)
def test_zero_over_zero_is_zero_division(inside, oracle, rng):
    # Nothing predicted, nothing true, neither, and both without a hit (F1 is 0 then, whatever stands for 0 / 0).
    pairs = [
        ([1, 1, 0], [0, 0, 0]),
        ([0, 0, 0], [1, 1, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([1, 0, 1], [0, 1, 0]),
        ([0, 1, 2, 2], [0, 1, 1, 0]),
        ([0, 1, 1, 0], [0, 1, 2, 2]),
        ([0, 0, 3], [1, 1, 4]),
    ]
    cases = [
        (true, pred, {"average": average, "zero_division": instead})
        for true, pred in pairs
        for average in ("binary", "macro", "weighted", "micro")
        for instead in (0.0, 1.0, 0.25)
    ]
    cases += [(true, pred, {}) for true, pred in pairs]
    cases += [(["a", "b"], ["b", "b"], {"pos_label": "c", "zero_division": 0.5})]
    compare(inside, oracle, rng, cases)


@pytest.mark.criterion("f1_family", weight=2)
def test_metrics_refuse_what_they_cannot_count(solution, inside, oracle, rng):
    true, pred = oracle.draw_labels(rng, 8, [0, 1])
    compare(inside, oracle, rng, [(true, pred, {})])
    for bad_true, bad_pred in (([], []), (true, pred[:-1]), (true[:-2], pred), (true, [])):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.confusion_matrix(bad_true, bad_pred)
        for average in ("binary", "macro"):
            with pytest.raises(ValueError):  # noqa: PT011
                solution.precision_recall_f1(bad_true, bad_pred, average=average)
        with pytest.raises(ValueError):  # noqa: PT011
            solution.precision_recall_f1(np.array(bad_true), np.array(bad_pred), average="micro")
    for average in ("mean", "Macro", "samples"):
        with pytest.raises(ValueError):  # noqa: PT011
            solution.precision_recall_f1(true, pred, average=average)
