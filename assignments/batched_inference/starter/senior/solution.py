"""Ask a model about many inputs, batch by batch, on whatever device there is."""

from __future__ import annotations

from collections import abc

import numpy as np
import torch
from torch import Tensor, nn


def resolve_device(preference: str | torch.device = "auto") -> torch.device:
    raise NotImplementedError


class BatchPredictor:
    def __init__(self, model: nn.Module, *, batch_size: int = 32, device: str | torch.device = "auto") -> None:
        raise NotImplementedError

    def predict(self, inputs: Tensor | np.ndarray | abc.Sequence) -> Tensor:
        raise NotImplementedError

    def predict_iter(self, inputs: abc.Iterable) -> abc.Iterator[Tensor]:
        raise NotImplementedError

    def predict_sequences(self, sequences: abc.Sequence[Tensor], *, pad_value: float = 0.0) -> Tensor:
        raise NotImplementedError
