"""A training run whose validation losses are written down beforehand.

The model counts optimizer steps in its weights, and the validation loss is looked up by that count. So the loss of an
epoch does not depend on how often or when it is measured, nor on the model's mode, nor on the order of the loss's
arguments: such mistakes show elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from inside.loaders import Batches

UNTRAINED = 4096.0


class _Counter(nn.Module):
    """Every weight is the number of optimizer steps; every buffer the number of training batches seen.

    Args:
        assigns: whether there is a buffer that is a new tensor after each training batch.
    """

    def __init__(self, *, assigns: bool = False) -> None:
        super().__init__()
        self.assigns = assigns
        if assigns:
            self.register_buffer("latest", torch.zeros((), dtype=torch.float64))
        self.weight = nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))
        self.head = nn.Sequential(nn.Linear(3, 1, dtype=torch.float64))
        nn.init.zeros_(self.head[0].weight)
        nn.init.zeros_(self.head[0].bias)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("running", torch.zeros(3, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            if bool(x.sum() > 0):  # training rows hold ones, validation rows zeros
                self.seen += 1
                self.running.fill_(int(self.seen) / 3)
                if self.assigns:
                    self.latest = self.latest + 1
        return self.weight.mean() + 0 * self.head(x)


class _Tick(torch.optim.Optimizer):
    """Adds one to every weight at each step, whatever the gradient."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 1.0) -> None:
        super().__init__(params, {"lr": lr})  # torch's optimizers all have a rate, and a history may note it

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter += 1
        return loss


class ScriptedRun:
    """All that `train` needs for a run with given validation losses.

    Args:
        script: validation loss after each epoch.
        assigns: whether the model has a buffer that its forward pass assigns anew.
    """

    def __init__(self, script: Sequence[float], *, assigns: bool = False) -> None:
        self._script = list(script)
        self.model = _Counter(assigns=assigns)
        self.optimizer = _Tick(self.model.parameters())
        ones, zeros = torch.ones(4, 3, dtype=torch.float64), torch.zeros(4, 3, dtype=torch.float64)
        self.train_loader = Batches(ones, torch.zeros(4, 1, dtype=torch.int64), [4])
        self.val_loader = Batches(zeros, torch.ones(4, 1, dtype=torch.int64), [4])

    def loss_fn(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the script's loss for validation rows, and 0 with a graph for training rows."""
        if targets.dtype != torch.int64:
            outputs, targets = targets, outputs
        if not bool(targets.sum() > 0):
            return (0 * outputs).mean()
        epochs = round(float(outputs.detach().mean()))
        value = self._script[min(epochs, len(self._script)) - 1] if epochs else UNTRAINED
        return outputs.new_tensor(value)
