"""Runs beside the candidate's code and does what the judge asks: load, call, read, copy.

This is a convenience and not a border. It lives in the candidate's process, so everything that it sends counts as said
by the candidate; verdicts rest on values that the judge computes again.

Requests and replies are dicts in frames of `codec`. While candidate code waits for a callback's answer, the judge may
send further requests, so conversations nest strictly.
"""

from __future__ import annotations

import builtins
import dataclasses
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from grading.sandbox import codec
from grading.sandbox.loading import entry_point_problem, import_file, seed_everything

SOLUTION = 1
INSIDE = 2
MAX_MESSAGE = 2000
MAX_TRACEBACK = 6000
MAX_NESTING = codec.MAX_DEPTH
OWN_FILES = str(Path(__file__).parent)


@dataclasses.dataclass(frozen=True)
class LooseRecord:
    """A dataclass instance on its way to the judge, whether the assignment declares its class or not."""

    name: str
    fields: dict[str, object]


class Driver:
    """Executes requests in this process.

    Args:
        ask: sends a callback's frame to the judge and returns the reply.
        directory: where the submission lies.
        inside: where our own package lies; it may be empty or absent.
    """

    def __init__(self, ask: Callable[[dict[str, Any]], dict[str, Any]], directory: Path, inside: Path) -> None:
        self._ask = ask
        self._directory = directory
        self._inside = inside
        self._objects: dict[int, object] = {}
        self._ids: dict[int, int] = {}
        self._records: dict[str, tuple[str, ...]] = {}
        self._operations: dict[str, Callable[..., object]] = {
            "getattr": getattr,
            "setattr": setattr,
            "call": lambda target, args, kwargs: target(*args, **kwargs),
            "getitem": lambda target, key: target[key],
            "setitem": lambda target, key, value: target.__setitem__(key, value),
            "len": len,
            "iter": iter,
            "next": next_item,
            "bool": bool,
            "contains": lambda target, item: item in target,
            "fetch": loosen,
        }

    # one request ------------------------------------------------------------------------------------------------------

    def answer(self, request: dict[str, Any]) -> bytes:
        """Carry out one request and return the reply as a frame, whatever happens."""
        try:
            if request["op"] == "load":
                value: object = self._load(request["args"][0])
            else:
                value = self._operations[request["op"]](self._objects[request["target"]], *request["args"])
            return self.pack({"id": request["id"], "ok": True, "value": value})
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like are failures of the candidate's too
            return codec.pack({"id": request["id"], "ok": False, **describe_error(error)})

    def decode(self, header: bytes, body: bytes) -> Any:
        """Decode a frame of the judge: handles become the objects they stand for."""
        special = {"h": self._decode_handle, "cb": self._decode_callback, "it": self._decode_iterator}
        return codec.unpack(header, body, special)

    def pack(self, frame: dict[str, Any]) -> bytes:
        """Encode a frame for the judge; what does not cross by value becomes a handle."""
        return codec.pack(frame, foreign=self._foreign)

    # loading ----------------------------------------------------------------------------------------------------------

    def _load(self, options: Mapping[str, Any]) -> list[list[str]]:
        """Import `inside`, then the candidate's entry module; return what is wrong with its entry points."""
        self._records = {name: tuple(fields) for name, fields in options["dataclasses"].items()}
        seed_everything(options["seed"])
        if (self._inside / "__init__.py").is_file():
            self._keep(INSIDE, import_file("inside", self._inside / "__init__.py"))
        if str(self._directory) not in sys.path:
            sys.path.append(str(self._directory))  # last, so that a planted numpy.py shadows nothing
        module = import_file(options["entry"], self._directory / f"{options['entry']}.py")
        self._keep(SOLUTION, module)
        problems = []
        for name, signature in options["entry_points"].items():
            problem = entry_point_problem(module, name, signature)
            if problem is not None:
                problems.append([name, problem])
        return problems

    def _keep(self, name: int, value: object) -> None:
        self._objects[name] = value
        self._ids[id(value)] = name

    # values that do not cross -----------------------------------------------------------------------------------------

    def _foreign(self, encoder: codec.Encoder, value: object, depth: int) -> codec.Node:
        if isinstance(value, LooseRecord):
            return ["dc", value.name[:80], encoder.node(value.fields, depth + 1)]
        names = self._records.get(type(value).__name__)
        if names is not None and dataclasses.is_dataclass(value) and all(hasattr(value, name) for name in names):
            fields = {name: getattr(value, name) for name in names}
            return ["dc", type(value).__name__, encoder.node(fields, depth + 1)]
        name = self._ids.get(id(value))
        if name is None:
            name = len(self._objects) + INSIDE + 1
            self._keep(name, value)
        return ["h", name, f"{type(value).__module__}.{type(value).__qualname__}"[:200]]

    def _decode_handle(self, _: codec.Decoder, node: list[Any], __: int) -> object:
        return self._objects[node[1]]

    def _decode_callback(self, _: codec.Decoder, node: list[Any], __: int) -> Callable[..., Any]:
        name = node[1]

        def callback(*args: object, **kwargs: object) -> object:
            return self._call_judge(name, args, kwargs)

        return callback

    def _decode_iterator(self, _: codec.Decoder, node: list[Any], __: int) -> Iterator[Any]:
        return self._judge_items(node[1])

    def _judge_items(self, name: int) -> Iterator[Any]:
        while True:
            more, item = self._call_judge(name, (), {})
            if not more:
                return
            yield item

    def _call_judge(self, name: int, args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
        reply = self._ask({"callback": name, "args": list(args), "kwargs": dict(kwargs)})
        if reply["ok"]:
            return reply["value"]
        raise getattr(builtins, reply["type"], RuntimeError)(reply["message"])


def next_item(target: Iterator[object]) -> tuple[bool, object]:
    """Return (True, item), or (False, None) at the end; an exception of the iterator's stays what it is."""
    try:
        return True, next(target)
    except StopIteration:
        return False, None


def loosen(value: Any, depth: int = 0) -> Any:
    """Copy a value into exact types: mappings to dict, sequences to list or tuple, tensors and arrays to their base."""
    if depth > MAX_NESTING:
        raise codec.CodecError(f"value nested deeper than {MAX_NESTING} levels")
    if isinstance(value, Mapping):
        return {loosen(k, depth + 1): loosen(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and type(value).__module__ != "torch":
        items = [loosen(item, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: loosen(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value)}
        return LooseRecord(type(value).__name__, fields)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().as_subclass(torch.Tensor).requires_grad_(value.requires_grad)
    if numpy is not None and isinstance(value, numpy.ndarray):
        return numpy.asarray(value)
    return value


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return what the judge may know about an exception; strings are cut, no object crosses."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_own(f.filename)]
    file, line = (Path(frames[-1].filename).name, frames[-1].lineno) if frames else (None, None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = Path(error.filename).name, error.lineno
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - a candidate's __str__ may do anything
        message = ""
    return {
        "type": str(type(error).__name__)[:80],
        "bases": [str(base.__name__)[:80] for base in type(error).__mro__[:12]],
        "message": "".join(message[:MAX_MESSAGE]),
        "traceback": "".join(traceback.format_list(frames[-8:]))[-MAX_TRACEBACK:],
        "file": file,
        "line": line,
    }


def is_own(filename: str) -> bool:
    """Tell whether a frame belongs to this project or to the import system, not to the candidate."""
    return filename.startswith((OWN_FILES, "<frozen importlib"))
