"""Run one program to its end, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """How a program ended. `cut` tells that it was stopped because it said too much."""

    status: int
    output: bytes
    complaint: str
    cut: bool = False


def run_program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes, timeout_s: float, most: int
) -> Done:
    """Run a program to its end, with a clock and a cap on its output; whatever happens, it does not outlive the call.

    Raises:
        TimeoutError: it took too long.
    """
    late = threading.Event()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as complaints:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(  # noqa: S603 - a fixed program; arguments are checked by the callers
            command,
            cwd=folder,
            env=dict(environment),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )

        def expire() -> None:
            late.set()
            _kill(process)

        clock = threading.Timer(timeout_s, expire)
        clock.daemon = True
        clock.start()
        try:
            output = process.stdout.read(most + 1) if process.stdout is not None else b""
            cut = len(output) > most
            if cut:
                _kill(process)
            status = process.wait()
        finally:
            clock.cancel()
            _kill(process)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if late.is_set():
            what = " ".join(Path(part).name for part in command[:3])
            raise TimeoutError(f"`{what}` did not end within {timeout_s:g} s")
        complaints.seek(0)
        lines = complaints.read(4096).decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip() and not line.startswith(("warning:", "hint:"))]
    return Done(status, output[:most], "; ".join(said[:3])[:500] or "no message", cut)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
