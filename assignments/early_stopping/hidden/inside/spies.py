"""Models that note in which state they are called. Copies of a spy write into the same notes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Notes(list[Any]):
    def __deepcopy__(self, memo: object) -> _Notes:
        return self

    def __copy__(self) -> _Notes:
        return self


class _Probe(nn.Module):
    def __init__(self, notes: _Notes) -> None:
        super().__init__()
        self.notes = notes

    def forward(self, x: Tensor) -> Tensor:
        # The first column tells which data a row belongs to.
        self.notes.append((float(x[0, 0]), self.training, torch.is_grad_enabled(), len(x)))
        return x


class ModeSpy(nn.Module):
    """A linear model; deep inside it notes the first entry of a batch, its mode, whether gradients are on, the rows."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.notes = _Notes()
        self.body = nn.Sequential(nn.Sequential(_Probe(self.notes)), nn.Linear(inputs, 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        return self.body(x)


def note_modes(model: ModeSpy) -> list[tuple[float, bool, bool, int]]:
    """Return (first entry, training, gradients on, rows) of each call so far."""
    return list(model.notes)


class DeviceSpy(nn.Module):
    """A linear model that notes where it is moved, and where its input and weight lie; its loss does so with targets.

    On the meta device there are no numbers, so the loss is a number of its own: training can go on.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.notes = _Notes()
        self.original = id(self)  # copies may go where they like
        self.line = nn.Linear(inputs, 1, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, 1)."""
        self.notes.append(("input", x.device.type))
        self.notes.append(("weight", self.line.weight.device.type))
        return self.line(x)

    def to(self, *args: Any, **kwargs: Any) -> DeviceSpy:
        """Move the model; note where to."""
        device = torch._C._nn._parse_to(*args, **kwargs)[0]
        if device is not None and self.original == id(self):
            self.notes.append(("model", device.type))
        return super().to(*args, **kwargs)

    def loss_fn(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Note where the targets lie; return a loss that can be differentiated."""
        self.notes.append(("target", targets.device.type))
        return 2 * torch.ones((), dtype=torch.float64, requires_grad=torch.is_grad_enabled())


def note_devices(model: DeviceSpy) -> list[tuple[str, str]]:
    """Return (what, device type) in the order of the calls."""
    return list(model.notes)
