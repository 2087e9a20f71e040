"""Start one program, give it secrets that none of its children sees, and leave no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "OFFLINE_RUN"
GRACE_S = 5


@contextlib.contextmanager
def piped(content: bytes) -> Iterator[int]:
    """Yield a file descriptor that gives the content to the first who reads it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"):
        with os.fdopen(writing, "wb") as stream:
            stream.write(content)  # a few kilobytes: less than a pipe holds without a reader
        yield reading


def watch(
    command: list[str], folder: Path, environment: dict[str, str], mark: str, timeout_s: float, pipe: int
) -> tuple[list[str], int | None, tuple[str, ...]]:
    """Run act; whatever happens, nothing that it started is there afterwards."""
    lines: list[str] = []
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        pass_fds=(pipe,),
    )
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    status: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout_s)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        left_over = end_marked(mark)
        reader.join(GRACE_S)
        process.stdout.close()
    return lines, status, left_over


def end_marked(mark: str) -> tuple[str, ...]:
    """Kill every process of a run, found by the mark in its environment: act gives each step a session of its own.

    Returns:
        Their command lines.
    """
    ended: list[str] = []
    while marked := [process for process in psutil.process_iter() if _carries(process, mark)]:
        for process in marked:
            with contextlib.suppress(psutil.NoSuchProcess):
                ended.append(" ".join(process.cmdline()))
                process.kill()
        psutil.wait_procs(marked, timeout=GRACE_S)
    return tuple(ended)


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):
        return False
