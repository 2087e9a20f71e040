"""Imbalanced classification in torch alone, metrics included."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import WeightedRandomSampler


class WeightedLogisticLoss(nn.Module):
    """Mean of w * y * softplus(-z) + (1 - y) * softplus(z)."""

    pos_weight: Tensor

    def __init__(self, pos_weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        positive = -F.logsigmoid(logits)
        negative = -F.logsigmoid(-logits)
        return (self.pos_weight * targets * positive + (1 - targets) * negative).mean()


def compute_pos_weight(y) -> Tensor:
    y = torch.as_tensor(y).double()
    positives = y.eq(1).sum()
    negatives = y.eq(0).sum()
    if positives * negatives == 0:
        raise ValueError("one of the classes is absent")
    if positives + negatives < y.numel():
        raise ValueError("a label is neither 0 nor 1")
    return (negatives / positives).to(torch.float32)


def make_loss(y_train) -> nn.Module:
    return WeightedLogisticLoss(compute_pos_weight(y_train))


def train_epoch(model, loader, loss_fn, optimizer, device="cpu") -> float:
    model = model.to(device).train()
    total = torch.zeros((), device=device, dtype=torch.float64)
    count = 0
    for inputs, labels in loader:
        inputs = inputs.to(device, non_blocking=True)
        labels = labels.to(device, non_blocking=True)
        logits = model(inputs)
        loss = loss_fn(logits.view(-1), labels.type_as(logits))
        model.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * labels.numel()
        count += labels.numel()
    if count == 0:
        raise ValueError("no batch to train on")
    return (total / count).item()


def _cumulative(labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distinct scores ascending; positives and samples at or above each."""
    values, group = torch.unique(scores, return_inverse=True)
    zeros = torch.zeros(len(values), dtype=torch.float64)
    hits = zeros.index_add(0, group, labels.double()).flip(0).cumsum(0).flip(0)
    size = zeros.index_add(0, group, torch.ones_like(labels, dtype=torch.float64)).flip(0).cumsum(0).flip(0)
    return values, hits, size


def evaluate(model, loader, *, threshold: float = 0.5, device="cpu") -> dict:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    pairs = []
    try:
        with torch.no_grad():
            for inputs, labels in loader:
                pairs.append((labels.bool().cpu(), model(inputs.to(device)).view(-1).sigmoid().cpu()))
    finally:
        for module, mode in modes.items():
            module.training = mode
    if not pairs:
        raise ValueError("no batch to evaluate")
    labels, scores = (torch.cat(part) for part in zip(*pairs, strict=True))
    chosen = scores.ge(threshold)
    tp = (chosen & labels).sum().item()
    precision = tp / max(chosen.sum().item(), 1)
    recall = tp / max(labels.sum().item(), 1)
    f1 = 2 * precision * recall / (precision + recall) if tp else 0.0
    _, hits, size = _cumulative(labels, scores)
    steps = hits - torch.cat([hits[1:], hits.new_zeros(1)])
    average_precision = (steps * hits / size).sum() / labels.sum().clamp(min=1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "average_precision": average_precision.item(),
    }


def best_f1_threshold(y_true, y_prob) -> tuple[float, float]:
    labels, scores = torch.as_tensor(y_true).bool(), torch.as_tensor(y_prob)
    if labels.numel() == 0 or labels.shape != scores.shape:
        raise ValueError("labels and probabilities must be equally many, and some")
    values, hits, size = _cumulative(labels, scores)
    f1, best = (2 * hits / (size + labels.sum())).max(0)
    return values[best].item(), f1.item()


class _Modulated(torch.autograd.Function):
    """-(1 - p)^gamma log p for a logit of p, with its gradient written out."""

    @staticmethod
    def forward(ctx, margin: Tensor, gamma: float) -> Tensor:
        log_p, log_q = F.logsigmoid(margin), F.logsigmoid(-margin)
        ctx.save_for_backward(log_p, log_q)
        ctx.gamma = gamma
        return -(gamma * log_q).exp() * log_p

    @staticmethod
    def backward(ctx, upstream: Tensor):
        log_p, log_q = ctx.saved_tensors
        slope = (ctx.gamma * log_q).exp() * (ctx.gamma * log_p.exp() * log_p - log_q.exp())
        return upstream * slope, None


def focal_loss(logits: Tensor, targets: Tensor, *, gamma=2.0, alpha=None, reduction="mean") -> Tensor:
    if logits.shape != targets.shape or reduction not in ("none", "mean", "sum"):
        raise ValueError("expected logits and targets of one shape, and a reduction none, mean or sum")
    if gamma < 0 or (alpha is not None and abs(alpha - 0.5) > 0.5):
        raise ValueError("expected gamma from 0 up, and alpha from 0 to 1")
    positive = targets.bool()
    loss = _Modulated.apply(torch.where(positive, logits, logits.neg()), gamma)
    if alpha is not None:
        loss = loss * torch.full_like(loss, 1 - alpha).masked_fill(positive, alpha)
    return {"none": lambda: loss, "mean": loss.mean, "sum": loss.sum}[reduction]()


def make_weighted_sampler(y, *, generator=None) -> WeightedRandomSampler:
    compute_pos_weight(y)
    labels = torch.as_tensor(y).long()
    per_class = labels.bincount(minlength=2).double().reciprocal()
    return WeightedRandomSampler(per_class[labels], len(labels), True, generator)
