"""Your tests of the GPT: each passes on right code and fails on a bug. Import from `solution`."""

import math

import pytest
import torch
from solution import (
    KVCache,
    TinyGPT,
    attention,
    cut_windows,
    evaluate_gpt,
    generate,
    gpt_optimizer,
    layer_norm,
    next_token_loss,
    pad_batches,
    split_windows,
    train_gpt_epoch,
    warmup_schedule,
)
from torch import nn


def test_a_stream_that_fits_is_one_window():
    assert [window.tolist() for window in cut_windows(torch.tensor([3, 1, 2]), 3)] == [[3, 1, 2]]


def model(**options):
    torch.manual_seed(3)
    made = TinyGPT(17, **{"dropout": 0.0, **options}).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made.eval()


def tokens(rows, length):
    return torch.randint(1, 17, (rows, length), generator=torch.Generator().manual_seed(rows + length))


class Bigram(nn.Module):
    """Logits by the last token; twice as large in train mode, three times where gradients are recorded."""

    def __init__(self, loud=False):
        super().__init__()
        self.weight = nn.Parameter(torch.sin(torch.arange(289.0, dtype=torch.float64)).reshape(17, 17))
        self.loud = loud

    def forward(self, tokens):
        times = 1 + self.loud * (self.training + 2 * torch.is_grad_enabled())
        return times * self.weight[tokens]


def test_attention_of_equal_scores_is_a_running_mean():
    q, k = torch.randn(1, 1, 4, 2), torch.zeros(1, 1, 4, 2)
    v = torch.tensor([1.0, 3.0, 8.0, 0.0]).reshape(1, 1, 4, 1)
    keep = torch.ones(1, 4, dtype=torch.bool)
    assert attention(q, k, v, keep).flatten().tolist() == pytest.approx([1, 2, 4, 3])
    keep[0, 0] = False
    assert attention(q, k, v, keep).flatten().tolist()[1:] == pytest.approx([3, 5.5, 11 / 3])


def test_attention_of_two_keys_by_hand():
    q, k = torch.full((1, 1, 1, 4), 1.0), torch.tensor([[0.0] * 4, [0.5] * 4]).reshape(1, 1, 2, 4)
    v = torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1)
    # Scores are 0 and 2 / sqrt(4) = 1.
    found = attention(q, k, v, torch.ones(1, 2, dtype=torch.bool)).item()
    assert found == pytest.approx(math.e / (1 + math.e), rel=1e-5)


def test_layer_norm_by_hand():
    x = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    assert layer_norm(x, one, zero)[0, 1].item() == pytest.approx(1 / math.sqrt(1 + 1e-5))


def test_loss_asks_for_the_next_token_and_not_for_padding():
    logits = torch.zeros(1, 4, 3)
    logits[0, 0, 2] = logits[0, 1, 1] = math.log(2)
    # Chances of the targets 2 and 1 are 2 of 4 each; then comes padding.
    assert next_token_loss(logits, torch.tensor([[1, 2, 1, 0]])).item() == pytest.approx(math.log(2))


def test_head_and_embedding_are_one():
    gpt = model()
    with torch.no_grad():
        gpt.token.weight[5] = gpt.token.weight[9]
    logits = gpt(tokens(2, 6))
    assert torch.allclose(logits[..., 5], logits[..., 9])


def test_padding_in_front_changes_nothing():
    gpt, row = model(), tokens(1, 5)
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.int64), row], dim=1)
    assert torch.allclose(gpt(padded)[:, 3:], gpt(row))


def test_cache_changes_nothing():
    gpt, row, cache = model(), tokens(2, 7), KVCache()
    parts = torch.cat([gpt(part, cache) for part in row.split([3, 1, 3], dim=1)], dim=1)
    assert torch.allclose(parts, gpt(row))


def test_windows_and_split():
    assert [w.tolist() for w in cut_windows(torch.arange(1, 7), 3)] == [[1, 2, 3], [3, 4, 5], [5, 6]]
    train, val = split_windows(torch.arange(1, 11), 4, 0.35)
    assert [w.tolist() for w in train] == [[1, 2, 3, 4], [4, 5, 6, 7]]
    assert [w.tolist() for w in val] == [[8, 9, 10]]


def test_orders_of_epochs_differ():
    rows = [torch.tensor([i]) for i in range(1, 41)]
    orders = [torch.cat(pad_batches(rows, 7, seed=1, epoch=epoch)).flatten().tolist() for epoch in (0, 1, 1)]
    assert orders[0] != orders[1] == orders[2]
    assert sorted(orders[0]) == list(range(1, 41))


def test_each_step_is_that_of_its_batch():
    batches = [tokens(2, 5), tokens(3, 4)]
    trained, expected = Bigram(), Bigram()
    optimizer = torch.optim.SGD(trained.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: [1.0, 0.5, 0.0][step])
    train_gpt_epoch(trained, batches, optimizer, schedule, max_norm=0.1)
    for batch, rate in zip(batches, (1.0, 0.5), strict=True):
        logits = expected(batch)[:, :-1].flatten(0, 1)
        (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(logits, batch[:, 1:].flatten()), expected.weight)
        expected.weight.data -= rate * gradient * min(1.0, 0.1 / gradient.norm().item())
    assert torch.allclose(trained.weight, expected.weight, rtol=1e-4, atol=1e-7)


def test_warmup_and_decay():
    gpt = model()
    optimizer = gpt_optimizer(gpt, lr=1.0, weight_decay=0.5)
    schedule = warmup_schedule(optimizer, warmup=2, total=4)
    before = {name: p.detach().clone() for name, p in gpt.named_parameters()}
    rates = []
    for _ in range(4):
        for p in gpt.parameters():
            p.grad = torch.zeros_like(p)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.5])
    for name, p in gpt.named_parameters():
        assert torch.allclose(p, before[name] * (0.75 * 0.5 * 0.5 * 0.75 if p.ndim > 1 else 1.0))


@pytest.mark.parametrize("training", [True, False])
def test_measuring(training):
    loud, plain, batches = Bigram(loud=True).train(training), Bigram(), [tokens(4, 9), tokens(1, 2)]
    found = evaluate_gpt(loud, batches)
    losses = []
    for batch in batches:
        logits = plain(batch)[:, :-1].flatten(0, 1)
        losses.append(nn.functional.cross_entropy(logits, batch[:, 1:].flatten(), reduction="none"))
    loss = torch.cat(losses).mean().item()
    assert (found["loss"], found["perplexity"]) == pytest.approx((loss, math.exp(loss)))
    assert loud.training is training


def test_generation():
    gpt = model(dropout=0.9).train()
    prompts = [tokens(1, 3)[0], tokens(1, 5)[0]]
    quiet = generate(gpt, prompts, 2, temperature=0)
    assert gpt.training
    gpt.eval()
    assert generate(gpt, prompts, 2, temperature=0).tolist() == quiet.tolist()
    cold = generate(gpt, prompts * 20, 2, temperature=1e-6, seed=1)
    assert cold.tolist() == quiet.tolist() * 20
    assert len(set(generate(gpt, prompts[:1] * 200, 1, temperature=50.0, seed=1).flatten().tolist())) > 10
