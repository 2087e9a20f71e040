"""What hidden tests put beside the candidate's code: models, loaders, probes. No expected value stands here."""

import torch

from .gpu import evaluate_across_devices, train_across_devices
from .loaders import Batches, Breaking, Once, data_loader
from .models import (
    BreaksLate,
    Forwarding,
    Linear,
    Normalised,
    PartlyFrozen,
    Watched,
    leave_gradients,
    sgd,
    snapshot,
    weighted_bce,
)
from .probes import (
    evaluate_broken,
    evaluate_inside_no_grad,
    focal_and_inputs,
    focal_with_gradient,
    generator,
    grad_is_enabled,
    is_module,
    is_weighted_sampler,
    modes,
    passes,
    seed_torch,
    value_and_gradient,
    weights_of,
    with_labels,
    with_pair,
)

__all__ = [
    "Batches",
    "Breaking",
    "BreaksLate",
    "Forwarding",
    "Linear",
    "Normalised",
    "Once",
    "PartlyFrozen",
    "Watched",
    "data_loader",
    "evaluate_across_devices",
    "evaluate_broken",
    "evaluate_inside_no_grad",
    "focal_and_inputs",
    "focal_with_gradient",
    "generator",
    "grad_is_enabled",
    "is_module",
    "is_weighted_sampler",
    "leave_gradients",
    "modes",
    "passes",
    "seed_torch",
    "sgd",
    "snapshot",
    "train_across_devices",
    "value_and_gradient",
    "weighted_bce",
    "weights_of",
    "with_labels",
    "with_pair",
]

# Where a submission runs in the author's own process, the one before may have left it off.
torch.set_grad_enabled(True)
