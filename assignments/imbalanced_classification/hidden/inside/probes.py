"""Small questions that can only be asked beside the candidate's code."""

import torch
from torch import nn
from torch.utils.data import WeightedRandomSampler

from .loaders import Breakdown


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


def evaluate_inside_no_grad(model, loader):
    """Call evaluate where no gradients are recorded; return its result, and whether they are recorded afterwards."""
    import solution

    with torch.no_grad():
        found = solution.evaluate(model, loader)
        return found, torch.is_grad_enabled()


# senior ---------------------------------------------------------------------------------------------------------------


def focal_with_gradient(logits, targets, **options):
    """Call focal_loss; return the samples' losses, and the gradient of their sum by the logits."""
    import solution

    logits = logits.clone().requires_grad_()
    values = solution.focal_loss(logits, targets, reduction="none", **options)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    return values.detach(), gradient


def focal_and_inputs(logits, targets):
    """Call focal_loss; return the samples' losses, and the inputs as they are afterwards."""
    import solution

    return solution.focal_loss(logits, targets, reduction="none"), logits, targets


def is_weighted_sampler(value):
    """Tell whether a value is torch's weighted sampler."""
    return isinstance(value, WeightedRandomSampler)


def passes(sampler, count):
    """Go through a sampler several times; return the indices of each pass."""
    return [[int(index) for index in sampler] for _ in range(count)]


def weights_of(sampler):
    """Return the weights that a sampler draws by."""
    return torch.as_tensor(sampler.weights, dtype=torch.float64)


def generator(seed):
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


def seed_torch(seed):
    """Seed torch's own generator."""
    torch.manual_seed(seed)


def modes(model):
    """Return the mode of every module of a model, and whether each parameter is trained."""
    trained = [parameter.requires_grad for parameter in model.parameters()]
    return [module.training for module in model.modules()], trained


def evaluate_broken(model, loader):
    """Call evaluate on something that fails on the way; tell whether the failure came through."""
    import solution

    try:
        solution.evaluate(model, loader)
    except Breakdown:
        return True
    return False
