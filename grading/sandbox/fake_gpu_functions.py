"""Functions of torch that need a rule of their own on the pretended CUDA devices of `fake_gpu`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from grading.sandbox.fake_gpu import FakeGpu

CPU = torch.device("cpu")
_Handler = Callable[["FakeGpu", Callable[..., Any], Sequence[Any], dict[str, Any]], Any]


def mixed_devices(name: str, first: torch.device, second: torch.device) -> RuntimeError:
    """Return torch's error for a function that got tensors of two devices."""
    return RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {first} and {second}!"
        f" (when calling {name})"
    )


def _to(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
    """`to(device)`, `to(dtype)`, `to(device, dtype)`, `to(other)`, by position or by name."""
    tensor, rest = args[0], list(args[1:])
    target = gpu.device_of(tensor)
    for key in ("device", "other"):
        if isinstance(kwargs.get(key), Tensor):
            rest.insert(0, kwargs.pop(key))
        elif kwargs.get(key) is not None:
            target = gpu.parse(kwargs.pop(key))
    if rest and isinstance(rest[0], Tensor):
        other = rest[0]
        target, rest[0] = gpu.device_of(other), other.dtype
    elif rest and isinstance(rest[0], (str, int, torch.device)):
        target = gpu.parse(rest.pop(0))
    if target.type not in ("cpu", "cuda"):
        return func(tensor, target, *rest, **kwargs)  # type: ignore[no-any-return] # what torch makes of it
    rest = [CPU, *rest] if not rest or isinstance(rest[0], bool) or rest[0] is None else rest
    return gpu.move(tensor, target, func(tensor, *rest, **kwargs))


def _parse_to(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Read the arguments of `Module.to`."""
    device, *rest = func(*args, **kwargs)
    like = args[0] if args else kwargs.get("tensor")
    return (gpu.device_of(like) if isinstance(like, Tensor) else device, *rest)


def _cuda(gpu: FakeGpu, _: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
    device = args[1] if len(args) > 1 else kwargs.get("device")
    return gpu.move(args[0], gpu.parse("cuda" if device is None else device))


def _cpu(gpu: FakeGpu, _: Callable[..., Any], args: Sequence[Any], __: dict[str, Any]) -> Tensor:
    return gpu.move(args[0], CPU)


def _type_as(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
    other = args[1] if len(args) > 1 else kwargs["other"]
    return gpu.move(args[0], gpu.device_of(other), func(args[0], other))


def _as_tensor(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
    """`as_tensor`, `asarray` and `tensor` may share memory with what they get; a list's tensors are read as numbers."""
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    device = kwargs.pop("device", None)
    target = gpu.parse(device) if device is not None else gpu.device_of(data) if isinstance(data, Tensor) else CPU
    result: Tensor = func(*args, **kwargs)
    if isinstance(data, Tensor):
        return gpu.move(data, target, result)
    if target.type != "cuda":
        return result
    return gpu.place(result.clone() if func is not torch.tensor else result, target)


def _numpy(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    device = gpu.device_of(args[0])
    if device.type != "cuda" or kwargs.get("force") is True:
        return func(*args, **kwargs)
    raise TypeError(
        f"can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    )


def _setitem(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Slices copy across devices; indices and masks do not."""
    target, key, value = args
    keys = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, list) or hasattr(part, "__array__") for part in keys):
        _check_indexed(gpu, func, target, keys, value)
    return func(*args, **kwargs)


def _index_put(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`index_put_` and `index_put`, by position or by name."""
    names = dict(zip(("input", "indices", "values"), args, strict=False)) | kwargs
    target = args[0] if args else kwargs["input"]
    _check_indexed(gpu, func, target, names["indices"], names["values"])
    result: Tensor = func(*args, **kwargs)
    return result if result is target else gpu.place(result, gpu.device_of(target))


def _check_indexed(
    gpu: FakeGpu, func: Callable[..., Any], target: Tensor, keys: Iterable[object], value: object
) -> None:
    """Raise unless the indices lie beside the target or on the CPU, and a value of more than a number beside it."""
    home = gpu.device_of(target)
    indices = [part for part in keys if isinstance(part, Tensor) and part.dim() > 0]
    strangers = [place for place in map(gpu.device_of, indices) if place not in (home, CPU)]
    if isinstance(value, Tensor) and value.dim() > 0 and gpu.device_of(value) != home:
        strangers.append(gpu.device_of(value))
    if strangers:
        raise mixed_devices(func.__name__, home, strangers[0])


def _deepcopy(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The memo may hold tensors of every device."""
    result = func(*args, **kwargs)
    return result if result is args[0] else gpu.place(result, gpu.device_of(args[0]))


def _autograd_grad(gpu: FakeGpu, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    result = func(*args, **kwargs)
    inputs = args[1] if len(args) > 1 else kwargs["inputs"]
    for gradient, of in zip(result, [inputs] if isinstance(inputs, Tensor) else list(inputs), strict=True):
        if gradient is not None:
            gpu.place(gradient, gpu.device_of(of))
    return result


# mypy takes these C++ descriptors for plain attributes.
RULES: dict[Any, _Handler] = {
    Tensor.device.__get__: lambda gpu, func, args, kwargs: gpu.device_of(args[0]),
    Tensor.is_cuda.__get__: lambda gpu, func, args, kwargs: gpu.device_of(args[0]).type == "cuda",  # type: ignore[attr-defined]
    Tensor.is_cpu.__get__: lambda gpu, func, args, kwargs: gpu.device_of(args[0]).type == "cpu",  # type: ignore[attr-defined]
    Tensor.get_device: lambda gpu, func, args, kwargs: _index_of(gpu.device_of(args[0])),
    torch.get_device: lambda gpu, func, args, kwargs: _index_of(gpu.device_of(args[0])),
    Tensor.to: _to,
    Tensor.cuda: _cuda,
    Tensor.cpu: _cpu,
    Tensor.type_as: _type_as,
    torch.as_tensor: _as_tensor,
    torch.asarray: _as_tensor,
    torch.tensor: _as_tensor,
    Tensor.numpy: _numpy,
    Tensor.__array__: _numpy,
    Tensor.__dlpack__: _numpy,
    Tensor.__setitem__: _setitem,
    Tensor.index_put_: _index_put,
    Tensor.index_put: _index_put,
    torch.index_put: _index_put,
    torch.index_put_: _index_put,
    Tensor.__deepcopy__: _deepcopy,
    Tensor.pin_memory: lambda gpu, func, args, kwargs: args[0],
    Tensor.is_pinned: lambda gpu, func, args, kwargs: False,
    Tensor.record_stream: lambda gpu, func, args, kwargs: None,
    torch.autograd.grad: _autograd_grad,
    torch._C._nn._parse_to: _parse_to,
}


def _index_of(device: torch.device) -> int:
    return device.index if device.type == "cuda" else -1
