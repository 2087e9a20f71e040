"""Small pieces with names: a scaler, a running mean, a context that puts a model to rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as nnf
from torch.utils.data import DataLoader, TensorDataset

RATE_DROPS = range(5, 10_000, 5)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(nnf.relu(self.linear(x)))


class Net(nn.Module):
    def __init__(self, widths: list[int], n_classes: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(Block(a, b, dropout if number else 0.0) for number, (a, b) in enumerate(pairwise(widths)))
        )
        self.head = nn.Linear(widths[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def build_model(n_features: int, n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    return Net([n_features, 32, 32, 32], n_classes, dropout)


def compute_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return nnf.nll_loss(nnf.log_softmax(logits, dim=-1), targets)


@dataclass(frozen=True)
class Scaler:
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def learn(cls, rows: np.ndarray) -> Scaler:
        spread = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(spread == 0.0, 1.0, spread))

    def apply(self, rows: np.ndarray) -> Tensor:
        return torch.as_tensor((rows - self.mean) / self.scale).to(torch.float32)


def make_loaders(X, y, *, batch_size, val_fraction, seed):
    rows = np.random.RandomState(seed).permutation(X.shape[0])
    val, train = np.split(rows, [int(X.shape[0] * val_fraction)])
    scaler = Scaler.learn(X[train])
    sets = [TensorDataset(scaler.apply(X[part]), torch.as_tensor(y[part]).to(torch.int64)) for part in (train, val)]
    return tuple(
        DataLoader(part, batch_size=batch_size, shuffle=shuffle)
        for part, shuffle in zip(sets, (True, False), strict=True)
    )


def make_optimizer(model, *, lr, weight_decay):
    decaying, free = [], []
    for parameter in model.parameters():
        (decaying if parameter.ndim > 1 else free).append(parameter)
    return torch.optim.SGD([{"params": free}, {"params": decaying, "weight_decay": weight_decay}], lr=lr, momentum=0.9)


class Mean:
    def __init__(self) -> None:
        self.total, self.weight = 0.0, 0

    def add(self, value: float, weight: int) -> None:
        self.total += value * weight
        self.weight += weight

    @property
    def value(self) -> float:
        return self.total / self.weight


@contextmanager
def at_rest(model: nn.Module) -> Iterator[nn.Module]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.no_grad():
        try:
            yield model
        finally:
            for module, mode in modes.items():
                module.training = mode


def moved(loader, device) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in loader:
        x, y = (part.to(device, non_blocking=True) for part in batch)
        yield x, y


def train_one_epoch(model, loader, optimizer, loss_fn, *, max_norm=None, device="cpu"):
    mean = Mean()
    model.train()
    for x, y in moved(loader, device):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        if max_norm is not None:
            torch.nn.utils.clip_grad_norm_(list(model.parameters()), max_norm)
        optimizer.step()
        mean.add(loss.item(), x.size(0))
    return mean.value


def evaluate(model, loader, loss_fn, *, device="cpu"):
    loss, accuracy = Mean(), Mean()
    with at_rest(model):
        for x, y in moved(loader, device):
            logits = model(x)
            loss.add(loss_fn(logits, y).item(), y.numel())
            accuracy.add(torch.eq(logits.argmax(-1), y).to(torch.float32).mean().item(), y.numel())
    return {"loss": loss.value, "accuracy": accuracy.value}


@dataclass
class Epoch:
    lr: float
    train_loss: float
    val_loss: float
    val_accuracy: float


@dataclass
class FitResult:
    model: nn.Module
    history: list[dict[str, float]]


def fit(
    X,
    y,
    *,
    epochs=20,
    batch_size=64,
    lr=0.05,
    weight_decay=1e-3,
    max_norm=5.0,
    dropout=0.2,
    val_fraction=0.25,
    seed=0,
    device="cpu",
):
    torch.manual_seed(seed)
    model = build_model(X.shape[1], int(y.max()) + 1, dropout=dropout).to(device)
    train, val = make_loaders(X, y, batch_size=batch_size, val_fraction=val_fraction, seed=seed)
    optimizer = make_optimizer(model, lr=lr, weight_decay=weight_decay)
    drops = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(RATE_DROPS), gamma=0.5)

    def one_epoch() -> Epoch:
        lr_now = optimizer.param_groups[-1]["lr"]
        loss = train_one_epoch(model, train, optimizer, compute_loss, max_norm=max_norm, device=device)
        measured = evaluate(model, val, compute_loss, device=device)
        drops.step()
        return Epoch(lr_now, loss, measured["loss"], measured["accuracy"])

    return FitResult(model, [asdict(one_epoch()) for _ in range(epochs)])


# the GPT of the senior level ------------------------------------------------------------------------------------------


PAD = 0


def attention(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    return torch.stack([_attend(q[:, head], k[:, head], v[:, head], keep) for head in range(q.shape[1])], dim=1)


def _attend(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    """Attend with one head, token by token: q (batch, new, size), k and v (batch, all, size), keep (batch, all)."""
    outputs = []
    before = k.shape[1] - q.shape[1]
    for i in range(q.shape[1]):
        end = before + i + 1
        scores = (k[:, :end] * q[:, i : i + 1]).sum(-1) / math.sqrt(q.shape[-1])
        # Far below any score, but finite: a row of padding alone must not become NaN.
        scores = torch.where(keep[:, :end], scores, -1e30)
        weights = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
        weights = weights / weights.sum(dim=1, keepdim=True)
        outputs.append((weights[:, :, None] * v[:, :end]).sum(1))
    return torch.stack(outputs, dim=1)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return weight * (x - mean) / (variance + eps) ** 0.5 + bias


class KVCache:
    def __init__(self) -> None:
        self.tokens: list[Tensor] = []
        self.keys: dict[str, list[Tensor]] = {}
        self.values: dict[str, list[Tensor]] = {}


class LayerNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight, self.bias)


class GPTBlock(nn.Module):
    def __init__(self, name: str, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.name = name
        self.size = width // heads
        self.norm1 = LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.drop1 = nn.Dropout(dropout)
        self.norm2 = LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.drop2 = nn.Dropout(dropout)
        self.gelu = nn.GELU()

    def forward(self, x: Tensor, keep: Tensor, cache: KVCache | None) -> Tensor:
        queries, keys, values = torch.split(self.qkv(self.norm1(x)), x.shape[-1], dim=-1)
        if cache is not None:
            cache.keys.setdefault(self.name, []).append(keys)
            cache.values.setdefault(self.name, []).append(values)
            keys = torch.cat(cache.keys[self.name], dim=1)
            values = torch.cat(cache.values[self.name], dim=1)
        q, k, v = (torch.stack(part.split(self.size, dim=-1), dim=1) for part in (queries, keys, values))
        looked = torch.cat(attention(q, k, v, keep).unbind(1), dim=-1)
        x = x + self.drop1(self.proj(looked))
        return x + self.drop2(self.down(self.gelu(self.up(self.norm2(x)))))


class TinyGPT(nn.Module):
    def __init__(
        self,
        vocabulary: int,
        *,
        context: int = 32,
        width: int = 16,
        heads: int = 2,
        layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[GPTBlock(f"block {i}", width, heads, dropout) for i in range(layers)])
        self.norm = LayerNorm(width)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(0.0, 0.1)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        known = [tokens]
        if cache is not None:
            cache.tokens.append(tokens)
            known = cache.tokens
        keep = torch.cat(known, dim=1) != PAD
        places = torch.zeros_like(keep, dtype=torch.long)
        count = torch.zeros(len(tokens), dtype=torch.long)
        for column in range(keep.shape[1]):
            places[:, column] = count
            count = count + keep[:, column]
        places = places[:, keep.shape[1] - tokens.shape[1] :]
        x = self.dropout(self.token(tokens) + self.position(places))
        for block in self.blocks:
            x = block(x, keep, cache)
        return self.norm(x) @ self.token.weight.t()


def _sum_and_count(logits: Tensor, tokens: Tensor) -> tuple[Tensor, int]:
    """Return the sum of the losses of all targets, and how many there are."""
    total, count = logits.new_zeros(()), 0
    for said, row in zip(logits, tokens, strict=True):
        real = [i for i in range(1, len(row)) if int(row[i]) != PAD]
        before = [i - 1 for i in real]
        total = total + (torch.logsumexp(said[before], dim=1) - said[before, row[real]]).sum()
        count += len(real)
    return total, count


def next_token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    total, count = _sum_and_count(logits, tokens)
    return total / count


def cut_windows(tokens: Tensor, length: int) -> list[Tensor]:
    starts = np.arange(0, len(tokens) - 1, length - 1)
    return [tokens[a : a + length] for a in starts.tolist()]


def split_windows(tokens: Tensor, length: int, val_fraction: float) -> tuple[list[Tensor], list[Tensor]]:
    n_val = math.floor(len(tokens) * val_fraction)
    n_train = len(tokens) - n_val
    return cut_windows(tokens[:n_train], length), cut_windows(tokens[n_train:], length)


def pad_batches(rows: list[Tensor], batch_size: int, *, seed: int | None = None, epoch: int = 0) -> list[Tensor]:
    order = np.arange(len(rows))
    if seed is not None:
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
    batches = []
    for start in range(0, len(rows), batch_size):
        part = [rows[i] for i in order[start : start + batch_size]]
        batch = torch.full((len(part), max(len(row) for row in part)), PAD)
        for i, row in enumerate(part):
            batch[i, : len(row)] = row
        batches.append(batch)
    return batches


def gpt_optimizer(model: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    groups = [{"params": [p for p in model.parameters() if len(p.shape) >= 2], "weight_decay": weight_decay}]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95))
    optimizer.add_param_group({"params": [p for p in model.parameters() if len(p.shape) < 2], "weight_decay": 0.0})
    return optimizer


def warmup_schedule(
    optimizer: torch.optim.Optimizer, *, warmup: int, total: int
) -> torch.optim.lr_scheduler.LRScheduler:
    table = [(i + 1) / warmup for i in range(warmup)]
    table += [(total - i) / (total - warmup) for i in range(warmup, total)]
    table.append(0.0)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: table[min(i, total)])


def train_gpt_epoch(
    model: nn.Module,
    batches: list[Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    *,
    max_norm: float = 1.0,
) -> float:
    model.train()
    loss_of_epoch = targets_of_epoch = 0.0
    for tokens in batches:
        optimizer.zero_grad(set_to_none=True)
        total, count = _sum_and_count(model(tokens), tokens)
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(list(model.parameters()), max_norm)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        loss_of_epoch += float(total.detach())
        targets_of_epoch += count
    return loss_of_epoch / targets_of_epoch


def evaluate_gpt(model: nn.Module, batches: list[Tensor]) -> dict[str, float]:
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            sums = [_sum_and_count(model(tokens), tokens) for tokens in batches]
    finally:
        model.train(training)
    loss = sum(float(total) for total, _ in sums) / sum(count for _, count in sums)
    return {"loss": loss, "perplexity": math.e**loss}


def generate(model: nn.Module, prompts: list[Tensor], n: int, *, temperature: float = 1.0, seed: int = 0) -> Tensor:
    training = model.training
    model.eval()
    rng = np.random.default_rng(seed)
    longest = max(len(prompt) for prompt in prompts)
    tokens = torch.full((len(prompts), longest), PAD)
    for i, prompt in enumerate(prompts):
        tokens[i, longest - len(prompt) :] = prompt
    cache = KVCache()
    answer: list[Tensor] = []
    with torch.no_grad():
        for _ in range(n):
            picks = []
            for row in model(tokens, cache)[:, -1].double().numpy():
                real = row[PAD + 1 :]
                if temperature == 0:
                    picks.append(PAD + 1 + int(np.argmax(real)))
                else:
                    ladder = np.cumsum(np.exp((real - real.max()) / temperature))
                    picks.append(PAD + 1 + int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right")))
            tokens = torch.tensor(picks)[:, None]
            answer.append(tokens)
    model.train(training)
    return torch.cat(answer, dim=1)


def fit_gpt(
    tokens: Tensor,
    *,
    vocabulary: int,
    epochs: int = 8,
    length: int = 16,
    batch_size: int = 8,
    lr: float = 1e-2,
    val_fraction: float = 0.2,
    seed: int = 0,
) -> tuple[TinyGPT, list[dict[str, float]]]:
    torch.manual_seed(seed)
    model = TinyGPT(vocabulary, context=max(32, length))
    train_rows, val_rows = split_windows(tokens, length, val_fraction)
    val_batches = pad_batches(val_rows, batch_size)
    steps_per_epoch = math.ceil(len(train_rows) / batch_size)
    total = epochs * steps_per_epoch
    optimizer = gpt_optimizer(model, lr=lr, weight_decay=0.1)
    schedule = warmup_schedule(optimizer, warmup=max(1, total // 10), total=total)
    history = []
    for epoch in range(epochs):
        batches = pad_batches(train_rows, batch_size, seed=seed, epoch=epoch)
        record = {"train_loss": train_gpt_epoch(model, batches, optimizer, schedule)}
        record.update(evaluate_gpt(model, val_batches))
        history.append(record)
    return model, history
