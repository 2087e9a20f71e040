"""Small models whose logits a test can compute again, the optimizer, and a loss that is given its weight."""

import weakref

import torch
from torch import nn

from .loaders import Breakdown


class Linear(nn.Module):
    """A linear model with the given weights: (B, F) to (B, 1) if `column`, else (B,)."""

    def __init__(self, weight, bias, column=False):
        super().__init__()
        self.linear = nn.Linear(len(weight), 1)
        with torch.no_grad():
            self.linear.weight.copy_(weight.reshape(1, -1))
            self.linear.bias.fill_(bias)
        self.column = column

    def forward(self, X):
        logits = self.linear(X)
        return logits if self.column else logits[:, 0]


class Forwarding(nn.Module):
    """The logit is the first feature, exactly. Notes for each call whether gradients were being recorded."""

    def __init__(self, column=False):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.column = column
        self.recorded = []

    def forward(self, X):
        self.recorded.append(torch.is_grad_enabled())
        logits = X[:, :1] * self.scale
        return logits if self.column else logits[:, 0]


class Normalised(nn.Module):
    """Batch norm, dropout and a linear layer; nothing but eval mode gives the same logits twice."""

    def __init__(self, weight, bias, mean, variance, dropout):
        super().__init__()
        self.norm = nn.BatchNorm1d(len(weight))
        self.norm.running_mean.copy_(mean)
        self.norm.running_var.copy_(variance)
        self.drop = nn.Dropout(dropout)
        self.head = Linear(weight, bias)

    def forward(self, X):
        return self.head(self.drop(self.norm(X)))


class PartlyFrozen(nn.Module):
    """A frozen part, kept in eval mode, below a part that trains. The logit is the first feature."""

    def __init__(self, training):
        super().__init__()
        self.frozen = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5)).requires_grad_(False)
        self.head = Forwarding()
        self.train(training)
        self.frozen.train(not training)
        self.frozen[1].train(training)

    def forward(self, X):
        return self.head(X)


class BreaksLate(Forwarding):
    """Fails in the given call, as a model would that meets a batch it cannot take."""

    def __init__(self, call):
        super().__init__()
        self.left = call

    def forward(self, X):
        self.left -= 1
        if not self.left:
            raise Breakdown("this batch cannot be taken")
        return super().forward(X)


class _Token:
    """Lives as long as the graph that holds it."""


class _Hold(torch.autograd.Function):
    """The identity, with a token in its graph node."""

    @staticmethod
    def forward(ctx, logits, token):
        ctx.token = token
        return logits.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Watched(Linear):
    """Counts the graphs of its own calls that are alive at the same time."""

    def __init__(self, weight, bias):
        super().__init__(weight, bias)
        self.alive = weakref.WeakSet()
        self.calls = 0
        self.most_alive = 0

    def forward(self, X):
        token = _Token()
        self.alive.add(token)
        self.calls += 1
        self.most_alive = max(self.most_alive, len(self.alive))
        return _Hold.apply(super().forward(X), token)


def sgd(model, lr, momentum=0.0):
    """Plain gradient descent over all parameters."""
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)


def weighted_bce(weight):
    """PyTorch's own weighted loss, so that the training loop is judged apart from the candidate's loss."""
    return nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))


def snapshot(model):
    """Return copies of a model's parameters and buffers."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def leave_gradients(model, X):
    """Give every parameter a large gradient, as an earlier backward pass would."""
    (model(X).sum() * 10).backward()
