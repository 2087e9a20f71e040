"""The modules that hidden tests load into the judge's process.

They are kept from grade to grade, but never half loaded, and never taken for another assignment's.
"""

from __future__ import annotations

import importlib.util
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any


def load_oracle(path: Path) -> ModuleType:
    """Import an assignment's oracle once per process, under a name of its own."""
    name = f"oracle_{zlib.crc32(str(path).encode()):08x}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path}: no such oracle")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            # Half a module would answer the next test, or the next grade in this process.
            del sys.modules[name]
            raise
    return sys.modules[name]


def forget_tests_of(hidden: Path) -> None:
    """Drop every module that was imported from a folder of hidden tests: one of them may be half loaded."""
    folder = hidden.resolve()
    for name, module in list(sys.modules.items()):
        path = _path_of(module)
        if path is not None and path.is_relative_to(folder):
            del sys.modules[name]


def forget_others_tests(hidden: Path) -> None:
    """Drop modules of another assignment that are called as one of ours: pytest would take them for it."""
    for path in hidden.rglob("*.py"):
        for root in (hidden, hidden.parent):  # the latter where `hidden/` is a package
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            module = sys.modules.get(name)
            if module is not None and _path_of(module) != path.resolve():
                del sys.modules[name]


def _path_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def single_thread(modules: dict[str, Any]) -> None:
    """Keep the judge's own arithmetic to one thread, so that it repeats."""
    torch = modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
