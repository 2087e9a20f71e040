#: only junior mid
"""Your tests: each passes on a right program and fails on a wrong one. Import from `solution`."""

#: end
#: only mid
#: task
#: | import numpy as np
#: | import torch
#: | from solution import make_loaders
import numpy as np
import pytest
import torch
from solution import build_model, compute_loss, evaluate, make_loaders, make_optimizer, train_one_epoch
from torch import nn

#: end


def test_a_quarter_of_the_rows_validates():
    X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 3
    _, val_loader = make_loaders(X, y, batch_size=3, val_fraction=0.25, seed=0)
    assert sum(len(targets) for _, targets in val_loader) == 3
    assert all(inputs.dtype is torch.float32 for inputs, _ in val_loader)


#: end
#: private
def numbered(n=90):
    """Rows that tell their number by six columns of bits, before a column with a mean and a spread."""
    bits = (np.arange(n)[:, None] >> np.arange(7)) & 1
    return np.hstack([bits, 7 + np.arange(n)[:, None] ** 2]).astype(float), np.arange(n) % 5


def rows_of(inputs):
    return ((inputs[:, :7] > inputs[:, :7].mean(dim=0)).numpy() @ (1 << np.arange(7))).tolist()


def load(X, y, **options):
    loaders = make_loaders(X.copy(), y.copy(), **{"batch_size": 90, "val_fraction": 0.3, "seed": 4, **options})
    return [tuple(torch.cat(parts) for parts in zip(*loader, strict=True)) for loader in loaders]


def test_a_row_trains_or_validates_and_keeps_its_target():
    X, y = numbered()
    (train_x, train_y), (val_x, val_y) = load(X, y)
    assert sorted(rows_of(train_x) + rows_of(val_x)) == list(range(90))
    assert train_y.tolist() == y[rows_of(train_x)].tolist()
    assert val_y.tolist() == y[rows_of(val_x)].tolist()


def test_standardised_by_training_rows():
    (train_x, _), (val_x, _) = load(*numbered())
    assert train_x[:, -1].mean().item() == pytest.approx(0, abs=1e-5)
    assert train_x[:, -1].std(unbiased=False).item() == pytest.approx(1, abs=1e-4)
    assert abs(val_x[:, -1].mean().item()) > 1e-4


def test_training_is_shuffled_each_time():
    X, y = numbered()
    train_loader, _ = make_loaders(X, y, batch_size=90, val_fraction=0.3, seed=4)
    assert not torch.equal(next(iter(train_loader))[0], next(iter(train_loader))[0])


def test_logits_are_no_probabilities_and_rest_in_eval_mode():
    model = build_model(4, 3, dropout=0.5).eval()
    x = 1000 * torch.randn(20, 4)
    assert torch.equal(model(x), model(x))
    assert (model(x).max(dim=1).values - model(x).min(dim=1).values).max().item() > 3
    model.train()
    assert not torch.equal(model(x), model(x))


def test_loss_is_a_mean():
    logits, targets = torch.zeros(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    assert compute_loss(logits, targets).item() == pytest.approx(np.log(4))


class Slope(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return x @ self.w


def test_each_batch_takes_its_own_step():
    model = Slope()
    batches = [(torch.eye(3)[k : k + 1], torch.zeros(1)) for k in range(3)]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    train_one_epoch(model, batches, optimizer, lambda out, _: out.mean())
    assert model.w.tolist() == [-1.0, -1.0, -1.0]
    model = Slope()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    train_one_epoch(model, [(10 * x, y) for x, y in batches], optimizer, lambda out, _: out.mean(), max_norm=1.0)
    assert model.w.tolist() == pytest.approx([-1.0] * 3, rel=1e-3)


def test_biases_do_not_decay():
    model = nn.Linear(2, 2)
    nn.init.ones_(model.weight)
    nn.init.ones_(model.bias)
    optimizer = make_optimizer(model, lr=0.1, weight_decay=0.5)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert model.bias.tolist() == [1.0, 1.0]
    assert model.weight.flatten().tolist() == pytest.approx([0.95] * 4)


class Moody(nn.Module):
    """Right in eval mode, wrong in train mode."""

    def forward(self, x):
        return -x if self.training else x


class Sized(list):
    """Batches with a length."""


def test_measured_in_eval_mode_row_by_row():
    logits = torch.tensor([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [9.0, 0.0]])
    targets = torch.tensor([0, 0, 0, 1])
    model = Moody().train()
    batches = Sized([(logits[:3], targets[:3]), (logits[3:], targets[3:])])
    metrics = evaluate(model, batches, nn.functional.cross_entropy)
    assert metrics["accuracy"] == pytest.approx(0.75)
    assert metrics["loss"] == pytest.approx(9 / 4, rel=1e-3)
    assert model.training


#: end
