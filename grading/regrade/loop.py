"""Reads, grades and writes many submissions at the same time, with little in memory, and keeps count."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from grading.catalogue import assignment_folders, check_level, find_assignment
from grading.errors import GraderError, TakeHomeError, UsageError
from grading.model import Assignment, Level
from grading.regrade.backends import Backend, Cluster, Processes
from grading.regrade.sources import Source
from grading.regrade.store import Row, Store, row_of
from grading.regrade.task import Order, Result, Task, fingerprint_of, make_task
from grading.source import load_source, names_another_level

READERS = 8
WRITERS = 4
_TRIES = 2
_TICK_S = 1.0

Progress = Callable[[int, int, int], None]
"""Called with sources done, sources in all, and how many of those done were done before."""


@dataclass(frozen=True)
class Request:
    """What the caller asks for.

    Attributes:
        out: folder of the results.
        assignment_id: names the assignment of all sources; None takes it from each source.
        root: where assignments lie, or one assignment.
        seed: None takes the folder's, or draws one.
        jobs: gradings at a time on this machine.
        scheduler: address of a Dask scheduler, or None to grade here.
        retry_ungraded: grade once more, at the end, what the grader failed to grade.
        draw: the seed of the bugs in starters, where the assignment draws them and a source names no other.
    """

    sources: tuple[Source, ...]
    out: Path
    root: Path
    level: Level = Level.MID
    assignment_id: str | None = None
    seed: int | None = None
    official: bool = False
    jobs: int = 1
    scheduler: str | None = None
    retry_ungraded: bool = False
    draw: int = 0


@dataclass(frozen=True)
class Summary:
    """What became of the sources; the counts sum to their number.

    Attributes:
        rows: one for each source, in their order, as in `index.csv`.
        graded: graded now.
        kept: were there from an earlier run.
        shared: have the grade of another source with the same content.
        ungraded: the grader failed.
        bad: cannot be read, by the caller's mistake.
        left: not reached, because the run was interrupted.
    """

    rows: tuple[Row, ...]
    graded: int
    kept: int
    shared: int
    ungraded: int
    bad: int
    left: int

    @property
    def interrupted(self) -> bool:
        """Whether sources were left because of Ctrl-C."""
        return self.left > 0


def regrade(request: Request, *, on_progress: Progress | None = None) -> Summary:
    """Grade every source that has no result yet and write the results; Ctrl-C ends it early, with a summary.

    Raises:
        UsageError: the request makes no sense; nothing was graded.
        GraderError: a worker must not grade, or the cluster is gone. What was written stays.
        OSError: a result cannot be written.
    """
    assignment_folders([request.root])
    if request.assignment_id is not None:
        find_assignment(request.assignment_id, [request.root], proof=False)
    with Store(request.out) as store:
        order = Order(request.level, store.seed(request.seed), request.official, request.draw)
        backend: Backend = Cluster(request.scheduler) if request.scheduler else Processes(request.jobs)
        run = _Run(request, order, store, backend, on_progress)
        finished = False
        try:
            with run.hearing_ctrl_c():
                run.go(range(len(request.sources)))
                if request.retry_ungraded:
                    run.go(run.forget_ungraded())
            finished = True
        except KeyboardInterrupt:
            pass  # the summary says how far it came
        finally:
            run.stop(now=not finished)
            summary = run.summary()
            store.write_index(summary.rows)
    return summary


@dataclass(frozen=True)
class _Read:
    """What reading a source gave: a task with perhaps a result that is there; or an error, perhaps our own."""

    task: Task | None = None
    document: Mapping[str, Any] | None = None
    error: str = ""
    ours: bool = False


@dataclass
class _Run:
    """The state of a run. Only the thread that calls `go` changes it; threads and workers send it events."""

    request: Request
    order: Order
    store: Store
    backend: Backend
    on_progress: Progress | None
    rows: dict[int, Row] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._ready: deque[tuple[Task, int]] = deque()
        self._waiting: dict[str, list[int]] = {}  # key in work → the sources that wait for it
        self._graded: dict[str, Row] = {}
        self._failed: dict[str, str] = {}
        self._reading = self._grading = self._free = 0
        self._fingerprints: dict[Path, str] = {}

    def go(self, indexes: Iterable[int]) -> None:
        """Take sources to their ends: a result, a reason why not, or an exception that ends the run."""
        left = deque(indexes)
        while left or self._reading or self._ready or self._waiting:
            capacity = self.backend.capacity
            while left and self._reading + len(self._ready) < READERS + capacity:
                self._read(left.popleft())
            while self._ready and self._grading < capacity:
                self._grade(*self._ready.popleft())
            with contextlib.suppress(Empty):
                event = self._events.get(timeout=_TICK_S)
                event()
            if self.on_progress is not None:
                self.on_progress(len(self.how), len(self.request.sources), self._free)

    @contextlib.contextmanager
    def hearing_ctrl_c(self) -> Iterator[None]:
        """Take Ctrl-C between two events, so that none is lost halfway. A second one breaks off at once."""
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
            yield  # whoever took it, or hides it, keeps it
            return

        def hear(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, before)
            self._events.put(_interrupt)

        signal.signal(signal.SIGINT, hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def stop(self, *, now: bool) -> None:
        """End the work; what is being written is still written."""
        self._readers.shutdown(wait=not now, cancel_futures=True)
        self.backend.close(now=now)
        self._writers.shutdown(wait=True)
        while now:
            try:
                event = self._events.get_nowait()
            except Empty:
                break
            if isinstance(event, partial) and event.func == self._written:
                event()

    def forget_ungraded(self) -> list[int]:
        """Return the sources that the grader failed to grade, as if they had not been tried."""
        again = [index for index, how in self.how.items() if how == "ungraded"]
        for index in again:
            del self.rows[index], self.how[index]
        self._failed.clear()
        return again

    def summary(self) -> Summary:
        """Count what became of the sources so far."""
        sources = self.request.sources
        left = "not reached: the run ended before; start it again"
        rows = tuple(self.rows.get(i, Row(source.name, error=left)) for i, source in enumerate(sources))
        counts = dict.fromkeys(("graded", "kept", "shared", "ungraded", "bad"), 0)
        for how in self.how.values():
            counts[how] += 1
        return Summary(rows=rows, left=len(sources) - len(self.how), **counts)

    # the stages -------------------------------------------------------------------------------------------------------

    def _read(self, index: int) -> None:
        self._reading += 1
        self._follow(self._readers.submit(self._load, self.request.sources[index]), partial(self._have_read, index))

    def _load(self, source: Source) -> _Read:
        """Read one source. Runs in a thread."""
        try:
            submission, assignment = load_source(
                source.name, assignment_id=self.request.assignment_id, root=self.request.root
            )
            check_level(assignment, self.order.level)
            if names_another_level(submission, assignment, self.order.level):
                told = submission.told_level
                return _Read(error=f"its task.toml says level {told}; regrade with --level {told}, or grade it alone")
            order = self.order if source.draw is None else replace(self.order, draw=source.draw)
            task = make_task(assignment, submission, order, self._fingerprint(assignment))
            return _Read(task, self.store.find(task.key))
        except UsageError as error:
            return _Read(error=_line(error))
        except TakeHomeError as error:
            return _Read(error=_line(error), ours=True)
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
            return _Read(error=f"cannot be read: {_line(error)}")

    def _fingerprint(self, assignment: Assignment) -> str:
        """Return an assignment's fingerprint as it was when the run first met it."""
        known = self._fingerprints.get(assignment.directory)
        return known or self._fingerprints.setdefault(assignment.directory, fingerprint_of(assignment))

    def _have_read(self, index: int, future: Future[_Read]) -> None:
        self._reading -= 1
        read = future.result()
        if read.task is None:
            return self._settle(index, Row("", error=read.error), "ungraded" if read.ours else "bad")
        key = read.task.key
        if key in self._waiting:
            self._waiting[key].append(index)
        elif key in self._failed:
            self._settle(index, Row("", key, verdict="ungraded", error=self._failed[key]), "ungraded")
        elif key in self._graded:  # the document may have been written after it was looked for
            self._settle(index, self._graded[key], "shared")
        elif read.document is not None:
            self._settle(index, row_of("", key, read.document), "kept")
        else:
            self._waiting[key] = [index]
            self._ready.append((read.task, 1))
        return None

    def _grade(self, task: Task, attempt: int) -> None:
        self._grading += 1
        self._follow(self.backend.submit(task), partial(self._have_graded, task, attempt))

    def _have_graded(self, task: Task, attempt: int, future: Future[Result]) -> None:
        self._grading -= 1
        if future.cancelled() or isinstance(future.exception(), CancelledError):
            raise GraderError("the Dask scheduler is gone; what is written stays. Start the scheduler, then run again")
        error = future.exception()
        if isinstance(error, self.backend.deaths) and attempt < _TRIES:
            self._ready.appendleft((task, attempt + 1))
            return
        if error is not None:
            died = "the process that graded it died, more than once" if isinstance(error, self.backend.deaths) else ""
            self._give_up(task.key, died or f"{type(error).__name__}: {_line(error)}")
            return
        result = future.result()
        if result.refusal is not None:
            raise GraderError(f"a worker refuses to grade: {result.refusal} What is written stays.")
        if result.ungraded is not None:
            self._give_up(task.key, result.ungraded)
            return
        self._follow(self._writers.submit(self._keep, task.key, result.files), partial(self._written, task.key))

    def _keep(self, key: str, files: Mapping[str, str]) -> Row:
        """Write a result and return its row as a reader would find it. Runs in a thread."""
        self.store.keep(key, files)
        document = self.store.find(key)
        if document is None:
            raise GraderError(f"{self.store.folder / key}: a result that was just written is not there")
        return row_of("", key, document)

    def _written(self, key: str, future: Future[Row]) -> None:
        self._graded[key] = row = future.result()
        for number, index in enumerate(self._waiting.pop(key)):
            self._settle(index, row, "shared" if number else "graded")

    # keeping count ----------------------------------------------------------------------------------------------------

    def _give_up(self, key: str, error: str) -> None:
        self._failed[key] = error
        for index in self._waiting.pop(key):
            self._settle(index, Row("", key, verdict="ungraded", error=error), "ungraded")

    def _settle(self, index: int, row: Row, how: str) -> None:
        self.rows[index] = replace(row, source=self.request.sources[index].name)
        self.how[index] = how
        self._free += how in ("kept", "bad")

    def _follow(self, future: Future[Any], then: Callable[[Future[Any]], None]) -> None:
        """Have `then` called in the thread of `go` once the future is done."""
        future.add_done_callback(lambda done: self._events.put(partial(then, done)))


def _interrupt() -> None:
    raise KeyboardInterrupt


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:600]
