"""Train and evaluate a binary classifier when positives are rare."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.utils.data import WeightedRandomSampler

Labels = torch.Tensor | np.ndarray
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


class LabelError(ValueError):
    """Labels that cannot be used."""


class EmptyLoaderError(ValueError):
    """A loader without a batch."""


def to_array(values: Labels) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


@dataclass(frozen=True)
class Balance:
    """The positives among checked labels."""

    positive: np.ndarray

    @classmethod
    def of(cls, y: Labels) -> "Balance":
        positive, negative = to_array(y == 1), to_array(y == 0)
        if not (positive | negative).all():
            raise LabelError("a label is neither 0 nor 1")
        if not (positive.any() and negative.any()):
            raise LabelError("a class is absent")
        return cls(positive)

    @property
    def odds(self) -> float:
        """Negatives for each positive."""
        return (~self.positive).sum() / self.positive.sum()


class PosWeightedBCE(nn.Module):
    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(logits, targets, pos_weight=self.weight)


@dataclass
class RunningMean:
    total: float = 0.0
    count: int = 0

    def add(self, mean: float, count: int) -> None:
        self.total += mean * count
        self.count += count

    def value(self) -> float:
        if not self.count:
            raise EmptyLoaderError("the loader has no batch")
        return np.float64(self.total / self.count)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; leaves every module's mode and the gradient mode as they were."""
    modes = {module: module.training for module in model.modules()}
    with torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode


def forward(
    model: nn.Module, loader: Batches, device: str | torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Logits (B,) and float targets (B,), batch by batch."""
    for X, y in loader:
        targets = torch.as_tensor(y).to(device=device, dtype=torch.float32)
        yield model(X.to(device)).flatten(), targets


class Best(NamedTuple):
    threshold: float
    f1: float


@dataclass(frozen=True)
class Steps:
    """Counts when all from a cut up are predicted positive, for the distinct scores from high to low."""

    cut: np.ndarray
    hits: np.ndarray
    predicted: np.ndarray
    positives: int

    @classmethod
    def of(cls, positive: np.ndarray, score: np.ndarray) -> "Steps":
        cut, group = np.unique(score, return_inverse=True)
        hits = np.bincount(group, weights=positive)[::-1].cumsum()
        predicted = np.bincount(group)[::-1].cumsum()
        return cls(cut[::-1], hits, predicted, int(positive.sum()))

    def average_precision(self) -> float:
        if not self.positives:
            return 0.0
        return float((np.diff(self.hits, prepend=0) / self.positives * (self.hits / self.predicted)).sum())

    def best_f1(self) -> Best:
        f1 = 2 * self.hits / (self.predicted + self.positives)
        best = int(f1.argmax())
        # Any number in (next lower score, cut] does; below the lowest score, everybody is predicted positive.
        threshold = 0.0 if best == len(f1) - 1 else self.cut[best].item()
        return Best(threshold, f1[best].item())


@dataclass(frozen=True)
class Report:
    precision: float
    recall: float
    f1: float
    average_precision: float

    @classmethod
    def of(cls, positive: np.ndarray, probability: np.ndarray, threshold: float) -> "Report":
        predicted = probability >= threshold
        hits = np.count_nonzero(predicted & positive)

        def ratio(a: float, b: float) -> float:
            return a / b if b else 0.0

        precision, recall = ratio(hits, predicted.sum()), ratio(hits, positive.sum())
        return cls(
            precision=float(precision),
            recall=float(recall),
            f1=float(ratio(2 * precision * recall, precision + recall)),
            average_precision=Steps.of(positive, probability).average_precision(),
        )


class BalancedSampler(WeightedRandomSampler):
    """Draws both classes equally often."""

    def __init__(self, balance: Balance, generator: torch.Generator | None) -> None:
        weights = np.where(balance.positive, balance.odds, 1.0)
        super().__init__(weights, len(weights), replacement=True, generator=generator)


def compute_pos_weight(y: Labels) -> torch.Tensor:
    return torch.tensor(Balance.of(y).odds, dtype=torch.float32)


def make_loss(y_train: Labels) -> nn.Module:
    return PosWeightedBCE(compute_pos_weight(y_train))


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: str | torch.device = "cpu",
) -> float:
    model.train()
    epoch = RunningMean()
    for logits, targets in forward(model, loader, device):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(logits, targets)
        loss.backward()
        optimizer.step()
        epoch.add(loss.item(), len(targets))
    return epoch.value()


def evaluate(
    model: nn.Module, loader: Batches, *, threshold: float = 0.5, device: str | torch.device = "cpu"
) -> dict[str, float]:
    with evaluating(model):
        batches = [(logits.double().sigmoid(), targets == 1) for logits, targets in forward(model, loader, device)]
    if not batches:
        raise EmptyLoaderError("the loader has no batch")
    probability, positive = (to_array(torch.cat(parts)) for parts in zip(*batches))
    return asdict(Report.of(positive, probability, threshold))


def best_f1_threshold(y_true: Labels, y_prob: torch.Tensor | np.ndarray) -> tuple[float, float]:
    positive, probability = to_array(y_true == 1), to_array(y_prob)
    if not positive.size or positive.shape != probability.shape:
        raise ValueError(f"labels {positive.shape} and probabilities {probability.shape}")
    return Steps.of(positive, probability).best_f1()


REDUCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "none": lambda losses: losses,
}


def focal_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    problems = {
        "logits and targets differ in shape": logits.shape != targets.shape,
        "gamma is negative": gamma < 0,
        "alpha is outside of 0 to 1": alpha is not None and not 0 <= alpha <= 1,
        "unknown reduction": reduction not in REDUCTIONS,
    }
    if any(problems.values()):
        raise ValueError("; ".join(text for text, found in problems.items() if found))

    y = torch.as_tensor(targets, device=logits.device).to(logits.dtype)
    against = (1 - 2 * y) * logits  # the logit of 1 - p_t
    cross_entropy = softplus(against)
    losses = torch.exp(-gamma * softplus(-against)) * cross_entropy
    if alpha is not None:
        losses = losses * (alpha * y + (1 - alpha) * (1 - y))
    return REDUCTIONS[reduction](losses)


def make_weighted_sampler(y: Labels, *, generator: torch.Generator | None = None) -> WeightedRandomSampler:
    return BalancedSampler(Balance.of(y), generator)
