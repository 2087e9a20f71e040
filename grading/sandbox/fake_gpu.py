"""A pretended CUDA device: mistakes with devices raise as on a GPU, on a machine that has none.

Tensors stay real CPU tensors, so values, autograd and optimizers are right. Beside them a table says on which device
each storage is pretended to lie, and a torch function mode makes the Python API keep to it: `.to`, `.cuda` and `.cpu`
copy, `.device` and `is_cuda` answer from the table, `device=` is honoured, operations on tensors of several devices
raise torch's `RuntimeError`, numpy on a device's tensor raises `TypeError`, and more bytes than the device has raise
`torch.OutOfMemoryError`. Threads that are started meanwhile see the same devices.

It runs beside the candidate's code, in an assignment's `inside` package. Enter and leave it in one function there:

    def on_gpu(call, *args, **kwargs):
        with fake_gpu(memory=100_000) as gpu:
            result = call(*args, **kwargs)
            return result, sorted(gpu.devices_of(result))

**It proves nothing by itself.** The candidate's code can read it, switch it off or rewrite its table. So a check that
uses it also compares values that reached the judge, and takes nothing from here but errors and where results lie. A
model of `inside` may ask `device_of` in its forward pass: that does not go through torch, so code that switches the
mode off with `torch._C.DisableTorchFunction` can move nothing, and stands there with tensors on the CPU.

Known gaps, for checks marked `gpu` on a real one:

- copies are complete when a call returns: a race after `non_blocking=True` or between streams does not show;
- `pin_memory()` gives the tensor back, and `is_pinned()` is False;
- `torch.autocast("cuda")` changes no dtype; rounding and random numbers are the CPU's, and `torch.cuda.manual_seed`
  seeds nothing;
- the backward pass is not looked into: gradients lie where their tensor lies, and hooks run as on the CPU;
- only the outermost function of torch's Python API is checked, with all tensors it gets; a few calls that a GPU refuses
  pass, such as lengths on the device for `pack_padded_sequence`, or a gradient from another device put into `.grad`;
- sparse and nested tensors and those on the meta device count as on the CPU, and so do those of other processes;
- `torch.save`, `torch.load(map_location="cuda")`, pickling and `torch.cuda.FloatTensor` know nothing of the device;
- what `torch.func` (vmap, grad), `torch.jit` and `torch.compile` make counts as on the CPU, `torch.set_default_device`
  and `nn.DataParallel` are not served: right code that uses these may raise here;
- memory is the sum of living storages: no fragmentation, no workspace, no temporaries within a single function;
- kernels, CUDA graphs, NCCL and speed are not there.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from grading.sandbox.fake_gpu_functions import RULES, mixed_devices
from grading.sandbox.fake_gpu_modules import replacements

CPU = torch.device("cpu")

# What may see tensors of several devices at once, as in torch itself.
_MAY_MIX = frozenset(
    {"copy_", "__set__", "set_", "_has_compatible_shallow_copy_type", "expand_as", "view_as", "reshape_as"}
    | {"is_same_size", "result_type", "broadcast_tensors", "tensor_split"}
)
# These take lengths that lie on the CPU, and give such back.
_WITH_LENGTHS = frozenset({"_pack_padded_sequence", "_pad_packed_sequence", "lstm", "gru", "rnn_tanh", "rnn_relu"})
# These refuse even a single number from another device.
_NO_SCALARS = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"})


class FakeGpu(TorchFunctionMode):
    """The pretended devices and what lies on them; `fake_gpu` makes one and switches it on.

    Args:
        memory: bytes that each device holds; None for no limit.
        devices: how many there are.
    """

    def __init__(self, memory: int | None = None, devices: int = 1) -> None:
        super().__init__()
        self.memory = memory
        self.devices = devices
        self.peak = [0] * devices
        self._lock = threading.RLock()
        # Address of a storage -> (weak reference, which keeps the address from being used again; device; bytes).
        self._table: dict[int, tuple[StorageWeakRef, torch.device, int]] = {}

    # where things lie -------------------------------------------------------------------------------------------------

    def device_of(self, tensor: Tensor) -> torch.device:
        """Return where a tensor lies."""
        with torch._C.DisableTorchFunction():
            storage = _storage_of(tensor)
            entry = None if storage is None else self._table.get(storage._cdata)
            return tensor.device if entry is None or _dead(entry[0]) else entry[1]

    def devices_of(self, value: object) -> set[str]:
        """Return the types of the devices ("cpu", "cuda") on which the tensors in a nested value lie."""
        return {self.device_of(tensor).type for tensor in _tensors_in(value)}

    def allocated(self, index: int = 0) -> int:
        """Return the bytes that live on a device."""
        with self._lock:
            for address in [address for address, entry in self._table.items() if _dead(entry[0])]:
                del self._table[address]
            return sum(entry[2] for entry in self._table.values() if entry[1].index == index)

    def place(self, tensor: Tensor, device: torch.device) -> Tensor:
        """Let a tensor's storage lie on a device from now on.

        Raises:
            torch.OutOfMemoryError: the device has no room.
        """
        with torch._C.DisableTorchFunction(), self._lock:
            storage = _storage_of(tensor)
            if storage is None:
                return tensor
            if device.type != "cuda":
                self._table.pop(storage._cdata, None)
                return tensor
            size, index = storage.nbytes(), device.index
            self._table.pop(storage._cdata, None)
            if self.memory is not None and self.allocated(index) + size > self.memory:
                gc.collect()
            used = self.allocated(index) + size
            if self.memory is not None and used > self.memory:
                raise torch.OutOfMemoryError(
                    f"CUDA out of memory. Tried to allocate {size} bytes. GPU {index} has a total capacity of"
                    f" {self.memory} bytes, of which {self.memory - used + size} are free."
                )
            self.peak[index] = max(self.peak[index], used)
            self._table[storage._cdata] = (_weak(storage), device, size)
        return tensor

    def parse(self, device: int | str | torch.device) -> torch.device:
        """Return the device that a `device=` argument means.

        Raises:
            RuntimeError: there is no such device.
        """
        found = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
        if found.type != "cuda":
            return found
        index = found.index or 0  # None where none was named
        if index >= self.devices:
            raise RuntimeError("CUDA error: invalid device ordinal")
        return torch.device("cuda", index)

    def move(self, tensor: Tensor, device: torch.device, copied: Tensor | None = None) -> Tensor:
        """Return a tensor's copy on a device, or the tensor itself where it lies there already.

        Args:
            copied: a version of the tensor made on the way, of another dtype, say.
        """
        result = tensor if copied is None else copied
        here = self.device_of(tensor)
        if device != here and result.untyped_storage()._cdata == tensor.untyped_storage()._cdata:
            result = result.clone()
        return result if result is tensor else self.place(result, device)

    # torch's functions ------------------------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one function of torch as if on the devices. Within it, the mode is off."""
        kwargs = dict(kwargs or {})
        handler = RULES.get(func)
        if handler is not None:
            return handler(self, func, args, kwargs)
        name = getattr(func, "__name__", "")
        wanted = kwargs.get("device")
        if wanted is not None:
            wanted = self.parse(wanted)
            kwargs["device"] = CPU if wanted.type == "cuda" else wanted
        tensors = list(_tensors_in((args, kwargs)))
        common = self._common_device(name, args, tensors)
        result = func(*args, **kwargs)
        target = common if wanted is None else wanted
        if target.type == "cuda":
            known = {_address(tensor) for tensor in tensors}
            for tensor in _tensors_in(result):
                lengths = name in _WITH_LENGTHS and not tensor.is_floating_point()
                if _address(tensor) not in known and not lengths:
                    self.place(tensor, target)
        return result

    def _common_device(self, name: str, args: Sequence[Any], tensors: Sequence[Tensor]) -> torch.device:
        """Return the device on which a function works; raise if its tensors lie on several."""
        places = [self.device_of(tensor) for tensor in tensors]
        found = [place for place in places if place.type == "cuda"]
        if not found:
            return CPU
        first = found[0]
        if name in _MAY_MIX:
            return first
        in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
        for number, (tensor, place) in enumerate(zip(tensors, places, strict=True)):
            if place == first:
                continue
            scalar = place == CPU and tensor.dim() == 0 and name not in _NO_SCALARS and not (in_place and number == 0)
            index = name == "__getitem__" and place == CPU and tensor is not args[0]
            lengths = name in _WITH_LENGTHS and place == CPU and tensor.dtype == torch.int64 and tensor.dim() == 1
            if not (scalar or index or lengths):
                raise mixed_devices(name, first, place)
        return first


def _weak(storage: torch.UntypedStorage) -> StorageWeakRef:
    return StorageWeakRef(storage)  # type: ignore[no-untyped-call]


def _dead(reference: StorageWeakRef) -> bool:
    return bool(reference.expired())  # type: ignore[no-untyped-call]


def _storage_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """Return a strided tensor's storage; others (sparse, meta, nested) have none that we follow."""
    if tensor.layout is not torch.strided or tensor.device.type == "meta":
        return None
    try:
        return tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):
        return None


def _address(tensor: Tensor) -> int:
    storage = _storage_of(tensor)
    return id(tensor) if storage is None else storage._cdata


def _tensors_in(value: object) -> Iterator[Tensor]:
    """Walk through the tensors of nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors_in(item)
    elif isinstance(value, dict):
        yield from _tensors_in(list(value.values()))


@contextlib.contextmanager
def fake_gpu(memory: int | None = None, devices: int = 1) -> Iterator[FakeGpu]:
    """Let everything inside, threads that it starts included, see CUDA devices.

    Args:
        memory: bytes that each device holds; None for no limit.
        devices: how many there are; their names are "cuda:0", "cuda:1", ...
    """
    gpu = FakeGpu(memory, devices)
    with contextlib.ExitStack() as stack:
        for module, names in replacements(gpu).items():
            for name, value in names.items():
                stack.enter_context(patch.object(module, name, value, create=True))
        stack.enter_context(gpu)
        yield gpu
