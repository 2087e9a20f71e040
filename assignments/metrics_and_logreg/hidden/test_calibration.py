"""Rule 15: bins of equal width, closed above."""

import numpy as np
import pytest

from grading.judge import expect_close, expect_float

pytestmark = pytest.mark.levels("senior")

NAME = "expected_calibration_error"


def compare(inside, oracle, cases):
    """Compare all (labels, probabilities, keyword arguments) with the oracle."""
    found = inside.call(NAME, [((true, probability), more) for true, probability, more in cases])
    for (true, probability, more), value in zip(cases, found, strict=True):
        wanted = oracle.calibration_error(true, probability, more.get("n_bins", 10))
        expect_close(expect_float(value, NAME), wanted, f"{NAME}, {more}", rtol=0.0, atol=1e-9)


def draw_case(rng, n_bins, *, power=1.0):
    """Draw labels that are likelier where probabilities are high, all of these well inside a bin."""
    n = int(rng.integers(8, 80))
    inside_bin = rng.uniform(0.05, 0.95, n)
    probability = (np.floor(rng.random(n) ** power * n_bins) + inside_bin) / n_bins
    return (rng.random(n) < probability**1.5).astype(int), probability


@pytest.mark.criterion("calibration", weight=4)
def test_error_is_weighted_by_bin(inside, oracle, rng):
    cases = []
    for i in range(40):
        n_bins = int(rng.integers(1, 16))
        true, probability = draw_case(rng, n_bins, power=1 + i % 3)
        cases.append((true.tolist(), probability.tolist(), {"n_bins": n_bins}))
    cases += [(*draw_case(rng, 10), {}) for _ in range(10)]
    for dtype in (bool, np.uint8):
        cases += [(true.astype(dtype), probability, {}) for true, probability in (draw_case(rng, 10) for _ in range(5))]
    compare(inside, oracle, cases)


@pytest.mark.criterion("calibration", weight=3)
def test_edges_belong_to_the_bin_below(inside, oracle, rng):
    cases = []
    for n_bins in (1, 2, 4, 8, 16) * 4:
        edges = rng.integers(0, n_bins + 1, 30) / n_bins
        between = (rng.integers(0, n_bins, 30) + rng.uniform(0.1, 0.9, 30)) / n_bins
        probability = np.where(rng.random(30) < 0.5, edges, between)
        cases.append(((rng.random(30) < 0.4).astype(int), probability, {"n_bins": n_bins}))
    compare(inside, oracle, cases)


@pytest.mark.criterion("calibration", weight=3)
def test_zero_and_one_are_in_bins(inside, oracle, rng):
    cases = [
        ([0, 1, 1], [0.0, 0.0, 0.04], {}),
        ([1, 0, 0], [1.0, 1.0, 0.97], {}),
        ([1, 0], [0.0, 1.0], {}),
        ([1] * 5, [1.0] * 5, {"n_bins": 3}),
        ([1], [0.0], {"n_bins": 1}),
        ([0, 0, 0], [0, 1, 1], {}),
    ]
    for _ in range(10):
        true, probability = draw_case(rng, 10)
        where = rng.random(len(true)) < 0.3
        cases.append((true, np.where(where, np.round(rng.random(len(true))), probability), {}))
    compare(inside, oracle, cases)


@pytest.mark.criterion("calibration", weight=1)
def test_calibration_leaves_inputs(inside, oracle, rng):
    true, probability = draw_case(rng, 10)
    probability[:2] = 0.0, 1.0
    for args in ((true, probability), (true.tolist(), probability.tolist())):
        kept = inside.arguments_after(NAME, args, n_bins=10)
        assert all(np.array_equal(after, given) for after, given in zip(kept, args, strict=True))
    compare(inside, oracle, [(true, probability, {})])


@pytest.mark.criterion("calibration", weight=2)
def test_calibration_refuses_what_has_no_bins(solution, inside, oracle, rng):
    true, probability = draw_case(rng, 10)
    compare(inside, oracle, [(true, probability, {})])
    bad_value = [probability.copy() for _ in range(4)]
    for values, value in zip(bad_value, (1.0 + 1e-6, -1e-6, np.nan, 37.0), strict=True):
        values[int(rng.integers(len(values)))] = value
    cases = [
        ([], [], {}),
        (true[:-1], probability, {}),
        (true, probability[:-1], {}),
        (true + 2, probability, {}),
        (np.where(np.arange(len(true)) == 2, -1, true), probability, {}),
        *((true, values, {}) for values in bad_value),
        (true, probability, {"n_bins": 0}),
        (true, probability, {"n_bins": -4}),
    ]
    for labels, values, more in cases:
        with pytest.raises(ValueError):  # noqa: PT011
            solution.expected_calibration_error(labels, values, **more)
