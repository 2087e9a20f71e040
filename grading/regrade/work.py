"""Runs a task in a process that grades: a task in, rendered files out. Each process keeps its sandboxes warm."""

from __future__ import annotations

import functools
import os
import platform
from concurrent.futures import ThreadPoolExecutor

from grading.catalogue import load_assignment
from grading.errors import IsolationError, TakeHomeError
from grading.model import Assignment, Graded
from grading.pipeline import Grader
from grading.regrade.task import ROOT, Result, Task, fingerprint_of

_MAX_REASON = 600
_ARITHMETIC = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_known: dict[str, Assignment] = {}


def grade_task(task: Task) -> Result:
    """Grade one submission here."""
    refusal = _refusal(task)
    if refusal is not None:
        return Result({}, refusal=refusal)
    try:
        graded = _grader(task.order.official).grade(
            _known[task.fingerprint],
            task.submission,
            level=task.order.level,
            seed=task.order.seed,
            draw=task.order.draw,
        )
    except IsolationError as error:
        return Result({}, refusal=f"{platform.node()}: {error}")
    except TakeHomeError as error:
        return Result({}, ungraded=_short(str(error)))
    if graded.grade.auto is None:
        return Result({}, ungraded=_short(_reason(graded)))
    return Result(_rendered(graded))


def grade_on_cluster(task: Task) -> Result:
    """Grade one submission in a Dask worker, however many threads it has.

    One thread does all the grading: the judge changes the process's environment and output while it runs, and
    bubblewrap ends a sandbox when the thread that has started it ends.
    """
    return _thread().submit(grade_task, task).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    for name in _ARITHMETIC:
        os.environ.setdefault(name, "1")  # before the judge's libraries read it: its arithmetic must repeat
    return ThreadPoolExecutor(1, thread_name_prefix="grading")


@functools.cache
def _grader(official: bool) -> Grader:
    return Grader(official=official)


def _refusal(task: Task) -> str | None:
    """Say why this machine must not grade the task: it has not the assignment that the caller means."""
    if task.fingerprint in _known:
        return None
    where = f"{platform.node()}: assignment {task.assignment}"
    try:
        assignment = load_assignment(ROOT / task.place, proof=False)
    except TakeHomeError as error:
        return f"{where}: {_short(str(error))}. Bring the grading repository there to the caller's commit."
    found = fingerprint_of(assignment)
    if found != task.fingerprint:
        return (
            f"{where}: expected fingerprint {task.fingerprint[:12]} of rubric and hidden tests; found {found[:12]}. "
            "Bring the grading repository there to the caller's commit and start its workers again."
        )
    _known[found] = assignment
    return None


def _rendered(graded: Graded) -> dict[str, str]:
    from grading.report.html import render_html
    from grading.report.markdown import render_comment
    from grading.report.score_json import render_score

    return {
        "score.json": render_score(graded),
        "comment.md": render_comment(graded),
        "report.html": render_html(graded),
    }


def _reason(graded: Graded) -> str:
    evidence = graded.evidence
    details = [check.detail for check in evidence.checks if check.blame is not None and check.detail]
    return next(filter(None, [evidence.grader_fault, *details, evidence.lint_error]), "no reason was given")


def _short(text: str) -> str:
    return " ".join(text.split())[:_MAX_REASON]
