"""Beyond the task: a follow-up of the interview. It carries no points."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_close, fetch


@pytest.mark.extension
def test_weight_average(solution, inside, build, oracle, rng):
    for decay in (0.0, 0.5, float(rng.uniform(0.6, 0.95))):
        problem, epochs = oracle.draw(rng, lambda losses: True, norm=True, epochs=4)
        model, _ = build(problem)
        identities = inside.parameter_ids(model)
        average = solution.WeightAverage(model, decay)
        for epoch in epochs:
            inside.load_arrays(model, {name: torch.as_tensor(value) for name, value in epoch.arrays.items()})
            average.update()
        own = fetch(inside.snapshot(model))
        inside_block, after = inside.look_inside(average.applied(), model)
        for name, value in fetch(inside_block).items():
            if "running" in name or "num" in name:
                assert torch.equal(value, own[name]), f"{name} is a buffer: it is not averaged"
            else:
                values = [problem.arrays[name], *(epoch.arrays[name] for epoch in epochs)]
                expect_close(value, oracle.moving_average(values, decay), name, rtol=1e-9, atol=1e-12)
        assert all(torch.equal(fetch(after)[name], value) for name, value in own.items())
        assert inside.parameter_ids(model) == identities
        with pytest.raises(ZeroDivisionError):
            inside.fail_inside(average.applied())
        assert all(torch.equal(value, own[name]) for name, value in fetch(inside.snapshot(model)).items())
    for decay in (-0.1, 1.0):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
            solution.WeightAverage(model, decay)
