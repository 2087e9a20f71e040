"""What a hidden test holds of the candidate's code: handles, records, copies, and exceptions it can expect."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

from grading.sandbox import codec
from grading.sandbox.driver import INSIDE, SOLUTION
from grading.sandbox.endings import OutOfTimeError
from grading.sandbox.worker import AnswerCallback, Special

MAX_CALLBACKS = 1_000_000
MAX_LENGTH, MAX_TEXT = 1 << 24, 8000
# StopIteration would end a `map` or a `zip` in a test without a word.
_NOT_RAISED_AGAIN = frozenset({"Exception", "BaseException", "StopIteration", "StopAsyncIteration", "ExceptionGroup"})
_DEMANDING = frozenset({"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"})  # of more than a message


class CandidateError(Exception):
    """The candidate's code raised something that is neither a builtin exception nor a declared one.

    Attributes:
        kind: the exception's class name, as the candidate's process tells it.
        details: what else it tells (message, traceback, file, line). Private.
    """

    def __init__(self, kind: str, details: Mapping[str, Any]) -> None:
        super().__init__(f"{kind}: {details.get('message', '')}")
        self.kind = kind
        self.details = dict(details)


class Channel(Protocol):
    """A worker, sandboxed or local."""

    def request(
        self,
        fields: Mapping[str, Any],
        deadline: float,
        *,
        foreign: codec.ForeignHook | None = None,
        special: Special | None = None,
        on_callback: AnswerCallback | None = None,
    ) -> dict[str, Any]:
        """Send one request and return its reply."""


class Record:
    """A dataclass of the candidate's, copied: its fields as attributes, its class name as the type's."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({inner})"


class Session:
    """One test's conversation with one worker.

    Args:
        channel: the worker.
        test_s: seconds that all requests of the test may take together, by the judge's clock.
        exceptions: names of the candidate's own exceptions that tests may expect.
    """

    def __init__(self, channel: Channel, test_s: float, exceptions: tuple[str, ...] = ()) -> None:
        self._channel = channel
        self._left_s = test_s
        self._callbacks: list[Callable[..., Any]] = []
        self._answered = 0
        self._special: Special = {"h": self._decode_handle, "dc": _decode_record}
        self.declared = {name: type(name, (CandidateError,), {}) for name in exceptions}
        self.broken_expectation: AssertionError | None = None
        self._depth = 0
        self._deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Start the clock anew: all further requests together may take this long."""
        self._left_s = seconds

    # requests ---------------------------------------------------------------------------------------------------------

    def ask(self, operation: str, target: int, *args: object) -> Any:
        """Carry out one operation in the worker and return its value.

        Raises:
            WorkerError: the worker cannot go on.
            Exception: what the candidate's code raised: a builtin class, a declared one, or `CandidateError`.
        """
        reply = self._request({"op": operation, "target": target, "args": list(args)})
        if reply["ok"]:
            return reply.get("value")
        raise self._exception(reply)

    def load(self, options: Mapping[str, Any]) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
        """Load the submission; return the problems of its entry points, and the failure if it did not load."""
        reply = self._request({"op": "load", "args": [dict(options)]})
        if not reply["ok"]:
            return [], reply
        value = reply.get("value")
        if type(value) is not list or not all(type(pair) is list and len(pair) == 2 for pair in value):
            return [], {"type": "ImportError", "message": "it interfered with its own loading"}
        return [(plain_text(name, 80), plain_text(problem, 500)) for name, problem in value], None

    def _request(self, fields: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        if self._left_s <= 0:
            raise OutOfTimeError("the test used up its time")
        if self._depth == 0:  # a request from within a callback gets no time of its own
            self._deadline = started + self._left_s
        self._depth += 1
        try:
            reply = self._channel.request(
                fields,
                self._deadline,
                foreign=self._foreign,
                special=self._special,
                on_callback=self._answer,
            )
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._left_s -= time.monotonic() - started
        if self._depth == 0 and self.broken_expectation is not None:
            broken, self.broken_expectation = self.broken_expectation, None
            raise broken
        return reply

    def _exception(self, reply: Mapping[str, Any]) -> Exception:
        bases = reply.get("bases")
        kind = plain_text(reply.get("type"), 80)
        details = {key: plain_text(reply.get(key), MAX_TEXT) for key in ("message", "traceback", "file")}
        cause = CandidateError(kind, {**details, "line": reply.get("line")})
        for base in bases if type(bases) is list else []:
            if type(base) is not str or base in _NOT_RAISED_AGAIN:
                continue
            if base in self.declared:
                return cast(Exception, self.declared[base](kind, cause.details))
            found = getattr(builtins, base, None) if base not in _DEMANDING else None
            if not isinstance(found, type) or not issubclass(found, Exception):
                continue
            error = found(details["message"])
            error.__cause__ = cause
            return error
        return cause

    # callbacks --------------------------------------------------------------------------------------------------------

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        name, args, kwargs = message.get("callback"), message.get("args"), message.get("kwargs")
        self._answered += 1
        if type(name) is not int or not 0 <= name < len(self._callbacks) or self._answered > MAX_CALLBACKS:
            return {"ok": False, "type": "RuntimeError", "message": "no such callback"}
        if type(args) is not list or type(kwargs) is not dict:
            return {"ok": False, "type": "RuntimeError", "message": "malformed callback"}
        try:
            return {"ok": True, "value": self._callbacks[name](*args, **kwargs)}
        except AssertionError as error:
            # The candidate's code might swallow it, and must not.
            self.broken_expectation = self.broken_expectation or error
            return {"ok": False, "type": "RuntimeError", "message": "refused"}
        except Exception as error:  # noqa: BLE001 - a test may raise anything to see what the candidate does with it
            return {"ok": False, "type": type(error).__name__, "message": str(error)}

    # values -----------------------------------------------------------------------------------------------------------

    def _foreign(self, encoder: codec.Encoder, value: object, depth: int) -> codec.Node:
        if isinstance(value, Handle):
            return ["h", object.__getattribute__(value, "_name")]
        if isinstance(value, Record):
            return encoder.node(value.__dict__, depth + 1)
        if isinstance(value, Iterator):
            return ["it", self._register(_stepper(value))]
        if callable(value):
            return ["cb", self._register(value)]
        raise codec.Foreign(f"a hidden test cannot send a {type(value).__name__} to the candidate's code")

    def _register(self, function: Callable[..., Any]) -> int:
        self._callbacks.append(function)
        return len(self._callbacks) - 1

    def _decode_handle(self, _: codec.Decoder, node: list[Any], __: int) -> Handle:
        if type(node[1]) is not int or type(node[2]) is not str:
            codec.bad("handle")
        return Handle(self, node[1], node[2][:200])

    @property
    def solution(self) -> Handle:
        """The candidate's entry module."""
        return Handle(self, SOLUTION, "module solution")

    @property
    def inside(self) -> Handle:
        """Our package that lives beside the candidate's code."""
        return Handle(self, INSIDE, "module inside")


def plain_text(value: object, most: int) -> str:
    """Return what should be a text, cut; the worker may have put anything in its place."""
    return value[:most] if type(value) is str else ""


def _stepper(iterator: Iterator[Any]) -> Callable[[], tuple[bool, Any]]:
    def step() -> tuple[bool, Any]:
        try:
            return True, next(iterator)
        except StopIteration:
            return False, None

    return step


def _decode_record(decoder: codec.Decoder, node: list[Any], depth: int) -> Record:
    name, fields = node[1], decoder.value(node[2], depth + 1)
    if type(name) is not str or type(fields) is not dict or not all(type(key) is str for key in fields):
        codec.bad("record")
    kind: type[Record] = type(name.replace("\0", "")[:80], (Record,), {})
    return kind(fields)


class Handle:
    """An object in the worker. What is done to it happens there; plain results come back by value."""

    __slots__ = ("_name", "_session", "_type_name")

    def __init__(self, session: Session, name: int, type_name: str) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_type_name", type_name)

    def _ask(self, operation: str, *args: object) -> Any:
        return object.__getattribute__(self, "_session").ask(operation, object.__getattribute__(self, "_name"), *args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # the judge's libraries probe for protocols
            raise AttributeError(name)
        return self._ask("getattr", name)

    def __setattr__(self, name: str, value: object) -> None:
        self._ask("setattr", name, value)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Call the object in the worker."""
        return self._ask("call", list(args), kwargs)

    def __getitem__(self, key: object) -> Any:
        return self._ask("getitem", key)

    def __setitem__(self, key: object, value: object) -> None:
        self._ask("setitem", key, value)

    def __len__(self) -> int:
        length = self._ask("len")
        # list(handle) makes room for as many items as this says, here.
        if type(length) is not int or not 0 <= length <= MAX_LENGTH:
            raise TypeError("the candidate's length is no length")
        return length

    def __bool__(self) -> bool:
        return self._ask("bool") is True

    def __contains__(self, item: object) -> bool:
        return self._ask("contains", item) is True

    def __iter__(self) -> Iterator[Any]:
        iterator = self._ask("iter")
        if not isinstance(iterator, Handle):
            raise TypeError("the candidate's iterator is not an iterator")
        while True:
            step = iterator._ask("next")
            if type(step) is not tuple or len(step) != 2:
                raise TypeError("the candidate's iterator is not an iterator")
            if step[0] is not True:
                return
            yield step[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle):
            return False
        return bool(object.__getattribute__(self, "_name") == object.__getattribute__(other, "_name"))

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_name"))

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_type_name')} in the worker>"


def fetch(value: Any) -> Any:
    """Copy a remote object into the judge, turned into exact types: dicts, lists, tuples, arrays, tensors, records.

    Args:
        value: a handle; anything else is returned as it is.
    """
    return value._ask("fetch") if isinstance(value, Handle) else value
