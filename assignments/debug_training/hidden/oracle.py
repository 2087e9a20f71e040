"""What the README promises, computed a second time in NumPy and float64: no torch, and no line of the program."""

from __future__ import annotations

import gzip
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

WIDTH, DEPTH, MOMENTUM, HALVE_EVERY = 32, 2, 0.9, 5  # rules 1, 8 and 13
EPS = 1e-5  # torch's default for BatchNorm1d
N_BITS = 7

Arrays = Sequence[np.ndarray]


def _beside(name: str) -> ModuleType:
    """Load a file of this folder: the judge loads this one by its path, so a plain import would not find it."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


gpt = _beside("gpt_oracle")
"""What the README promises about the senior program."""


# losses ---------------------------------------------------------------------------------------------------------------


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log probabilities (n, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean over the rows."""
    return float(-log_softmax(np.asarray(logits, np.float64))[np.arange(len(targets)), targets].mean())


def accuracy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of rows whose largest logit is the target's."""
    return float(np.mean(np.argmax(logits, axis=1) == targets))


def log_odds(outputs: np.ndarray) -> np.ndarray:
    """Return logits less their row's mean, whether the outputs are logits, log probabilities or probabilities.

    So a check of the layers says nothing about a softmax, which has a check of its own.
    """
    outputs = np.asarray(outputs, np.float64)
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-4):
        outputs = np.log(outputs)
    return outputs - outputs.mean(axis=1, keepdims=True)


# the network ----------------------------------------------------------------------------------------------------------


def layers_of(parameters: Arrays) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weight and bias of the four layers; a hidden layer that stands for both stands there twice."""
    arrays = [np.asarray(p, np.float64) for p in parameters]
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    if len(pairs) == DEPTH + 1:
        pairs = [pairs[0], *[pairs[1]] * DEPTH, pairs[-1]]
    assert len(pairs) == DEPTH + 2, f"weights and biases of {DEPTH + 2} layers; found {len(arrays)} parameters"
    return pairs


def forward(parameters: Arrays, x: np.ndarray) -> np.ndarray:
    """Return the logits (n, classes) of the promised network without dropout."""
    *inner, (weight, bias) = layers_of(parameters)
    h = np.asarray(x, np.float64)
    for w, b in inner:
        h = np.maximum(h @ w.T + b, 0)
    return h @ weight.T + bias


def gradients(parameters: Arrays, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Return the mean cross entropy's gradient by each parameter, without dropout."""
    pairs = layers_of(parameters)
    seen = [np.asarray(x, np.float64)]
    for w, b in pairs[:-1]:
        seen.append(np.maximum(seen[-1] @ w.T + b, 0))
    logits = seen[-1] @ pairs[-1][0].T + pairs[-1][1]
    slope = np.exp(log_softmax(logits))
    slope[np.arange(len(y)), y] -= 1
    slope /= len(y)
    found: list[np.ndarray] = []
    for (w, _), h in zip(reversed(pairs), reversed(seen), strict=True):
        found = [slope.T @ h, slope.sum(axis=0), *found]
        slope = (slope @ w) * (h > 0)
    return found


@dataclass(frozen=True)
class Settings:
    """What `fit` is asked for, as far as it decides the steps."""

    epochs: int
    lr: float
    weight_decay: float
    max_norm: float


@dataclass(frozen=True)
class Epoch:
    """What one epoch leaves behind: the parameters after it, and the numbers of its history."""

    parameters: list[np.ndarray]
    lr: float
    train_loss: float
    val_loss: float
    val_accuracy: float


def train(parameters: Arrays, data: Sequence[np.ndarray], settings: Settings) -> list[Epoch]:
    """Train with all rows in one batch, by hand: clipping, decay on matrices, momentum, rates that are halved.

    Args:
        data: inputs and targets that train, then those that validate; the inputs standardised.
    """
    x, y, x_val, y_val = data
    arrays = [np.array(p, np.float64) for p in parameters]
    velocity = [np.zeros_like(a) for a in arrays]
    epochs = []
    for number in range(settings.epochs):
        lr = settings.lr / 2 ** (number // HALVE_EVERY)
        loss = cross_entropy(forward(arrays, x), y)
        slopes = gradients(arrays, x, y)
        norm = np.sqrt(sum(float((g**2).sum()) for g in slopes))
        for i, slope in enumerate(slopes):
            clipped = slope * min(1.0, settings.max_norm / norm)
            decay = settings.weight_decay if arrays[i].ndim > 1 else 0.0
            velocity[i] = MOMENTUM * velocity[i] + clipped + decay * arrays[i]
            arrays[i] = arrays[i] - lr * velocity[i]
        logits = forward(arrays, x_val)
        epochs.append(Epoch(list(arrays), lr, loss, cross_entropy(logits, y_val), accuracy(logits, y_val)))
    return epochs


# rows that can be found again -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Marked:
    """Rows whose first columns are their number in binary, so that no standardisation hides which row it is."""

    x: np.ndarray
    y: np.ndarray


def mark_rows(rng: np.random.Generator, n: int, columns: int = 3, classes: int = 5) -> Marked:
    """Draw n rows: N_BITS columns of zeros and ones, then others of all sizes; targets at random, each class there."""
    assert 64 < n < 2**N_BITS
    bits = (np.arange(n)[:, None] >> np.arange(N_BITS)) & 1
    others = rng.normal(rng.normal(0, 20, columns), rng.uniform(0.5, 30, columns), (n, columns))
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    return Marked(np.hstack([bits, others]).astype(np.float64), rng.permutation(y))


def rows_of(inputs: np.ndarray) -> np.ndarray:
    """Return which rows of the marked ones these inputs (some of them, standardised in any way) are."""
    bits = inputs[:, :N_BITS]
    middle = (bits.max(axis=0) + bits.min(axis=0)) / 2
    return (bits > middle) @ (1 << np.arange(N_BITS))


def standardised(x: np.ndarray, train_rows: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows by the mean and the standard deviation (of the population) of those that train."""
    mean, std = x[train_rows].mean(axis=0), x[train_rows].std(axis=0)
    return (x[rows] - mean) / np.where(std == 0, 1, std)


# a network with layers that know their mode --------------------------------------------------------------------------


def draw_resting(rng: np.random.Generator, inputs: int, hidden: int, classes: int) -> dict[str, np.ndarray]:
    """Draw parameters and buffers of `inside.Resting`."""
    return {
        "first.weight": rng.normal(size=(hidden, inputs)),
        "first.bias": rng.normal(size=hidden),
        "norm.weight": rng.uniform(0.5, 1.5, hidden),
        "norm.bias": rng.normal(size=hidden),
        "norm.running_mean": rng.normal(size=hidden),
        "norm.running_var": rng.uniform(0.5, 1.5, hidden),
        "last.weight": rng.normal(size=(classes, hidden)),
        "last.bias": rng.normal(size=classes),
    }


def at_rest(arrays: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the logits of `inside.Resting` in eval mode."""
    z = x @ arrays["first.weight"].T + arrays["first.bias"]
    z = (z - arrays["norm.running_mean"]) / np.sqrt(arrays["norm.running_var"] + EPS)
    z = z * arrays["norm.weight"] + arrays["norm.bias"]
    return z @ arrays["last.weight"].T + arrays["last.bias"]


# digits ---------------------------------------------------------------------------------------------------------------


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits, (1797, 64) and (1797,), read from its file: importing it takes seconds."""
    spec = importlib.util.find_spec("sklearn")
    places = spec.submodule_search_locations if spec is not None else None
    assert places, "digits come with scikit-learn, which requirements.txt names"
    path = Path(places[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)
