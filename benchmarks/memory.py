"""What the processes of a group hold in memory, from /proc."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from benchmarks.processes import Group

_KIB = 1 / 1024
_EVERY_S = 0.01


def smaps_mib(pid: int) -> dict[str, float]:
    """Return a process's smaps_rollup in MiB; empty where it is gone or not ours to read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * _KIB for line in lines}


def private_mib(rollup: dict[str, float]) -> float:
    """Return what would be free again if the process ended."""
    return rollup.get("Private_Dirty", 0.0) + rollup.get("Private_Clean", 0.0)


def _parent_and_command(pid: int) -> tuple[int, bytes]:
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return parent, Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0, b""


def zygotes_and_forks(pids: list[int]) -> tuple[set[int], dict[int, int]]:
    """Return the zygotes among these processes, and the workers, worker → its keeper (0 where it has none).

    A fork keeps its parent's command line, so zygotes are the topmost processes with theirs; a keeper stands between
    a zygote and a worker.
    """
    known = {pid: _parent_and_command(pid) for pid in pids}
    alike = {
        pid
        for pid, (_, command) in known.items()
        if b"grading/sandbox/zygote.py" in command and b"bwrap" not in command.split(b"\0")[0]
    }
    forks = {pid for pid in alike if known[pid][0] in alike}
    keepers = {known[pid][0] for pid in forks} & forks
    return alike - forks, {pid: known[pid][0] if known[pid][0] in forks else 0 for pid in forks - keepers}


def cpu_of(pids: set[int]) -> float:
    """Return the CPU seconds that these processes themselves have used, their children aside."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


@dataclass
class Sampler:
    """Looks at a group's memory again and again until the `with` block ends.

    Attributes:
        workers: worker → the most private memory seen, its keeper's included, in MiB.
        peak_pss_mib: the most that the whole group held at one time, shared pages counted once.
    """

    group: Group
    workers: dict[int, float] = field(default_factory=dict)
    peak_pss_mib: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Sampler:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        turn = 0
        while not self._stop.is_set():
            pids = self.group.pids()
            for worker, keeper in zygotes_and_forks(pids)[1].items():
                seen = private_mib(smaps_mib(worker)) + (private_mib(smaps_mib(keeper)) if keeper else 0.0)
                self.workers[worker] = max(seen, self.workers.get(worker, 0.0))
            if turn % 10 == 0:
                total = sum(smaps_mib(pid).get("Pss", 0.0) for pid in pids)
                self.peak_pss_mib = max(self.peak_pss_mib, total)
            turn += 1
            time.sleep(_EVERY_S)
