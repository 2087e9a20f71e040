"""What hidden tests put beside the candidate's code: models, loaders, probes. No expected value stands here."""

import torch

from .elsewhere import Elsewhere, on_two_devices
from .loaders import Batches, Once, data_loader
from .models import Forwarding, Linear, Normalised, Watched, leave_gradients, sgd, snapshot, weighted_bce
from .probes import grad_is_enabled, is_module, value_and_gradient, with_labels, with_pair

__all__ = [
    "Batches",
    "Elsewhere",
    "Forwarding",
    "Linear",
    "Normalised",
    "Once",
    "Watched",
    "data_loader",
    "grad_is_enabled",
    "is_module",
    "leave_gradients",
    "on_two_devices",
    "sgd",
    "snapshot",
    "value_and_gradient",
    "weighted_bce",
    "with_labels",
    "with_pair",
]

# Where a submission runs in the author's own process, the one before may have left it off.
torch.set_grad_enabled(True)
