"""What the pretended CUDA devices of `fake_gpu` put in the place of `torch.cuda`, generators and threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from grading.sandbox.fake_gpu import FakeGpu


_Device = int | str | torch.device | None
_NAME = "Pretended GPU"
_QUIET = (
    *("synchronize", "empty_cache", "ipc_collect", "manual_seed", "manual_seed_all", "seed", "seed_all"),
    *("set_device", "init", "_lazy_init", "reset_max_memory_allocated", "set_per_process_memory_fraction"),
)
_IDLE = ("Stream", "Event", "stream", "device", "current_stream", "default_stream")


def _nothing() -> Callable[..., None]:
    """Return a function that does nothing, a new one each time: torch.compile keeps a table of torch's functions."""

    def nothing(*_: object, **__: object) -> None:
        return None

    return nothing


class _Idle:
    """A stream, an event or a device's context: all that is asked of it is done already."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __enter__(self) -> _Idle:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait_stream(self, _: object) -> None:
        """Wait for nothing."""

    wait_event = record = wait = wait_stream

    def synchronize(self) -> None:
        """Wait for nothing."""

    def query(self) -> bool:
        """Tell that everything is done."""
        return True

    def is_capturing(self) -> bool:
        """Tell that no graph is being recorded."""
        return False

    def record_event(self, event: object = None) -> object:
        """Return an event that has happened."""
        return event or _Idle()

    def elapsed_time(self, _: object) -> float:
        """Return milliseconds."""
        return 0.0


def replacements(gpu: FakeGpu) -> dict[Any, dict[str, Any]]:
    """Return module -> name -> what stands there while the devices are on."""
    real_generator, real_start = torch.Generator, threading.Thread.start

    class IsGenerator(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real_generator)

    class Generator(metaclass=IsGenerator):
        def __new__(cls, device: object = "cpu") -> Any:
            return real_generator("cpu")

    def start(thread: threading.Thread) -> None:
        run = thread.run

        def run_on_gpu() -> None:
            with gpu:
                run()

        thread.run = run_on_gpu  # type: ignore[method-assign]
        real_start(thread)

    def index_of(device: _Device) -> int:
        index: int = gpu.parse("cuda" if device is None else device).index
        return index

    def used(device: _Device = None) -> int:
        return gpu.allocated(index_of(device))

    def peak(device: _Device = None) -> int:
        return gpu.peak[index_of(device)]

    def reset_peak(device: _Device = None) -> None:
        gpu.peak[index_of(device)] = used(device)

    total = 1 << 40 if gpu.memory is None else gpu.memory

    def free(device: _Device = None) -> tuple[int, int]:
        return total - used(device), total

    def properties(device: _Device = None) -> SimpleNamespace:
        index_of(device)  # raises for a device that is not there
        return SimpleNamespace(name=_NAME, total_memory=total, major=9, minor=0, multi_processor_count=1)

    # One generator draws for the CPU and the devices, so its state is that of each.
    def set_states(states: Sequence[torch.Tensor]) -> None:
        for state in states:
            torch.set_rng_state(state)

    idle: Any = _Idle
    cuda: dict[str, Any] = {
        **{name: _nothing() for name in _QUIET},
        **dict.fromkeys(_IDLE, idle),
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "device_count": lambda: gpu.devices,
        "current_device": lambda: 0,
        "get_rng_state": lambda device=None: torch.get_rng_state(),
        "get_rng_state_all": lambda: [torch.get_rng_state()] * gpu.devices,
        "set_rng_state": lambda new_state, device=None: torch.set_rng_state(new_state),
        "set_rng_state_all": set_states,
        "initial_seed": torch.initial_seed,
        "get_device_properties": properties,
        "get_device_name": lambda *_: _NAME,
        "get_device_capability": lambda *_: (9, 0),
        "memory_allocated": used,
        "memory_reserved": lambda device=None: used(device),
        "max_memory_allocated": peak,
        "max_memory_reserved": lambda device=None: peak(device),
        "reset_peak_memory_stats": reset_peak,
        "memory_summary": lambda *_, **__: "",
        "mem_get_info": free,
    }
    accelerator = {
        "is_available": lambda: True,
        "device_count": lambda: gpu.devices,
        "current_accelerator": lambda *_, **__: torch.device("cuda"),
        "current_device_index": lambda: 0,
        "current_stream": idle,
        "synchronize": _nothing(),
        "set_device_index": _nothing(),
    }
    modules: dict[Any, dict[str, Any]] = {
        torch.cuda: cuda,
        torch.backends.cudnn: {"is_acceptable": lambda _: False},
        torch: {"Generator": Generator},
        threading.Thread: {"start": start},
    }
    if hasattr(torch, "accelerator"):
        modules[torch.accelerator] = accelerator
    return modules
