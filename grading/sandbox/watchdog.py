"""Kills a worker whose processes together use more memory than it may.

A limit per process would be multiplied by forking, so a thread sums the anonymous memory of each worker's whole tree,
above what the zygote had when it forked. With more than a few processes it reads the private share of each, since pages
that a child copies on write do not change its resident size.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.03
_FEW = 3
_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class _Watched:
    limit_mib: int
    kill: Callable[[], None]


class MemoryWatchdog:
    """Watches the workers below one zygote.

    Args:
        root: process id of the sandbox's outermost process on the host.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._workers: dict[int, _Watched] = {}
        self._stop = threading.Event()
        self._work = threading.Event()
        if sys.platform == "linux":
            threading.Thread(target=self._run, daemon=True).start()

    def watch(self, pid: int, limit_mib: int, kill: Callable[[], None]) -> None:
        """Watch a worker; `pid` is its number as the zygote sees it."""
        self._workers[pid] = _Watched(limit_mib, kill)
        self._work.set()

    def forget(self, pid: int) -> None:
        """Stop watching a worker."""
        self._workers.pop(pid, None)
        if not self._workers:
            self._work.clear()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._work.set()

    def _run(self) -> None:
        while True:
            self._work.wait()
            if self._stop.wait(INTERVAL_S):
                return
            zygote = self._find_zygote()
            if zygote is None:
                continue
            depth = len(_status_text(zygote, "NSpid").split()) - 1  # which namespace numbers the workers
            base = _resident_kib(zygote)
            for child in _children(zygote):
                names = _status_text(child, "NSpid").split()
                watched = self._workers.get(int(names[depth])) if len(names) > depth else None
                if watched is not None and _used_kib(child, base) > watched.limit_mib * _KIB_PER_MIB:
                    watched.kill()

    def _find_zygote(self) -> int | None:
        """Return the zygote's number on the host: the outermost process, or the one bubblewrap started."""
        current = self._root
        while _status_text(current, "Name").startswith("bwrap"):
            children = _children(current)
            if not children:
                return None
            current = children[0]
        return current


def _used_kib(root: int, base_kib: int) -> int:
    """Return the memory that a tree of processes uses beyond what it shares with the zygote, in KiB."""
    tree = [root]
    for pid in tree:
        tree.extend(_children(pid))
    if len(tree) <= _FEW:
        return sum(max(0, _resident_kib(pid) - base_kib) for pid in tree)
    return sum(_private_kib(pid, base_kib) for pid in tree)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _status_text(pid: int, key: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return line.partition(":")[2].strip()
    return ""


def _resident_kib(pid: int) -> int:
    """Return a process's anonymous and shared memory, in KiB."""
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1])
    return total


def _private_kib(pid: int, base_kib: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # not ours to read everywhere
        return max(0, _resident_kib(pid) - base_kib)
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))
