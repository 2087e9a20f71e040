"""Criterion evaluation at senior level: measuring, cache, generation (rules S13 to S15)."""

from __future__ import annotations

import math

import pytest
import torch

from grading.judge import expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")

FLOAT = torch.float64
ROUGH = 1e-4  # for checks that do not ask where layer norm adds its eps


def measure(solution, model, batches):
    found = solution.evaluate_gpt(model, batches)
    assert set(found) >= {"loss", "perplexity"}
    return expect_float(found["loss"], "loss"), expect_float(found["perplexity"], "perplexity")


def losses(oracle, weight, batches, *, shifted):
    """Return the loss of every target."""
    return torch.cat([oracle.gpt.token_losses(weight[tokens], tokens, shifted=shifted) for tokens in batches])


def measuring_is_in_eval_mode(solution, inside, oracle, rng, training):
    gpt = oracle.gpt
    weight, batches = gpt.normal(rng, 17, 17), [gpt.draw_tokens(rng, 3, 6) for _ in range(3)]
    model = inside.gpt.table(weight, training_times=3.0)
    inside.gpt.set_mode(model, training)
    loss, _ = measure(solution, model, batches)
    expected = [float(losses(oracle, weight, batches, shifted=shifted).mean()) for shifted in (True, False)]
    assert any(loss == pytest.approx(value, rel=1e-8) for value in expected)
    assert inside.gpt.is_training(model) is training, "the mode afterwards"


def measuring_records_no_gradients(solution, inside, oracle, rng):
    gpt = oracle.gpt
    weight, batches = gpt.normal(rng, 17, 17), [gpt.draw_tokens(rng, 3, 6) for _ in range(3)]
    model = inside.gpt.table(weight, recording_times=2.0)
    loss, _ = measure(solution, model, batches)
    expected = [float(losses(oracle, weight, batches, shifted=shifted).mean()) for shifted in (True, False)]
    assert any(loss == pytest.approx(value, rel=1e-8) for value in expected)
    for recording in (True, False):
        assert inside.gpt.is_recording_after("evaluate_gpt", recording, model, batches) is recording, "afterwards"


def each_target_weighs_the_same(solution, inside, oracle, rng):
    gpt = oracle.gpt
    for spread in (2.0, 25.0):
        weight = gpt.normal(rng, 17, 17, spread=spread)
        batches = [gpt.draw_tokens(rng, rows, length) for rows, length in ((5, 12), (2, 3), (1, 2))]
        loss, perplexity = measure(solution, inside.gpt.table(weight), batches)
        expected = [float(losses(oracle, weight, batches, shifted=shifted).mean()) for shifted in (True, False)]
        assert any(loss == pytest.approx(value, rel=1e-8) for value in expected)
        assert perplexity == pytest.approx(math.exp(loss), rel=1e-8)


def cache_changes_no_logit(solution, inside, oracle, rng):
    """Every position has the same embedding here: which one a cached token gets is another matter."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.draw_arrays(rng)
    arrays["position.weight"] = arrays["position.weight"][:1].repeat(24, 1)
    inside.gpt.load(model, arrays)
    for sizes in ([4, 3], [1, 1, 1, 1], [5, 1, 4, 2]):
        tokens = gpt.draw_tokens(rng, 3, sum(sizes))
        found = fetch(inside.gpt.cached_logits(model, list(tokens.split(sizes, dim=1))))
        expect_tensor(found, "logits", shape=(3, sum(sizes), 17), dtype=FLOAT)
        flaws = gpt.flaws(future=(0, 1, -1), axis=(-1, -2), power=(0.5, 0.0, 1.0), unbiased=(False, True))
        expected = (gpt.forward(arrays, tokens, flaw=flaw, chunks=sizes) for flaw in flaws)
        assert gpt.is_one_of(found, expected, rtol=ROUGH), f"parts of {sizes} tokens"


def positions_go_on_where_the_cache_ends(solution, inside, oracle, rng):
    """Attention adds nothing here, so that a token's logits depend on itself and its position."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj")
    inside.gpt.load(model, arrays)
    for lengths in ((5, 5), (5, 3)):
        prompt = gpt.pad([gpt.draw_tokens(rng, 1, n)[0] for n in lengths], "left")
        chunks = [prompt, gpt.draw_tokens(rng, 2, 1), gpt.draw_tokens(rng, 2, 2)]
        tokens = torch.cat(chunks, dim=1)
        found = fetch(inside.gpt.cached_logits(model, chunks))
        expect_tensor(found, "logits", shape=(2, 8, 17), dtype=FLOAT)
        flaws = gpt.flaws(unbiased=(False, True), padding_counts=(False, True))
        expected = [gpt.forward(arrays, tokens, flaw=flaw)[tokens != 0] for flaw in flaws]
        assert gpt.is_one_of(found[tokens != 0], expected, rtol=ROUGH), f"prompts of lengths {lengths}"


def padding_may_go_on_in_a_later_part(solution, inside, oracle, rng):
    """What else the model does with padding, or does wrong, is another matter: it must do so in all parts."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.draw_arrays(rng)
    inside.gpt.load(model, arrays)
    tokens = gpt.pad([gpt.draw_tokens(rng, 1, n)[0] for n in (3, 7, 5)], "left")
    for sizes in ([2, 4, 1], [3, 4]):
        found = fetch(inside.gpt.cached_logits(model, list(tokens.split(sizes, dim=1))))
        flaws = gpt.flaws(
            future=(0, 1, -1),
            axis=(-1, -2),
            power=(0.5, 0.0, 1.0),
            unbiased=(False, True),
            padding_counts=(False, True),
            padding_seen=(False, True),
        )
        expected = (gpt.forward(arrays, tokens, flaw=flaw, chunks=sizes)[tokens != 0] for flaw in flaws)
        assert gpt.is_one_of(found[tokens != 0], expected, rtol=ROUGH), f"logits in parts of {sizes}"


def tokens_are_drawn_at_the_temperature(solution, inside, oracle, rng, temperature):
    """The blocks add nothing here. A right sample fails less than once in a hundred million."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj", "down")
    arrays["norm.weight"] = 0.5 * arrays["norm.weight"]
    inside.gpt.load(model, arrays)
    inside.gpt.set_mode(model, False)
    prompt, seed = gpt.draw_tokens(rng, 1, 3)[0], int(rng.integers(2**31))
    found = fetch(inside.gpt.many_draws(model, prompt, 2000, temperature, seed))
    expect_tensor(found, "tokens", shape=(2000, 1), dtype=torch.int64)
    logits = [gpt.forward(arrays, prompt[None], flaw=flaw)[0, -1] for flaw in gpt.flaws(unbiased=(False, True))]
    assert any(gpt.is_sample_of(found, gpt.chances(each, temperature)) for each in logits)
    again = fetch(inside.gpt.many_draws(model, prompt, 2000, temperature, seed))
    assert torch.equal(found, again), "same seed, same tokens"
    greedy = fetch(solution.generate(model, [prompt] * 3, 1, temperature=0, seed=seed))
    assert greedy.tolist() in [[[int(each[1:].argmax()) + 1]] * 3 for each in logits]


def generation_is_in_eval_mode(solution, inside, oracle, rng, training):
    """Nearly everything is dropped in train mode. The blocks add nothing here, temperature 0 draws nothing."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.9)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj", "down")
    inside.gpt.load(model, arrays)
    inside.gpt.set_mode(model, training)
    tokens = gpt.draw_tokens(rng, 60, 1)
    found = fetch(solution.generate(model, list(tokens), 1, temperature=0))
    logits = [gpt.forward(arrays, tokens, flaw=flaw)[:, 0, 1:] for flaw in gpt.flaws(unbiased=(False, True))]
    assert found.tolist() in [(each.argmax(dim=-1, keepdim=True) + 1).tolist() for each in logits]
    assert inside.gpt.is_training(model) is training, "the mode afterwards"


def generation_leaves_gradients_alone(solution, inside, oracle, rng):
    model = solution.TinyGPT(17, context=24)
    prompts = [oracle.gpt.draw_tokens(rng, 1, 3)[0]]
    for recording in (True, False):
        assert inside.gpt.is_recording_after("generate", recording, model, prompts, 3) is recording, "afterwards"
    assert not inside.gpt.records_while_writing(model, prompts, 3), "gradients were recorded"


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_evaluate_in_train_mode")
def test_measuring_is_in_eval_mode(solution, inside, oracle, rng):
    for training in (True, False):
        measuring_is_in_eval_mode(solution, inside, oracle, rng, training)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_evaluate_records_gradients")
def test_measuring_records_no_gradients(solution, inside, oracle, rng):
    measuring_records_no_gradients(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_mean_of_batch_means")
def test_each_target_weighs_the_same(solution, inside, oracle, rng):
    each_target_weighs_the_same(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_cache_out_of_order")
def test_cache_changes_no_logit(solution, inside, oracle, rng):
    cache_changes_no_logit(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_cache_restarts_positions")
def test_positions_go_on_where_the_cache_ends(solution, inside, oracle, rng):
    positions_go_on_where_the_cache_ends(solution, inside, oracle, rng)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_temperature_ignored")
def test_tokens_are_drawn_at_the_temperature(solution, inside, oracle, rng):
    for temperature in (2.0, 0.5):
        tokens_are_drawn_at_the_temperature(solution, inside, oracle, rng, temperature)


@pytest.mark.criterion("evaluation", weight=2)
@pytest.mark.bug("gpt_generate_in_train_mode")
def test_generation_is_in_eval_mode(solution, inside, oracle, rng):
    for training in (True, False):
        generation_is_in_eval_mode(solution, inside, oracle, rng, training)


def generation_goes_on_token_by_token(solution, inside, oracle, rng):
    """Attention adds nothing here, so that a token's logits depend on itself and its position."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj")
    inside.gpt.load(model, arrays)
    prompts = [gpt.draw_tokens(rng, 1, n)[0] for n in (5, 2, 4, 1)]
    found = fetch(solution.generate(model, prompts, 6, temperature=0))
    expect_tensor(found, "tokens", shape=(4, 6), dtype=torch.int64)
    options = []
    for flaw in gpt.flaws(unbiased=(False, True), padding_counts=(False, True)):
        ways = [gpt.continue_greedily(arrays, row, 6, flaw) for row in gpt.pad(prompts, "left")]
        options.append([found[i].tolist() == tokens or lead < 1e-6 for i, (tokens, lead) in enumerate(ways)])
    assert any(all(rows) for rows in options)


@pytest.mark.criterion("evaluation")
def test_every_rule_of_the_gpts_measuring_holds(solution, inside, oracle, rng):
    generation_goes_on_token_by_token(solution, inside, oracle, rng)
    generation_leaves_gradients_alone(solution, inside, oracle, rng)
    padding_may_go_on_in_a_later_part(solution, inside, oracle, rng)
    for training in (True, False):
        measuring_is_in_eval_mode(solution, inside, oracle, rng, training)
    measuring_records_no_gradients(solution, inside, oracle, rng)
    each_target_weighs_the_same(solution, inside, oracle, rng)
    cache_changes_no_logit(solution, inside, oracle, rng)
    positions_go_on_where_the_cache_ends(solution, inside, oracle, rng)
    for temperature in (2.0, 0.5):
        tokens_are_drawn_at_the_temperature(solution, inside, oracle, rng, temperature)
    for training in (True, False):
        generation_is_in_eval_mode(solution, inside, oracle, rng, training)
