"""Imbalanced classification that thinks in columns (N, 1), and steps the optimizer with a closure."""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import WeightedRandomSampler


def compute_pos_weight(y):
    y = torch.from_numpy(y) if isinstance(y, np.ndarray) else y
    is_one, is_zero = torch.eq(y, 1), torch.eq(y, 0)
    if bool((~(is_one | is_zero)).any()):
        raise ValueError("labels must be 0 or 1")
    if not is_one.any() or not is_zero.any():
        raise ValueError("both classes must be present")
    return (is_zero.sum() / is_one.sum()).float()


class _MaxTrickLoss(nn.Module):
    """Weighted cross-entropy by the log-sum-exp trick."""

    def __init__(self, pos_weight):
        super().__init__()
        self.pos_weight = nn.Parameter(pos_weight, requires_grad=False)

    def forward(self, logits, targets):
        zeros = torch.zeros_like(logits)
        log_p = -torch.logaddexp(zeros, -logits)
        log_q = -torch.logaddexp(zeros, logits)
        return -torch.mean(self.pos_weight * targets * log_p + (1.0 - targets) * log_q)


def make_loss(y_train):
    return _MaxTrickLoss(compute_pos_weight(y_train))


def train_epoch(model, loader, loss_fn, optimizer, device="cpu"):
    model.train(True)
    history = {}
    for number, (X, y) in enumerate(loader):
        X = X.to(device=device)
        y = y.to(device=device, dtype=torch.float32)[:, None]

        def closure(X=X, y=y):
            optimizer.zero_grad()
            loss = loss_fn(model(X).view(-1, 1), y)
            loss.backward()
            return loss

        history[number] = (optimizer.step(closure).detach(), len(y))
    if not history:
        raise ValueError("train_epoch needs at least one batch")
    return sum(loss.item() * n for loss, n in history.values()) / sum(n for _, n in history.values())


def _rates(labels, flags):
    hits = torch.sum(labels * flags)
    precision = hits / torch.sum(flags)
    recall = hits / torch.sum(labels)
    f1 = 2 * hits / (torch.sum(flags) + torch.sum(labels))
    return [torch.nan_to_num(rate, nan=0.0) for rate in (precision, recall, f1)]


def evaluate(model, loader, *, threshold=0.5, device="cpu"):
    training = {name: module.training for name, module in model.named_modules()}
    gradients = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        model.eval()
        labels, probabilities = torch.zeros(0, 1), torch.zeros(0, 1)
        for X, y in loader:
            batch = torch.sigmoid(model(X.to(device)).reshape(-1, 1)).cpu()
            labels, probabilities = (
                torch.vstack([labels, y.cpu().float()[:, None]]),
                torch.vstack([probabilities, batch]),
            )
    finally:
        torch.set_grad_enabled(gradients)
        for name, module in model.named_modules():
            module.training = training[name]
    if not len(labels):
        raise ValueError("evaluate needs at least one batch")
    precision, recall, f1 = _rates(labels, (probabilities >= threshold).float())
    # Column k asks: which samples are at or above the k-th distinct probability?
    cuts = torch.unique(probabilities).flip(0)
    above = (probabilities >= cuts).double()
    precisions = (labels * above).sum(0) / above.sum(0)
    recalls = (labels * above).sum(0) / labels.sum().clamp(min=1)
    average_precision = torch.diff(recalls, prepend=recalls.new_zeros(1)) @ precisions
    names = ("precision", "recall", "f1", "average_precision")
    return {name: float(value) for name, value in zip(names, (precision, recall, f1, average_precision), strict=True)}


def best_f1_threshold(y_true, y_prob):
    y_true = np.asarray(y_true, dtype=np.float64).reshape(-1, 1)
    y_prob = np.asarray(y_prob, dtype=np.float64).reshape(-1, 1)
    if len(y_true) != len(y_prob):
        raise ValueError("lengths differ")
    if len(y_true) == 0:
        raise ValueError("no samples")
    cuts = np.unique(y_prob)
    above = y_prob >= cuts
    f1 = 2 * (y_true * above).sum(0) / (above.sum(0) + y_true.sum())
    return cuts[f1.argmax()].item(), f1.max().item()


def focal_loss(logits, targets, *, gamma=2.0, alpha=None, reduction="mean"):
    """Both classes' terms, each multiplied by whether it applies."""
    if gamma < 0 or (alpha is not None and (alpha < 0 or alpha > 1)):
        raise ValueError("gamma must be at least 0, alpha None or between 0 and 1")
    if logits.size() != targets.size():
        raise ValueError("logits and targets differ in shape")
    if reduction not in {"none", "mean", "sum"}:
        raise ValueError(f"no reduction {reduction!r}")
    y = targets.to(logits.dtype)
    zeros = torch.zeros_like(logits)
    log_p, log_q = -torch.logaddexp(zeros, -logits), -torch.logaddexp(zeros, logits)
    share_pos, share_neg = (1.0, 1.0) if alpha is None else (alpha, 1.0 - alpha)
    positives = share_pos * torch.exp(gamma * log_q) * -log_p
    negatives = share_neg * torch.exp(gamma * log_p) * -log_q
    loss = y * positives + (1.0 - y) * negatives
    return loss if reduction == "none" else getattr(torch, reduction)(loss)


def make_weighted_sampler(y, *, generator=None):
    ratio = float(compute_pos_weight(y))
    y = torch.from_numpy(y) if isinstance(y, np.ndarray) else y
    weights = torch.ones(len(y), dtype=torch.float64).masked_fill(torch.eq(y, 1), ratio)
    return WeightedRandomSampler(weights, len(y), generator=generator)
