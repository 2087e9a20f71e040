"""Visible tests: a first look at each criterion. The hidden tests ask the same rules with other inputs, and more."""

import itertools

import numpy as np
import pytest
import torch
from solution import BatchPredictor, resolve_device
from torch import nn


class Notes(nn.Module):
    """Doubles its input and notes what it gets."""

    def __init__(self, most=None):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.inner = nn.Dropout(0.5)
        self.most = most
        self.batches = []
        self.modes = []

    def forward(self, x):
        if self.most is not None and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.batches.append(x)
        self.modes.append((self.inner.training, torch.is_grad_enabled()))
        return self.inner(x) * 2 if x.dtype == torch.int64 else self.inner(x) * self.scale


@pytest.mark.criterion("every_row")
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_every_row_is_predicted_in_order(n):
    model = Notes()
    x = torch.arange(3.0 * n).reshape(n, 3)
    assert torch.equal(BatchPredictor(model, batch_size=2, device="cpu").predict(x), 2 * x)
    assert [len(batch) for batch in model.batches] == [2] * (n // 2) + [1] * (n % 2)


@pytest.mark.criterion("no_trace")
def test_model_is_in_eval_mode_and_back():
    model = Notes()
    model.inner.eval()
    result = BatchPredictor(model, batch_size=2, device="cpu").predict(torch.ones(3, 1))
    assert model.modes == [(False, False), (False, False)]
    assert (model.training, model.inner.training) == (True, False)
    assert not result.requires_grad


@pytest.mark.criterion("devices")
def test_device_is_resolved(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device().type == "cuda"
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(RuntimeError):
        resolve_device("cuda")


@pytest.mark.criterion("input_kinds")
def test_inputs_of_several_kinds():
    model = Notes()
    predictor = BatchPredictor(model, batch_size=2, device="cpu")
    assert predictor.predict(np.array([1.0, 2.0, 3.0])).tolist() == [2.0, 4.0, 6.0]
    assert model.batches[-1].dtype == torch.float32
    assert predictor.predict([1, 2, 3]).dtype == torch.int64
    assert predictor.predict([]).shape == (0,)
    with pytest.raises(ValueError):  # noqa: PT011
        BatchPredictor(model, batch_size=0)


@pytest.mark.criterion("lazy")
@pytest.mark.levels("mid", "senior")
def test_endless_inputs_are_read_batch_by_batch():
    read = itertools.count()
    results = BatchPredictor(Notes(), batch_size=3, device="cpu").predict_iter([float(i)] for i in read)
    assert next(results).tolist() == [[0.0], [2.0], [4.0]]
    assert torch.is_grad_enabled()
    assert next(read) <= 6


@pytest.mark.criterion("out_of_memory")
@pytest.mark.levels("senior")
def test_batch_size_is_halved_when_memory_runs_out():
    predictor = BatchPredictor(Notes(most=3), batch_size=8, device="cpu")
    x = torch.arange(9.0)
    assert torch.equal(predictor.predict(x), 2 * x)
    assert predictor.batch_size == 2


@pytest.mark.criterion("by_length")
@pytest.mark.levels("senior")
def test_sequences_are_grouped_by_length():
    class Sum(nn.Module):
        def forward(self, padded, lengths):
            shapes.append(tuple(padded.shape))
            return torch.stack([row[:length].sum(0) for row, length in zip(padded, lengths, strict=True)])

    shapes = []
    sequences = [torch.full((length, 1), float(length)) for length in (4, 1, 3, 2)]
    result = BatchPredictor(Sum(), batch_size=2, device="cpu").predict_sequences(sequences, pad_value=100.0)
    assert result.tolist() == [[16.0], [1.0], [9.0], [4.0]]
    assert sorted(shapes) == [(2, 2, 1), (2, 4, 1)]
