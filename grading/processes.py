"""Processes that grade for a caller. They end when the caller does, and at once when it is interrupted."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess


def fresh_context() -> SpawnContext:
    """Return how such processes start: a fork would copy the caller's threads and descriptors."""
    return multiprocessing.get_context("spawn")


def begin() -> None:
    """Prepare a process that grades: Ctrl-C is the caller's business, and without a caller there is no work."""
    # A function and not SIG_IGN, which the sandbox's programs would inherit.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller() -> None:
    caller = multiprocessing.parent_process()
    if caller is not None:
        connection.wait([caller.sentinel])
        os._exit(1)  # the sandbox notices, and ends too


@contextlib.contextmanager
def grading_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes to grade in; an exception ends them without waiting for what they do or have still to do."""
    foreign = multiprocessing.active_children()
    pool = ProcessPoolExecutor(jobs, mp_context=fresh_context(), initializer=begin)
    try:
        yield pool
    except BaseException:
        kill_children(foreign)
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def kill_children(foreign: Collection[BaseProcess]) -> None:
    """Kill this process's children but those that were there before; their sandboxes end with them."""
    for process in set(multiprocessing.active_children()).difference(foreign):
        process.kill()
