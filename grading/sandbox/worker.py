"""The judge's end of one worker: every read is bounded in time and size, every surprise ends the worker.

Nothing that arrives here is trusted. A frame that was not asked for, carries another request's number, or does not
decode is a violation; the judge's own clock decides about time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from grading.errors import GraderError
from grading.sandbox import codec
from grading.sandbox.endings import CrashedError, Ending, OutOfTimeError, ViolationError, WorkerError

Special = Mapping[str, Callable[[codec.Decoder, list[Any], int], object]]
AnswerCallback = Callable[[dict[str, Any]], dict[str, Any]]

_CHUNK = 1 << 20
_OUTPUT_KEPT = 64 << 10
_OUTPUT_MAX = 16 << 20
_ANSWERS_MAX = 1 << 30
_SEND_POLL_S = 0.05
_HANG_UP_S = 1.0


class Killer(Protocol):
    """What a worker needs of its zygote."""

    def kill(self, pid: int) -> None:
        """Kill a worker."""

    def wait_end(self, pid: int, timeout_s: float = ...) -> Ending:
        """Wait for a worker's end; GraderError when the time is up."""


class Worker:
    """One forked, isolated process with the candidate's code in it.

    Args:
        zygote: kills it and tells how it ended.
        pid: its number as the zygote sees it.
        channel: our end of its socket.
        output: read end of the pipe that is its standard output and error.
        on_close: called once when the worker is gone.
    """

    def __init__(
        self, zygote: Killer, pid: int, channel: socket.socket, output: int, on_close: Callable[[], None]
    ) -> None:
        self._zygote = zygote
        self._pid = pid
        self._channel = channel
        self._output = output
        self._on_close = on_close
        self._buffer = bytearray()
        self._received = 0
        self._kept = bytearray()
        self._output_size = 0
        self._killed_for: WorkerError | None = None
        self._ending: Ending | None = None
        self._closed = False
        channel.setblocking(False)
        os.set_blocking(output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, "channel")
        self._selector.register(output, selectors.EVENT_READ, "output")

    # conversation -----------------------------------------------------------------------------------------------------

    def send_bundle(self, files: Mapping[str, bytes], inside: Mapping[str, bytes], timeout_s: float) -> None:
        """Send the submission's files and wait until they are written. None of the candidate's code runs before.

        Raises:
            WorkerError: the sandbox could not be made; no fault of the candidate's.
        """
        deadline = time.monotonic() + timeout_s
        self._send(codec.pack({"files": dict(files), "inside": dict(inside)}), deadline)
        self._receive(deadline, None)

    def request(
        self,
        fields: Mapping[str, Any],
        deadline: float,
        *,
        foreign: codec.ForeignHook | None = None,
        special: Special | None = None,
        on_callback: AnswerCallback | None = None,
    ) -> dict[str, Any]:
        """Send one request and return its reply, answering callbacks meanwhile.

        Args:
            fields: the request without its number.
            deadline: on `time.monotonic()`'s clock.
            foreign: encodes handles and callbacks.
            special: decodes handles and records.
            on_callback: answers a callback frame; it may make nested requests.

        Raises:
            WorkerError: no honest answer came.
        """
        self._raise_if_gone()
        number = secrets.randbits(52)  # answers queued before they were asked for never match
        frame = codec.pack({"id": number, **fields}, foreign=foreign)
        if self._has_unread():
            raise self.kill(ViolationError("it sent a frame that nobody asked for"))
        self._send(frame, deadline)
        while True:
            message = self._receive(deadline, special)
            if "callback" in message and on_callback is not None:
                answer = {"reply": True, **on_callback(message)}
                self._send(codec.pack(answer, foreign=foreign), deadline)
            elif type(message.get("id")) is int and message["id"] == number and type(message.get("ok")) is bool:
                return message
            else:
                raise self.kill(ViolationError("it answered another question than the one asked"))

    def _has_unread(self) -> bool:
        if self._buffer:
            return True
        try:
            return bool(self._channel.recv(1, socket.MSG_PEEK))
        except OSError:  # nothing to read, or nobody there any more
            return False

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._channel.send(view[:_CHUNK]) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self.kill(OutOfTimeError("it did not read its input in time")) from None
                self._wait_writable()
            except OSError:
                raise self._gone() from None

    def _wait_writable(self) -> None:
        """Wait a moment until the worker reads; drain output meanwhile, for it may be stuck in a print."""
        self._selector.modify(self._channel, selectors.EVENT_WRITE, "channel")
        try:
            self._select(_SEND_POLL_S)
        finally:
            self._selector.modify(self._channel, selectors.EVENT_READ, "channel")

    def _select(self, timeout_s: float) -> bool:
        """Wait for something to read; drain output; return whether the channel is readable."""
        readable = False
        for key, _ in self._selector.select(timeout_s):
            if key.data == "output":
                self._drain()
            else:
                readable = True
        return readable

    def _receive(self, deadline: float, special: Special | None) -> dict[str, Any]:
        self._fill(codec.HEAD.size, deadline)
        try:
            header, body = codec.unpack_head(bytes(self._buffer[: codec.HEAD.size]))
            end = codec.HEAD.size + header + body
            self._fill(end, deadline)
            start = codec.HEAD.size
            frame = bytes(self._buffer[start : start + header]), bytes(self._buffer[start + header : end])
            del self._buffer[:end]
            message = codec.unpack(*frame, special)
        except codec.CodecError as error:
            raise self.kill(ViolationError(str(error))) from None
        if type(message) is not dict:
            raise self.kill(ViolationError("malformed frame: not a reply"))
        return message

    def _fill(self, count: int, deadline: float) -> None:
        while len(self._buffer) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                self._raise_if_gone()
                raise self.kill(OutOfTimeError("it did not answer in time"))
            if not self._select(left):
                continue
            try:
                chunk = self._channel.recv(min(_CHUNK, max(count - len(self._buffer), 4096)))
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise self._gone()
            self._buffer += chunk
            self._received += len(chunk)
            if self._received > _ANSWERS_MAX:
                raise self.kill(ViolationError(f"its answers together passed {_ANSWERS_MAX >> 30} GiB"))

    def _drain(self) -> None:
        try:
            chunk = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return
        if not chunk:
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._output)
            return
        self._output_size += len(chunk)
        self._kept += chunk[: max(0, _OUTPUT_KEPT - len(self._kept))]
        if self._output_size > _OUTPUT_MAX:
            raise self.kill(ViolationError(f"it printed more than {_OUTPUT_MAX >> 20} MiB"))

    # end --------------------------------------------------------------------------------------------------------------

    @property
    def output(self) -> str:
        """What it printed, the first 64 KiB; private."""
        return bytes(self._kept).decode("utf-8", "replace")

    def kill(self, reason: WorkerError) -> WorkerError:
        """Kill it; the first reason is what a test will see. The watchdog's thread calls this too."""
        if self._killed_for is None:
            self._killed_for = reason
            self._zygote.kill(self._pid)
        return reason

    def _raise_if_gone(self) -> None:
        if self._killed_for is not None:
            raise self._killed_for
        if self._ending is not None:
            raise self._gone()

    def _gone(self) -> WorkerError:
        """Return why the worker has hung up."""
        if self._ending is None:
            try:
                self._ending = self._zygote.wait_end(self._pid, _HANG_UP_S)
            except GraderError:  # it closed its socket and lives on
                self.kill(ViolationError("it hung up"))
                self._ending = self._zygote.wait_end(self._pid)
        if self._killed_for is not None:
            return self._killed_for
        number = self._ending.signal
        if number is not None:
            return CrashedError(f"it died by signal {number}", number)
        return CrashedError(f"it ended with status {self._ending.code}", None)

    def close(self) -> None:
        """Kill it and all that it started; return when it is gone."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._ending is None:
                self._zygote.kill(self._pid)
                self._ending = self._zygote.wait_end(self._pid)
            with contextlib.suppress(WorkerError):
                while self._selector.get_map() and any(k.data == "output" for k in self._selector.get_map().values()):
                    size = self._output_size
                    self._drain()
                    if self._output_size == size:
                        break
        finally:
            self._selector.close()
            self._channel.close()
            os.close(self._output)
            self._on_close()
