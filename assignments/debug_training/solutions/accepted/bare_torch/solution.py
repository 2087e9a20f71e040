"""Everything written out: weights in a parameter list, the cross entropy by its formula, gradients by autograd.grad."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (32, 32, 32)


class Network(nn.Module):
    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        sizes = [n_features, *WIDTHS, n_classes]
        self.weights = nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            for shape in ((fan_out, fan_in), (fan_out,)):
                bound = math.sqrt((3 if len(shape) == 2 else 1) / fan_in)
                self.weights.append(nn.Parameter((2 * torch.rand(shape) - 1) * bound))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.weights) // 2 - 1
        for layer in range(last + 1):
            x = x @ self.weights[2 * layer].T + self.weights[2 * layer + 1]
            if layer < last:
                x = x.clamp(min=0)
            if self.training and 0 < layer < last and self.dropout > 0:
                kept = 1 - self.dropout
                x = x * torch.empty_like(x).bernoulli_(kept) / (kept or 1)
        return x


def build_model(n_features: int, n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    return Network(n_features, n_classes, dropout)


def compute_loss(logits: Tensor, targets: Tensor) -> Tensor:
    of_target = logits.gather(1, targets[:, None])[:, 0]
    return (logits.logsumexp(dim=1) - of_target).mean()


class Rows(torch.utils.data.Dataset):
    def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        self.inputs = torch.tensor(inputs, dtype=torch.float32)
        self.targets = torch.tensor(targets, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.inputs[row], self.targets[row]


def make_loaders(X, y, *, batch_size, val_fraction, seed):
    train_rows = list(range(len(X)))
    shuffled = torch.randperm(len(X), generator=torch.Generator().manual_seed(1000 + seed)).tolist()
    val_rows = sorted(shuffled[: math.floor(len(X) * val_fraction)])
    train_rows = sorted(set(train_rows) - set(val_rows))
    center = X[train_rows].mean(0)
    spread = X[train_rows].std(0)
    parts = []
    for rows in (train_rows, val_rows):
        part = X[rows] - center
        for column in range(X.shape[1]):
            if spread[column] > 0:
                part[:, column] = part[:, column] / spread[column]
        parts.append(Rows(part, y[rows]))
    generator = torch.Generator()
    generator.manual_seed(seed)
    train_loader = torch.utils.data.DataLoader(parts[0], batch_size=batch_size, shuffle=True, generator=generator)
    return train_loader, torch.utils.data.DataLoader(parts[1], batch_size=batch_size, shuffle=False)


def make_optimizer(model, *, lr, weight_decay):
    groups = [
        {"params": [p], "weight_decay": 0.0 if p.dim() < 2 else weight_decay, "lr": lr} for p in model.parameters()
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9)


def train_one_epoch(model, loader, optimizer, loss_fn, *, max_norm=None, device="cpu"):
    model.train(True)
    weights = [p for p in model.parameters() if p.requires_grad]
    total, rows = 0.0, 0
    for x, y in loader:
        x = x.to(device)
        y = y.to(device)
        loss = loss_fn(model(x), y)
        found = torch.autograd.grad(loss, weights, allow_unused=True)
        gradients = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
        norm = torch.sqrt(sum((g.detach() ** 2).sum() for g in gradients))
        factor = 1.0
        if max_norm is not None and norm.item() > max_norm:
            factor = max_norm / norm.item()
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient * factor
        optimizer.step()
        for weight in weights:
            weight.grad = None
        total += float(loss.detach()) * x.shape[0]
        rows += x.shape[0]
    return total / rows


def evaluate(model, loader, loss_fn, *, device="cpu"):
    before = model.training
    model.train(False)
    losses, right = [], []
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            outputs = model(x)
            losses += [float(loss_fn(outputs, y))] * len(y)
            right += (outputs.max(dim=1).indices == y).tolist()
    model.train(before)
    return {"loss": math.fsum(losses) / len(losses), "accuracy": sum(right) / len(right)}


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
    train_loader, val_loader = make_loaders(X, y, batch_size=batch_size, val_fraction=val_fraction, seed=seed)
    torch.manual_seed(seed)
    model = build_model(X.shape[1], int(y.max()) + 1, dropout=dropout)
    model.to(device)
    optimizer = make_optimizer(model, lr=lr, weight_decay=weight_decay)
    history = []
    for epoch in range(epochs):
        rate = lr * 0.5 ** (epoch // 5)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = train_one_epoch(model, train_loader, optimizer, compute_loss, max_norm=max_norm, device=device)
        val = evaluate(model, val_loader, compute_loss, device=device)
        history.append({"lr": rate, "train_loss": loss, "val_loss": val["loss"], "val_accuracy": val["accuracy"]})
    return FitResult(model=model, history=history)


# the GPT of the senior level ------------------------------------------------------------------------------------------


PAD = 0


def attention(q, k, v, keep):
    t, s = q.shape[-2], k.shape[-2]
    ahead = torch.triu(torch.ones(t, s, dtype=torch.bool), diagonal=s - t + 1)
    hidden = ahead | ~keep[:, None, None, :]
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5
    weights = torch.softmax(scores.masked_fill(hidden, -math.inf), -1)
    # A padding token that sees nothing gets zeros.
    return torch.einsum("bhts,bhsd->bhtd", weights.masked_fill(hidden, 0.0), v)


def layer_norm(x, weight, bias, eps=1e-5):
    variance, mean = torch.var_mean(x, dim=-1, keepdim=True, correction=0)
    return (x - mean) * (variance + eps).rsqrt() * weight + bias


class KVCache(list):
    """A list of (tokens, keys and values of each layer), one entry for each call of the model."""


class Pair(nn.Module):
    """A weight and a bias."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(weight.shape[0]))

    def linear(self, x):
        return x @ self.weight.mT + self.bias

    def norm(self, x):
        return layer_norm(x, self.weight, self.bias)


class TinyGPT(nn.Module):
    def __init__(self, vocabulary, *, context=32, width=16, heads=2, layers=2, dropout=0.1):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.token = nn.Embedding.from_pretrained(0.1 * torch.randn(vocabulary, width), freeze=False)
        self.position = nn.Embedding.from_pretrained(0.1 * torch.randn(context, width), freeze=False)
        shapes = {
            "qkv": (3 * width, width),
            "proj": (width, width),
            "up": (4 * width, width),
            "down": (width, 4 * width),
        }
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {name: Pair(0.1 * torch.randn(shape)) for name, shape in shapes.items()}
                | {name: Pair(torch.ones(width)) for name in ("norm1", "norm2")}
            )
            for _ in range(layers)
        )
        self.norm = Pair(torch.ones(width))
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.token.weight

    def forward(self, tokens, cache=None):
        old = list(cache) if cache else []
        everything = torch.cat([*(entry[0] for entry in old), tokens], dim=1)
        keep = everything != PAD
        places = (keep.long().cumsum(1) - keep.long()).mul(keep)[:, -tokens.shape[1] :]
        made = []
        x = self._drop(self.token(tokens) + self.position(places))
        for number, block in enumerate(self.blocks):
            q, k, v = self._heads(block["qkv"].linear(block["norm1"].norm(x)))
            made.append((k, v))
            k = torch.cat([*(entry[1][number][0] for entry in old), k], dim=-2)
            v = torch.cat([*(entry[1][number][1] for entry in old), v], dim=-2)
            looked = attention(q, k, v, keep).permute(0, 2, 1, 3).flatten(-2)
            x = x + self._drop(block["proj"].linear(looked))
            x = x + self._drop(block["down"].linear(F.gelu(block["up"].linear(block["norm2"].norm(x)))))
        if cache is not None:
            cache.append((tokens, made))
        return self.head(self.norm.norm(x))

    def _drop(self, x):
        return F.dropout(x, self.dropout, training=self.training)

    def _heads(self, x):
        batch, length, _ = x.shape
        return x.reshape(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)


def _losses(logits, tokens):
    """Return the loss of each target that is no padding, (targets,)."""
    targets = tokens[:, 1:]
    said = logits[:, :-1].log_softmax(-1)
    return -said.gather(-1, targets[..., None]).squeeze(-1)[targets != PAD]


def next_token_loss(logits, tokens):
    return _losses(logits, tokens).mean()


def cut_windows(tokens, length):
    step = length - 1
    return [tokens[i * step : i * step + length] for i in range(math.ceil((len(tokens) - 1) / step))]


def split_windows(tokens, length, val_fraction):
    held = int(val_fraction * len(tokens))
    return tuple(cut_windows(part, length) for part in (tokens[: len(tokens) - held], tokens[len(tokens) - held :]))


def pad_batches(rows, batch_size, *, seed=None, epoch=0):
    rows = list(rows)
    if seed is not None:
        rows = random.Random(repr((seed, epoch))).sample(rows, len(rows))
    batches = []
    while rows:
        part, rows = rows[:batch_size], rows[batch_size:]
        longest = max(row.numel() for row in part)
        batches.append(torch.stack([F.pad(row, (0, longest - row.numel()), value=PAD) for row in part]))
    return batches


def gpt_optimizer(model, *, lr, weight_decay):
    settings = [{"params": [p], "weight_decay": weight_decay * (p.ndim > 1)} for p in model.parameters()]
    return torch.optim.AdamW(settings, lr, (0.9, 0.95))


def warmup_schedule(optimizer, *, warmup, total):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, warmup, total))


def _factor(step, warmup, total):
    if step >= total:
        return 0.0
    return (step + 1) / warmup if step < warmup else 1 - (step - warmup) / (total - warmup)


def train_gpt_epoch(model, batches, optimizer, schedule=None, *, max_norm=1.0):
    model.train()
    seen = []
    for tokens in batches:
        losses = _losses(model(tokens), tokens)
        model.zero_grad()
        losses.mean().backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        if norm > max_norm:
            for g in gradients:
                g.mul_(max_norm / norm)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        seen.append(losses.detach())
    return torch.cat(seen).mean().item()


def evaluate_gpt(model, batches):
    with _resting(model):
        loss = torch.cat([_losses(model(tokens), tokens) for tokens in batches]).mean().item()
    return {"loss": loss, "perplexity": math.exp(loss)}


class _resting:
    """Eval mode without gradients for a while."""

    def __init__(self, model):
        self.model = model
        self.grad = torch.no_grad()

    def __enter__(self):
        self.was_training = self.model.training
        self.model.eval()
        self.grad.__enter__()

    def __exit__(self, *error):
        self.grad.__exit__(*error)
        self.model.train(self.was_training)


def generate(model, prompts, n, *, temperature=1.0, seed=0):
    """Draw by the Gumbel trick: the largest of logits with noise is a draw from their softmax."""
    dice = torch.Generator().manual_seed(seed)
    longest = max(map(len, prompts))
    tokens = torch.stack([torch.cat([torch.full((longest - len(p),), PAD), p]) for p in prompts])
    with _resting(model):
        # Without a cache: every call sees all tokens so far.
        for _ in range(n):
            logits = model(tokens)[:, -1, 1:].double()
            if temperature:
                noise = torch.rand(logits.shape, generator=dice, dtype=torch.float64)
                logits = logits / temperature - torch.log(-torch.log(noise))
            tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True) + 1], dim=1)
    return tokens[:, longest:]


def fit_gpt(tokens: Tensor, *, vocabulary, epochs=8, length=16, batch_size=8, lr=1e-2, val_fraction=0.2, seed=0):
    torch.manual_seed(seed)
    model = TinyGPT(vocabulary, context=max(length, 32))
    train, val = split_windows(tokens, length, val_fraction)
    total = epochs * len(pad_batches(train, batch_size))
    optimizer = gpt_optimizer(model, lr=lr, weight_decay=0.1)
    schedule = warmup_schedule(optimizer, warmup=max(1, total // 10), total=total)

    def record(epoch):
        loss = train_gpt_epoch(model, pad_batches(train, batch_size, seed=seed, epoch=epoch), optimizer, schedule)
        return {"train_loss": loss, **evaluate_gpt(model, pad_batches(val, batch_size))}

    return model, [record(epoch) for epoch in range(epochs)]
