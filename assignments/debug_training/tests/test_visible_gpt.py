"""Visible tests of the GPT: a first look at each part. The hidden tests ask the same rules one by one, with other data.

The expected numbers were worked out in NumPy, row by row and head by head, from the rules in the README.
"""

import math

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.levels("senior")

ROWS = [[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8], [1, 6, 1, 8, 1]]
BATCHES = [
    torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]),
    torch.tensor([[5, 8, 9, 7]]),
    torch.tensor([[9, 3, 2, 3, 8, 4]]),
]


def wavy_gpt(dropout=0.0):
    """Return a float64 model of sines: of 0.7 times a weight's place, plus its tensor's place by name."""
    from solution import TinyGPT

    model = TinyGPT(17, dropout=dropout).double()
    weights = {name: weight for name, weight in model.named_parameters() if name != "head.weight"}
    with torch.no_grad():
        for i, (_, weight) in enumerate(sorted(weights.items())):
            places = torch.arange(weight.numel(), dtype=torch.float64)
            weight.copy_(0.5 * torch.sin(0.7 * places + i).reshape(weight.shape))
    return model.eval()


class Bigram(nn.Module):
    """Logits by the last token alone. In train mode, and where gradients are recorded, it can be louder."""

    def __init__(self, loud=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.sin(torch.arange(289.0, dtype=torch.float64)).reshape(17, 17))
        self.bias = nn.Parameter(torch.cos(torch.arange(17.0, dtype=torch.float64)))
        self.loud = loud

    def forward(self, tokens):
        times = 1 + self.loud * (self.training + torch.is_grad_enabled())
        return times * (self.weight[tokens] + self.bias)


@pytest.mark.criterion("model_and_loss")
def test_loss_of_a_model_with_known_weights():
    from solution import next_token_loss

    model, row = wavy_gpt(), torch.tensor(ROWS[:1])
    with torch.no_grad():
        assert next_token_loss(model(row), row).item() == pytest.approx(4.2558802744997, rel=1e-6)


@pytest.mark.criterion("optimisation")
def test_an_epoch_by_hand():
    from solution import gpt_optimizer, train_gpt_epoch, warmup_schedule

    model = Bigram()
    optimizer = gpt_optimizer(model, lr=0.1, weight_decay=0.5)
    schedule = warmup_schedule(optimizer, warmup=2, total=4)
    loss = train_gpt_epoch(model, BATCHES, optimizer, schedule, max_norm=0.3)
    # torch cuts a gradient to a millionth less than its norm.
    assert loss == pytest.approx(3.301799490296856, rel=1e-5)
    assert model.weight.square().sum().item() == pytest.approx(118.36104554576411, rel=1e-5)
    assert model.bias.square().sum().item() == pytest.approx(8.575084827164492, rel=1e-5)


@pytest.mark.criterion("data")
def test_windows_batches_and_padding():
    from solution import pad_batches, split_windows

    train, val = split_windows(torch.arange(1, 21), 5, 0.35)
    assert sorted({token for row in train for token in row.tolist()}) == list(range(1, 14))
    assert sorted({token for row in val for token in row.tolist()}) == list(range(14, 21))
    rows = [torch.tensor([i] * (1 + i % 3)) for i in range(1, 31)]
    orders = [[row[0].item() for batch in pad_batches(rows, 4, seed=7, epoch=i) for row in batch] for i in (0, 1, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(1, 31))
    assert orders[0] != orders[1]
    assert orders[1] == orders[2]
    model, row = wavy_gpt(), torch.tensor(ROWS[:1])
    with torch.no_grad():
        padded = model(nn.functional.pad(row, (3, 0)))[:, 3:]
        assert torch.allclose(padded, model(row), rtol=1e-8)


@pytest.mark.criterion("evaluation")
def test_measuring_and_going_on():
    from solution import KVCache, evaluate_gpt, generate

    found = evaluate_gpt(Bigram(loud=1.0).train(), BATCHES)
    assert found["loss"] == pytest.approx(3.3396811518862437, rel=1e-6)
    assert found["perplexity"] == pytest.approx(math.exp(3.3396811518862437), rel=1e-6)
    model, row, cache = wavy_gpt(), torch.tensor(ROWS[:1]), KVCache()
    with torch.no_grad():
        parts = torch.cat([model(part, cache) for part in row.split([3, 1, 4], dim=1)], dim=1)
        assert torch.allclose(parts, model(row), rtol=1e-8)
    prompts = [torch.tensor(row) for row in ROWS]
    answer = generate(model, prompts, 5, temperature=0)
    for prompt, expected in zip(prompts, answer, strict=True):
        assert generate(model, [prompt], 5, temperature=0)[0].tolist() == expected.tolist()
    restless = wavy_gpt(dropout=0.9).train()
    assert generate(restless, prompts, 5, temperature=0).tolist() == answer.tolist()
