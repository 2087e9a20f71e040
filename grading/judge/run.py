"""Run one submission through an assignment's hidden tests."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from grading.errors import GraderError
from grading.judge.hooks import JudgePlugin
from grading.judge.modules import forget_others_tests, forget_tests_of
from grading.judge.nursery import Loaded, Nursery, load_in
from grading.judge.outcomes import died_by_foreign_signal
from grading.model import Assignment, CheckResult, Level, LoadFault, Submission
from grading.sandbox.host import Zygote, ZygoteKey, read_package
from grading.sandbox.worker import Worker

_CONFIGURATION = Path(__file__).parent / "pytest.ini"
# What hidden tests have no use for. (`unraisableexception` collects garbage, which takes longer than a test.)
_UNUSED_PLUGINS = [
    *("terminal", "faulthandler", "unraisableexception", "threadexception", "doctest", "junitxml", "pastebin"),
    *("legacypath", "stepwise", "setuponly", "setupplan", "debugging", "logging", "cacheprovider"),
]
_RAN = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True)
class JudgeRun:
    """What the hidden tests found.

    Attributes:
        load_faults: why the code did not load, or which entry points differ; shown to the candidate.
        output: what the candidate's code printed; private.
        timings: name → seconds.
    """

    checks: tuple[CheckResult, ...]
    load_faults: tuple[LoadFault, ...]
    output: str
    timings: Mapping[str, float]


def key_of(assignment: Assignment, hash_seed: int = 0) -> ZygoteKey:
    """Return which zygote an assignment needs."""
    return ZygoteKey(assignment.preload, assignment.forbidden, hash_seed)


def open_worker(zygote: Zygote, submission: Submission, inside: Mapping[str, bytes], assignment: Assignment) -> Worker:
    """Fork a worker with the submission in it."""
    return zygote.spawn(submission.files, inside, assignment.limits)


def run_hidden_tests(
    assignment: Assignment,
    submission: Submission,
    *,
    level: Level,
    zygote: Zygote,
    seed: int,
    order_seed: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    only: str | None = None,
    has_gpu: bool = False,
    idle: Collection[str] = (),
) -> JudgeRun:
    """Judge a submission.

    Args:
        seed: decides every random input; keep it secret until the grade stands.
        order_seed: shuffles the tests; None keeps their order.
        on_progress: called with tests done and tests in all.
        only: run no checks but those without points of this kind, "gpu" or "extension"; None runs all.
        has_gpu: whether the sandbox shows a GPU; without one, checks marked gpu are not run.
        idle: names of checks to leave out, because the draw left their bugs out.

    Raises:
        GraderError: the hidden tests or the sandbox do not work; nothing is said about the submission.
    """
    inside = read_package(assignment.inside)
    started = time.monotonic()

    def hatch() -> Loaded:
        return load_in(open_worker(zygote, submission, inside, assignment), assignment, level, seed)

    with Nursery(hatch) as nursery:

        def try_loading() -> tuple[LoadFault | None, tuple[LoadFault, ...]]:
            if submission.fault is not None:
                return submission.fault, (submission.fault,)
            return _try_loading(assignment, nursery)

        plugin = JudgePlugin(assignment, level, seed, nursery.take, try_loading)
        plugin.prepare_next = nursery.prepare
        plugin.on_progress, plugin.order_seed = on_progress, order_seed
        plugin.only, plugin.has_gpu, plugin.idle = only, has_gpu, idle
        _run_pytest(assignment.hidden, plugin)
    if plugin.grader_error is not None:
        raise plugin.grader_error
    collected = plugin.collected
    if collected.collection_errors:
        raise GraderError(
            f"{assignment.id}: hidden tests cannot be imported:\n" + "\n".join(collected.collection_errors)
        )
    if not collected.plans and only is None:
        raise GraderError(f"{assignment.id}: no hidden test at level {level.value}")
    return JudgeRun(
        checks=collected.checks(),
        load_faults=plugin.load_faults,
        output=collected.output,
        timings={"tests_s": time.monotonic() - started},
    )


def _try_loading(assignment: Assignment, nursery: Nursery) -> tuple[LoadFault | None, tuple[LoadFault, ...]]:
    """Load once before any test, so that code that cannot be loaded costs one attempt and not one a test.

    Returns: the fault that keeps every test from running, and all faults to show.
    """
    file = f"{assignment.entry}.py"
    loaded = nursery.peek()
    if loaded.error is not None and died_by_foreign_signal(loaded.error):
        nursery.drop()
        loaded = nursery.peek()
    if loaded.error is not None:
        kind = type(loaded.error).__name__.removesuffix("Error")
        fault: LoadFault | None = LoadFault(file, None, kind, f"while it was imported, {loaded.error}")
    else:
        fault = loaded.fault
    if fault is not None:
        return fault, (fault,)
    problems = loaded.problems.items()
    return None, tuple(LoadFault(file, None, "entry point", f"{name} {problem}") for name, problem in problems)


def _run_pytest(hidden: Path, plugin: JudgePlugin) -> None:
    arguments = [str(hidden), "-c", str(_CONFIGURATION), "--rootdir", str(hidden)]
    arguments += [part for name in _UNUSED_PLUGINS for part in ("-p", f"no:{name}")]
    forget_others_tests(hidden)
    output = io.StringIO()
    whole = False
    try:
        with _clean_environment(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = pytest.main(arguments, plugins=[plugin])
        whole = status in _RAN and not plugin.collected.collection_errors
    finally:
        if not whole:  # some import may have broken off, and half a module would pass for the whole in the next grade
            forget_tests_of(hidden)
    if status == pytest.ExitCode.INTERRUPTED and not plugin.collected.collection_errors:
        raise KeyboardInterrupt
    if status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise GraderError(f"pytest failed in {hidden}:\n{output.getvalue()[-4000:]}")


@contextlib.contextmanager
def _clean_environment() -> Iterator[None]:
    """Keep plugins and options of the caller's environment out of the judge's pytest."""
    saved = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update({name: value for name, value in saved.items() if value is not None})
