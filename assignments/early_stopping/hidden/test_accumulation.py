"""Criterion accumulation: rules 25 to 28, senior. The oracle takes the rows of a group as one batch."""

from __future__ import annotations

import contextlib

import pytest
import torch

from grading.judge import expect_close, expect_float, fetch

pytestmark = pytest.mark.levels("senior")


def problem_of(oracle, rng, rows, **options):
    """Draw a problem with so many training rows."""
    options = {"lr": 0.05, "noise": 1.0, **options}
    return oracle.draw(rng, lambda losses: True, epochs=1, rows=rows, batch=rows, **options)[0]


def loader_of(inside, problem, sizes, kind="Batches"):
    return getattr(inside, kind)(torch.tensor(problem.x), torch.tensor(problem.y), sizes)


@pytest.fixture
def follow(solution, inside, build, oracle):
    """Return a function that trains an epoch in groups and compares the weights with the oracle's."""

    def run(problem, sizes, group):
        model, optimizer = build(problem)
        solution.accumulate_epoch(model, loader_of(inside, problem, sizes), inside.mse, optimizer, group=group)
        expected, _ = oracle.grouped_epoch(problem, sizes, group)
        state = fetch(inside.snapshot(model))
        for name, value in expected.items():
            expect_close(state[name], value, f"{name}, batches of {sizes}, group {group}", rtol=1e-9, atol=1e-10)

    return run


@pytest.mark.criterion("accumulation", weight=2)
def test_group_is_one_step_along_the_mean_of_its_rows(follow, oracle, rng):
    for group, groups, size in ((1, 4, 3), (2, 3, 4), (4, 2, 3)):
        sizes = [size] * (group * groups)
        follow(problem_of(oracle, rng, sum(sizes), momentum=0.6, weight_decay=0.02), sizes, group)


@pytest.mark.criterion("accumulation", weight=2)
def test_last_group_may_have_fewer_batches(follow, oracle, rng):
    for group, batches in ((2, 5), (4, 6), (3, 7), (5, 3)):
        sizes = [4] * batches
        follow(problem_of(oracle, rng, sum(sizes), momentum=0.5), sizes, group)


@pytest.mark.criterion("accumulation", weight=2)
def test_every_row_of_a_group_counts_alike(follow, oracle, rng):
    for group, sizes in ((2, [6, 1, 2, 5]), (3, [1, 7, 3, 4, 4, 1]), (2, [8, 2])):
        follow(problem_of(oracle, rng, sum(sizes)), sizes, group)
    # Whatever group of the optimizer a weight is in.
    rates = {"last.weight": 0.5, "first.bias": 0.25}
    follow(problem_of(oracle, rng, 14, factors=rates, momentum=0.5), [6, 1, 2, 5], 2)


@pytest.mark.criterion("accumulation")
def test_loss_is_the_mean_over_samples_before_each_step(solution, inside, build, oracle, rng):
    # At a learning rate of 0 each batch's loss is known whatever was done with the one before it.
    for sizes, group, lr in (([6, 6, 6, 2], 2, 0.0), ([5, 1, 9], 2, 0.0), ([4, 3], 2, 0.1)):
        problem = problem_of(oracle, rng, sum(sizes), lr=lr)
        model, optimizer = build(problem)
        loader = loader_of(inside, problem, sizes)
        found = solution.accumulate_epoch(model, loader, inside.mse, optimizer, group=group)
        _, expected = oracle.grouped_epoch(problem, sizes, group)
        assert expect_float(found, "accumulate_epoch") == pytest.approx(expected, rel=1e-6)
    # A sample is a row, however many numbers its target has.
    y = torch.tensor([[0.0, 2.0]] * 3 + [[10.0, 12.0]], dtype=torch.float64)
    model, loader = inside.Net([2, 3]), inside.Batches(torch.zeros(4, 2, dtype=torch.float64), y, [3, 1])
    found = solution.accumulate_epoch(model, loader, inside.mean_of_targets, inside.make_sgd(model, lr=0.1), group=2)
    assert expect_float(found, "accumulate_epoch") == pytest.approx(3.5, rel=1e-6)


@pytest.mark.criterion("accumulation")
def test_pending_gradients_do_not_count(solution, inside, build, oracle, rng):
    problem = problem_of(oracle, rng, 12)
    model, optimizer = build(problem)
    inside.spoil_gradients(model)
    solution.accumulate_epoch(model, loader_of(inside, problem, [3] * 4), inside.mse, optimizer, group=2)
    expected, _ = oracle.grouped_epoch(problem, [3] * 4, 2)
    state = fetch(inside.snapshot(model))
    for name, value in expected.items():
        expect_close(state[name], value, name, rtol=1e-9, atol=1e-10)


@pytest.mark.criterion("accumulation", weight=2)
def test_batches_go_through_the_model_one_by_one_in_train_mode(solution, inside, oracle, rng):
    sizes = [4, 4, 4, 4, 3]
    for group, steps in ((1, 5), (2, 3), (5, 1), (9, 1)):
        model = inside.ModeSpy(3)
        model.eval()
        optimizer = inside.StepCounter(model, 0.01)
        x, y = torch.tensor(rng.normal(size=(19, 3))), torch.tensor(rng.normal(size=(19, 1)))
        start = fetch(inside.snapshot(model))
        solution.accumulate_epoch(model, inside.Batches(x, y, sizes), inside.mse, optimizer, group=group)
        notes = inside.note_modes(model)
        assert [rows for *_, rows in notes] == sizes
        assert all(mode for _, mode, _, _ in notes), "a batch was seen in eval mode"
        assert inside.count_steps(optimizer) == steps, f"steps for {len(sizes)} batches in groups of {group}"
        assert any(not torch.equal(value, start[name]) for name, value in fetch(inside.snapshot(model)).items())


@pytest.mark.criterion("accumulation")
def test_no_graph_outlives_its_batch_in_a_large_group(solution, inside, build, oracle, rng):
    problem = problem_of(oracle, rng, 24)
    model, optimizer = build(problem, network="CountingNet")
    before = fetch(inside.snapshot(model))
    solution.accumulate_epoch(model, loader_of(inside, problem, [1] * 24), inside.mse, optimizer, group=12)
    calls, most, alive = inside.count_graphs(model)
    assert calls == 24
    assert most <= 4
    assert alive <= 2
    after = fetch(inside.snapshot(model))
    assert not any(torch.equal(after[name], before[name]) for name in problem.arrays), "nothing was trained"


@pytest.mark.criterion("accumulation")
def test_weights_without_a_gradient_stay(solution, inside, build, oracle, rng):
    # Weight decay moves whatever has a gradient, be it zero.
    problem = problem_of(oracle, rng, 12, frozen=("first.weight", "first.bias"), weight_decay=0.2)
    body, _ = build(problem)
    inside.spoil_gradients(body, frozen_alone=True)
    model = inside.Idle(body)
    optimizer = inside.make_sgd(model, lr=problem.lr, weight_decay=problem.weight_decay)
    solution.accumulate_epoch(model, loader_of(inside, problem, [3] * 4), inside.mse, optimizer, group=3)
    expected, _ = oracle.grouped_epoch(problem, [3] * 4, 3)
    state = fetch(inside.snapshot(body))
    for name, value in expected.items():
        expect_close(state[name], value, name, rtol=1e-9, atol=1e-10)
    held = fetch(inside.snapshot(model))
    assert torch.equal(held["idle"], torch.ones(3, dtype=torch.float64))
    once = torch.full((3,), 1 - problem.lr * problem.weight_decay, dtype=torch.float64)
    expect_close(held["early"], once, "a weight that only the first group uses", rtol=1e-9, atol=1e-10)


@pytest.mark.criterion("accumulation")
def test_any_iterable_will_do_but_none_without_batches(solution, inside, build, oracle, rng):
    problem = problem_of(oracle, rng, 12)
    for kind in ("Bare", "OneShot"):
        model, optimizer = build(problem)
        loader = loader_of(inside, problem, [5, 5, 2], kind)
        found = solution.accumulate_epoch(model, loader, inside.mse, optimizer, group=2)
        _, expected = oracle.grouped_epoch(problem, [5, 5, 2], 2)
        assert expect_float(found, "accumulate_epoch") == pytest.approx(expected, rel=1e-6)
    for group, loader in ((0, [(torch.tensor(problem.x), torch.tensor(problem.y))]), (-2, []), (2, [])):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
            solution.accumulate_epoch(model, loader, inside.mse, optimizer, group=group)


@pytest.mark.criterion("accumulation")
def test_batches_and_model_are_moved_to_the_device(solution, inside, rng):
    model = inside.DeviceSpy(3)
    x, y = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(6, 1)))
    optimizer = inside.make_sgd(model, lr=0.1)
    # As in training on the meta device: only look where things lay till a number was asked for.
    with contextlib.suppress(Exception):
        loader = inside.Batches(x, y, [3, 3])
        solution.accumulate_epoch(model, loader, model.loss_fn, optimizer, group=2, device="meta")
    places = inside.note_devices(model)
    assert {"input", "weight", "target"} <= {what for what, _ in places}
    assert {device for _, device in places} == {"meta"}
