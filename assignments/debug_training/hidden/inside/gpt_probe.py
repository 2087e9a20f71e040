"""Hands for the GPT beside the candidate's code, and models to try its functions on. No expected value stands here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.lr_scheduler import LambdaLR


def load(model: nn.Module, arrays: Mapping[str, Tensor], *, head: bool = True) -> None:
    """Turn a TinyGPT to float64 and give it weights.

    Args:
        head: whether a head that has a weight of its own gets the token embedding's, too.
    """
    model.double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in arrays:
                parameter.copy_(arrays[name])
            elif name == "head.weight" and head:
                parameter.copy_(arrays["token.weight"])


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters, copied."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def logits(model: nn.Module, tokens: Tensor) -> Tensor:
    """Ask in eval mode and without gradients; the mode stays eval."""
    model.eval()
    with torch.no_grad():
        return model(tokens)


def training_logits(model: nn.Module, tokens: Tensor, seed: int) -> Tensor:
    """Ask in train mode and without gradients."""
    model.train()
    torch.manual_seed(seed)
    with torch.no_grad():
        return model(tokens)


def cached_logits(model: nn.Module, chunks: Sequence[Tensor]) -> Tensor:
    """Ask chunk by chunk with one cache; return all logits."""
    import solution

    model.eval()
    cache = solution.KVCache()
    with torch.no_grad():
        return torch.cat([model(chunk, cache) for chunk in chunks], dim=1)


def batches_of_one_list(rows: Sequence[Tensor], size: int, calls: Sequence[Mapping[str, int]]) -> list[list[Tensor]]:
    """Return the batches of several calls that are handed one and the same list."""
    import solution

    kept = list(rows)
    return [solution.pad_batches(kept, size, **options) for options in calls]


def many_draws(model: nn.Module, prompt: Tensor, rows: int, temperature: float, seed: int) -> Tensor:
    """Let a prompt go on by one token, many times at once."""
    import solution

    return solution.generate(model, [prompt] * rows, 1, temperature=temperature, seed=seed)


def step_along(model: nn.Module, optimizer: torch.optim.Optimizer, gradients: Sequence[Tensor]) -> None:
    """Take optimizer steps with given gradients of the weight of a `Table`."""
    for gradient in gradients:
        model.weight.grad = gradient.clone()
        optimizer.step()


def step_without_gradient(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take one optimizer step at gradients of zero, so that nothing but weight decay moves anything."""
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()


def layers_without_names() -> nn.Module:
    """Return layers that are called 0, 1 and so on: parameters with two dimensions, with one and without any."""
    layers = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), _Times(2.0))
    return layers.double()


class _Times(nn.Module):
    """A factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return self.weight * x


class Table(nn.Module):
    """Logits that depend on the last token alone.

    Args:
        weight: (vocabulary, vocabulary), logits by token.
        times: what logits are multiplied by in train mode, and where gradients are recorded.
    """

    def __init__(self, weight: Tensor, training_times: float = 1.0, recording_times: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.training_times = training_times
        self.recording_times = recording_times

    def forward(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """Map (batch, length) to (batch, length, vocabulary)."""
        times = self.training_times if self.training else 1.0
        if torch.is_grad_enabled():
            times *= self.recording_times
        return times * self.weight[tokens]


def table(weight: Tensor, *, training_times: float = 1.0, recording_times: float = 1.0) -> Table:
    """Make one."""
    return Table(weight, training_times, recording_times)


class Pair(nn.Module):
    """A table of logits in two parts, each half of it."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.first = nn.Parameter(weight / 2)
        self.second = nn.Parameter(weight / 2)

    def forward(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """Map (batch, length) to (batch, length, vocabulary)."""
        return self.first[tokens] + self.second[tokens]


def pair(weight: Tensor) -> Pair:
    """Make one."""
    return Pair(weight)


def sgd(model: nn.Module, lr: float) -> torch.optim.SGD:
    """Make an optimizer without any memory."""
    return torch.optim.SGD(model.parameters(), lr=lr)


def factors(optimizer: torch.optim.Optimizer, values: Sequence[float]) -> LambdaLR:
    """Make a schedule that multiplies the rate by the given values, step by step; the last one stays."""
    return LambdaLR(optimizer, lambda step: values[min(step, len(values) - 1)])


def rates(optimizer: torch.optim.Optimizer, schedule: Any, steps: int) -> list[float]:
    """Return the learning rate of each of some steps."""
    seen = []
    for _ in range(steps):
        seen.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
    return seen


def set_mode(model: nn.Module, training: bool) -> None:
    """Put a model into train or eval mode."""
    model.train(training)


def is_training(model: nn.Module) -> bool:
    """Tell a model's mode."""
    return bool(model.training)


def is_recording_after(name: str, recording: bool, *args: Any) -> bool:
    """Call one of the candidate's functions with gradients on or off; tell whether they are on afterwards."""
    import solution

    with torch.set_grad_enabled(recording):
        getattr(solution, name)(*args)
        return torch.is_grad_enabled()


def records_while_writing(model: nn.Module, prompts: Sequence[Tensor], n: int) -> bool:
    """Tell whether any module's output hangs on a graph while a model writes."""
    import solution

    found: list[bool] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        found.append(isinstance(output, Tensor) and output.requires_grad)

    hook = register_module_forward_hook(note)
    try:
        solution.generate(model, prompts, n)
    finally:
        hook.remove()
    return any(found)
