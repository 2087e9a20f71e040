"""Train a small network, and say how good it is."""

from __future__ import annotations

#: only senior
import math
import random

#: end
#: only junior mid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

#: end
import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: only junior mid
if TYPE_CHECKING:
    import numpy as np
    from torch.utils.data import DataLoader

WIDTH = 32  # units of each hidden layer
DEPTH = 2  # hidden layers after the first
MOMENTUM = 0.9
HALVE_EVERY = 5  # epochs

Batches = Iterable[tuple[Tensor, Tensor]]
LossFn = Callable[[Tensor, Tensor], Tensor]


class Classifier(nn.Module):
    """Three hidden layers with ReLU, dropout after the second and the third, and a linear layer for the logits."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(n_features, WIDTH)
        self.hidden = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)])
        self.last = nn.Linear(WIDTH, n_classes)
        self.dropout = dropout

    #: end
    #: only junior
    # Hint: call it twice in eval mode, count its parameters, and follow one row through it on paper.
    #: end
    #: only junior mid
    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_features) to logits (batch, n_classes)."""
        x = torch.relu(self.first(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
            x = F.dropout(x, self.dropout, training=self.training)
        return self.last(x)


def build_model(n_features: int, n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    """Return an untrained network, its weights drawn from torch's global generator."""
    return Classifier(n_features, n_classes, dropout)


#: end
#: only junior
# Hint: what should happen to the loss when every row of a batch is there twice?
#: end
#: only junior mid
def compute_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of logits (batch, n_classes) against classes (batch,), shape ()."""
    return F.cross_entropy(logits, targets)


#: end
#: only junior
# Hint: give it ten rows, each with its own number as a feature, and print what each loader hands out. Twice.
#: end
#: only junior mid
def make_loaders(
    X: np.ndarray, y: np.ndarray, *, batch_size: int, val_fraction: float, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Split rows at random into a training and a validation loader; standardise the features.

    Args:
        X: (n, n_features) float.
        y: (n,) int, classes from 0.
        val_fraction: the share of rows, rounded down, that validate.
    """
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed)).numpy()
    n_val = int(len(X) * val_fraction)
    train_rows = order[n_val:]
    val_rows = order[:n_val]

    mean, std = X[train_rows].mean(axis=0), X[train_rows].std(axis=0)
    std[std == 0] = 1.0
    scaled = (X - mean) / std

    inputs = torch.tensor(scaled, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.int64)
    train_set = torch.utils.data.TensorDataset(inputs[train_rows], targets[train_rows])
    val_set = torch.utils.data.TensorDataset(inputs[val_rows], targets[val_rows])
    train_loader = torch.utils.data.DataLoader(train_set, batch_size=batch_size, shuffle=True)
    val_loader = torch.utils.data.DataLoader(val_set, batch_size=batch_size)
    return train_loader, val_loader


#: end
#: only junior
# Hint: print each group of the optimizer, and compare its tensors with the model's by `is`.
#: end
#: only junior mid
def make_optimizer(model: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Return SGD with momentum; weight decay is for weights, not for biases."""
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.dim() > 1]
    vectors = [p for p in parameters if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM)


#: end
#: only junior
# Hint: use a model with one weight, a loss whose gradient you know, and three batches; write down each step.
#: end
#: only junior mid
def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: torch.optim.Optimizer,
    loss_fn: LossFn,
    *,
    max_norm: float | None = None,
    device: str | torch.device = "cpu",
) -> float:
    """Take one optimizer step for each batch; return the mean loss per row, each taken before its batch's step."""
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return float(total) / count


#: end
#: only junior
# Hint: two batches, of three rows and of one, and a model with dropout: work its numbers out by hand.
#: end
#: only junior mid
@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Batches, loss_fn: LossFn, *, device: str | torch.device = "cpu"
) -> dict[str, float]:
    """Return the mean "loss" per row and the "accuracy", and leave no trace on the model."""
    was_training = model.training
    model.eval()
    losses, hits, count = 0.0, 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        losses += loss_fn(logits, y).item() * len(y)
        hits += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    model.train(was_training)
    return {
        "loss": losses / count,
        "accuracy": hits / count,
    }


@dataclass
class FitResult:
    """A trained model and how it came about.

    Attributes:
        model: as it was after the last epoch.
        history: one dict an epoch: "lr", "train_loss", "val_loss", "val_accuracy", plain floats.
    """

    model: nn.Module
    history: list[dict[str, float]]


#: end
#: only junior
# Hint: print the learning rate and the size of what is evaluated in each epoch.
#: end
#: only junior mid
def fit(
    X: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    lr: float = 0.05,
    weight_decay: float = 1e-3,
    max_norm: float | None = 5.0,
    dropout: float = 0.2,
    val_fraction: float = 0.25,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FitResult:
    """Train a classifier on (n, n_features) floats and (n,) classes; the rate is halved every HALVE_EVERY epochs."""
    torch.manual_seed(seed)
    model = build_model(X.shape[1], int(y.max()) + 1, dropout=dropout).to(device)
    loaders = make_loaders(X, y, batch_size=batch_size, val_fraction=val_fraction, seed=seed)
    optimizer = make_optimizer(model, lr=lr, weight_decay=weight_decay)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=HALVE_EVERY, gamma=0.5)
    history = []
    for _ in range(epochs):
        rate = optimizer.param_groups[0]["lr"]
        train_loss = train_one_epoch(model, loaders[0], optimizer, compute_loss, max_norm=max_norm, device=device)
        metrics = evaluate(model, loaders[1], compute_loss, device=device)
        scheduler.step()
        history.append(
            {"lr": rate, "train_loss": train_loss, "val_loss": metrics["loss"], "val_accuracy": metrics["accuracy"]}
        )
    return FitResult(model, history)


#: end
#: only senior
PAD = 0
"""The token that stands for nothing; real tokens are 1, 2, ..."""


# the model ------------------------------------------------------------------------------------------------------------


def attention(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    """Let each token look at itself and at the real tokens before it.

    Args:
        q: (batch, heads, new, size), queries of the last `new` tokens.
        k, v: (batch, heads, all, size), keys and values of all tokens.
        keep: (batch, all) bool, False for padding.

    Returns: (batch, heads, new, size).
    """
    new, everything = q.shape[2], k.shape[2]
    mask = torch.ones(new, everything, dtype=torch.bool).tril(everything - new)
    mask = mask & keep[:, None, None, :]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    # Not -inf: the row of a padding token may have nothing to look at, and NaN would spread from it.
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1) @ v


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Normalise the last axis."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(variance + eps) * weight + bias


class KVCache:
    """What a TinyGPT has computed for the tokens that it was given so far."""

    def __init__(self) -> None:
        self.keep: Tensor | None = None
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def add_tokens(self, keep: Tensor) -> Tensor:
        """Note which new tokens (batch, new) are real; return the same of all so far, (batch, all)."""
        self.keep = keep if self.keep is None else torch.cat([self.keep, keep], dim=1)
        return self.keep

    def add_keys(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store a layer's new keys and values (batch, heads, new, size); return all so far."""
        if layer in self.layers:
            old_k, old_v = self.layers[layer]
            k, v = torch.cat([old_k, k], dim=2), torch.cat([old_v, v], dim=2)
        self.layers[layer] = (k, v)
        return k, v


class Norm(nn.Module):
    """Layer norm with weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return layer_norm(x, self.weight, self.bias)


class Block(nn.Module):
    """Attention, then a small network, each on a normalised copy and added to what came in."""

    def __init__(self, layer: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layer = layer
        self.heads = heads
        self.norm1 = Norm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = Norm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, keep: Tensor, cache: KVCache | None) -> Tensor:
        """Map (batch, new, width) to the same shape."""
        q, k, v = (self._split(part) for part in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        if cache is not None:
            k, v = cache.add_keys(self.layer, k, v)
        seen = attention(q, k, v, keep).transpose(1, 2).flatten(2)
        x = x + self.drop(self.proj(seen))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)))))

    def _split(self, x: Tensor) -> Tensor:
        """Map (batch, new, width) to (batch, heads, new, width / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class TinyGPT(nn.Module):
    """Predict each next token from the tokens so far.

    Args:
        vocabulary: number of tokens, padding included.
        context: how many tokens fit.
    """

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
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(layer, width, heads, dropout) for layer in range(layers)])
        self.norm = Norm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.apply(_draw_weights)
        self.head.weight = self.token.weight

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Map tokens (batch, new) to logits (batch, new, vocabulary); with a cache, tokens go on where it ends."""
        new = tokens != PAD
        keep = new if cache is None else cache.add_tokens(new)
        positions = keep.cumsum(dim=1) - 1
        positions = positions[:, -tokens.shape[1] :].clamp(min=0)
        x = self.drop(self.token(tokens) + self.position(positions))
        for block in self.blocks:
            x = block(x, keep, cache)
        return self.head(self.norm(x))


def _draw_weights(module: nn.Module) -> None:
    """Give a layer small random weights."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        module.weight = nn.Parameter(0.1 * torch.randn(module.weight.shape))
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def next_token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy of each real token given those before it.

    Args:
        logits: (batch, length, vocabulary), what the model said to `tokens`.
        tokens: (batch, length).
    """
    logits, targets = logits[:, :-1], tokens[:, 1:]
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


# data -----------------------------------------------------------------------------------------------------------------


def cut_windows(tokens: Tensor, length: int) -> list[Tensor]:
    """Cut a stream into windows of `length` tokens; the last may be shorter.

    Each window starts with the token that the one before it ends with, so that each token but the first is a target
    once.
    """
    return [tokens[start : start + length] for start in range(0, len(tokens) - 1, length - 1)]


def split_windows(tokens: Tensor, length: int, val_fraction: float) -> tuple[list[Tensor], list[Tensor]]:
    """Cut the stream's end off for validation; return windows of both parts."""
    cut = len(tokens) - int(len(tokens) * val_fraction)
    train = cut_windows(tokens[:cut], length)
    val = cut_windows(tokens[cut:], length)
    return train, val


def pad_batches(rows: list[Tensor], batch_size: int, *, seed: int | None = None, epoch: int = 0) -> list[Tensor]:
    """Put rows of tokens into batches, each padded on the right to its longest row.

    Args:
        seed: shuffles the rows, differently in each epoch; None keeps their order.
    """
    order = list(range(len(rows)))
    if seed is not None:
        random.Random(f"{seed} {epoch}").shuffle(order)
    chunks = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [
        nn.utils.rnn.pad_sequence([rows[i] for i in chunk], batch_first=True, padding_value=PAD) for chunk in chunks
    ]


# training -------------------------------------------------------------------------------------------------------------


def gpt_optimizer(model: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW that decays matrices and leaves biases and norms alone."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), weight_decay=weight_decay)


def warmup_schedule(optimizer: torch.optim.Optimizer, *, warmup: int, total: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Return a schedule by step: the rate rises in equal parts over `warmup` steps, then falls to zero at `total`."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return max(total - step, 0) / max(total - warmup, 1)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def train_gpt_epoch(
    model: nn.Module,
    batches: list[Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    *,
    max_norm: float = 1.0,
) -> float:
    """Take one optimizer step for each batch; return the mean loss per target.

    Args:
        batches: tokens (batch, length), padded on the right.
        max_norm: a longer gradient is cut to this norm.
    """
    model.train()
    total, count = 0.0, 0
    for tokens in batches:
        targets = int((tokens[:, 1:] != PAD).sum())
        optimizer.zero_grad()
        loss = next_token_loss(model(tokens), tokens)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        total += loss.item() * targets
        count += targets
    return total / count


# evaluation -----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def evaluate_gpt(model: nn.Module, batches: list[Tensor]) -> dict[str, float]:
    """Return the mean loss per target ("loss") and its exponential ("perplexity")."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    for tokens in batches:
        targets = int((tokens[:, 1:] != PAD).sum())
        total += next_token_loss(model(tokens), tokens).item() * targets
        count += targets
    model.train(was_training)
    loss = total / count
    return {"loss": loss, "perplexity": math.exp(loss)}


@torch.no_grad()
def generate(model: TinyGPT, prompts: list[Tensor], n: int, *, temperature: float = 1.0, seed: int = 0) -> Tensor:
    """Continue each prompt by n tokens.

    Args:
        prompts: tokens (length,) each; lengths may differ.
        temperature: logits are divided by it; 0 takes the most likely token.

    Returns: the new tokens (prompts, n), none of them padding.
    """
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    longest = max(len(prompt) for prompt in prompts)
    tokens = torch.stack([F.pad(prompt, (longest - len(prompt), 0), value=PAD) for prompt in prompts])
    cache = KVCache()
    new = []
    for _ in range(n):
        logits = model(tokens, cache)[:, -1]
        logits[:, PAD] = -torch.inf
        if temperature == 0:
            tokens = logits.argmax(dim=-1, keepdim=True)
        else:
            chances = (logits / temperature).softmax(dim=-1)
            tokens = torch.multinomial(chances, 1, generator=generator)
        new.append(tokens)
    model.train(was_training)
    return torch.cat(new, dim=1)


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
    """Train a TinyGPT on a stream of tokens (length,).

    Returns: the model, and one record an epoch: "train_loss", "loss" and "perplexity", the last two of validation.
    """
    torch.manual_seed(seed)
    model = TinyGPT(vocabulary, context=max(32, length))
    train_rows, val_rows = split_windows(tokens, length, val_fraction)
    steps = epochs * -(-len(train_rows) // batch_size)
    optimizer = gpt_optimizer(model, lr=lr, weight_decay=0.1)
    schedule = warmup_schedule(optimizer, warmup=max(1, steps // 10), total=steps)
    history = []
    for epoch in range(epochs):
        batches = pad_batches(train_rows, batch_size, seed=seed, epoch=epoch)
        train_loss = train_gpt_epoch(model, batches, optimizer, schedule)
        history.append({"train_loss": train_loss, **evaluate_gpt(model, pad_batches(val_rows, batch_size))})
    return model, history


#: end
