"""A worker without a sandbox, in the judge's own process: same conversation, same values, and a debugger works.

For authors only. The candidate's code runs with all of the judge's rights.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grading.sandbox import codec
from grading.sandbox.driver import Driver
from grading.sandbox.loading import forget_modules
from grading.sandbox.worker import AnswerCallback, Special


class LocalWorker:
    """Runs a submission's folder in this process.

    Args:
        directory: folder with the candidate's files.
        inside: folder of our package that is loaded beside them; it may be absent.
    """

    output = ""

    def __init__(self, directory: Path, inside: Path) -> None:
        directory, inside = directory.resolve(), inside.resolve()
        for folder in (directory, inside):
            forget_modules(folder)  # of the worker before; in a fork there is none
        self._driver = Driver(self._ask, directory, inside)
        self._numbers = itertools.count()
        self._conversations: list[tuple[codec.ForeignHook | None, Special | None, AnswerCallback | None]] = []

    def request(
        self,
        fields: Mapping[str, Any],
        deadline: float,
        *,
        foreign: codec.ForeignHook | None = None,
        special: Special | None = None,
        on_callback: AnswerCallback | None = None,
    ) -> dict[str, Any]:
        """Carry out one request here; see `Worker.request`. The deadline is not kept."""
        del deadline
        self._conversations.append((foreign, special, on_callback))
        try:
            frame = codec.pack({"id": next(self._numbers), **fields}, foreign=foreign)
            reply: dict[str, Any] = _unpack(self._driver.answer(self._driver.decode(*_split(frame))), special)
        finally:
            self._conversations.pop()
        return reply

    def _ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        foreign, special, on_callback = self._conversations[-1]
        if on_callback is None:
            raise RuntimeError("nobody answers callbacks here")
        answer = on_callback(_unpack(self._driver.pack(frame), special))
        reply: dict[str, Any] = self._driver.decode(*_split(codec.pack({"reply": True, **answer}, foreign=foreign)))
        return reply

    def close(self) -> None:
        """Nothing to end."""


def _split(frame: bytes) -> tuple[bytes, bytes]:
    header, _ = codec.unpack_head(frame[: codec.HEAD.size])
    start = codec.HEAD.size
    return frame[start : start + header], frame[start + header :]


def _unpack(frame: bytes, special: Special | None) -> Any:
    return codec.unpack(*_split(frame), special)
