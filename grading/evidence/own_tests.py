"""Judge the tests that a candidate wrote: they must pass on right solutions and fail on planted bugs.

Each run has a fresh worker with the tests, and one solution as code without source. pytest runs there, beside the
candidate's tests, so what it says is what they say. That is enough: tests that lie have to say "passed" for the right
solutions and "failed" for the planted bugs, and nothing tells the two apart but how they behave. The order is drawn
anew for each grade, paths, names, seeds and environment are the same, each solution is faced more than once, and only
what happens each time counts. Once a right solution fails, no planted bug is tried: nothing is earned, and of the
bugs nothing is told.
"""

from __future__ import annotations

import ast
import contextlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grading.catalogue.own_tests import CATCHES, RIGHT, own_criterion
from grading.evidence.targets import Target, compile_target, load_targets
from grading.model import (
    Assignment,
    Blame,
    CheckResult,
    Coverage,
    FailureKind,
    Flag,
    Level,
    Outcome,
    OwnTests,
    Submission,
)
from grading.sandbox import codec
from grading.sandbox.driver import INSIDE
from grading.sandbox.endings import CrashedError, OutOfMemoryError, OutOfTimeError, WorkerError
from grading.sandbox.host import Zygote, read_package

_INSIDE = Path(__file__).parent / "own_tests_inside"
_ENTRY = "_own_tests_entry"
_MAX_DETAIL, _MAX_NAME, _MAX_FLAGS = 2000, 200, 10
_ENOUGH_RIGHTS = 3
_MAX_COUNT = 10_000_000
_PEEKS = frozenset({"__code__", "co_code", "co_consts", "co_names", "f_code", "gi_code", "getsource", "getsourcelines"})
_PEEKING_MODULES = frozenset({"dis", "marshal", "linecache", "ctypes", "gc"})


@dataclass(frozen=True)
class OwnTestsRun:
    """What came of a candidate's own tests.

    Attributes:
        checks: one for each right solution and each planted bug.
        coverage: of the candidate's own solution; None if it could not be measured.
        timings: name → seconds.
    """

    checks: tuple[CheckResult, ...] = ()
    coverage: Coverage | None = None
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Report:
    """How the tests ended on one solution. `kind` is None where at least one passed and none failed."""

    kind: FailureKind | None
    detail: str
    duration_s: float = 0.0

    @property
    def clean(self) -> bool:
        return self.kind is None


def run_own_tests(
    assignment: Assignment, submission: Submission, *, level: Level, zygote: Zygote, seed: int
) -> OwnTestsRun:
    """Run a candidate's own tests against every right solution and every planted bug of a level.

    Args:
        zygote: one that has loaded `assignment.libraries`.
        seed: secret; decides the order.

    Returns: nothing where no criterion of this level is judged by own tests.

    Raises:
        GraderError: a planted bug cannot be made, or the sandbox does not work.
    """
    own, criterion = assignment.own_tests, own_criterion(assignment, level)
    if own is None or criterion is None:
        return OwnTestsRun()
    started = time.monotonic()
    rng = random.Random(f"own tests {seed}")  # noqa: S311 - the seed is secret
    targets = load_targets(assignment, level)
    bench = _Bench(assignment, own, submission, zygote)
    order = [number for number in range(len(targets)) for _ in range(own.repeats)]
    rng.shuffle(order)
    found: dict[int, list[_Report]] = {number: [] for number in range(len(targets))}
    refused: set[int] = set()
    for number in order:
        if number in refused or (refused and not targets[number].right):
            continue
        report = bench.run(compile_target(targets[number], rng))
        found[number].append(report)
        if targets[number].right and not report.clean:
            refused.add(number)
    checks = tuple(_checks(targets, found, criterion, own.repeats))
    tested = time.monotonic()
    coverage = bench.measure()
    return OwnTestsRun(checks, coverage, {"own_tests_s": tested - started, "coverage_s": time.monotonic() - tested})


class _Bench:
    """Runs one candidate's tests, each time in a fresh worker."""

    def __init__(self, assignment: Assignment, own: OwnTests, submission: Submission, zygote: Zygote) -> None:
        self._entry = assignment.entry
        self._own = own
        self._files = dict(submission.files)
        self._tests = {n: d for n, d in self._files.items() if n.startswith(own.folder) and _is_test_file(n)}
        self._limits = replace(assignment.limits, test_s=own.run_s, share_worker=False)
        self._zygote = zygote
        self._inside = read_package(_INSIDE)

    def run(self, modules: dict[str, list[object]]) -> _Report:
        """Run the tests against one compiled solution."""
        if not self._tests:
            return _Report(FailureKind.WRONG_VALUE, f"there is no test in {self._own.folder}")
        started = time.monotonic()
        try:
            answer = self._ask_twice(self._tests, "run", modules, self._own.folder)
        except WorkerError as error:
            return _Report(_kind_of(error), str(error)[:_MAX_DETAIL], time.monotonic() - started)
        return replace(_read(answer), duration_s=time.monotonic() - started)

    def measure(self) -> Coverage | None:
        """Run the tests against the candidate's own solution; None where that gives no numbers."""
        counted = [name for name in self._files if name.endswith(".py") and not name.startswith(self._own.folder)]
        if not self._tests or not counted:
            return None
        files = {**self._tests, **{name: self._files[name] for name in counted}}
        try:
            answer = self._ask_twice(files, "measure", self._entry, self._own.folder, counted)
        except WorkerError:
            return None
        totals = answer.get("totals") if type(answer) is dict else None
        if type(totals) is not list or len(totals) != 4:
            return None
        if not all(type(number) is int and 0 <= number <= _MAX_COUNT for number in totals):
            return None
        lines, of_lines, branches, of_branches = totals
        return Coverage(_read(answer).clean, min(lines, of_lines), of_lines, min(branches, of_branches), of_branches)

    def _ask_twice(self, files: Mapping[str, bytes], name: str, *args: object) -> Any:
        """Call a function of ours beside the tests; once more, afresh, if the worker died by a signal not of ours."""
        try:
            return self._ask(files, name, args)
        except CrashedError as error:
            if error.signal is None:
                raise
        return self._ask(files, name, args)

    def _ask(self, files: Mapping[str, bytes], name: str, args: tuple[object, ...]) -> Any:
        worker = self._zygote.spawn({**files, f"{_ENTRY}.py": b""}, self._inside, self._limits)
        try:
            deadline = time.monotonic() + self._own.run_s
            options = {"entry": _ENTRY, "dataclasses": {}, "entry_points": {}, "seed": 0}

            def ask(**fields: object) -> Any:
                reply = worker.request(fields, deadline, special={"h": _decode_handle})
                return reply.get("value") if reply["ok"] else None

            ask(op="load", args=[options])
            function = ask(op="getattr", target=INSIDE, args=[name])
            if not isinstance(function, _Handle):
                return None
            return ask(op="call", target=function.number, args=[list(args), {}])
        finally:
            worker.close()


@dataclass(frozen=True)
class _Handle:
    number: int


def _decode_handle(_: codec.Decoder, node: list[Any], __: int) -> _Handle:
    if type(node[1]) is not int:
        codec.bad("handle")
    return _Handle(node[1])


def _read(answer: object) -> _Report:
    """Read what a worker says; anything else than a clean run is a failure."""
    if type(answer) is not dict:
        return _Report(FailureKind.CRASH, "pytest ended without a result")
    status, passed, failed = (answer.get(key) for key in ("status", "passed", "failed"))
    if type(status) is not int or type(passed) is not int or type(failed) is not list:
        return _Report(FailureKind.CRASH, "pytest ended without a result")
    names = [name[:_MAX_NAME] for name in failed if type(name) is str]
    if failed or status != 0:
        why = f"failed: {', '.join(names)}" if names else f"pytest ended with status {status}"
        return _Report(FailureKind.WRONG_VALUE, why[:_MAX_DETAIL])
    if passed < 1:
        return _Report(FailureKind.WRONG_VALUE, "no test passed: each was skipped or expected to fail")
    return _Report(None, "")


def _kind_of(error: WorkerError) -> FailureKind:
    if isinstance(error, OutOfTimeError):
        return FailureKind.TIMEOUT
    return FailureKind.MEMORY if isinstance(error, OutOfMemoryError) else FailureKind.CRASH


def _checks(
    targets: tuple[Target, ...], found: Mapping[int, list[_Report]], criterion: str, repeats: int
) -> Iterator[CheckResult]:
    """Turn reports into checks. Once a right solution has failed, no planted bug counts as caught."""
    rights = [number for number, target in enumerate(targets) if target.right]
    gate = all(report.clean for number in rights for report in found[number])
    for number, target in enumerate(targets):
        reports = found[number]
        name = f"{RIGHT if target.right else CATCHES}[{target.name}]"
        duration = sum(report.duration_s for report in reports)
        bad = next((report for report in reports if not report.clean), None)
        if target.right:
            done = bad is None and len(reports) == repeats
            detail = bad.detail if bad is not None else ""
            kind = bad.kind if bad is not None else FailureKind.WRONG_VALUE
        else:
            done = gate and len(reports) == repeats and not any(report.clean for report in reports)
            detail = bad.detail if done and bad else "not caught" if gate else "not counted: a right solution failed"
            kind = FailureKind.WRONG_VALUE
        if done:
            yield CheckResult(name, criterion, detail=detail, duration_s=duration)
        else:
            outcome = Outcome.TIMED_OUT if kind is FailureKind.TIMEOUT else Outcome.FAILED
            yield CheckResult(name, criterion, 1, outcome, Blame.CANDIDATE, kind, detail=detail, duration_s=duration)


def _is_test_file(name: str) -> bool:
    """Whether a file travels: tests and what they read, but nothing that configures pytest."""
    return name.rpartition("/")[2] not in ("conftest.py", "pytest.toml", "pytest.ini", "tox.ini", "setup.cfg")


def lone_refusal_flags(checks: Sequence[CheckResult]) -> tuple[Flag, ...]:
    """Flag own tests that all right solutions pass but one: that one may be wrong. For a person, never points."""
    rights = [check for check in checks if check.name.startswith(f"{RIGHT}[")]
    failing = [check for check in rights if check.outcome is not Outcome.PASSED]
    if len(failing) != 1 or len(rights) < _ENOUGH_RIGHTS:
        return ()
    message = (
        f"The candidate's own tests pass on all right solutions but one (see {failing[0].name} below). If the README "
        "backs their test, that solution is wrong and not they: then mend it, and grade again."
    )
    return (Flag("own_tests_lone_refusal", message),)


def peeking_flags(assignment: Assignment, submission: Submission) -> tuple[Flag, ...]:
    """Flag own tests that look at code instead of at what it does. For a person to read, never points."""
    flags: list[Flag] = []
    for name, data in sorted(submission.files.items()):
        if not assignment.is_own_test(name) or not name.endswith(".py"):
            continue
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.walk(ast.parse(data)):
                what = _peek(node)
                if what:
                    message = f"{name} looks at how code is made ({what}), where tests look at what it does."
                    flags.append(Flag("own_tests_peek", message, name, getattr(node, "lineno", None)))
    return tuple(flags[:_MAX_FLAGS])


def _peek(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and node.attr in _PEEKS:
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _PEEKS:
        return node.value
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return next((name for name in names if name.partition(".")[0] in _PEEKING_MODULES), "")
