"""Lets torch's DataLoader do the batching."""

import contextlib
import itertools

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset


def resolve_device(preference="auto"):
    if str(preference) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(preference)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("no CUDA device here")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError("no MPS device here")
    return device


@contextlib.contextmanager
def borrowed(model):
    """Eval mode and no gradients inside; every mode as it was outside."""
    training = {name for name, module in model.named_modules() if module.training}
    model.eval()
    try:
        with torch.inference_mode():
            yield model
    finally:
        for name, module in model.named_modules():
            module.training = name in training


class BatchPredictor:
    def __init__(self, model, *, batch_size=32, device="auto"):
        if not batch_size >= 1:
            raise ValueError("batch_size must be positive")
        self.batch_size = batch_size
        self.device = resolve_device(device)
        self.model = model.to(self.device)

    def _tensor(self, values):
        if isinstance(values, np.ndarray):
            values = torch.tensor(np.ascontiguousarray(values))
        elif not isinstance(values, torch.Tensor):
            rows = [row if isinstance(row, torch.Tensor) else torch.as_tensor(np.array(row)) for row in values]
            values = torch.stack(rows) if rows else torch.empty(0)
        if values.is_floating_point():
            for parameter in self.model.parameters():
                if parameter.is_floating_point():
                    return values.to(parameter.dtype)
        return values

    def _run(self, *tensors):
        with borrowed(self.model) as model:
            return model(*[tensor.to(self.device, non_blocking=True) for tensor in tensors]).to("cpu")

    def _run_smaller(self, batch):
        """Predict a batch, in pieces if it has to be."""
        while True:
            failed = False
            try:
                first = self._run(batch[: self.batch_size])
            except torch.OutOfMemoryError:
                if self.batch_size == 1:
                    raise
                failed = True
            if failed:
                self.batch_size //= 2
                continue
            yield first
            batch = batch[self.batch_size :]
            if not len(batch):
                return

    def predict(self, inputs):
        inputs = self._tensor(inputs)
        if len(inputs) == 0:
            return torch.empty(0)
        loader = DataLoader(TensorDataset(inputs), batch_size=self.batch_size)
        return torch.cat([piece for (batch,) in loader for piece in self._run_smaller(batch)])

    def predict_iter(self, inputs):
        inputs = iter(inputs)
        while True:
            rows = list(itertools.islice(inputs, self.batch_size))
            if not rows:
                return
            yield from self._run_smaller(self._tensor(rows))

    def predict_sequences(self, sequences, *, pad_value=0.0):
        if not sequences:
            return torch.empty(0)
        order = sorted(enumerate(sequences), key=lambda pair: -len(pair[1]))

        def collate(pairs):
            numbers, items = zip(*pairs, strict=True)
            padded = torch.nn.utils.rnn.pad_sequence(list(items), batch_first=True, padding_value=pad_value)
            return numbers, self._tensor(padded), torch.tensor([len(item) for item in items])

        results = {}
        for numbers, padded, lengths in DataLoader(order, batch_size=self.batch_size, collate_fn=collate):
            results.update(zip(numbers, self._run(padded, lengths), strict=True))
        return torch.stack([results[i] for i in range(len(sequences))])
