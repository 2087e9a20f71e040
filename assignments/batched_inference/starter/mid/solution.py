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
        raise NotImplementedError

    def predict(self, inputs: Tensor | np.ndarray | abc.Sequence) -> Tensor:
        """Return the model's outputs for all rows.

        Args:
            inputs: (n, ...) tensor or array, or a list of n rows of one shape.

        Returns: (n, ...) on the CPU, in the order of the inputs; torch.empty(0) if there are none.
        """
        raise NotImplementedError

    def predict_iter(self, inputs: abc.Iterable) -> abc.Iterator[Tensor]:
        """Yield the model's outputs batch by batch, reading no more than one batch ahead.

        Args:
            inputs: rows of one shape; they may come from a generator and never end.

        Yields: (k, ...) on the CPU; k is batch_size but for the last.
        """
        raise NotImplementedError
