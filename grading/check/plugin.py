"""A pytest plugin that writes what happens as lines of JSON, so that the checker can tell it by criterion.

Every event is written at once: if Python dies in the middle of a test, the file still says in which one.
"""

from __future__ import annotations

import json
import linecache
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

import pytest

_HERE = Path(__file__).resolve().parent
_MESSAGE_LINES = 12
_LINE_CHARS = 200
_MARKERS = (
    "criterion(id, weight=1): the line of the rubric that a test belongs to",
    "levels(*names): the levels that a test exists at",
    "limit(test_s): seconds that a test may take",
    "gpu: needs a GPU; carries no points",
    "extension: beyond the task; carries no points",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("grading check")
    group.addoption("--check-events", metavar="FILE", help="write events here, one JSON object a line")
    group.addoption("--check-load-limit", metavar="S", type=float, default=30.0, help="seconds for importing one file")


def pytest_configure(config: pytest.Config) -> None:
    """Start writing, if asked to."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    path = config.getoption("--check-events")
    if path:
        config.pluginmanager.register(Recorder(config, Path(path)), "grading-check-recorder")


class Recorder:
    """Writes events while pytest runs."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._stream: TextIO = path.open("w", encoding="utf-8")
        self._load_limit = float(config.getoption("--check-load-limit"))
        self._root = config.rootpath.resolve()
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, dict[str, object]] = {}

    def _write(self, event: str, **fields: object) -> None:
        self._stream.write(json.dumps({"event": event, **fields}) + "\n")
        self._stream.flush()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        """Stop an endless loop at import, which no test's clock would see."""
        if isinstance(collector, pytest.Module):
            self._write("load", id=collector.nodeid)
        with _alarm(self._load_limit if isinstance(collector, pytest.Module) else 0):
            return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write which tests there are."""
        tests = []
        for item in session.items:
            marker = item.get_closest_marker("criterion")
            criterion = str(marker.args[0]) if marker is not None and marker.args else None
            tests.append({"id": item.nodeid, "function": item.nodeid.split("[", 1)[0], "criterion": criterion})
        self._write("collected", tests=tests)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write which test starts."""
        self._write("start", id=nodeid)

    def pytest_exception_interact(
        self,
        node: pytest.Item | pytest.Collector,
        call: pytest.CallInfo[object],
        report: pytest.CollectReport | pytest.TestReport,
    ) -> None:
        """Keep what went wrong."""
        if call.excinfo is None:
            return
        value = call.excinfo.value
        if isinstance(report, pytest.CollectReport):
            self._write("broken", id=node.nodeid, failure=self._describe(value.__cause__ or value))
        else:
            text = call.excinfo.exconly(tryshort=True)
            self._failures.setdefault(node.nodeid, self._describe(value, text))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a phase of a test ended; the worst of the three counts."""
        worst = self._outcomes.get(report.nodeid, "passed")
        self._outcomes[report.nodeid] = report.outcome if worst == "passed" else worst

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write how a test ended."""
        outcome = self._outcomes.get(nodeid, "failed")
        self._write("result", id=nodeid, outcome=outcome, failure=self._failures.get(nodeid))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Write what ended pytest itself; most often a sys.exit at import."""
        self._write("ended", failure=self._describe(excinfo.value))

    def pytest_unconfigure(self) -> None:
        """Write that all is done."""
        self._write("done")
        self._stream.close()

    def _describe(self, error: BaseException, text: str | None = None) -> dict[str, object]:
        """Return what a person needs: kind, message, and the deepest line in the task's own files."""
        if isinstance(error, _TooLongError):
            text = str(error)
        elif text is None:
            text = "".join(traceback.format_exception_only(error))
        lines = [line[:_LINE_CHARS] for line in text.rstrip().splitlines()]
        more = ["…"] if len(lines) > _MESSAGE_LINES else []
        described: dict[str, object] = {
            "kind": type(error).__name__,
            "message": "\n".join(lines[:_MESSAGE_LINES] + more),
            "timeout": "pytest-timeout" in text or isinstance(error, _TooLongError),
        }
        if isinstance(error, SyntaxError) and error.filename:
            place = (Path(error.filename), error.lineno or 1, "")
            return {**described, **self._place(place)}
        frames = [
            (Path(frame.f_code.co_filename), line, frame.f_code.co_name)
            for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        own = [place for place in frames if self._is_own(place[0])]
        if own:
            described |= self._place(own[-1])
        return described

    def _is_own(self, path: Path) -> bool:
        """Whether a file is the candidate's or a visible test, and not a library's or ours."""
        parts = path.parts
        return path.is_relative_to(self._root) and not path.is_relative_to(_HERE) and "site-packages" not in parts

    def _place(self, place: tuple[Path, int, str]) -> dict[str, object]:
        path, line, function = place
        shown = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else path.name
        source = linecache.getline(str(path), line).strip()[:_LINE_CHARS]
        return {"file": shown, "line": line, "function": function, "source": source}


class _TooLongError(BaseException):
    """Importing took too long. Not an Exception: the code that hangs may catch those."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise in the main thread after some seconds, where the system has such an alarm."""
    if not seconds or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLongError(f"importing did not end within {seconds:g} s; is there an endless loop, or work at import?")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        with suppress(TypeError):  # a handler that was not set from Python cannot be put back
            signal.signal(signal.SIGALRM, before)
