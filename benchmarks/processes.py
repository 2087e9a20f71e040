"""Starts processes, meters the CPU time of whole groups of them, and leaves none behind.

A grader's workers are no children of ours: they live in namespaces and are killed, so `getrusage` misses part of them.
A control group counts every process that was ever started in it. Where none can be made, the machine's busy time
stands in for it, less what the machine does when idle; that is right only while nothing else runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

_V1, _V2 = Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_JOIN = 'echo $$ > "$1"/cgroup.procs && shift && exec "$@"'


class Group:
    """Processes that are metered and ended together.

    Args:
        name: tells groups apart.
        idle: busy seconds per second of the machine at rest; used only where control groups are not to be had.
    """

    def __init__(self, name: str, idle: float = 0.0) -> None:
        self._folder = _make_folder(f"take-home-bench-{os.getpid()}-{name}")
        self._idle = idle
        self._leaders: list[subprocess.Popen[str]] = []

    @property
    def method(self) -> str:
        """How CPU time is counted."""
        if self._folder is None:
            return "busy time of the whole machine in /proc/stat, less its idle baseline"
        return f"control group ({'cpuacct' if self._folder.is_relative_to(_V1) else 'cpu.stat'})"

    def start(
        self, command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None, log: IO[str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command in this group and in a session of its own, with pipes to its input and output.

        Args:
            log: takes standard output and error instead of the pipe.
        """
        if self._folder is not None:
            command = ["/bin/sh", "-c", _JOIN, "join", str(self._folder), *command]
        started = subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=cwd,
            env=None if env is None else dict(env),
            text=True,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT if log else None,
        )
        self._leaders = [leader for leader in self._leaders if leader.poll() is None] + [started]
        return started

    def cpu_s(self) -> float:
        """Return the CPU seconds that the group has used so far; only differences mean something."""
        if self._folder is None:
            return _busy_s() - self._idle * time.monotonic()
        usage = self._folder / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        return int((self._folder / "cpu.stat").read_text().split()[1]) / 1e6

    def pids(self) -> list[int]:
        """Return the group's living processes."""
        if self._folder is None:
            return [pid for leader in self._leaders if leader.poll() is None for pid in _tree(leader.pid)]
        return [int(line) for line in (self._folder / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        """Kill what is left of the group, and remove it."""
        for leader in self._leaders:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)
        for _ in range(100):
            left = self.pids()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for leader in self._leaders:
                leader.poll()
            if not left:
                break
            time.sleep(0.05)
        for leader in self._leaders:
            for pipe in (leader.stdin, leader.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


@contextlib.contextmanager
def open_group(name: str, idle: float = 0.0) -> Iterator[Group]:
    """Make a group, and end all its processes at the end, whatever happens."""
    group = Group(name, idle)
    try:
        yield group
    finally:
        group.close()


def idle_baseline(seconds: float = 2.0) -> float:
    """Return how many CPU seconds per second the machine uses while we sleep."""
    before = _busy_s()
    time.sleep(seconds)
    return (_busy_s() - before) / seconds


def meter_error(group: Group, seconds: float = 2.0) -> float:
    """Burn a known amount of CPU time in two processes, one of them a daemon; return by what share the meter is off."""
    return (_burn(group, seconds) - _burn(group, 0.0)) / seconds - 1


def _burn(group: Group, seconds: float) -> float:
    """Return what the meter says about a program that burns CPU time, its own start included."""
    code = f"""
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
end = time.process_time() + {seconds / 2}
while time.process_time() < end:
    pass
os.close(writer)
os.read(reader, 1)
"""
    before = group.cpu_s()
    group.start([sys.executable, "-S", "-c", code], cwd=Path("/")).communicate(timeout=60)
    return group.cpu_s() - before


def _make_folder(name: str) -> Path | None:
    for root, meter in ((_V1, "cpuacct.usage"), (_V2, "cpu.stat")):
        folder = root / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / meter).exists() and os.access(folder / "cgroup.procs", os.W_OK):
            return folder
        folder.rmdir()
    return None


def _busy_s() -> float:
    user, nice, system, _, _, irq, softirq, *_ = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) * _TICK_S


def _tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in _tree(int(child)))]
