"""Import a submission's module in the worker, and say in what it differs from what the README promises."""

from __future__ import annotations

import importlib.util
import inspect
import random
import sys
from pathlib import Path
from types import ModuleType


def import_file(name: str, path: Path) -> ModuleType:
    """Import one file as a module of the given name; a package where the file is an `__init__.py`."""
    search = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def forget_modules(directory: Path) -> None:
    """Drop modules that came from a folder, so that the next load starts from the source."""
    root = str(directory) + "/"
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(root):
            del sys.modules[name]


def seed_everything(seed: int) -> None:
    """Seed the global generators of the libraries that are loaded, so that a seed repeats a run."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def entry_point_problem(module: ModuleType, name: str, signature: str) -> str | None:
    """Return in what an entry point differs from its promised signature, or None.

    Args:
        signature: as the README promises it, e.g. ``(model, loader, *, epochs)``; for classes the constructor's.
    """
    if not hasattr(module, name):
        return "is missing"
    target = getattr(module, name)
    if not callable(target):
        return f"is not callable, but {type(target).__name__}"
    promised = promised_signature(signature)
    try:
        actual = inspect.signature(target)
    except (TypeError, ValueError):
        return None
    positional: list[None] = []
    keyword: dict[str, None] = {}
    for parameter in promised.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keyword[parameter.name] = None
        else:
            positional.append(None)
    required = [p for p in promised.parameters.values() if p.default is inspect.Parameter.empty]
    fewest = sum(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in required)
    least = {p.name: None for p in required if p.kind is inspect.Parameter.KEYWORD_ONLY}
    for args, kwargs in ((positional, keyword), (positional[:fewest], least)):
        try:
            actual.bind(*args, **kwargs)
        except TypeError as error:
            return f"has other parameters than {name}{signature}: {error}"
    return None


def promised_signature(signature: str) -> inspect.Signature:
    """Return the signature that a text like ``(a, b=1, *, c)`` describes."""
    scope: dict[str, object] = {}
    # Our own text from assignment.toml, checked by the catalogue; the candidate has no say in it.
    exec(f"def promised{signature}: ...", {"__builtins__": {}}, scope)  # noqa: S102
    promised = scope["promised"]
    if not callable(promised):
        raise TypeError(f"not a signature: {signature}")
    return inspect.signature(promised)
