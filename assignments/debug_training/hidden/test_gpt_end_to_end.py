"""Criterion end_to_end at senior level: everything at once (rules S1 to S16). A bug of the model spoils each check."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_close, expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")

FLOAT = torch.float64


@pytest.mark.criterion("end_to_end")
def test_training_takes_exactly_the_steps_it_should(solution, inside, oracle, rng):
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.draw_arrays(rng)
    inside.gpt.load(model, arrays)
    rows = [gpt.draw_tokens(rng, 1, int(n))[0] for n in rng.integers(2, 9, size=16)]
    epochs = [[gpt.pad(rows[start : start + 4], "right") for start in (at, at + 4)] for at in (0, 8)]
    options = {"lr": 0.02, "weight_decay": 0.3}
    plan = {"warmup": 2, "total": 5}
    optimizer = solution.gpt_optimizer(model, **options)
    schedule = solution.warmup_schedule(optimizer, **plan)
    found = [solution.train_gpt_epoch(model, batches, optimizer, schedule, max_norm=0.7) for batches in epochs]
    expected = gpt.train_gpt(arrays, epochs, **options, **plan, max_norm=0.7)
    for loss, mean in zip(found, expected.losses, strict=True):
        assert expect_float(loss, "train loss") == pytest.approx(mean, rel=1e-6)
    after = fetch(inside.gpt.weights(model))
    for name, value in expected.arrays.items():
        expect_close(after[name], value, name, rtol=1e-5, atol=1e-5)


@pytest.mark.criterion("end_to_end")
def test_a_padded_batch_goes_on_as_its_rows_would_alone(solution, inside, oracle, rng):
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.5)
    arrays = gpt.draw_arrays(rng)
    inside.gpt.load(model, arrays)
    rows = [gpt.draw_tokens(rng, 1, n)[0] for n in (7, 2, 4, 1)]
    chunks = [gpt.pad(rows, "left"), gpt.draw_tokens(rng, 4, 2), gpt.draw_tokens(rng, 4, 1)]
    found = fetch(inside.gpt.cached_logits(model, chunks))
    expect_tensor(found, "logits", shape=(4, 10, 17), dtype=FLOAT)
    for i, row in enumerate(rows):
        alone = torch.cat([row, *(chunk[i] for chunk in chunks[1:])])
        expected = gpt.forward(arrays, alone[None])[0]
        expect_close(found[i, -len(alone) :], expected, f"logits of row {i}", rtol=1e-8, atol=1e-8)
    answer = fetch(solution.generate(model, rows, 6, temperature=0))
    expect_tensor(answer, "tokens", shape=(4, 6), dtype=torch.int64)
    for i, row in enumerate(rows):
        tokens, lead = gpt.continue_greedily(arrays, row, 6)
        assert answer[i].tolist() == tokens or lead < 1e-6, f"row {i}"


def loss_of(inside, oracle, model, windows):
    """Measure the weights of a model; the judge does it."""
    gpt, arrays = oracle.gpt, {name: value.double() for name, value in fetch(inside.gpt.weights(model)).items()}
    losses = [gpt.token_losses(gpt.forward(arrays, row[None]), row[None]) for row in windows]
    return float(torch.cat(losses).mean())


@pytest.mark.criterion("end_to_end")
@pytest.mark.limit(test_s=30)
def test_a_whole_run_learns_and_tells_the_truth(solution, inside, oracle, rng):
    gpt = oracle.gpt
    stream, seed = gpt.draw_stream(rng, 500), int(rng.integers(1000))
    options = {"vocabulary": 17, "epochs": 6, "length": 12, "lr": 0.03, "seed": seed}
    model, history = solution.fit_gpt(stream, **options)
    records = fetch(history)
    assert len(records) == 6
    assert expect_float(records[-1]["perplexity"], "perplexity") < 12
    windows = [stream[400:][start : start + 12] for start in range(0, 99, 11)]
    assert expect_float(records[-1]["loss"], "loss") == pytest.approx(loss_of(inside, oracle, model, windows), rel=1e-4)
    assert fetch(solution.fit_gpt(stream, **options)[1]) == records, "same seed, same history"
    # Noise cannot be learned: validation gets worse, and every epoch counts all the same.
    noise = torch.tensor(rng.integers(1, 9, size=60))
    model, history = solution.fit_gpt(noise, vocabulary=9, epochs=8, length=8, lr=0.05, seed=seed)
    records, windows = fetch(history), [noise[48:56], noise[55:]]
    assert len(records) == 8
    assert expect_float(records[-1]["loss"], "loss") == pytest.approx(loss_of(inside, oracle, model, windows), rel=1e-4)
