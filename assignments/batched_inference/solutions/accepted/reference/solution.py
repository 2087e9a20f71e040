"""Ask a model about many inputs, batch by batch, on whatever device there is."""

from __future__ import annotations

from collections import abc

#: private
from itertools import islice

#: end
import numpy as np
import torch
from torch import Tensor, nn


def resolve_device(preference: str | torch.device = "auto") -> torch.device:
    #: only junior mid
    """Return the device to work on.

    Args:
        preference: "auto" for the best one there is (cuda, then mps, then cpu), or a device by name.

    Raises:
        RuntimeError: a device is asked for by name and is not available.
    """
    #: end
    #: task
    #: junior | # Hint: torch.cuda.is_available() and torch.backends.mps.is_available() tell what there is.
    #: junior | # Hint: torch.device("cuda:1").type is "cuda".
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if preference == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    device = torch.device(preference)
    if not available.get(device.type, True):
        raise RuntimeError(f"device {str(device)!r} is not available on this machine")
    return device
    #: end


class BatchPredictor:
    #: only junior mid
    """Predict with a model in batches; results come back to the CPU, in the order of the inputs.

    Args:
        model: maps a batch (k, ...) to a tensor (k, ...). It is moved to the device; its modes stay the caller's.
        batch_size: rows in each call of the model, but for the last.
        device: where the model works, as `resolve_device` understands it.

    Raises:
        ValueError: batch_size < 1.
        RuntimeError: the device is not available.
    """

    #: end
    def __init__(self, model: nn.Module, *, batch_size: int = 32, device: str | torch.device = "auto") -> None:
        #: task
        #: junior | # Hint: check batch_size, resolve the device, move the model there, keep all three.
        if batch_size < 1:
            raise ValueError(f"batch_size = {batch_size}: expected at least 1")
        self.model = model
        self.batch_size = batch_size
        self.device = resolve_device(device)
        self.model.to(self.device)
        #: end

    def predict(self, inputs: Tensor | np.ndarray | abc.Sequence) -> Tensor:
        #: only junior mid
        """Return the model's outputs for all rows.

        Args:
            inputs: (n, ...) tensor or array, or a list of n rows of one shape.

        Returns: (n, ...) on the CPU, in the order of the inputs; torch.empty(0) if there are none.
        """
        #: end
        #: task
        #: junior | rows = inputs  # Hint: not always a tensor yet, and not always of the dtype that the model needs.
        #: junior | was_training = self.model.training  # Hint: each of self.model.modules() has a mode of its own.
        #: junior | self.model.eval()
        #: junior | parts = []
        #: junior | with torch.no_grad():
        #: junior |     for start in range(0, len(rows), self.batch_size):
        #: junior |         batch = rows[start : start + self.batch_size]
        #: junior |         # Hint: where must the batch lie before the model sees it, and where its outputs afterwards?
        #: junior |         parts.append(batch)
        #: junior | self.model.train(was_training)  # Hint: this must happen even if the model raises: try ... finally.
        #: junior | # Hint: join the parts with torch.cat; it does not like an empty list. Then take out the next line.
        rows = _to_tensor(inputs)
        parts = list(self._outputs(rows))
        return torch.cat(parts) if parts else torch.empty(0)
        #: end

    #: only mid senior
    def predict_iter(self, inputs: abc.Iterable) -> abc.Iterator[Tensor]:
        #: end
        #: only mid
        """Yield the model's outputs batch by batch, reading no more than one batch ahead.

        Args:
            inputs: rows of one shape; they may come from a generator and never end.

        Yields: (k, ...) on the CPU; k is batch_size but for the last.
        """
        #: end
        #: only mid senior
        #: task
        source = iter(inputs)
        while rows := list(islice(source, self.batch_size)):
            yield from self._outputs(_to_tensor(rows))
        #: end

    #: end
    #: only senior
    def predict_sequences(self, sequences: abc.Sequence[Tensor], *, pad_value: float = 0.0) -> Tensor:
        #: task
        order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
        parts = []
        for start in range(0, len(order), self.batch_size):
            chosen = [sequences[i] for i in order[start : start + self.batch_size]]
            padded = nn.utils.rnn.pad_sequence(chosen, batch_first=True, padding_value=pad_value)
            lengths = torch.tensor([len(sequence) for sequence in chosen])
            parts.append(self._ask(self._cast(padded), lengths))
        if not parts:
            return torch.empty(0)
        outputs = torch.cat(parts)
        # outputs[k] belongs to sequence order[k]; argsort turns that round.
        return outputs[torch.tensor(order).argsort()]
        #: end

    #: end
    #: private
    def _outputs(self, rows: Tensor) -> abc.Iterator[Tensor]:
        """Yield the outputs of consecutive batches; where memory runs out, of smaller and smaller ones."""
        start = 0
        while start < len(rows):
            batch = self._cast(rows[start : start + self.batch_size])
            try:
                part = self._ask(batch)
            except torch.OutOfMemoryError:
                if self.batch_size == 1:
                    raise
                self.batch_size //= 2
                # Not tried again in here: the exception holds on to everything that the first try put on the device.
                continue
            yield part
            start += len(batch)

    def _ask(self, *arguments: Tensor) -> Tensor:
        """Call the model once, in eval mode and without gradients; put every mode back."""
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with torch.no_grad():
                return self.model(*(argument.to(self.device) for argument in arguments)).cpu()
        finally:
            for module, training in modes:
                module.training = training

    def _cast(self, rows: Tensor) -> Tensor:
        """Give floating-point rows the model's dtype; token ids and masks stay what they are."""
        dtypes = (parameter.dtype for parameter in self.model.parameters() if parameter.is_floating_point())
        return rows.to(next(dtypes, rows.dtype)) if rows.is_floating_point() else rows


def _to_tensor(values: object) -> Tensor:
    """Make one tensor of a tensor, an array, or a list of rows."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, (list, tuple)) and any(isinstance(row, Tensor) for row in values):
        return torch.stack([_to_tensor(row) for row in values])
    return torch.from_numpy(np.array(values))  # a copy: torch takes no negative strides and no read-only memory


#: end
