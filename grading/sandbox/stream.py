"""The worker's end of the socket: receive the files, then answer requests until the judge hangs up."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

from grading.sandbox import codec
from grading.sandbox.driver import Driver

CHUNK = 1 << 20
INSIDE_FOLDER = "__inside__"


class Stream:
    """Frames over a blocking socket, with callbacks that may nest requests.

    Args:
        fd: descriptor of a connected stream socket.
        directory: where the submission lies.
        inside: where our own package lies.
    """

    def __init__(self, fd: int, directory: Path, inside: Path) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(True)
        self._lock = threading.RLock()
        self.driver = Driver(self.ask, directory, inside)

    def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes; end the process when the judge has hung up."""
        buffer = bytearray()
        while len(buffer) < count:
            chunk = self._socket.recv(min(CHUNK, count - len(buffer)))
            if not chunk:
                os._exit(0)
            buffer += chunk
        return bytes(buffer)

    def read_frame(self) -> Any:
        """Return the next frame's value."""
        header, body = codec.unpack_head(self.read_exactly(codec.HEAD.size))
        return self.driver.decode(self.read_exactly(header), self.read_exactly(body))

    def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send a callback and return its reply; answer requests that the judge makes meanwhile."""
        with self._lock:  # a candidate may call back from several threads
            self._socket.sendall(self.driver.pack(frame))
            while True:
                message: dict[str, Any] = self.read_frame()
                if "reply" in message:
                    return message
                self._socket.sendall(self.driver.answer(message))

    def say_ready(self) -> None:
        """Tell the judge that the sandbox stands: from here on, what goes wrong is the candidate's doing."""
        self._socket.sendall(codec.pack({"ready": True}))

    def serve(self) -> None:
        """Answer requests for ever."""
        while True:
            reply = self.driver.answer(self.read_frame())
            with self._lock:
                self._socket.sendall(reply)


def serve(fd: int, directory: Path) -> None:
    """Write the submission and our `inside` package below a folder, then answer requests."""
    inside = directory / INSIDE_FOLDER
    stream = Stream(fd, directory, inside)
    bundle = stream.read_frame()
    for root, files in ((directory, bundle["files"]), (inside, bundle["inside"])):
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    stream.say_ready()
    stream.serve()
