"""Where tasks run: in processes of this machine, or on a Dask cluster. Both look like an executor to the caller."""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import re
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, Protocol

from grading.errors import UsageError
from grading.processes import begin, fresh_context, kill_children
from grading.regrade.task import Result, Task
from grading.regrade.work import grade_on_cluster, grade_task

_CONNECT_S = 10.0
_LOOK_EVERY_S = 2.0
_CLUSTER_RETRIES = 2
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:[0-9]{1,5}")


class Backend(Protocol):
    """Somewhere to grade.

    Attributes:
        deaths: exceptions that say that the process died and the task may be given once more.
    """

    deaths: tuple[type[BaseException], ...]

    @property
    def capacity(self) -> int:
        """How many tasks it can hold at the moment."""

    def submit(self, task: Task) -> Future[Result]:
        """Start a task; not more at a time than `capacity`."""

    def close(self, *, now: bool) -> None:
        """Give everything back; `now` ends what still runs."""


class Processes:
    """Processes of this machine, each grading one task at a time.

    Each has an executor of its own, so that the death of one (the kernel's memory killer, a person) touches only the
    task it had.

    Args:
        jobs: how many.
    """

    deaths: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, jobs: int) -> None:
        self.capacity = jobs
        self._context = fresh_context()
        self._foreign = multiprocessing.active_children()
        self._lanes: list[ProcessPoolExecutor | None] = [None] * jobs
        self._free = deque(range(jobs))

    def submit(self, task: Task) -> Future[Result]:
        """Start a task in a free process."""
        lane = self._free.popleft()
        executor = self._lanes[lane]
        if executor is None:
            executor = ProcessPoolExecutor(1, mp_context=self._context, initializer=begin)
            self._lanes[lane] = executor
        try:
            future = executor.submit(grade_task, task)
        except BrokenProcessPool as error:  # it died while it had nothing to do
            future = Future()
            future.set_exception(error)
        future.add_done_callback(partial(self._ended, lane))
        return future

    def close(self, *, now: bool) -> None:
        """End the processes; their sandboxes end with them."""
        if now:
            kill_children(self._foreign)
        for executor in self._lanes:
            if executor is not None:
                executor.shutdown(wait=not now, cancel_futures=True)

    def _ended(self, lane: int, future: Future[Result]) -> None:
        if not future.cancelled() and isinstance(future.exception(), BrokenProcessPool):
            self._lanes[lane] = None
        self._free.append(lane)


class Cluster:
    """A Dask cluster, whose scheduler gives the tasks of a dead worker to others.

    Args:
        address: the scheduler's, `tcp://host:port` or `tls://host:port`.

    Raises:
        UsageError: there is no scheduler at the address, or `distributed` is not installed.
    """

    deaths: tuple[type[BaseException], ...] = ()  # the scheduler has given the task to several workers already

    def __init__(self, address: str) -> None:
        try:
            distributed = importlib.import_module("distributed")
        except ImportError:
            raise UsageError(
                "--scheduler: needs the package distributed, which is not installed; "
                "run `pip install -r requirements-dev.txt`, or leave --scheduler out to grade on this machine"
            ) from None
        if not _ADDRESS.fullmatch(address):
            raise UsageError(f"--scheduler {address}: expected an address such as tcp://10.0.0.1:8786, or tls://")
        for name in [*logging.root.manager.loggerDict]:
            if name.partition(".")[0] in ("distributed", "tornado"):  # each has a level of its own
                logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it, our own errors say
        try:
            self._client: Any = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"--scheduler {address}: no Dask scheduler answers there ({str(error) or 'no answer in time'}); "
                "check the address, as in tcp://10.0.0.1:8786, and that the scheduler runs"
            ) from None
        # `retries` is for what a worker raises, such as a full disk; deaths are counted by the scheduler.
        self._executor: Any = self._client.get_executor(pure=False, retries=_CLUSTER_RETRIES)
        self._capacity = 0
        self._looked = float("-inf")

    @property
    def capacity(self) -> int:
        """Two tasks for each worker's thread, so that none waits for the network; workers may come and go."""
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            with contextlib.suppress(OSError):  # the scheduler does not answer; its tasks will tell whether it is gone
                self._capacity = 2 * sum(self._client.nthreads().values())
            self._looked = time.monotonic()
        return self._capacity

    def submit(self, task: Task) -> Future[Result]:
        """Send a task to the cluster."""
        future: Future[Result] = self._executor.submit(grade_on_cluster, task)
        return future

    def close(self, *, now: bool) -> None:
        """Leave the cluster; it forgets what was not fetched."""
        self._executor.shutdown(wait=not now)
        self._client.close()
