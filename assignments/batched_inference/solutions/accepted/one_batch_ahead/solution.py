"""A thread prepares the next batch while the model works on this one."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import torch
from torch import nn


def resolve_device(preference="auto"):
    if preference == "auto":
        preference = next(
            name
            for name, there in (
                ("cuda", torch.cuda.is_available()),
                ("mps", torch.backends.mps.is_available()),
                ("cpu", True),
            )
            if there
        )
    device = torch.device(preference)
    backend = {"cuda": torch.cuda, "mps": torch.backends.mps}.get(device.type)
    if backend is not None and not backend.is_available():
        raise RuntimeError(f"{device.type} is not available")
    return device


class BatchPredictor:
    def __init__(self, model, *, batch_size=32, device="auto"):
        if batch_size < 1:
            raise ValueError(batch_size)
        self.model, self.batch_size, self.device = model, batch_size, resolve_device(device)
        model.to(self.device)

    def predict(self, inputs):
        if isinstance(inputs, np.ndarray):
            inputs = torch.from_numpy(np.array(inputs, order="C"))
        parts = list(self._stream(iter(inputs)))
        return torch.cat(parts) if parts else torch.empty(0)

    def predict_iter(self, inputs):
        return self._stream(iter(inputs))

    def _stream(self, source):
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(self._load, source, self.batch_size)
            while (batch := load.result()) is not None:
                load = pool.submit(self._load, source, self.batch_size)
                while len(batch):
                    size = self.batch_size
                    part = self._ask_or_none(batch[:size])
                    if part is None:
                        self.batch_size = max(1, size // 2)
                    else:
                        batch = batch[size:]
                        yield part.cpu()
                        del part

    def _load(self, source, size):
        rows = list(islice(source, size))
        if not rows:
            return None
        if isinstance(rows[0], torch.Tensor):
            batch = torch.stack(rows)
        else:
            batch = torch.from_numpy(np.array(rows))
        return self._cast(batch)

    def _cast(self, batch):
        floats = [p.dtype for p in chain(self.model.parameters()) if p.is_floating_point()]
        return batch.to(floats[0]) if floats and batch.is_floating_point() else batch

    def _ask_or_none(self, *tensors):
        training = [m for m in self.model.modules() if m.training]
        grad = torch.is_grad_enabled()
        torch.set_grad_enabled(False)
        self.model.eval()
        try:
            return self.model(*(tensor.to(self.device) for tensor in tensors))
        except torch.OutOfMemoryError:
            if self.batch_size == 1 or len(tensors) == 2:
                raise
            return None
        finally:
            torch.set_grad_enabled(grad)
            for module in training:
                module.training = True

    def predict_sequences(self, sequences, *, pad_value=0.0):
        numbered = sorted(enumerate(sequences), key=lambda item: item[1].size(0), reverse=True)
        out = [None] * len(numbered)
        while numbered:
            group, numbered = numbered[: self.batch_size], numbered[self.batch_size :]
            padded = nn.utils.rnn.pad_sequence([s for _, s in group], True, pad_value)
            lengths = torch.tensor([s.size(0) for _, s in group])
            answers = self._ask_or_none(self._cast(padded), lengths).cpu()
            for (i, _), answer in zip(group, answers, strict=True):
                out[i] = answer
        return torch.stack(out) if out else torch.empty(0)
