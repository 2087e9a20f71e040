"""Turn a run's evidence into the record and the comment. The evidence is hostile data: the run had foreign code in it.

The order is: read, score, append to the ledger, show what the ledger says. A crash in between repeats, never loses.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grading.catalogue import hidden_sha256, rubric_sha256
from grading.claims import MAX_CLAIMS_BYTES, Claims, merge, parse_claims, parse_gpu_claims
from grading.errors import GraderError
from grading.github.forge import Forge
from grading.github.settings import Identity
from grading.github.view import is_shown, make_view, show, without_output
from grading.github.work import Work, fetch_submission, find_work, pushed_at
from grading.ledger.events import GradedHead
from grading.ledger.fold import Task, fold
from grading.ledger.store import People, Store
from grading.model import Assignment, Flag, Provenance, Verdict
from grading.sandbox.tools import Access, grader_commit
from grading.scoring import score_evidence

CLAIMS_FILE, GPU_FILE = "evidence.json", "evidence-gpu.json"
_MOST_ROUNDS = 5
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Published:
    """What a publish did."""

    event: GradedHead
    comment_url: str


def publish(
    forge: Forge,
    store: Store,
    identity: Identity,
    *,
    address: Callable[[str], str],
    access: Access,
    claims: Path,
    gpu_claims: Path | None,
    root: Path,
    now: dt.datetime,
) -> Published:
    """Record a run's result and bring its pull request up to date.

    Args:
        identity: from the run's inputs.
        address, access: from a repository's name to where git finds it.
        claims: folder that the run left; it may be missing, empty or a lie.
        gpu_claims: folder that the GPU run left, if there was one.
        root: the folder of assignments.

    Raises:
        UsageError: the pull request is none of ours.
        ForgeError: GitHub refuses; what is in the ledger stays there, and publishing again finishes the rest.
    """
    work = find_work(forge, store, identity, root)
    event = _grade(forge, work, address(work.repository.full_name), access, claims, gpu_claims, now)
    store.append([event], f"Graded {identity.sha[:12]}")
    return Published(event, restate(forge, store, work.candidate, work.assignment, work.repository.full_name))


def restate(forge: Forge, store: Store, candidate: str, assignment: Assignment, repository: str) -> str:
    """Show what the ledger says now, and look again: somebody may have added to it meanwhile. Return the address."""
    shown: Task | None = None
    url = ""
    for _ in range(_MOST_ROUNDS):
        task = fold(store.events()).get((candidate, assignment.id))
        if task is None or task == shown:
            break
        view = make_view(task, assignment)
        if view is None:
            break
        url, shown = show(forge, repository, view), task
    return url


def restore(
    forge: Forge, store: Store, find: Callable[[str], Assignment], on_progress: Callable[[int, int], None] | None = None
) -> tuple[int, list[str]]:
    """Look at every comment and write again those that were edited or deleted; return how many, and what failed.

    Candidates whose process is closed are left alone.
    """
    people: People = store.people()
    tasks = [
        task
        for task in fold(store.events()).values()
        if task.newest is not None and task.candidate in people.people and not people.people[task.candidate].closed
    ]
    written, troubles = 0, []
    for number, task in enumerate(tasks):
        repository = people.people[task.candidate].repository
        try:
            view = make_view(task, find(task.assignment))
            known = forge.repository(repository)
            repository = known.full_name if known else repository
            if view is not None and not is_shown(forge, repository, view):
                show(forge, repository, view)
                written += 1
        except Exception as error:  # noqa: BLE001 - one odd repository must not keep the others from being looked at
            troubles.append(f"{repository}: {task.assignment}: {error}")
        if on_progress is not None:
            on_progress(number + 1, len(tasks))
    return written, troubles


def _grade(
    forge: Forge,
    work: Work,
    address: str,
    access: Access,
    claims: Path,
    gpu_claims: Path | None,
    now: dt.datetime,
) -> GradedHead:
    """Return the event that records this run, numbered or not."""
    event = GradedHead(
        work.candidate,
        now,
        assignment=work.assignment.id,
        pull=work.identity.pull,
        sha=work.identity.sha,
        level=work.level,
        verdict=Verdict.UNGRADED,
        pushed_at=pushed_at(forge, work),
    )
    try:
        # The files are fetched once more, for the run could have changed whatever it was handed.
        submission = fetch_submission(work, address, access)
        event = replace(event, submission_sha256=submission.sha256, flags=_few(submission.flags))
        document, claimed = _read(claims, gpu_claims, work)
        grade = score_evidence(claimed.evidence, work.assignment, work.level)
    except GraderError as error:
        return replace(event, reason=_line(str(error)))
    reason = claimed.evidence.grader_fault or ("a check failed by the grader's own fault" if grade.auto is None else "")
    return replace(
        event,
        verdict=grade.verdict,
        auto=grade.auto,
        claims=without_output(document),
        provenance=_provenance(work.assignment, claimed, work.task.draw),
        reason=_line(reason),
    )


def _line(text: str) -> str:
    """Return a reason on one line: a run may have written it, and it goes into logs."""
    return " ".join(text.split())[:2000].replace("::", ": :")


def _read(claims: Path, gpu_claims: Path | None, work: Work) -> tuple[Mapping[str, object], Claims]:
    """Read what the run left behind.

    Raises:
        GraderError: there is nothing, or it is not what a run of ours would leave.
    """
    data = _bytes(claims / CLAIMS_FILE)
    if data is None:
        raise GraderError("the run left no evidence: it was cancelled, broke off, or could not isolate the code")
    found = parse_claims(data, work.assignment, work.level, draw=work.task.draw)
    document: Mapping[str, object] = json.loads(data)
    if gpu_claims is None or (gpu_data := _bytes(gpu_claims / GPU_FILE)) is None:
        return document, found
    merged = merge(found, parse_gpu_claims(gpu_data, work.assignment, work.level, draw=work.task.draw))
    merged_document: Mapping[str, object] = json.loads(merged.render())
    return merged_document, merged


def _bytes(path: Path) -> bytes | None:
    """Return a plain file's content, at most one byte more than is allowed; None where there is none."""
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as stream:
        return stream.read(MAX_CLAIMS_BYTES + 1)


def _provenance(assignment: Assignment, claims: Claims, draw: int) -> Provenance:
    """Return what made the score: our own hashes and draw; only the environment is the run's word."""
    return Provenance(
        hidden_sha256(assignment),
        rubric_sha256(assignment),
        grader_commit(ROOT),
        claims.environment_sha256,
        draw if assignment.draw else None,
    )


def _few(flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
    return tuple(dict.fromkeys(flags))[:100]
