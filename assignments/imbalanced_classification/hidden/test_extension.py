"""Beyond the task: three follow-ups of the interview. They carry no points."""

import itertools

import numpy as np
import pytest
import torch

from grading.judge import WrongType, expect_close, expect_float, expect_keys, fetch


@pytest.mark.extension
def test_cheapest_threshold(solution, oracle, rng):
    for n, (miss, alarm), make in itertools.product(
        (6, 90), ((20, 1), (1.5, 1), (1, 30)), (torch.from_numpy, np.array)
    ):
        y, z = oracle.draw_scores(rng, n)
        prob = np.round(oracle.sigmoid(z) * 256) / 256
        found = solution.cheapest_threshold(make(y.astype(int)), make(prob), miss_cost=miss, alarm_cost=alarm)
        found = fetch(found)
        if type(found) is not tuple or len(found) != 2 or not isinstance(found[0], (int, float, np.floating)):
            raise WrongType("cheapest_threshold: expected a threshold and a cost")
        threshold, cost = float(found[0]), expect_float(found[1], "cost")
        best = min(oracle.cost_at(y, prob, each, miss, alarm) for each in (*prob.tolist(), np.inf))
        expect_close(cost, best, "lowest cost", rtol=1e-5, atol=1e-6)
        expect_close(
            oracle.cost_at(y, prob, threshold, miss, alarm), best, "cost at the threshold", rtol=1e-5, atol=1e-6
        )


@pytest.mark.extension
def test_honest_probability(solution, rng):
    weight = float(rng.uniform(2, 40))
    honest = np.concatenate([[0.0, 1.0], rng.uniform(0.001, 0.999, 30)])
    # A model that fits well under the weight: positives count weight times.
    said = weight * honest / (weight * honest + 1 - honest)
    for given in (said, torch.from_numpy(said)):
        found = fetch(solution.honest_probability(given, weight))
        assert type(found) is type(given), "the kind changed"
        expect_close(found, honest, "honest probability", rtol=1e-5, atol=1e-6)


@pytest.mark.extension
def test_summary_of_runs(solution, rng):
    counts = {"plain": 1, "weighted": 4, "sampled": int(rng.integers(2, 6))}
    scores = {name: rng.uniform(0.3, 0.9, count) for name, count in counts.items()}
    runs = [
        {"config": name, "seed": seed, "score": float(score)}
        for name, values in scores.items()
        for seed, score in enumerate(values)
    ]
    runs = [runs[i] for i in rng.permutation(len(runs))]
    rows = fetch(solution.summarise_runs(runs))
    ranked = sorted(scores, key=lambda name: -scores[name].mean())
    assert [row["config"] for row in rows] == ranked
    for row in rows:
        values = scores[row["config"]]
        expect_keys(row, "a row", ("config", "runs", "mean", "std"))
        assert row["runs"] == len(values)
        expect_close(expect_float(row["mean"], "mean"), values.mean(), "mean", rtol=1e-6, atol=0.0)
        std = expect_float(row["std"], "std", allow_nan=True)
        assert np.isnan(std) if len(values) == 1 else abs(std - values.std(ddof=1)) < 1e-9
    with pytest.raises(ValueError):  # noqa: PT011
        solution.summarise_runs([*runs, dict(runs[0])])
