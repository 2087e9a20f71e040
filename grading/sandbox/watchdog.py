"""Kills a worker whose processes together use more memory, or are more, than they may.

A limit per process would be multiplied by forking, and the kernel's limit on processes does not bind root. So a thread
walks each worker's whole tree of processes and threads and sums its memory above what the zygote had when it forked.
With more than a few processes it reads each one's proportional share, in which pages that several of them map count
once in all.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.model import Limits
from grading.sandbox.endings import OutOfMemoryError, ViolationError, WorkerError

INTERVAL_S = 0.03
_FEW = 3
_KIB_PER_MIB = 1024
_OWN_PROCESSES = 2  # the worker's keeper and the worker itself


@dataclass(frozen=True)
class _Watched:
    limits: Limits
    kill: Callable[[WorkerError], object]


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

    def watch(self, pid: int, limits: Limits, kill: Callable[[WorkerError], object]) -> None:
        """Watch a worker; `pid` is its number as the zygote sees it.

        Args:
            kill: called with the reason when it uses more than it may.
        """
        self._workers[pid] = _Watched(limits, kill)
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
            base = _used_by_one_kib(zygote)
            for child in _children(zygote):
                names = _status_text(child, "NSpid").split()
                watched = self._workers.get(int(names[depth])) if len(names) > depth else None
                if watched is not None:
                    _check(child, base, watched)

    def _find_zygote(self) -> int | None:
        """Return the zygote's number on the host: the outermost process, or the one bubblewrap started."""
        current = self._root
        while _status_text(current, "Name").startswith("bwrap"):
            children = _children(current)
            if not children:
                return None
            current = children[0]
        return current


def _check(worker: int, base_kib: int, watched: _Watched) -> None:
    tree = [worker]
    tasks = 0
    for pid in tree:
        tasks += len(_tasks(pid))
        if tasks > watched.limits.processes + _OWN_PROCESSES:
            watched.kill(ViolationError("it started more processes and threads than it may"))
            return
        tree.extend(_children(pid))
    if _used_kib(tree, base_kib) > watched.limits.memory_mib * _KIB_PER_MIB:
        watched.kill(OutOfMemoryError("its processes used more memory than they may"))


def _used_kib(tree: list[int], base_kib: int) -> int:
    """Return the memory that processes use beyond what they share with the zygote, in KiB."""
    if len(tree) <= _FEW:
        return sum(max(0, _used_by_one_kib(pid) - base_kib) for pid in tree)
    # They and the zygote share its pages; how these fall to them is unknown, so all are forgiven.
    return sum(_share_kib(pid, base_kib) for pid in tree) - base_kib


def _tasks(pid: int) -> list[Path]:
    """Return the folders of a process's threads. The first thread may have ended while others go on."""
    with contextlib.suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []


def _children(pid: int) -> list[int]:
    """Return the processes that any thread of a process has started."""
    found: list[int] = []
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _status_text(pid: int, key: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return line.partition(":")[2].strip()
    return ""


def _used_by_one_kib(pid: int) -> int:
    """Return a process's anonymous and shared memory, swapped out or not, in KiB."""
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            found = _sum_kib((task / "status").read_text(), ("RssAnon:", "RssShmem:", "VmSwap:"))
            if found is not None:
                return found
    return 0


def _share_kib(pid: int, base_kib: int) -> int:
    """Return a process's proportional share of its anonymous and shared memory, in KiB."""
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            found = _sum_kib((task / "smaps_rollup").read_text(), ("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))
            if found is not None:
                return found
    return max(0, _used_by_one_kib(pid) - base_kib)  # not ours to read everywhere


def _sum_kib(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the sum of some lines like ``RssAnon:  12 kB``, or None where there is none of them."""
    values = [int(line.split()[1]) for line in text.splitlines() if line.startswith(keys)]
    return sum(values) if values else None
