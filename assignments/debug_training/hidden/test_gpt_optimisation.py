"""Criterion optimisation at senior level: steps, clipping, schedule, decay, tied weights (rules S4, S6 to S8)."""

from __future__ import annotations

import math

import pytest
import torch

from grading.judge import expect_close, expect_float, fetch

pytestmark = pytest.mark.levels("senior")

HUGE = 1e6
TRAINED = 1e-5  # what the README promises for trained weights and rates


def epoch(solution, inside, weight, batches, *, lr=0.5, factors=None, max_norm=HUGE):
    """Train a table of logits for an epoch; return what became of it."""
    model = inside.gpt.table(weight)
    optimizer = inside.gpt.sgd(model, lr)
    schedule = inside.gpt.factors(optimizer, factors) if factors is not None else None
    solution.train_gpt_epoch(model, batches, optimizer, schedule, max_norm=max_norm)
    return fetch(inside.gpt.weights(model))["weight"]


def each_step_follows_its_own_batch_alone(solution, inside, oracle, rng):
    gpt = oracle.gpt
    weight, batches = gpt.normal(rng, 17, 17), [gpt.draw_tokens(rng, 3, 6) for _ in range(4)]
    found = epoch(solution, inside, weight, batches)
    expected = [gpt.train_table(weight, batches, [0.5] * 4, shifted=shifted) for shifted in (True, False)]
    assert gpt.is_one_of(found, expected, rtol=TRAINED)


def a_long_gradient_is_cut_to_the_norm(solution, inside, oracle, rng):
    """One batch, so that gradients which pile up do not matter."""
    gpt = oracle.gpt
    for max_norm in (0.01, 0.1, HUGE):
        weight, batch = gpt.normal(rng, 17, 17), gpt.draw_tokens(rng, 3, 6)
        found = epoch(solution, inside, weight, [batch], max_norm=max_norm) - weight
        for shifted in (True, False):
            step = gpt.train_table(weight, [batch], [0.5], max_norm=max_norm, shifted=shifted) - weight
            # torch divides by the norm plus 1e-6.
            if torch.allclose(found, step, rtol=1e-4, atol=1e-8):
                break
        else:
            raise AssertionError(f"max_norm {max_norm}: the step is none along a gradient of at most this norm")


def the_norm_is_of_all_parameters_together(solution, inside, oracle, rng):
    gpt = oracle.gpt
    weight, batch, max_norm = gpt.normal(rng, 17, 17), gpt.draw_tokens(rng, 3, 6), float(rng.uniform(0.01, 0.03))
    model = inside.gpt.pair(weight)
    solution.train_gpt_epoch(model, [batch], inside.gpt.sgd(model, 0.5), None, max_norm=max_norm)
    held = fetch(inside.gpt.weights(model))
    step = torch.cat([held[name] - weight / 2 for name in ("first", "second")])
    assert float(step.norm()) == pytest.approx(0.5 * max_norm, rel=1e-3)


def schedule_steps_after_each_batch(solution, inside, oracle, rng):
    gpt = oracle.gpt
    weight, batches = gpt.normal(rng, 17, 17), [gpt.draw_tokens(rng, 3, 6) for _ in range(4)]
    factors = [1.0, 0.25, 0.5, 0.125, 0.0]
    found = epoch(solution, inside, weight, batches, factors=factors)
    rates = [0.5 * factor for factor in factors[:4]]
    options = [(shifted, piling) for shifted in (True, False) for piling in (False, True)]
    expected = [gpt.train_table(weight, batches, rates, shifted=s, piling=p) for s, p in options]
    assert gpt.is_one_of(found, expected, rtol=TRAINED)


def rate_rises_in_equal_parts_and_falls_to_zero(solution, inside, oracle, rng):
    for warmup, total in ((4, 10), (1, 5), (3, 4)):
        rates_follow_the_formula(solution, inside, oracle, rng, warmup, total)


def rates_follow_the_formula(solution, inside, oracle, rng, warmup, total):
    lr = float(rng.uniform(0.1, 1.0))
    optimizer = inside.gpt.sgd(inside.gpt.table(oracle.gpt.normal(rng, 3, 3)), lr)
    schedule = solution.warmup_schedule(optimizer, warmup=warmup, total=total)
    steps = total + 4  # the rate stays 0 where steps go on
    found = fetch(inside.gpt.rates(optimizer, schedule, steps))
    expected = [lr * oracle.gpt.rate(step, warmup, total) for step in range(steps)]
    expect_close(found, expected, f"rates with warmup {warmup} of {total}", rtol=TRAINED, atol=1e-9)


def rate_may_begin_to_fall_at_once(solution, inside, oracle, rng):
    for total in (1, 6):
        rates_follow_the_formula(solution, inside, oracle, rng, 0, total)


def only_matrices_decay(solution, inside, oracle, rng):
    """Gradients are 0, so that AdamW moves nothing but what it decays."""
    lr, weight_decay = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.2, 0.5))
    model = solution.TinyGPT(17, dropout=0.0)
    inside.gpt.load(model, oracle.gpt.draw_arrays(rng, context=32))
    before = fetch(inside.gpt.weights(model))
    inside.gpt.step_without_gradient(model, solution.gpt_optimizer(model, lr=lr, weight_decay=weight_decay))
    after = fetch(inside.gpt.weights(model))
    assert set(after) - {"head.weight"} == set(oracle.gpt.draw_arrays(rng))
    for name, value in before.items():
        share = 1 - lr * weight_decay if value.ndim >= 2 else 1.0
        expect_close(after[name], share * value, name, rtol=TRAINED, atol=TRAINED)


def vectors_and_scalars_do_not_decay_whatever_they_are_called(solution, inside, oracle, rng):
    model = inside.gpt.layers_without_names()
    before = fetch(inside.gpt.weights(model))
    inside.gpt.step_without_gradient(model, solution.gpt_optimizer(model, lr=0.1, weight_decay=0.5))
    after = fetch(inside.gpt.weights(model))
    for name, value in before.items():
        share = 0.95 if value.ndim >= 2 else 1.0
        expect_close(after[name], share * value, name, rtol=TRAINED, atol=TRAINED)


def tokens_are_read_off_with_the_weights_they_are_embedded_with(solution, inside, oracle, rng):
    """The blocks add nothing here, so that only embedding, last norm and head matter."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj", "down")
    inside.gpt.load(model, arrays, head=False)
    tokens = gpt.draw_tokens(rng, 3, 8)
    expected = [gpt.forward(arrays, tokens, flaw=flaw) for flaw in gpt.flaws(unbiased=(False, True))]
    assert gpt.is_one_of(fetch(inside.gpt.logits(model, tokens)), expected, rtol=1e-4)
    # An optimizer would move a weight twice that it is given twice.
    count = sum(math.prod(value.shape) for value in fetch(inside.gpt.weights(model)).values())
    assert count == sum(value.numel() for value in arrays.values()), "number of weights"


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_no_zero_grad")
def test_each_step_follows_its_own_batch_alone(solution, inside, oracle, rng):
    each_step_follows_its_own_batch_alone(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_clip_before_backward")
def test_a_long_gradient_is_cut_to_the_norm(solution, inside, oracle, rng):
    a_long_gradient_is_cut_to_the_norm(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_schedule_by_epoch")
def test_schedule_steps_after_each_batch(solution, inside, oracle, rng):
    schedule_steps_after_each_batch(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_warmup_in_whole_steps")
def test_rate_rises_in_equal_parts_and_falls_to_zero(solution, inside, oracle, rng):
    rate_rises_in_equal_parts_and_falls_to_zero(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_decay_on_all")
def test_only_matrices_decay(solution, inside, oracle, rng):
    only_matrices_decay(solution, inside, oracle, rng)


@pytest.mark.criterion("optimisation", weight=2)
@pytest.mark.bug("gpt_tie_lost")
def test_tokens_are_read_off_with_the_weights_they_are_embedded_with(solution, inside, oracle, rng):
    tokens_are_read_off_with_the_weights_they_are_embedded_with(solution, inside, oracle, rng)


def matrices_move_as_adamw_moves_them(solution, inside, oracle, rng):
    gpt = oracle.gpt
    weight, lr, weight_decay = gpt.normal(rng, 4, 4), float(rng.uniform(0.1, 0.3)), float(rng.uniform(0.1, 0.5))
    gradients = [gpt.normal(rng, 4, 4) for _ in range(3)]
    model = inside.gpt.table(weight)
    optimizer = solution.gpt_optimizer(model, lr=lr, weight_decay=weight_decay)
    inside.gpt.step_along(model, optimizer, gradients)
    adam = gpt.AdamW({"weight": weight}, weight_decay)
    for gradient in gradients:
        adam.step({"weight": gradient}, lr)
    found = fetch(inside.gpt.weights(model))["weight"]
    expect_close(found, adam.arrays["weight"], "a matrix", rtol=TRAINED, atol=TRAINED)


def an_epoch_is_in_train_mode_and_tells_its_loss(solution, inside, oracle, rng):
    """At a rate of 0 each batch's loss is known whatever was done with the one before it."""
    gpt = oracle.gpt
    weight = gpt.normal(rng, 17, 17)
    batches = [gpt.draw_tokens(rng, rows, length) for rows, length in ((5, 12), (2, 3), (1, 2))]
    model = inside.gpt.table(weight, training_times=2.0)
    inside.gpt.set_mode(model, False)
    loss = solution.train_gpt_epoch(model, batches, inside.gpt.sgd(model, 0.0))
    losses = [
        torch.cat([gpt.token_losses(2 * weight[tokens], tokens, shifted=shifted) for tokens in batches])
        for shifted in (True, False)
    ]
    found = expect_float(loss, "the epoch's loss")
    assert any(found == pytest.approx(float(each.mean()), rel=1e-8) for each in losses)


@pytest.mark.criterion("optimisation")
def test_every_rule_of_the_gpts_steps_holds(solution, inside, oracle, rng):
    matrices_move_as_adamw_moves_them(solution, inside, oracle, rng)
    an_epoch_is_in_train_mode_and_tells_its_loss(solution, inside, oracle, rng)
    each_step_follows_its_own_batch_alone(solution, inside, oracle, rng)
    a_long_gradient_is_cut_to_the_norm(solution, inside, oracle, rng)
    the_norm_is_of_all_parameters_together(solution, inside, oracle, rng)
    schedule_steps_after_each_batch(solution, inside, oracle, rng)
    rate_rises_in_equal_parts_and_falls_to_zero(solution, inside, oracle, rng)
    rate_may_begin_to_fall_at_once(solution, inside, oracle, rng)
    only_matrices_decay(solution, inside, oracle, rng)
    vectors_and_scalars_do_not_decay_whatever_they_are_called(solution, inside, oracle, rng)
    tokens_are_read_off_with_the_weights_they_are_embedded_with(solution, inside, oracle, rng)
