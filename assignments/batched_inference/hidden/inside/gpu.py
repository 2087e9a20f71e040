"""Machines with devices that are not there, and with one that is."""

from __future__ import annotations

import copy
import io
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from grading.sandbox.fake_gpu import FakeGpu, fake_gpu
from inside.models import Hungry


def resolve_as_if(cuda: bool, mps: bool, *arguments: object, on: str = "function") -> torch.device:
    """Ask the candidate's code for a device on a machine that has these.

    Args:
        on: "function" asks `resolve_device`, "predictor" makes a predictor of a model that cannot be moved.
    """
    import solution

    with (
        patch.object(torch.cuda, "is_available", lambda: cuda),
        patch.object(torch.backends.mps, "is_available", lambda: mps),
    ):
        if on == "function":
            return solution.resolve_device(*arguments)
        solution.BatchPredictor(nn.Identity(), device=arguments[0])
        return torch.device("cpu")


class _AtHome(nn.Module):
    """Runs a model and looks, past torch, at where everything lies."""

    def __init__(self, model: nn.Module, gpu: FakeGpu, home: str, workspace: int) -> None:
        super().__init__()
        self.model = model
        self.gpu = gpu
        self.home = home
        self.workspace = workspace

    def __deepcopy__(self, memo: object) -> _AtHome:
        raise TypeError("predict with the model itself, not with a copy")

    def forward(self, *arguments: Tensor) -> Tensor:
        """Raise torch's error if something is elsewhere."""
        for tensor in (*arguments, *self.model.state_dict().values()):
            place = self.gpu.device_of(tensor)
            if self.home not in (place.type, str(place)):
                raise RuntimeError(f"Expected all tensors to be on the same device, {self.home}; found one on {place}")
        held: list[Tensor] = []
        for _ in range(self.workspace):  # no comprehension: a traceback keeps local variables, not half a list
            held.append(arguments[0].repeat(4, 1))
        outputs = self.model(*arguments)
        return outputs + 0 * held[-1][0, 0] if held else outputs


class _Wide(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1].repeat(1, self.width)


def predict_on_gpu(
    model: nn.Module | int,
    inputs: Any,
    *,
    memory: int | None = None,
    devices: int = 1,
    home: str = "cuda",
    method: str = "predict",
    workspace: int = 0,
    **options: Any,
) -> tuple[Any, list[str], int]:
    """Predict on a machine that seems to have a GPU.

    Args:
        model: or the width of the output of one that repeats its input's first column.
        memory: the GPU's bytes.
        devices: how many GPUs there are.
        home: where the model is to work, with or without an index.
        workspace: so many tensors of four times its input does the model make on the way.

    Returns: the result, the device types on which it lies, and the predictor's batch size afterwards.
    """
    import solution

    with fake_gpu(memory=memory, devices=devices) as gpu:
        at_home = _AtHome(_Wide(model) if isinstance(model, int) else model, gpu, home, workspace)
        predictor = solution.BatchPredictor(at_home, **options)
        result = getattr(predictor, method)(inputs)
        if method == "predict_iter":
            result = list(result)
        return result, sorted(gpu.devices_of(result)), getattr(predictor, "batch_size", 0)


def predict_on_real_gpu(
    model: nn.Module, inputs: Any, *, method: str = "predict", batch_size: int, pinned: bool = False
) -> tuple[Any, str, int]:
    """Predict on a GPU; return the result, where it lies, and the most bytes that it took beside the model.

    Args:
        pinned: the inputs lie in page-locked memory, from which copies may be late.
    """
    import solution

    if pinned:
        inputs = inputs.pin_memory()
    predictor = solution.BatchPredictor(model, batch_size=batch_size, device="cuda")
    # The first call also makes workspaces of libraries, which nobody can avoid.
    join(getattr(predictor, method)(inputs[:batch_size]))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    result = join(getattr(predictor, method)(inputs))
    return result, result.device.type, torch.cuda.max_memory_allocated() - before


def join(result: Any) -> Tensor:
    """Return what `predict` returned, or all that `predict_iter` yields, as one tensor."""
    return result if isinstance(result, Tensor) else torch.cat(list(result))


def gradients_around_real_gpu(model: nn.Module, inputs: Tensor, batch_size: int) -> list[dict[str, Tensor]]:
    """Return the gradients of one step on a GPU, those after a prediction, and those of a second step on top."""
    import solution

    predictor = solution.BatchPredictor(model, batch_size=batch_size, device="cuda")
    model.to("cuda").eval()
    seen = []
    for step in ("train", "predict", "train"):
        if step == "train":
            model(inputs.to("cuda")).sum().backward()
        else:
            join(predictor.predict(inputs))
        seen.append({name: parameter.grad.cpu().clone() for name, parameter in model.named_parameters()})
    return seen


def run_out_of_real_memory(inputs: Tensor, *, method: str, batch_size: int, row: int, limit: int) -> tuple[Tensor, int]:
    """Predict where the process may take so many bytes of the GPU; return the result and the batch size afterwards.

    Args:
        row: bytes that the model needs for each row, in each of two tensors.
    """
    import solution

    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)
    try:
        predictor = solution.BatchPredictor(Hungry(row), batch_size=batch_size, device="cuda")
        return join(getattr(predictor, method)(inputs)), predictor.batch_size
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def loaded_from_file(model: nn.Module) -> nn.Module:
    """Return a copy whose weights were saved, and loaded on the GPU."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    loaded = copy.deepcopy(model)
    loaded.load_state_dict(torch.load(file, map_location="cuda"), assign=True)
    return loaded


def on_all_gpus(model: nn.Module) -> nn.Module:
    """Wrap a model so that it runs on every GPU."""
    return nn.DataParallel(model.to("cuda"))
