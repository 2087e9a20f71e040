"""Ask a model about many inputs, batch by batch, on whatever device there is."""

from __future__ import annotations

from collections import abc

import numpy as np
import torch
from torch import Tensor, nn


def resolve_device(preference: str | torch.device = "auto") -> torch.device:
    """Return the device to work on.

    Args:
        preference: "auto" for the best one there is (cuda, then mps, then cpu), or a device by name.

    Raises:
        RuntimeError: a device is asked for by name and is not available.
    """
    # Hint: torch.cuda.is_available() and torch.backends.mps.is_available() tell what there is.
    # Hint: torch.device("cuda:1").type is "cuda".
    raise NotImplementedError


class BatchPredictor:
    """Predict with a model in batches; results come back to the CPU, in the order of the inputs.

    Args:
        model: maps a batch (k, ...) to a tensor (k, ...). It is moved to the device; its modes stay the caller's.
        batch_size: rows in each call of the model, but for the last.
        device: where the model works, as `resolve_device` understands it.

    Raises:
        ValueError: batch_size < 1.
        RuntimeError: the device is not available.
    """

    def __init__(self, model: nn.Module, *, batch_size: int = 32, device: str | torch.device = "auto") -> None:
        # Hint: check batch_size, resolve the device, move the model there, keep all three.
        raise NotImplementedError

    def predict(self, inputs: Tensor | np.ndarray | abc.Sequence) -> Tensor:
        """Return the model's outputs for all rows.

        Args:
            inputs: (n, ...) tensor or array, or a list of n rows of one shape.

        Returns: (n, ...) on the CPU, in the order of the inputs; torch.empty(0) if there are none.
        """
        rows = inputs  # Hint: not always a tensor yet, and not always of the dtype that the model needs.
        was_training = self.model.training  # Hint: each of self.model.modules() has a mode of its own.
        self.model.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, len(rows), self.batch_size):
                batch = rows[start : start + self.batch_size]
                # Hint: where must the batch lie before the model sees it, and where its outputs afterwards?
                parts.append(batch)
        self.model.train(was_training)  # Hint: this must happen even if the model raises: try ... finally.
        # Hint: join the parts with torch.cat; it does not like an empty list. Then take out the next line.
        raise NotImplementedError
