"""Writes results into one buffer on the CPU that is made when the first batch is there."""

from collections import deque
from contextlib import ExitStack

import numpy as np
import torch


def resolve_device(preference="auto"):
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    match preference:
        case "auto":
            name = "cuda" if has["cuda"] else "mps" if has["mps"] else "cpu"
            return torch.device(name)
        case _:
            device = torch.device(preference)
            if has.get(device.type) is False:
                raise RuntimeError(f"{preference}: not on this machine")
            return device


class _Asking:
    """Context: the model is in eval mode and records nothing; afterwards it is as before."""

    def __init__(self, model):
        self.model, self.stack = model, ExitStack()

    def __enter__(self):
        for module in self.model.modules():
            self.stack.callback(setattr, module, "training", module.training)
        self.stack.enter_context(torch.no_grad())
        return self.model.eval()

    def __exit__(self, *error):
        return self.stack.__exit__(*error)


class BatchPredictor:
    def __init__(self, model, *, batch_size=32, device="auto"):
        if batch_size < 1:
            raise ValueError("expected a batch_size of 1 or more")
        self.batch_size = batch_size
        self.device = resolve_device(device)
        self.model = model
        self.model.to(self.device)

    @property
    def dtype(self):
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), None)

    def to_rows(self, values):
        if isinstance(values, (list, tuple)):
            if any(isinstance(value, torch.Tensor) for value in values):
                values = torch.stack(list(values))
            else:
                values = np.stack([np.asarray(value) for value in values]) if len(values) else np.zeros(0)
        if isinstance(values, np.ndarray):
            values = torch.tensor(values.copy())
        if values.is_floating_point() and self.dtype is not None:
            values = values.to(self.dtype)
        return values

    def predict(self, inputs):
        rows = self.to_rows(inputs)
        buffer, done = None, 0
        while done < len(rows):
            failed = None
            try:
                with _Asking(self.model) as model:
                    out = model(rows[done : done + self.batch_size].to(self.device))
            except torch.OutOfMemoryError as error:
                failed = error
            if failed is not None:
                self.shrink(failed)
                failed = None
                continue
            if buffer is None:
                buffer = torch.empty((len(rows), *out.shape[1:]), dtype=out.dtype)
            buffer[done : done + len(out)] = out
            done += len(out)
            del out
        return torch.empty(0) if buffer is None else buffer

    def shrink(self, error):
        if self.batch_size == 1:
            raise error
        self.batch_size //= 2
        error.__traceback__ = None

    def predict_iter(self, inputs):
        waiting = deque()
        for row in inputs:
            waiting.append(row)
            while len(waiting) >= self.batch_size:
                size = self.batch_size
                result = self.predict([waiting.popleft() for _ in range(size)])
                yield from self.pieces(result, size)
        while waiting:
            yield self.predict([waiting.popleft() for _ in range(min(len(waiting), self.batch_size))])

    def pieces(self, result, size):
        return [result] if self.batch_size == size else result.split(self.batch_size)

    def predict_sequences(self, sequences, *, pad_value=0.0):
        order = np.argsort([-len(sequence) for sequence in sequences], kind="stable")
        buffer = None
        for begin in range(0, len(order), self.batch_size):
            chosen = [int(i) for i in order[begin : begin + self.batch_size]]
            longest = len(sequences[chosen[0]])
            rows = []
            for i in chosen:
                sequence = sequences[i]
                filling = sequence.new_full((longest - len(sequence), *sequence.shape[1:]), pad_value)
                rows.append(torch.cat([sequence, filling]))
            lengths = torch.as_tensor([len(sequences[i]) for i in chosen], device=self.device)
            with _Asking(self.model) as model:
                out = model(self.to_rows(rows).to(self.device), lengths).cpu()
            if buffer is None:
                buffer = torch.empty((len(sequences), *out.shape[1:]), dtype=out.dtype)
            buffer[torch.as_tensor(chosen)] = out
        return torch.empty(0) if buffer is None else buffer
