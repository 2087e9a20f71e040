"""Models that are asked."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Linear, batch norm, tanh, dropout, linear: its outputs tell in which mode it ran, and its buffers, too."""

    def __init__(self, sizes: list[int], dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        inputs, hidden, outputs = sizes
        self.first = nn.Linear(inputs, hidden, dtype=dtype)
        self.middle = nn.Sequential()
        self.middle.add_module("norm", nn.BatchNorm1d(hidden, dtype=dtype))
        self.middle.add_module("act", nn.Tanh())
        self.middle.add_module("drop", nn.Dropout(0.5))
        self.last = nn.Linear(hidden, outputs, dtype=dtype)
        self.also = nn.ModuleList([self.middle.drop])  # a part with two parents
        self.calls: list[tuple[int, bool, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Map (k, inputs) to (k, outputs); note rows, mode, and whether gradients are recorded."""
        out = self.last(self.middle(self.first(x)))
        self.calls.append((len(x), any(module.training for module in self.modules()), out.requires_grad))
        return out


class Remote(nn.Module):
    """A model whose outputs are computed by the judge.

    Args:
        answer: called with each batch, as the model is; None means that memory ran out.
        dtypes: of its parameters, all frozen; one of float32 if none is named.
    """

    def __init__(self, answer: Callable[..., Tensor | None], *dtypes: torch.dtype) -> None:
        super().__init__()
        for number, dtype in enumerate(dtypes or (torch.float32,)):
            weight = nn.Parameter(torch.zeros(1, dtype=dtype), requires_grad=False)
            self.register_parameter(f"weight_{number}", weight)
        self.answer = answer
        self.one_at_a_time = threading.Lock()

    def forward(self, *arguments: Tensor) -> Tensor:
        """Let the judge answer."""
        with self.one_at_a_time:
            outputs = self.answer(*(argument.detach() for argument in arguments))
        if outputs is None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate too much.")
        return outputs


class Noted(nn.Module):
    """Doubles its input and keeps what it got. Nothing leaves the process, so any thread may call it.

    Args:
        most: more rows than this do not fit into memory.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.most = most
        self.batches: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Double (k, ...)."""
        if self.most is not None and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate too much.")
        self.batches.append(x.detach().clone())
        return 2 * x


class WithoutParameters(Remote):
    """The same with nothing to learn, but a buffer."""

    def __init__(self, answer: Callable[..., Tensor | None]) -> None:
        super().__init__(answer)
        del self.weight_0
        self.register_buffer("mean", torch.zeros(1, dtype=torch.float64))


class Embedder(nn.Module):
    """Looks token ids up; its only parameter is of floating point."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(table)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids (k, length) to (k, features)."""
        return self.table(tokens).sum(1)


class SumsByLength(nn.Module):
    """Adds up each sequence's steps, weighted by their number.

    Args:
        times: so often do the sums stand in the output.
    """

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.times = times

    def forward(self, padded: Tensor, lengths: Tensor) -> Tensor:
        """Map (k, longest, features) and (k,) to (k, times * features)."""
        steps = torch.arange(1, padded.shape[1] + 1, device=padded.device)
        weights = steps * (steps <= lengths[:, None])
        return (padded * weights[:, :, None]).sum(1).repeat(1, self.times)


class DroppingSums(SumsByLength):
    """The same with something to learn, and dropout: its outputs tell in which mode it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.drop = nn.Dropout(0.5)

    def forward(self, padded: Tensor, lengths: Tensor) -> Tensor:
        """Map (k, longest, features) and (k,) to (k, features)."""
        return super().forward(self.drop(padded * self.scale), lengths)


class PackedSums(SumsByLength):
    """The same on packed sequences, whose lengths torch wants on the CPU."""

    def forward(self, padded: Tensor, lengths: Tensor) -> Tensor:
        """Map (k, longest, features) and (k,) to (k, features)."""
        packed = nn.utils.rnn.pack_padded_sequence(padded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        unpacked, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        return super().forward(unpacked, lengths)


class Late(nn.Module):
    """Doubles its input after a lot of work: on a GPU, it is called long before the result is there."""

    def forward(self, x: Tensor) -> Tensor:
        """Double (k, ...)."""
        work = torch.zeros(4096, 4096, device=x.device)
        for _ in range(20):
            work = work @ work
        return 2 * x + work[0, 0]


class Projection(nn.Module):
    """Multiplies by a matrix in one of several ways.

    Args:
        way: "sparse" (a sparse buffer), "vmap" (row by row, through torch.func), "autocast" (in bfloat16).
    """

    def __init__(self, matrix: Tensor, way: str) -> None:
        super().__init__()
        self.way = way
        self.register_buffer("matrix", matrix.to_sparse() if way == "sparse" else matrix)

    def forward(self, x: Tensor) -> Tensor:
        """Map (k, inputs) to (k, outputs)."""
        if self.way == "sparse":
            return torch.sparse.mm(self.matrix, x.T).T
        if self.way == "vmap":
            return torch.func.vmap(lambda row: self.matrix @ row)(x)
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return x @ self.matrix.T


class Hungry(nn.Module):
    """Doubles its input and takes a number of bytes for each row, twice."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row

    def forward(self, x: Tensor) -> Tensor:
        """Double (k, ...)."""
        first = torch.zeros(len(x) * self.row, dtype=torch.uint8, device=x.device)
        second = torch.zeros(len(x) * self.row, dtype=torch.uint8, device=x.device)
        return 2 * x + first[0] + second[0]


class Fails(Net):
    """Raises from a certain call on.

    Args:
        error: name of a builtin exception.
    """

    def __init__(self, sizes: list[int], at: int, error: str = "LookupError") -> None:
        super().__init__(sizes)
        self.at = at
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        """Raise, or compute."""
        if len(self.calls) == self.at:
            raise getattr(builtins, self.error)("this batch cannot be predicted: its file is out of memory")
        return super().forward(x)


def negate_outputs(model: nn.Module) -> None:
    """Let a hook change what a call of the model gives."""
    model.register_forward_hook(lambda _, __, outputs: -outputs)


def exchange_part(model: Net) -> None:
    """Put a new part, in train mode, in the place of an old one."""
    model.middle.drop = nn.Dropout(0.5)


def prepare_training(model: Net) -> None:
    """Freeze one parameter, and give gradients to the others."""
    for name, parameter in model.named_parameters():
        if name == "first.bias":
            parameter.requires_grad_(False)
        else:
            parameter.grad = torch.full_like(parameter, 0.5)


def load_arrays(model: nn.Module, arrays: Mapping[str, Tensor]) -> None:
    """Load parameters and buffers."""
    model.load_state_dict(dict(arrays))


def modes(model: nn.Module) -> dict[str, bool]:
    """Return the mode of every submodule."""
    return {name: module.training for name, module in model.named_modules()}


def set_modes(model: nn.Module, training: bool, frozen: str | None = None) -> None:
    """Put the model into a mode, and one part of it into the other."""
    model.train(training)
    if frozen is not None:
        model.get_submodule(frozen).train(not training)


def flags(model: nn.Module) -> dict[str, tuple[bool, Tensor | None]]:
    """Return requires_grad and the gradient of every parameter."""
    return {name: (p.requires_grad, None if p.grad is None else p.grad.clone()) for name, p in model.named_parameters()}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of parameters and buffers."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
