"""What the README promises, computed a second time in numpy; and models that run in the judge.

Nothing here follows the reference solution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

Arrays = dict[str, np.ndarray]
EPS = 1e-5  # torch's default for BatchNorm1d


# a network ------------------------------------------------------------------------------------------------------------


def draw_arrays(rng: np.random.Generator, inputs: int, hidden: int, outputs: int) -> Arrays:
    """Draw parameters and buffers of `inside.Net`."""
    return {
        "first.weight": rng.normal(size=(hidden, inputs)) / math.sqrt(inputs),
        "first.bias": 0.3 * rng.normal(size=hidden),
        "middle.norm.weight": rng.uniform(0.5, 1.5, size=hidden),
        "middle.norm.bias": 0.3 * rng.normal(size=hidden),
        "middle.norm.running_mean": rng.normal(size=hidden),
        "middle.norm.running_var": rng.uniform(0.5, 1.5, size=hidden),
        "middle.norm.num_batches_tracked": np.array(7),
        "last.weight": rng.normal(size=(outputs, hidden)) / math.sqrt(hidden),
        "last.bias": 0.3 * rng.normal(size=outputs),
    }


def forward(arrays: Arrays, x: np.ndarray) -> np.ndarray:
    """Return the network's outputs (n, outputs) in eval mode."""
    z = np.asarray(x, dtype=np.float64) @ arrays["first.weight"].T + arrays["first.bias"]
    z = (z - arrays["middle.norm.running_mean"]) / np.sqrt(arrays["middle.norm.running_var"] + EPS)
    z = z * arrays["middle.norm.weight"] + arrays["middle.norm.bias"]
    return np.tanh(z) @ arrays["last.weight"].T + arrays["last.bias"]


def close(actual: torch.Tensor, expected: np.ndarray, rtol: float = 1e-6) -> bool:
    """Tell whether a result has the expected shape and values."""
    if tuple(actual.shape) != expected.shape:
        return False
    return np.allclose(actual.to(torch.float64).numpy(), expected, rtol=rtol, atol=rtol)


# a model whose every call the judge answers ---------------------------------------------------------------------------


class Desk:
    """Answers a remote model's calls and keeps what it was asked.

    Args:
        answer: what the model computes; the result goes back to the candidate.
        most: more rows than this do not fit into memory.
        failures: so many calls find no room at most; after them all fit.
    """

    def __init__(
        self, answer: Callable[..., torch.Tensor], most: int | None = None, failures: int | None = None
    ) -> None:
        self.answer = answer
        self.most = most
        self.failures = failures
        self.asked: list[torch.Tensor] = []
        self.lengths: list[torch.Tensor] = []
        self.failed: list[int] = []

    def __call__(self, batch: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor | None:
        """Answer one call; None stands for memory that ran out."""
        assert type(batch) is torch.Tensor, "the model is called with a tensor"
        if self.most is not None and len(batch) > self.most and len(self.failed) != self.failures:
            self.failed.append(len(batch))
            return None
        self.asked.append(batch)
        if lengths is None:
            return self.answer(batch)
        assert type(lengths) is torch.Tensor, "lengths is a tensor"
        self.lengths.append(lengths)
        return self.answer(batch, lengths)

    @property
    def sizes(self) -> list[int]:
        """Rows of each call that was answered."""
        return [len(batch) for batch in self.asked]


def cut(count: int, size: int) -> list[int]:
    """Return the sizes of consecutive batches."""
    return [size] * (count // size) + ([count % size] if count % size else [])


def rows_of(rng: np.random.Generator, count: int, *shape: int) -> torch.Tensor:
    """Draw (count, ...) float32 values, all different and multiples of 1/64, so that a value tells its row."""
    total = count * math.prod(shape)
    values = rng.permutation(total) - total // 2
    return torch.tensor(values / 64, dtype=torch.float32).reshape(count, *shape)


# sequences ------------------------------------------------------------------------------------------------------------


def weighted_sum(sequence: np.ndarray) -> np.ndarray:
    """Return what the sequence model says of one sequence (length, ...): order and every step matter."""
    steps = np.arange(1, len(sequence) + 1).reshape(-1, *[1] * (sequence.ndim - 1))
    return (np.asarray(sequence, dtype=np.float64) * steps).sum(0)


def answer_sequences(padded: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Compute the sequence model's outputs (k, ...) from the unpadded part of each row."""
    sums = [weighted_sum(row[: int(length)].numpy()) for row, length in zip(padded, lengths, strict=True)]
    return torch.tensor(np.array(sums), dtype=padded.dtype)


def most_padding(lengths: Sequence[int], size: int) -> int:
    """Return the padded steps of batches cut from the sequences sorted by length, up or down, whichever is more."""
    totals = []
    for ordered in (sorted(lengths), sorted(lengths, reverse=True)):
        groups = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        totals.append(sum(max(group) * len(group) - sum(group) for group in groups))
    return max(totals)
