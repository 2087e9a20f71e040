"""Criterion model_and_loss at senior level: attention, layer norm, the loss (rules S1, S2, S5)."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_close, expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")

FLOAT = torch.float64


def attend(solution, q, k, v, keep):
    out = solution.attention(q, k, v, keep)
    return expect_tensor(out, "attention", shape=(*q.shape[:3], v.shape[-1]), dtype=FLOAT)


def no_token_looks_ahead(solution, inside, oracle, rng):
    """All keys are 0, so every token that is looked at weighs the same, whatever happens to the scores."""
    gpt = oracle.gpt
    for new, everything in ((6, 6), (3, 7), (1, 5), (2, 2)):
        q, k = gpt.normal(rng, 2, 2, new, 4), torch.zeros(2, 2, everything, 4, dtype=FLOAT)
        v, keep = gpt.normal(rng, 2, 2, everything, 4), torch.ones(2, everything, dtype=torch.bool)
        found = attend(solution, q, k, v, keep)
        expected = [gpt.attention(q, k, v, keep, flaw) for flaw in gpt.flaws(axis=(-1, -2))]
        assert gpt.is_one_of(found, expected), f"{new} queries, {everything} keys"


def attention_weights_of_a_token_sum_to_one(solution, inside, oracle, rng):
    """Where all values are equal, their weighted mean is the value itself; the mask and the scale do not matter."""
    gpt = oracle.gpt
    for new, everything in ((5, 5), (2, 6), (1, 4)):
        q, k = gpt.normal(rng, 2, 2, new, 8), gpt.normal(rng, 2, 2, everything, 8)
        keep = torch.ones(2, everything, dtype=torch.bool)
        value = gpt.normal(rng, 2, 2, 1, 8)
        found = attend(solution, q, k, value.expand(2, 2, everything, 8).contiguous(), keep)
        expect_close(found, value.expand(2, 2, new, 8), "a mean of equal values", rtol=1e-8, atol=1e-8)
    # The last token looks at all, with equal weights where keys are 0.
    v = gpt.normal(rng, 2, 2, 6, 8)
    found = attend(solution, q, torch.zeros_like(v), v, torch.ones(2, 6, dtype=torch.bool))
    expect_close(found, v.mean(2, keepdim=True), "the last token's mean", rtol=1e-8, atol=1e-8)


def scores_are_divided_by_the_root_of_the_heads_size(solution, inside, oracle, rng):
    gpt = oracle.gpt
    for size in (2, 9, 16):
        q, k, v = gpt.normal(rng, 2, 3, 2, size), gpt.normal(rng, 2, 3, 6, size), gpt.normal(rng, 2, 3, 6, size)
        keep = torch.ones(2, 6, dtype=torch.bool)
        found = attend(solution, q, k, v, keep)
        expected = [gpt.attention(q, k, v, keep, flaw) for flaw in gpt.flaws(future=(0, 1), axis=(-1, -2))]
        assert gpt.is_one_of(found, expected), f"heads of size {size}"


def layer_norm_follows_its_formula(solution, inside, oracle, rng):
    gpt = oracle.gpt
    # The smallest spread is where eps decides.
    for width, spread in ((2, 1.0), (5, 3.0), (16, 1.0), (16, 1e-3)):
        x = gpt.normal(rng, 3, 4, width, spread=spread) + 2.0
        weight, bias = gpt.normal(rng, width), gpt.normal(rng, width)
        found = expect_tensor(solution.layer_norm(x, weight, bias), "layer_norm", shape=x.shape, dtype=FLOAT)
        expect_close(found, gpt.layer_norm(x, weight, bias), f"layer_norm of width {width}", rtol=1e-8, atol=1e-8)
        eps = float(rng.uniform(0.5, 2.0))  # one that is asked for
        found = expect_tensor(solution.layer_norm(x, weight, bias, eps=eps), "layer_norm", shape=x.shape, dtype=FLOAT)
        expect_close(found, gpt.layer_norm(x, weight, bias, eps=eps), f"with eps={eps}", rtol=1e-8, atol=1e-8)


def loss_is_that_of_the_next_token(solution, inside, oracle, rng):
    """There is no padding here: whether it counts is another matter."""
    gpt = oracle.gpt
    for rows, length in ((1, 2), (3, 7), (2, 12)):
        tokens, logits = gpt.draw_tokens(rng, rows, length), gpt.normal(rng, rows, length, 17, spread=2.0)
        found = expect_float(solution.next_token_loss(logits, tokens).item(), "next_token_loss")
        assert found == pytest.approx(float(gpt.token_losses(logits, tokens).mean()), rel=1e-8)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("gpt_mask_off_by_one")
def test_no_token_looks_ahead(solution, inside, oracle, rng):
    no_token_looks_ahead(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("gpt_softmax_over_queries")
def test_attention_weights_of_a_token_sum_to_one(solution, inside, oracle, rng):
    attention_weights_of_a_token_sum_to_one(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("gpt_no_scale")
def test_scores_are_divided_by_the_root_of_the_heads_size(solution, inside, oracle, rng):
    scores_are_divided_by_the_root_of_the_heads_size(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("gpt_norm_unbiased")
def test_layer_norm_follows_its_formula(solution, inside, oracle, rng):
    layer_norm_follows_its_formula(solution, inside, oracle, rng)


@pytest.mark.criterion("model_and_loss", weight=2)
@pytest.mark.bug("gpt_loss_not_shifted")
def test_loss_is_that_of_the_next_token(solution, inside, oracle, rng):
    loss_is_that_of_the_next_token(solution, inside, oracle, rng)


def logits_are_the_promised_ones(solution, inside, oracle, rng):
    """No padding, no cache; dropout must not show in eval mode."""
    gpt = oracle.gpt
    for layers, heads, dropout in ((2, 2, 0.9), (1, 4, 0.0)):
        model = solution.TinyGPT(11, context=9, width=8, heads=heads, layers=layers, dropout=dropout)
        arrays = gpt.draw_arrays(rng, vocabulary=11, context=9, width=8, layers=layers)
        inside.gpt.load(model, arrays)
        tokens = gpt.draw_tokens(rng, 2, 9, vocabulary=11)
        found = expect_tensor(fetch(inside.gpt.logits(model, tokens)), "logits", shape=(2, 9, 11), dtype=FLOAT)
        expect_close(found, gpt.forward(arrays, tokens, heads=heads), f"{layers} layers", rtol=1e-8, atol=1e-8)


def dropout_has_its_places(solution, inside, oracle, rng):
    """The blocks add nothing here: units are dropped once, and a kept one makes its own token's logit positive."""
    gpt, width, share = oracle.gpt, 16, float(rng.uniform(0.3, 0.6))
    model = solution.TinyGPT(width + 2, context=24, width=width, dropout=share)
    arrays = gpt.silence(gpt.draw_arrays(rng, vocabulary=width + 2, context=24, width=width), "proj", "down")
    arrays["token.weight"] = torch.cat([torch.zeros(1, width), torch.ones(1, width), torch.eye(width)]).to(FLOAT)
    arrays["position.weight"] = torch.zeros_like(arrays["position.weight"])
    arrays["norm.weight"], arrays["norm.bias"] = torch.ones(width, dtype=FLOAT), torch.zeros(width, dtype=FLOAT)
    inside.gpt.load(model, arrays)
    tokens = torch.ones(80, 24, dtype=torch.int64)
    found = fetch(inside.gpt.training_logits(model, tokens, int(rng.integers(2**31))))
    expect_tensor(found, "logits", shape=(80, 24, width + 2), dtype=FLOAT)
    kept = float((found[..., 2:] > 0).double().mean())
    assert kept == pytest.approx(1 - share, abs=0.03), "the share of units that are kept"


@pytest.mark.criterion("model_and_loss")
def test_every_rule_of_the_gpt_holds(solution, inside, oracle, rng):
    logits_are_the_promised_ones(solution, inside, oracle, rng)
    no_token_looks_ahead(solution, inside, oracle, rng)
    attention_weights_of_a_token_sum_to_one(solution, inside, oracle, rng)
    scores_are_divided_by_the_root_of_the_heads_size(solution, inside, oracle, rng)
    layer_norm_follows_its_formula(solution, inside, oracle, rng)
    loss_is_that_of_the_next_token(solution, inside, oracle, rng)
    dropout_has_its_places(solution, inside, oracle, rng)
