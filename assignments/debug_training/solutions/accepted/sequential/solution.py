"""The network as a list of modules; what torch has ready-made is used as it is."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, RandomSampler, Subset, TensorDataset


def build_model(n_features, n_classes, *, dropout=0.2):
    """Log probabilities are logits, too: their softmax is the same, and so is their cross entropy."""
    return nn.Sequential(
        nn.Linear(n_features, 32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(32, n_classes),
        nn.LogSoftmax(dim=1),
    )


def compute_loss(logits, targets):
    return nn.CrossEntropyLoss()(logits, targets)


def make_loaders(X, y, *, batch_size, val_fraction, seed):
    generator = np.random.default_rng(seed)
    n_val = int(len(X) * val_fraction)
    validates = np.zeros(len(X), dtype=bool)
    validates[generator.choice(len(X), size=n_val, replace=False)] = True
    train, val = np.flatnonzero(~validates), np.flatnonzero(validates)
    mean, std = X[train].mean(axis=0), X[train].std(axis=0)
    scaled = np.divide(X - mean, std, out=X - mean, where=std > 0)
    rows = TensorDataset(torch.from_numpy(scaled).float(), torch.from_numpy(np.array(y)).long())
    train_set = Subset(rows, train.tolist())
    return (
        DataLoader(train_set, batch_size=batch_size, sampler=RandomSampler(train_set)),
        DataLoader(Subset(rows, val.tolist()), batch_size=batch_size),
    )


def make_optimizer(model, *, lr, weight_decay):
    # As dicts: torch takes an empty group, but no empty list of parameters.
    optimizer = torch.optim.SGD([{"params": [p for p in model.parameters() if p.ndim >= 2]}], lr=lr, momentum=0.9)
    optimizer.param_groups[0]["weight_decay"] = weight_decay
    optimizer.add_param_group({"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0})
    return optimizer


def train_one_epoch(model, loader, optimizer, loss_fn, *, max_norm=None, device="cpu"):
    model.train()
    losses, weights = [], []
    for inputs, targets in loader:
        loss = loss_fn(model(inputs.to(device)), targets.to(device))
        loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        weights.append(len(targets))
    return float(np.average(losses, weights=weights))


def evaluate(model, loader, loss_fn, *, device="cpu"):
    mode = model.training
    model.eval()
    try:
        with torch.inference_mode():
            rows = [(inputs.to(device), targets.to(device)) for inputs, targets in loader]
            answers = [(model(inputs), targets) for inputs, targets in rows]
            weights = [len(targets) for _, targets in answers]
            losses = [loss_fn(outputs, targets).item() for outputs, targets in answers]
            right = [(outputs.argmax(1) == targets).double().mean().item() for outputs, targets in answers]
    finally:
        model.train(mode)
    return {
        "loss": float(np.average(losses, weights=weights)),
        "accuracy": float(np.average(right, weights=weights)),
    }


@dataclass
class FitResult:
    model: nn.Module
    history: list[dict[str, float]] = field(default_factory=list)


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
    result = FitResult(build_model(X.shape[1], int(np.max(y)) + 1, dropout=dropout).to(device))
    train, val = make_loaders(X, y, batch_size=batch_size, val_fraction=val_fraction, seed=seed)
    optimizer = make_optimizer(result.model, lr=lr, weight_decay=weight_decay)
    scheduler = StepLR(optimizer, 5, 0.5)
    for _ in range(epochs):
        record = {"lr": scheduler.get_last_lr()[0]}
        record["train_loss"] = train_one_epoch(
            result.model, train, optimizer, compute_loss, max_norm=max_norm, device=device
        )
        measured = evaluate(result.model, val, compute_loss, device=device)
        record |= {f"val_{name}": value for name, value in measured.items()}
        result.history.append(copy.copy(record))
        scheduler.step()
    return result


# the GPT of the senior level ------------------------------------------------------------------------------------------


PAD = 0


def attention(q, k, v, keep):
    new, total = q.size(2), k.size(2)
    queries = torch.arange(total - new, total, device=q.device).unsqueeze(1)
    keys = torch.arange(total, device=q.device)
    # Each token may look at itself even if it is padding: a row without any key would be NaN.
    allowed = (keys <= queries) & keep[:, None, None, :] | (keys == queries)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)


def layer_norm(x, weight, bias, eps=1e-5):
    return F.layer_norm(x, weight.shape, weight, bias, eps)


class KVCache:
    def __init__(self):
        self.entries = {}
        self.keep = None

    def __len__(self):
        return 0 if self.keep is None else self.keep.size(1)


class Layer(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def attend(self, x, keep, cache):
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if cache is not None:
            if self in cache.entries:
                past_k, past_v = cache.entries[self]
                k, v = torch.cat((past_k, k), 2), torch.cat((past_v, v), 2)
            cache.entries[self] = k, v
        return self.proj(attention(q, k, v, keep).transpose(1, 2).reshape(batch, length, width))

    def forward(self, x, keep, cache):
        x = x + self.dropout(self.attend(self.norm1(x), keep, cache))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)))))


class TinyGPT(nn.Module):
    def __init__(self, vocabulary, *, context=32, width=16, heads=2, layers=2, dropout=0.1):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if name.endswith(".weight") and parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.1)

    def forward(self, tokens, cache=None):
        real = tokens.ne(PAD)
        before = torch.zeros(len(tokens), 1, dtype=torch.long)
        keep = real
        if cache is not None:
            if len(cache):
                before = cache.keep.sum(1, keepdim=True)
                keep = torch.cat((cache.keep, real), 1)
            cache.keep = keep
        places = (before + real.cumsum(1) - 1).clamp_min(0)
        x = self.dropout(self.token(tokens) + self.position(places))
        for block in self.blocks:
            x = block(x, keep, cache)
        return F.linear(self.norm(x), self.token.weight)


def next_token_loss(logits, tokens):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], ignore_index=PAD)


def cut_windows(tokens, length):
    windows = []
    start = 0
    while start < len(tokens) - 1:
        windows.append(tokens[start : start + length])
        start += length - 1
    return windows


def split_windows(tokens, length, val_fraction):
    held_out = int(len(tokens) * val_fraction)
    train, val = tokens.split((len(tokens) - held_out, held_out))
    return cut_windows(train, length), cut_windows(val, length)


def pad_batches(rows, batch_size, *, seed=None, epoch=0):
    order = torch.arange(len(rows))
    if seed is not None:
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1000003 * seed + epoch))
    return [pad_sequence([rows[i] for i in part], True, PAD) for part in order.split(batch_size)]


def gpt_optimizer(model, *, lr, weight_decay):
    groups = {True: [], False: []}
    for parameter in model.parameters():
        groups[parameter.dim() > 1].append(parameter)
    return torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": weight_decay}, {"params": groups[False], "weight_decay": 0}],
        lr=lr,
        betas=(0.9, 0.95),
    )


def warmup_schedule(optimizer, *, warmup, total):
    # Without warm-up the first ramp is 1 or more from the start, and decides nothing.
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / max(1, warmup), max(0, total - step) / max(1, total - warmup))
    )


def train_gpt_epoch(model, batches, optimizer, schedule=None, *, max_norm=1.0):
    model.train()
    losses, weights = [], []
    for tokens in batches:
        loss = next_token_loss(model(tokens), tokens)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        optimizer.zero_grad()
        if schedule:
            schedule.step()
        losses.append(loss.item())
        weights.append(tokens[:, 1:].ne(PAD).sum().item())
    return sum(loss * weight for loss, weight in zip(losses, weights, strict=True)) / sum(weights)


def evaluate_gpt(model, batches):
    mode = model.training
    model.eval()
    losses = []
    with torch.inference_mode():
        for tokens in batches:
            each = F.cross_entropy(model(tokens)[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
            losses.append(each[tokens[:, 1:].ne(PAD)])
    model.train(mode)
    loss = torch.cat(losses).mean().item()
    return {"loss": loss, "perplexity": math.exp(loss)}


def generate(model, prompts, n, *, temperature=1.0, seed=0):
    mode = model.training
    model.eval()
    chance = torch.Generator().manual_seed(seed)
    tokens = pad_sequence([prompt.flip(0) for prompt in prompts], True, PAD).flip(1)
    cache, answer = KVCache(), []
    with torch.inference_mode():
        for _ in range(n):
            logits = model(tokens, cache)[:, -1].index_fill(1, torch.tensor([PAD]), float("-inf"))
            if temperature > 0:
                tokens = torch.multinomial(F.softmax(logits / temperature, 1), 1, generator=chance)
            else:
                tokens = logits.argmax(1, keepdim=True)
            answer.append(tokens)
    model.train(mode)
    return torch.cat(answer, 1).clone()


def fit_gpt(tokens, *, vocabulary, epochs=8, length=16, batch_size=8, lr=1e-2, val_fraction=0.2, seed=0):
    torch.manual_seed(seed)
    model = TinyGPT(vocabulary, context=max(32, length))
    train, val = split_windows(tokens, length, val_fraction)
    steps = epochs * math.ceil(len(train) / batch_size)
    optimizer = gpt_optimizer(model, lr=lr, weight_decay=0.1)
    schedule = warmup_schedule(optimizer, warmup=max(1, steps // 10), total=steps)
    history = []
    for epoch in range(epochs):
        train_loss = train_gpt_epoch(model, pad_batches(train, batch_size, seed=seed, epoch=epoch), optimizer, schedule)
        history.append({"train_loss": train_loss} | evaluate_gpt(model, pad_batches(val, batch_size)))
    return model, history
