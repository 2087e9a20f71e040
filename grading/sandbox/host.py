"""The judge's end of the zygote: start it, ask it for workers, kill them, notice their end."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import py_compile
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from grading.errors import GraderError
from grading.model import Isolation, Limits
from grading.sandbox.bubblewrap import Capability, outer_command, worker_environment
from grading.sandbox.endings import Ending, WorkerError
from grading.sandbox.watchdog import MemoryWatchdog
from grading.sandbox.worker import Worker

START_TIMEOUT_S = 120
SPAWN_TIMEOUT_S = 30
END_TIMEOUT_S = 60  # a machine may stall; that is no reason to leave a submission without a grade
BUNDLE_TIMEOUT_S = 20
RETRY_S = 5
PAUSE_S = 0.1
_ZYGOTE = Path(__file__).parent / "zygote.py"


@dataclass(frozen=True)
class ZygoteKey:
    """What two assignments must have in common to share a zygote."""

    preload: tuple[str, ...]
    forbidden: tuple[str, ...]
    hash_seed: int = 0


class _RefusedError(Exception):
    """No worker could be made just now."""


class Zygote:
    """A preloaded process that forks one isolated worker a test.

    Starting returns at once; the libraries are imported while the judge imports its own.

    Args:
        capability: what isolation to use, as probed.
        key: libraries to preload and to hide.

    Raises:
        GraderError: the process cannot be started or ends on its own.
    """

    def __init__(self, capability: Capability, key: ZygoteKey) -> None:
        self.isolation = capability.isolation
        self.key = key
        self._lock = threading.RLock()
        self._ends: dict[int, Ending] = {}
        self._ready = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = [sys.executable, "-I", str(_ZYGOTE)]
        if capability.isolation is Isolation.FULL and capability.bwrap is not None:
            outer = outer_command(capability.bwrap, key.forbidden, from_root=capability.from_root)
            i = outer.index("PYTHONHASHSEED")
            outer[i + 1] = str(key.hash_seed)
            # -I would ignore PYTHONHASHSEED; -P and -s leave the working folder and the user's packages out as well.
            program = [*outer, sys.executable, "-P", "-s", "/judge/grading/sandbox/zygote.py"]
        program += [str(theirs.fileno()), capability.isolation.value, ",".join(key.preload)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                program,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=worker_environment(key.hash_seed),
                start_new_session=True,
            )
        except OSError as error:
            self._control.close()
            raise GraderError(f"the sandbox could not be started: {error}") from error
        finally:
            theirs.close()
        self._watchdog = MemoryWatchdog(self._process.pid)
        self._errors = bytearray()
        self._listener = threading.Thread(target=self._collect_errors, daemon=True)
        self._listener.start()

    # lifetime ---------------------------------------------------------------------------------------------------------

    def wait_ready(self) -> None:
        """Wait until the libraries are loaded.

        Raises:
            GraderError: it ended or took longer than two minutes.
        """
        with self._lock:
            if not self._ready:
                message = self._receive(START_TIMEOUT_S)
                if not message.get("ready"):
                    raise GraderError(f"the sandbox did not start: unexpected message {message}")
                self._ready = True

    def close(self) -> None:
        """Kill every worker and the zygote; harmless when repeated."""
        self._watchdog.stop()
        with contextlib.suppress(OSError):
            self._control.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(END_TIMEOUT_S)
        if self._process.stderr is not None:
            self._process.stderr.close()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def dies_within(self, seconds: float) -> bool:
        """Tell whether the process has ended or does so within a moment: bubblewrap outlives the zygote a little."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.alive

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _collect_errors(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - Popen was given a pipe
        for line in self._process.stderr:
            self._errors += line
            del self._errors[:-4000]

    # workers ----------------------------------------------------------------------------------------------------------

    def spawn(self, files: Mapping[str, bytes], inside: Mapping[str, bytes], limits: Limits) -> Worker:
        """Fork a worker and hand it the submission. A busy machine may refuse for a moment, so this tries again.

        Args:
            files: the candidate's files, relative path → content.
            inside: our own package that is loaded beside it.

        Raises:
            GraderError: the zygote died or does not answer, or no worker could be made.
        """
        self.wait_ready()
        deadline = time.monotonic() + RETRY_S
        while True:
            try:
                return self._spawn(files, inside, limits)
            except _RefusedError as error:
                if time.monotonic() > deadline:
                    raise GraderError(f"no worker could be made: {error}; {self._complaint(None)}") from error
                time.sleep(PAUSE_S)

    def _spawn(self, files: Mapping[str, bytes], inside: Mapping[str, bytes], limits: Limits) -> Worker:
        ours, theirs = socket.socketpair()
        output_read, output_write = os.pipe()
        scratch: Path | None = None
        directory = tmp = "/submission"
        if self.isolation is Isolation.FULL:
            tmp = "/tmp"  # noqa: S108 - the worker's own mount
        else:
            scratch = Path(tempfile.mkdtemp(prefix="take-home-"))
            directory = tmp = str(scratch)
        wish = {
            "directory": directory,
            "tmp": tmp,
            "memory_mib": limits.memory_mib,
            "processes": limits.processes,
            "loopback": limits.loopback,
            "cpu_s": limits.run_s if limits.share_worker else 4 * limits.test_s + 30,
        }
        try:
            with self._lock:
                try:
                    message = json.dumps({"spawn": wish}).encode()
                    socket.send_fds(self._control, [message], [theirs.fileno(), output_write])
                except OSError as error:
                    raise GraderError(f"the sandbox is gone: {self._complaint(error)}") from error
                pid = self._wait_for_pid()
        except BaseException:
            ours.close()
            os.close(output_read)
            _remove(scratch)
            raise
        finally:
            theirs.close()
            os.close(output_write)
        worker = Worker(self, pid, ours, output_read, on_close=lambda: _remove(scratch))
        self._watchdog.watch(pid, limits, worker.kill)
        try:
            worker.send_bundle(files, inside, BUNDLE_TIMEOUT_S)
        except BaseException as error:
            worker.close()
            if isinstance(error, WorkerError):
                raise _RefusedError(str(error)) from error
            raise
        return worker

    def kill(self, pid: int) -> None:
        """Send SIGKILL to a worker and, with its process namespace, to all that it started."""
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"kill": pid}).encode())

    def wait_end(self, pid: int, timeout_s: float = END_TIMEOUT_S) -> Ending:
        """Return how a worker ended, waiting for it."""
        with self._lock:
            deadline = time.monotonic() + timeout_s
            while pid not in self._ends:
                self._note(self._receive(max(0.01, deadline - time.monotonic())))
            self._watchdog.forget(pid)
            return self._ends.pop(pid)

    def _wait_for_pid(self) -> int:
        deadline = time.monotonic() + SPAWN_TIMEOUT_S
        while True:
            message = self._receive(max(0.01, deadline - time.monotonic()))
            if "pid" in message:
                return int(message["pid"])
            if "refused" in message:
                raise _RefusedError(message["refused"])
            self._note(message)

    def _note(self, message: Mapping[str, Any]) -> None:
        if "exit" in message:
            self._ends[message["exit"]] = Ending(message["code"], message["signal"])

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        try:
            self._control.settimeout(timeout_s)
            data = self._control.recv(65536)
        except OSError as error:
            raise GraderError(f"the sandbox does not answer: {self._complaint(error)}") from error
        if not data:
            raise GraderError(f"the sandbox ended on its own: {self._complaint(None)}")
        message: dict[str, Any] = json.loads(data)
        return message

    def _complaint(self, error: BaseException | None) -> str:
        self._listener.join(1)  # what it said last may still be on its way
        text = bytes(self._errors).decode("utf-8", "replace").strip()
        return text[-1000:] or (str(error) if error else f"exit status {self._process.poll()}")


def _remove(scratch: Path | None) -> None:
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)


def read_package(folder: Path) -> dict[str, bytes]:
    """Return our own package for the worker, relative path → content; empty where there is no folder.

    Each module comes with its compiled form, which the worker's import takes without looking at the source: compiling
    the same files anew would be a third of what a small test costs.
    """
    files: dict[str, bytes] = {}
    if not folder.is_dir():
        return files
    with tempfile.TemporaryDirectory(prefix="take-home-") as scratch:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder)
            compiled = Path(scratch, "compiled.pyc")
            try:
                py_compile.compile(
                    str(path),
                    cfile=str(compiled),
                    dfile=f"inside/{name}",
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
            except py_compile.PyCompileError as error:
                raise GraderError(f"{path} does not compile: {error.msg}") from error
            files[str(name)] = path.read_bytes()
            cached = Path(importlib.util.cache_from_source(str(name)))
            files[str(cached)] = compiled.read_bytes()
    return files
