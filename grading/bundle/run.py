"""Grade a bundle where nothing but the bundle is: the part that runs beside foreign code."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from grading.bundle.files import RunRequest, read_bundle
from grading.catalogue import find_assignment
from grading.claims import expected_checks, render_claims
from grading.draw import idle_checks
from grading.errors import GraderError, IsolationError, UsageError
from grading.model import Assignment, Evidence, Submission
from grading.output import check_writable, write_whole
from grading.pipeline import SEED_BITS, Grader, provenance_of
from grading.sandbox.bubblewrap import Gpu, find_gpu, showing

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE, GPU_EVIDENCE = "evidence.json", "evidence-gpu.json"


def run_bundle(
    folder: Path, out: Path, *, gpu: bool = False, on_progress: Callable[[int, int], None] | None = None
) -> Path:
    """Grade a bundle officially, with the grader and the assignment that this code was unpacked with.

    Args:
        folder: what `write_bundle` made.
        out: folder for the evidence.
        gpu: run only the checks marked gpu, in a sandbox that shows the GPU; without a GPU they stay unassessed.
        on_progress: called with cases done and cases in all.

    Returns: the file that was written. A fault of the grader stands in it and has no number.

    Raises:
        IsolationError: this machine cannot isolate the submission; nothing is written.
        FaultsError: the bundle is not one.
        UsageError: out cannot be written, or the assignment or level is not there.
    """
    submission, request = read_bundle(folder)
    assignment = find_assignment(request.assignment, [ROOT / "assignments"], proof=False)
    if request.level not in assignment.levels:
        raise UsageError(
            f"{assignment.id}: level: expected one of {', '.join(assignment.levels)}; found {request.level}"
        )
    check_writable(out)
    seed = secrets.randbits(SEED_BITS)
    card = find_gpu() if gpu else None
    with Grader(official=True) as grader:
        try:
            if gpu:
                evidence = _observe_gpu(grader, assignment, submission, request, seed, card, on_progress)
            else:
                evidence = grader.grade(
                    assignment, submission, level=request.level, seed=seed, on_progress=on_progress, draw=request.draw
                ).evidence
        except IsolationError:
            raise
        except GraderError as error:
            evidence = Evidence((), grader.capability.isolation, seed=seed, grader_fault=str(error))
    path = out / (GPU_EVIDENCE if gpu else EVIDENCE)
    model = None if card is None else card.model
    write_whole(path, render_claims(evidence, provenance_of(assignment).environment_sha256, model))
    return path


def _observe_gpu(
    grader: Grader,
    assignment: Assignment,
    submission: Submission,
    request: RunRequest,
    seed: int,
    card: Gpu | None,
    on_progress: Callable[[int, int], None] | None,
) -> Evidence:
    """Run the checks marked gpu."""
    isolation = grader.capability.isolation
    wanted = expected_checks(assignment, request.level, request.draw).values()
    if not any(check.informational == "gpu" for check in wanted):
        return Evidence((), isolation, seed=seed)
    with showing(card.devices if card is not None else ()):
        zygote = grader.prepare(assignment)
    from grading.judge.run import run_hidden_tests  # after the sandbox, which loads its libraries meanwhile

    run = run_hidden_tests(
        assignment,
        submission,
        level=request.level,
        zygote=zygote,
        seed=seed,
        on_progress=on_progress,
        only="gpu",
        has_gpu=card is not None,
        idle=idle_checks(assignment, request.level, request.draw),
    )
    return Evidence(run.checks, isolation, run.load_faults, seed=seed, timings=run.timings, output=run.output)
