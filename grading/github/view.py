"""The ledger → what stands on a pull request: one comment, one check run, labels. The comment is a view and no record.

`show` may run twice at once, late, or after somebody edited or deleted the comment: it always ends with one comment
that says what the ledger says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from grading.catalogue import hidden_sha256, rubric_sha256
from grading.claims import parse_claims
from grading.errors import GraderError, UsageError
from grading.github.forge import Annotation, CheckRun, Comment, Forge, ForgeError
from grading.ledger.fold import Head, Task
from grading.model import Assignment, Evidence, Flag, Graded, Isolation, Provenance, Submitted, Verdict
from grading.report.build import LATE_FLAG
from grading.report.markdown import comment_marker, render_comment
from grading.report.words import numbers
from grading.scoring import score_evidence

CHECK_NAME = "take-home"
GRADED, LATE = "take-home: graded", "take-home: late"
_MOST_ANNOTATIONS = 200
_MOST_TEXT = 200
_PAUSES_S = (1.0, 3.0)
_UNKNOWN = "0" * 64


@dataclass(frozen=True)
class View:
    """What a pull request should show.

    Attributes:
        sha: the head that it is about.
        marker: first line of the comment, by which it is found again.
        labels: label → whether it should be there.
    """

    pull: int
    sha: str
    marker: str
    comment: str
    check: CheckRun | None
    labels: Mapping[str, bool]


def graded_of(task: Task, head: Head, assignment: Assignment) -> Graded:
    """Score a head again from the evidence in the ledger, with the marks that people gave.

    Raises:
        UsageError: the tests or the rubric have changed since, so that the old evidence fits no more.
    """
    event = head.grade or head.failure
    if event is None:
        raise GraderError(f"{task.candidate}: {task.assignment}: {head.sha[:12]} has no result yet")
    made = event.provenance or Provenance(_UNKNOWN, _UNKNOWN, None, _UNKNOWN)
    if event.claims is None:
        evidence = Evidence(checks=(), isolation=Isolation.FULL, grader_fault=event.reason or "no evidence")
    else:
        now = (hidden_sha256(assignment), rubric_sha256(assignment))
        if now != (made.hidden_sha256, made.rubric_sha256):
            raise UsageError(
                f"{assignment.id}: its tests or rubric changed after {head.sha[:12]} was graded, so that its evidence "
                "fits no more. Grade the pull request again (run grade.yml by hand), then repeat this."
            )
        data = json.dumps(event.claims).encode()
        evidence = parse_claims(data, assignment, event.level, draw=task.draw, merged=True).evidence
    flags = event.flags
    if task.is_late(head):
        flags = (*flags, Flag(LATE_FLAG, "pushed after the deadline"))
    if task.is_late(head) and not head.exact:
        flags = (*flags, Flag("push_time", "GitHub does not tell when this was pushed; the poll's own time counts"))
    return Graded(
        grade=score_evidence(evidence, assignment, event.level, task.scored_marks()),
        submission=Submitted(head.sha, None, event.submission_sha256 or _UNKNOWN, flags),
        evidence=evidence,
        provenance=made,
        official=True,
    )


def make_view(task: Task, assignment: Assignment) -> View | None:
    """Return what the pull request of a task's newest head should show, None before the first result. Pure."""
    head = task.newest
    if head is None:
        return None
    graded = graded_of(task, head, assignment)
    record = task.record
    if record is not None and record.sha != head.sha:
        graded = replace(graded, notes=(_record_sentence(task, head, record),))
    numbered = graded.grade.verdict is not Verdict.UNGRADED
    labels = {GRADED: numbered, LATE: task.is_late(head)}
    check = _check(graded, head, assignment) if numbered else None
    return View(head.pull, head.sha, comment_marker(assignment.id), render_comment(graded), check, labels)


def _record_sentence(task: Task, head: Head, record: Head) -> str:
    """Say which commit counts when it is not the one that the comment is about."""
    auto = record.grade.auto if record.grade else None
    points = "" if auto is None else f" ({_points(auto)} automatic points)"
    why = "the last one before the deadline" if task.is_late(head) else "the last one with a score"
    return f"The commit that counts is `{record.sha[:8]}`{points}, {why}."


def _points(points: Fraction) -> str:
    return f"{float(points):g}"


def _check(graded: Graded, head: Head, assignment: Assignment) -> CheckRun:
    folder = f"assignments/{assignment.id}"
    faults = [
        Annotation(
            f"{folder}/{fault.file}", fault.line or 1, _plain(fault.kind, 80), _plain(fault.message or fault.kind)
        )
        for fault in graded.evidence.load_faults
    ]
    findings = [
        Annotation(f"{folder}/{found.file}", found.line, _plain(found.rule, 40), _plain(found.message))
        for found in graded.evidence.lint
    ]
    event = head.grade
    return CheckRun(
        name=CHECK_NAME,
        head_sha=head.sha,
        external_id=event.id if event else head.sha,
        title=numbers(graded.grade) or "no score",
        summary="The comment on the pull request has the points of each criterion and what to do next.",
        annotations=tuple([*faults, *findings][:_MOST_ANNOTATIONS]),
    )


def _plain(text: str, limit: int = 300) -> str:
    """Return one line in which nothing acts; annotations are shown as plain text."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (line[: limit - 1] + "…" if len(line) > limit else line) or "no message"


def show(forge: Forge, repository: str, view: View) -> str:
    """Bring a pull request up to date; return the comment's address.

    Raises:
        ForgeError: GitHub refuses. Everything may be tried again.
    """
    check = view.check
    steps: list[Callable[[], str | None]] = [lambda: upsert_comment(forge, repository, view)]
    if check is not None:
        steps.append(lambda: forge.put_check(repository, check))
    steps.append(lambda: forge.set_labels(repository, view.pull, view.labels))
    said, refused = [], []
    for step in steps:  # a conversation that the candidate has locked takes no comment, and the check run still goes in
        try:
            said.append(_patiently(step))
        except ForgeError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return said[0] or ""


def _patiently(step: Callable[[], str | None]) -> str | None:
    """Take a step that looks before it writes; again where GitHub failed or did not answer."""
    for pause_s in _PAUSES_S:
        try:
            return step()
        except ForgeError as error:
            if error.status and error.status < 500:
                raise
            time.sleep(pause_s)
    return step()


def upsert_comment(forge: Forge, repository: str, view: View) -> str:
    """Leave exactly one comment of ours, saying what the view says; return its address."""
    ours = _ours(forge, repository, view)
    if not ours:
        made = forge.create_comment(repository, view.pull, view.comment)
        ours = _ours(forge, repository, view) or [made]  # somebody may have written one at the same moment
    first = ours[0]
    if _text(first.body) != _text(view.comment):
        forge.edit_comment(repository, first.id, view.comment)
    for extra in ours[1:]:
        forge.delete_comment(repository, extra.id)
    return first.url


def is_shown(forge: Forge, repository: str, view: View) -> bool:
    """Whether the pull request has our one comment, unedited."""
    ours = _ours(forge, repository, view)
    return len(ours) == 1 and _text(ours[0].body) == _text(view.comment)


def _ours(forge: Forge, repository: str, view: View) -> list[Comment]:
    """Return all our comments, those with the marker first, then oldest first.

    The author decides: anybody can copy a marker. And all of ours count: who may write to the repository can edit a
    comment of ours, take its marker away, and leave something forged standing under our name.
    """
    found = [comment for comment in forge.comments(repository, view.pull) if comment.author == forge.login]
    return sorted(found, key=lambda comment: (not comment.body.lstrip().startswith(view.marker), comment.id))


def _text(body: str) -> str:
    """Return a comment as GitHub keeps it: other line ends, no blanks at its end."""
    return body.replace("\r\n", "\n").strip()


def without_output(claims: Mapping[str, object]) -> dict[str, object]:
    """Return claims as the ledger keeps them: without what the candidate's code printed, and with short texts.

    No number depends on them, and every reader of the ledger would have to carry them.
    """
    return {**{key: _shortened(part) for key, part in claims.items()}, "output": ""}


def _shortened(value: object) -> object:
    """Cut what a candidate's code may have written into messages; names and rules are short already."""
    if isinstance(value, Mapping):
        return {
            key: part[:_MOST_TEXT] if key in ("detail", "message") and isinstance(part, str) else _shortened(part)
            for key, part in value.items()
        }
    return [_shortened(part) for part in value] if isinstance(value, list) else value
