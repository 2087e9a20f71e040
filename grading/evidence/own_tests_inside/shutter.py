"""Keeps tests from reading a solution's code instead of watching what it does.

Python tells its audit hooks before it hands out a code object, and a hook cannot be taken away again. Ours refuses for
functions and frames of the solution. It is a hurdle and not a wall: whoever reads memory through `ctypes` gets past it.

Libraries ask for code as well, with honest intentions: `torch.manual_seed` notes the stack, a warning of pandas looks
for its file, `torch.no_grad()(f)` wants to know whether f is a generator. They do so through a few functions of the
standard library that tell names, files, lines and flags, and never hand out code. Those may look.
`mock.patch(..., autospec=True)` asks itself, and fails.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
import traceback
import types
from collections.abc import Callable, Iterator

_REFUSED = frozenset({"gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys.settrace", "sys.setprofile"})
_CODE = frozenset({"__code__", "f_code", "gi_code", "cr_code", "ag_code"})
_TELLERS = (inspect.getfile, inspect._has_code_flag)  # type: ignore[attr-defined]
_FRAMES = {"gi_code": "gi_frame", "cr_code": "cr_frame", "ag_code": "ag_frame"}


def close(modules: list[types.ModuleType]) -> None:
    """Refuse, from now on, to show the code of these modules; their signatures can still be asked for."""
    for module in modules:
        for owner in [module, *(value for value in vars(module).values() if isinstance(value, type))]:
            for value in list(vars(owner).values()):
                for function in _functions_in(value):
                    if function.__globals__ is vars(module):
                        with contextlib.suppress(TypeError, ValueError):
                            function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    logging._srcfile = None  # or each log line would ask for its caller's code
    sys.addaudithook(_hook([vars(module) for module in modules]))


def without(trace: types.TracebackType | None, namespaces: list[dict[str, object]]) -> types.TracebackType | None:
    """Return a traceback less the frames of the solution, so that pytest can print it."""
    if trace is None:
        return None
    rest = without(trace.tb_next, namespaces)
    if any(trace.tb_frame.f_globals is own for own in namespaces):
        return rest
    return types.TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _functions_in(value: object) -> Iterator[types.FunctionType]:
    """Yield the functions that an attribute consists of: itself, and what decorators have wrapped."""
    parts = [value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset", "func"))]
    for part in parts:
        while isinstance(part, types.FunctionType):
            yield part
            part = part.__dict__.get("__wrapped__")


def _tellers() -> frozenset[types.CodeType]:
    """Return the code of what may look: all of `traceback`, and what asks for a file or for flags."""
    owners = [traceback, *(value for value in vars(traceback).values() if isinstance(value, type))]
    functions = [f for owner in owners for value in vars(owner).values() for f in _functions_in(value)]
    return frozenset(f.__code__ for f in (*functions, *_TELLERS) if f.__module__ in ("traceback", "inspect"))


def _hook(namespaces: list[dict[str, object]]) -> Callable[[str, tuple[object, ...]], None]:
    """Return the hook. All that it uses is bound here, so that no test can put something else in its place."""
    function_type, frame_type = types.FunctionType, types.FrameType
    refused, code, frames = _REFUSED, _CODE, _FRAMES
    kind_of, read, error, frame_of, tellers = type, getattr, RuntimeError, sys._getframe, _tellers()
    namespaces_of = tuple(namespaces)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "object.__getattr__":
            target, name = arguments[0], arguments[1]
            if name not in code:
                return
            kind = kind_of(target)
            if kind is function_type:
                namespace = read(target, "__globals__")
            elif kind is frame_type:
                namespace = read(target, "f_globals")
            else:
                frame = read(target, frames[name], None) if name in frames else None
                namespace = None if frame is None else read(frame, "f_globals")
            for own in namespaces_of:
                if namespace is own and frame_of(1).f_code not in tellers:
                    raise error("tests look at what code does, not at the code")
        elif event in refused:
            raise error("tests look at what code does, not at the code")

    return hook
