"""Criterion data at senior level: windows, split, batches and padding (rules S9 to S12)."""

from __future__ import annotations

import itertools

import pytest
import torch

from grading.judge import expect_float, expect_tensor, fetch

pytestmark = pytest.mark.levels("senior")

FLOAT = torch.float64


def rows_of(value, what):
    """Return a list of rows of tokens as plain lists."""
    rows = fetch(value)
    assert type(rows) in (list, tuple), f"{what} is a list"
    return [expect_tensor(row, f"a row of {what}", dtype=torch.int64).tolist() for row in rows]


def windows_follow_each_other(rows, stream, length):
    pairs = [pair for row in rows for pair in itertools.pairwise(row)]
    assert pairs == list(itertools.pairwise(stream)), f"{len(stream)} tokens, windows of {length}"
    assert max(map(len, rows)) <= length
    assert min(map(len, rows)) >= 2, "a window of one token has no target"
    assert [len(row) for row in rows[:-1]] == [length] * (len(rows) - 1)


def each_token_but_the_first_is_a_target_once(solution, inside, oracle, rng):
    for length, count in ((5, 23), (5, 21), (2, 6), (8, 3), (4, 5)):
        tokens = torch.arange(100, 100 + count)
        rows = rows_of(solution.cut_windows(tokens, length), "windows")
        windows_follow_each_other(rows, tokens.tolist(), length)


def no_token_is_in_both_parts(solution, inside, oracle, rng):
    """All tokens differ, so that each tells where it came from. Whether the last window is there is another matter."""
    for count, length, fraction in ((103, 8, 0.2), (60, 5, 0.25), (41, 6, 0.5)):
        train, val = solution.split_windows(torch.arange(count), length, fraction)
        cut = count - int(count * fraction)
        seen, held = ({token for row in rows_of(part, "windows") for token in row} for part in (train, val))
        assert not seen & held
        assert seen <= set(range(cut))
        assert held <= set(range(cut, count))
        assert len(seen) > cut - length
        assert len(held) > count - cut - length


def both_parts_are_cut_like_a_stream(solution, inside, oracle, rng):
    """Windows come out even in the first part of 60 tokens, and in the second of 36."""
    for count, length, fraction in ((60, 5, 0.25), (36, 6, 0.45)):
        stream = torch.arange(1, count + 1)
        cut = count - int(count * fraction)
        parts = solution.split_windows(stream, length, fraction)
        for part, tokens in zip(parts, (stream[:cut], stream[cut:]), strict=True):
            windows_follow_each_other(rows_of(part, "windows"), tokens.tolist(), length)


def each_epoch_has_an_order_of_its_own(solution, inside, oracle, rng):
    rows = [torch.arange(1, int(rng.integers(3, 7))) + 100 * i for i in range(24)]
    of_one_length = [row[:2] for row in rows]
    seed = int(rng.integers(2**31))

    def order(**options):
        batches = fetch(solution.pad_batches(rows, 5, **options))
        assert [len(batch) for batch in batches] == [5, 5, 5, 5, 4]
        found = []
        for batch in batches:
            kept = [[token for token in row if token] for row in batch.tolist()]
            assert batch.shape[1] == max(map(len, kept)), "a batch is as long as its longest row"
            assert all(row[: len(real)] == real for row, real in zip(batch.tolist(), kept, strict=True)), "side"
            found += kept
        return found

    plain = [row.tolist() for row in rows]
    assert order() == plain
    orders = [order(seed=seed, epoch=epoch) for epoch in range(3)]
    assert all(sorted(each) == plain for each in orders)
    assert plain not in orders
    assert orders[0] != orders[1]
    assert orders[1] != orders[2]
    assert order(seed=seed, epoch=1) == orders[1]
    # Also for a list that was shuffled before.
    calls = [{"seed": seed, "epoch": 1}, {"seed": seed, "epoch": 1}, {}]
    again = [
        torch.cat(batches)[:, 0].tolist() for batches in fetch(inside.gpt.batches_of_one_list(of_one_length, 24, calls))
    ]
    assert again[0] == again[1], "another order at the second call"
    assert again[2] == [row[0] for row in of_one_length], "without a seed rows keep their order"


def every_seed_and_every_epoch_count(solution, inside, oracle, rng):
    rows = [torch.arange(1, 4) + 100 * i for i in range(24)]

    def order(seed, epoch):
        return torch.cat(fetch(solution.pad_batches(rows, 24, seed=seed, epoch=epoch)))[:, 0].tolist()

    assert order(0, 1) != order(0, 2), "the seed 0 has another order in each epoch, too"
    assert order(5, 0) != order(6, 0), "the first epoch depends on the seed, too"


def padding_is_no_target(solution, inside, oracle, rng):
    gpt = oracle.gpt
    for lengths in ((7, 2, 4), (5, 5, 3, 2)):
        tokens = gpt.pad([gpt.draw_tokens(rng, 1, n)[0] for n in lengths], "right")
        logits = gpt.normal(rng, *tokens.shape, 17, spread=2.0)
        found = expect_float(solution.next_token_loss(logits, tokens).item(), "next_token_loss")
        expected = [float(gpt.token_losses(logits, tokens, shifted=shifted).mean()) for shifted in (True, False)]
        assert any(found == pytest.approx(value, rel=1e-8) for value in expected)


def no_token_looks_at_padding(solution, inside, oracle, rng):
    """All keys are 0, so that scores do not matter. What padding itself sees is left open."""
    gpt = oracle.gpt
    for new, everything in ((6, 6), (2, 6)):
        q, k = gpt.normal(rng, 4, 2, new, 4), torch.zeros(4, 2, everything, 4, dtype=FLOAT)
        v = gpt.normal(rng, 4, 2, everything, 4)
        keep = torch.ones(4, everything, dtype=torch.bool)
        keep[1, :3], keep[2, :1], keep[3, 4:] = False, False, False
        found = expect_tensor(solution.attention(q, k, v, keep), "attention", shape=q.shape, dtype=FLOAT)
        real = keep[:, everything - new :]
        options = [gpt.attention(q, k, v, keep, flaw) for flaw in gpt.flaws(future=(0, 1, -1), axis=(-1, -2))]
        expected = [option.transpose(1, 2)[real] for option in options]
        assert gpt.is_one_of(found.transpose(1, 2)[real], expected), f"{new} queries, {everything} keys"


def positions_start_at_the_first_real_token(solution, inside, oracle, rng):
    """Attention adds nothing here, so that a token's logits depend on itself and its position."""
    gpt = oracle.gpt
    model = solution.TinyGPT(17, context=24, dropout=0.0)
    arrays = gpt.silence(gpt.draw_arrays(rng), "proj")
    inside.gpt.load(model, arrays)
    rows = [gpt.draw_tokens(rng, 1, n)[0] for n in (9, 4, 1, 6)]
    for side in ("left", "right"):
        tokens = gpt.pad(rows, side)
        found = expect_tensor(fetch(inside.gpt.logits(model, tokens)), "logits", shape=(4, 9, 17), dtype=FLOAT)
        expected = [gpt.forward(arrays, tokens, flaw=f)[tokens != 0] for f in gpt.flaws(unbiased=(False, True))]
        assert gpt.is_one_of(found[tokens != 0], expected, rtol=1e-4), f"padding on the {side}"


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_last_window_lost")
def test_each_token_but_the_first_is_a_target_once(solution, inside, oracle, rng):
    each_token_but_the_first_is_a_target_once(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_split_leaks")
def test_no_token_is_in_both_parts(solution, inside, oracle, rng):
    no_token_is_in_both_parts(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_same_order_each_epoch")
def test_each_epoch_has_an_order_of_its_own(solution, inside, oracle, rng):
    each_epoch_has_an_order_of_its_own(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_padding_in_loss")
def test_padding_is_no_target(solution, inside, oracle, rng):
    padding_is_no_target(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_padding_attended")
def test_no_token_looks_at_padding(solution, inside, oracle, rng):
    no_token_looks_at_padding(solution, inside, oracle, rng)


@pytest.mark.criterion("data", weight=2)
@pytest.mark.bug("gpt_positions_count_padding")
def test_positions_start_at_the_first_real_token(solution, inside, oracle, rng):
    positions_start_at_the_first_real_token(solution, inside, oracle, rng)


@pytest.mark.criterion("data")
def test_every_rule_of_the_tokens_holds(solution, inside, oracle, rng):
    each_token_but_the_first_is_a_target_once(solution, inside, oracle, rng)
    no_token_is_in_both_parts(solution, inside, oracle, rng)
    both_parts_are_cut_like_a_stream(solution, inside, oracle, rng)
    each_epoch_has_an_order_of_its_own(solution, inside, oracle, rng)
    every_seed_and_every_epoch_count(solution, inside, oracle, rng)
    padding_is_no_target(solution, inside, oracle, rng)
    no_token_looks_at_padding(solution, inside, oracle, rng)
    positions_start_at_the_first_real_token(solution, inside, oracle, rng)
