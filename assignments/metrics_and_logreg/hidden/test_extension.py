"""For candidates who finish early: isotonic calibration, as GUIDE.md describes it. Worth no points."""

import numpy as np
import pytest

from grading.judge import expect_array, expect_close


@pytest.mark.extension
def test_isotonic_calibration(inside, oracle, rng):
    cases = []
    for i in range(20):
        n = int(rng.integers(1, 30))
        score = rng.integers(0, 8, n) / 4.0 if i % 2 else rng.permutation(n) * 1.0
        cases.append(((rng.random(n) < score / (1 + score.max())).astype(int).tolist(), score.tolist()))
    for (true, score), found in zip(cases, inside.call("isotonic_calibration", [(c, {}) for c in cases]), strict=True):
        expect_array(found, "isotonic_calibration", shape=(len(true),), dtype=np.float64)
        expect_close(found, oracle.isotonic(true, score), "isotonic_calibration", rtol=0.0, atol=1e-9)
