"""What the README promises of the GPT, computed a second time in float64 from weights that the judge drew itself.

A check that is about one bug must not fail for another one that a candidate has not found yet. Where the other one
changes the same numbers, the expected ones are computed with and without it (`Flaws`): the check asks whether the
answer is right in what it is about, whatever else is still wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Arrays = dict[str, Tensor]
PAD, EPS, BETAS, ADAM_EPS = 0, 1e-5, (0.9, 0.95), 1e-8


@dataclass(frozen=True)
class Flaws:
    """What may still be wrong with a candidate's model while another thing is judged; none by default.

    Attributes:
        future: so many tokens further than itself a token looks.
        axis: along which attention weights sum to one.
        power: scores are divided by a head's size to this power.
        unbiased: whether layer norm divides by n - 1.
        padding_counts: whether positions count padding.
        padding_seen: whether tokens look at padding.
    """

    future: int = 0
    axis: int = -1
    power: float = 0.5
    unbiased: bool = False
    padding_counts: bool = False
    padding_seen: bool = False


NO_FLAWS = Flaws()


def flaws(**choices: Sequence[object]) -> Iterator[Flaws]:
    """Yield all combinations of the given values."""
    for values in itertools.product(*choices.values()):
        yield Flaws(**dict(zip(choices, values, strict=True)))  # type: ignore[arg-type]


def is_one_of(actual: Tensor, candidates: Iterable[Tensor], rtol: float = 1e-8) -> bool:
    """Tell whether a tensor equals one of some, up to rounding."""
    return any(
        actual.shape == other.shape and torch.allclose(actual, other, rtol=rtol, atol=rtol) for other in candidates
    )


# inputs ---------------------------------------------------------------------------------------------------------------


def normal(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> Tensor:
    """Draw a tensor."""
    return torch.from_numpy(spread * rng.normal(size=shape))


def draw_tokens(rng: np.random.Generator, rows: int, length: int, vocabulary: int = 17) -> Tensor:
    """Draw real tokens (rows, length)."""
    return torch.from_numpy(rng.integers(1, vocabulary, size=(rows, length)))


def pad(rows: Sequence[Tensor], side: str) -> Tensor:
    """Put rows of tokens into one tensor."""
    longest = max(len(row) for row in rows)
    padded = torch.full((len(rows), longest), PAD)
    for i, row in enumerate(rows):
        start = longest - len(row) if side == "left" else 0
        padded[i, start : start + len(row)] = row
    return padded


def draw_arrays(
    rng: np.random.Generator, *, vocabulary: int = 17, context: int = 24, width: int = 16, layers: int = 2
) -> Arrays:
    """Draw weights of a TinyGPT, large enough that each of them matters."""
    arrays = {"token.weight": normal(rng, vocabulary, width), "position.weight": normal(rng, context, width)}
    sizes = {"qkv": (3 * width, width), "proj": (width, width), "up": (4 * width, width), "down": (width, 4 * width)}
    for layer in range(layers):
        for name, (out, into) in sizes.items():
            arrays[f"blocks.{layer}.{name}.weight"] = normal(rng, out, into, spread=1 / math.sqrt(into))
            arrays[f"blocks.{layer}.{name}.bias"] = normal(rng, out, spread=0.3)
        for name in ("norm1", "norm2"):
            arrays |= _draw_norm(rng, f"blocks.{layer}.{name}", width)
    return arrays | _draw_norm(rng, "norm", width)


def _draw_norm(rng: np.random.Generator, name: str, width: int) -> Arrays:
    weight = torch.from_numpy(rng.uniform(0.5, 1.5, size=width))
    return {f"{name}.weight": weight, f"{name}.bias": normal(rng, width, spread=0.3)}


def silence(arrays: Arrays, *names: str) -> Arrays:
    """Return weights with which layers of these names ("proj", "down") add nothing."""
    return {k: torch.zeros_like(v) if k.split(".")[-2] in names else v for k, v in arrays.items()}


# the model ------------------------------------------------------------------------------------------------------------


def attention(q: Tensor, k: Tensor, v: Tensor, keep: Tensor, flaw: Flaws = NO_FLAWS) -> Tensor:
    """Return (batch, heads, new, size). Where all is masked, weights are equal, as they are after a finite mask."""
    new, everything = q.shape[2], k.shape[2]
    place = torch.arange(everything - new, everything)
    visible = (torch.arange(everything)[None, :] <= place[:, None] + flaw.future) & keep[:, None, None, :]
    scores = torch.einsum("bhid,bhjd->bhij", q, k)
    scores = scores * q.shape[-1] ** -flaw.power
    weights = torch.where(visible, (scores - scores.detach().amax()).exp(), 0.0)
    total = weights.sum(dim=flaw.axis, keepdim=True)
    weights = torch.where(total > 0, weights / torch.where(total > 0, total, 1.0), 1 / weights.shape[flaw.axis])
    return torch.einsum("bhij,bhjd->bhid", weights, v)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, flaw: Flaws = NO_FLAWS, *, eps: float = EPS) -> Tensor:
    """Normalise the last axis."""
    n = x.shape[-1]
    mean = x.sum(-1, keepdim=True) / n
    variance = ((x - mean) ** 2).sum(-1, keepdim=True) / (n - 1 if flaw.unbiased else n)
    return (x - mean) * (variance + eps) ** -0.5 * weight + bias


def positions_of(tokens: Tensor, flaw: Flaws = NO_FLAWS) -> Tensor:
    """Count real tokens from 0 in each row; padding before them is at 0."""
    rows = []
    for row in tokens.tolist():
        places, count = [], 0
        for token in row:
            real = token != PAD or flaw.padding_counts
            places.append(count if real else max(count - 1, 0))
            count += real
        rows.append(places)
    return torch.tensor(rows)


def forward(
    arrays: Arrays, tokens: Tensor, *, heads: int = 2, flaw: Flaws = NO_FLAWS, chunks: Sequence[int] = ()
) -> Tensor:
    """Return logits of all tokens.

    Args:
        chunks: sizes of the parts in which a cached model was given the tokens. Without flaws they make no difference.
    """
    keep = (tokens != PAD) | flaw.padding_seen
    x = arrays["token.weight"][tokens] + arrays["position.weight"][positions_of(tokens, flaw)]
    for layer in range(sum(name.endswith("qkv.weight") for name in arrays)):
        w = {name.removeprefix(f"blocks.{layer}."): value for name, value in arrays.items()}
        h = layer_norm(x, w["norm1.weight"], w["norm1.bias"], flaw) @ w["qkv.weight"].T + w["qkv.bias"]
        q, k, v = (_heads(part, heads) for part in h.tensor_split(3, dim=-1))
        parts, start = [], 0
        for size in chunks or [tokens.shape[1]]:
            end = start + size
            parts.append(attention(q[:, :, start:end], k[:, :, :end], v[:, :, :end], keep[:, :end], flaw))
            start = end
        seen = torch.cat(parts, dim=2).permute(0, 2, 1, 3).reshape(x.shape)
        x = x + seen @ w["proj.weight"].T + w["proj.bias"]
        h = layer_norm(x, w["norm2.weight"], w["norm2.bias"], flaw) @ w["up.weight"].T + w["up.bias"]
        x = x + _gelu(h) @ w["down.weight"].T + w["down.bias"]
    return layer_norm(x, arrays["norm.weight"], arrays["norm.bias"], flaw) @ arrays["token.weight"].T


def _heads(x: Tensor, heads: int) -> Tensor:
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).permute(0, 2, 1, 3)


def _gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def token_losses(logits: Tensor, tokens: Tensor, *, shifted: bool = True, ignoring: bool = True) -> Tensor:
    """Return the loss of each target that counts, (targets,)."""
    targets = tokens[:, 1:] if shifted else tokens[:, :-1]
    logits = logits[:, :-1]
    losses = torch.logsumexp(logits, -1) - logits.gather(-1, targets[..., None])[..., 0]
    return losses[targets != PAD] if ignoring else losses.flatten()


# training -------------------------------------------------------------------------------------------------------------


def rate(step: int, warmup: int, total: int) -> float:
    """Return the share of the full learning rate at a step: up in equal parts, then down to zero at `total`."""
    return (step + 1) / warmup if step < warmup else max(0, total - step) / (total - warmup)


def train_table(
    weight: Tensor,
    batches: Sequence[Tensor],
    rates: Sequence[float],
    *,
    max_norm: float = math.inf,
    shifted: bool = True,
    piling: bool = False,
) -> Tensor:
    """Return a table of logits by token after SGD, one step for each batch.

    Args:
        rates: learning rate of each step.
        shifted, piling: what may still be wrong: whether targets are the next tokens, whether gradients pile up.
    """
    gradient = torch.zeros_like(weight)
    for tokens, lr in zip(batches, rates, strict=True):
        leaf = weight.clone().requires_grad_()
        loss = token_losses(leaf[tokens], tokens, shifted=shifted).mean()
        (new,) = torch.autograd.grad(loss, leaf)
        gradient = new + gradient if piling else new
        weight = weight - lr * gradient * min(1.0, max_norm / float(gradient.norm()))
    return weight


class AdamW:
    """AdamW by its formulas; weight decay on matrices only."""

    def __init__(self, arrays: Arrays, weight_decay: float) -> None:
        self.arrays = {name: value.clone() for name, value in arrays.items()}
        self._first = {name: torch.zeros_like(value) for name, value in arrays.items()}
        self._second = {name: torch.zeros_like(value) for name, value in arrays.items()}
        self._decay = weight_decay
        self._steps = 0

    def step(self, gradients: Arrays, lr: float) -> None:
        """Move all weights."""
        self._steps += 1
        for name, value in self.arrays.items():
            self._first[name] = BETAS[0] * self._first[name] + (1 - BETAS[0]) * gradients[name]
            self._second[name] = BETAS[1] * self._second[name] + (1 - BETAS[1]) * gradients[name] ** 2
            m = self._first[name] / (1 - BETAS[0] ** self._steps)
            v = self._second[name] / (1 - BETAS[1] ** self._steps)
            decay = self._decay if value.ndim >= 2 else 0.0
            self.arrays[name] = value * (1 - lr * decay) - lr * m / (v.sqrt() + ADAM_EPS)


@dataclass(frozen=True)
class Trained:
    """What training leaves behind; `losses` has one mean per target for each epoch."""

    arrays: Arrays
    losses: tuple[float, ...]


def train_gpt(
    arrays: Arrays,
    epochs: Sequence[Sequence[Tensor]],
    *,
    lr: float,
    weight_decay: float,
    warmup: int,
    total: int,
    max_norm: float,
) -> Trained:
    """Train a TinyGPT by the rules."""
    adam = AdamW(arrays, weight_decay)
    step, means = 0, []
    for batches in epochs:
        losses = []
        for tokens in batches:
            leaves = {name: value.clone().requires_grad_() for name, value in adam.arrays.items()}
            each = token_losses(forward(leaves, tokens), tokens)
            gradients = dict(zip(leaves, torch.autograd.grad(each.mean(), list(leaves.values())), strict=True))
            losses.append(each.detach())
            norm = math.sqrt(sum(float(g.square().sum()) for g in gradients.values()))
            share = min(1.0, max_norm / norm)
            adam.step({name: share * g for name, g in gradients.items()}, lr * rate(step, warmup, total))
            step += 1
        means.append(float(torch.cat(losses).mean()))
    return Trained(adam.arrays, tuple(means))


# generation -----------------------------------------------------------------------------------------------------------


def continue_greedily(arrays: Arrays, prompt: Tensor, n: int, flaw: Flaws = NO_FLAWS) -> tuple[list[int], float]:
    """Return the n most likely next tokens of one prompt, and the smallest lead that one of them had."""
    tokens, lead = prompt.tolist(), math.inf
    for _ in range(n):
        logits = forward(arrays, torch.tensor([tokens]), flaw=flaw)[0, -1]
        logits[PAD] = -math.inf
        best = logits.topk(2).values
        lead = min(lead, float(best[0] - best[1]))
        tokens.append(int(logits.argmax()))
    return tokens[len(prompt) :], lead


def chances(logits: Tensor, temperature: float) -> Tensor:
    """Return the chance of each token (vocabulary,); that of padding is 0."""
    weights = ((logits - logits.max()) / temperature).exp()
    weights[PAD] = 0.0
    return weights / weights.sum()


def is_sample_of(tokens: Tensor, expected: Tensor) -> bool:
    """Tell whether counts are within six standard deviations, and eight more for rare tokens, of what is expected."""
    n = tokens.numel()
    counts = torch.bincount(tokens.flatten(), minlength=len(expected)).double()
    if len(counts) > len(expected):
        return False
    return bool(((counts - n * expected).abs() <= 6 * (n * expected * (1 - expected)).sqrt() + 8).all())


# a language that can be learned ---------------------------------------------------------------------------------------


def draw_stream(rng: np.random.Generator, length: int) -> Tensor:
    """Draw a stream in which each token but a few is decided by the one before it.

    All sixteen form one circle: in several, whole circles might first be met in the part that validates.
    """
    circle = (rng.permutation(16) + 1).tolist()
    follows = dict(zip(circle, circle[1:] + circle[:1], strict=True))
    tokens = [int(rng.integers(1, 17))]
    while len(tokens) < length:
        tokens.append(follows[tokens[-1]] if rng.random() > 0.1 else int(rng.integers(1, 17)))
    return torch.tensor(tokens)
