"""Keeps everything in NumPy until the model is asked, but for bfloat16, which NumPy does not have."""

import numpy as np
import torch


def resolve_device(preference="auto"):
    available = []
    if torch.cuda.is_available():
        available += ["cuda"]
    if torch.backends.mps.is_available():
        available += ["mps"]
    available += ["cpu"]
    if isinstance(preference, torch.device):
        d = preference
    elif preference == "auto":
        return torch.device(available[0])
    else:
        d = torch.device(preference)
    if d.type in ("cuda", "mps") and d.type not in available:
        raise RuntimeError("not available")
    return d


class BatchPredictor:
    def __init__(self, model, *, batch_size=32, device="auto"):
        if batch_size < 1:
            raise ValueError("batch_size")
        self.batch_size = batch_size
        self.device = resolve_device(device)
        self.model = model.to(self.device)

    def _dtype(self):
        for p in self.model.parameters():
            if p.dtype in (torch.float16, torch.float32, torch.float64, torch.bfloat16):
                return p.dtype
        return None

    def _array(self, inputs):
        if isinstance(inputs, torch.Tensor):
            return inputs.detach() if inputs.dtype == torch.bfloat16 else inputs.detach().numpy()
        if isinstance(inputs, np.ndarray):
            return inputs
        rows = [self._array(i) if isinstance(i, torch.Tensor) else i for i in inputs]
        return torch.stack(rows) if isinstance(rows[0], torch.Tensor) else np.array(rows)

    def _go(self, array, *more):
        x = array if isinstance(array, torch.Tensor) else torch.tensor(np.ascontiguousarray(array))
        if x.dtype.is_floating_point and self._dtype():
            x = x.to(self._dtype())
        state = [m.training for m in self.model.modules()]
        before = torch.is_grad_enabled()
        try:
            self.model.eval()
            torch.set_grad_enabled(False)
            return self.model(x.to(self.device), *more).to("cpu")
        finally:
            torch.set_grad_enabled(before)
            for m, s in zip(self.model.modules(), state):
                m.train(s) if not list(m.children()) else setattr(m, "training", s)

    def _all(self, a):
        i = 0
        while i < len(a):
            try:
                r = self._go(a[i : i + self.batch_size])
            except torch.OutOfMemoryError:
                r = None
                if self.batch_size == 1:
                    raise
            if r is None:
                self.batch_size //= 2
                continue
            yield r
            i += len(r)

    def predict(self, inputs):
        if len(inputs) == 0:
            return torch.empty(0)
        return torch.cat(list(self._all(self._array(inputs))))

    def predict_iter(self, inputs):
        it = iter(inputs)
        while True:
            rows = []
            for _ in range(self.batch_size):
                try:
                    rows.append(next(it))
                except StopIteration:
                    break
            if not rows:
                return
            yield from self._all(self._array(rows))

    def predict_sequences(self, sequences, *, pad_value=0.0):
        lens = np.array([len(s) for s in sequences], dtype=int)
        order = np.argsort(lens)
        outs = []
        for i in range(0, len(order), self.batch_size):
            idx = order[i : i + self.batch_size]
            m = lens[idx].max()
            dtype = sequences[idx[0]].dtype
            arr = np.stack(
                [
                    np.pad(
                        (sequences[j].float() if dtype == torch.bfloat16 else sequences[j]).detach().numpy(),
                        [(0, m - lens[j])] + [(0, 0)] * (sequences[j].dim() - 1),
                        constant_values=pad_value,
                    )
                    for j in idx
                ]
            )
            outs.append(self._go(torch.tensor(arr).to(dtype), torch.tensor(lens[idx], device=self.device)))
        if not outs:
            return torch.empty(0)
        inverse = np.empty(len(order), dtype=int)
        inverse[order] = np.arange(len(order))
        return torch.cat(outs)[torch.from_numpy(inverse)]
