"""Small questions that can only be asked beside the candidate's code."""

import torch
from torch import nn


def is_module(value):
    """Tell whether a value is a torch module."""
    return isinstance(value, nn.Module)


def value_and_gradient(loss, logits, targets):
    """Call a loss; return its value and its gradient by the logits."""
    logits = logits.clone().requires_grad_()
    value = loss(logits, targets)
    (gradient,) = torch.autograd.grad(value, logits)
    return value.detach(), gradient


def with_labels(name, labels):
    """Call a function of the solution; return its result, and the labels as they are afterwards."""
    import solution

    return getattr(solution, name)(labels), labels


def with_pair(y_true, y_prob):
    """Call best_f1_threshold; return its result, and the inputs as they are afterwards."""
    import solution

    return solution.best_f1_threshold(y_true, y_prob), y_true, y_prob


def grad_is_enabled():
    """Tell whether torch records gradients, and switch it on."""
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return enabled
