"""What fetch and publish share: whose work a head is, on which conditions, and its files as bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grading.catalogue import find_assignment
from grading.errors import UsageError
from grading.github.forge import Forge, Pull, Repository
from grading.github.poll import TASK_PREFIX, task_of
from grading.github.settings import Identity
from grading.ledger.fold import Task, fold
from grading.ledger.store import People, Store
from grading.model import Assignment, Flag, Level, Submission
from grading.sandbox.tools import Access, GitTree, changed_outside, fetch_tree
from grading.submission import is_wanted, parse_tree


@dataclass(frozen=True)
class Work:
    """One head of one pull request, with all that grading it needs to know.

    Attributes:
        repository: as GitHub knows it now, for it may have been renamed.
    """

    identity: Identity
    repository: Repository
    pull: Pull
    assignment: Assignment
    candidate: str
    task: Task
    people: People

    @property
    def level(self) -> Level:
        """The level of the invitation; mid where there is none, or the easiest there is."""
        if self.task.invited is not None:
            return self.task.invited.level
        return Level.MID if Level.MID in self.assignment.levels else self.assignment.levels[0]


def find_work(forge: Forge, store: Store, identity: Identity, root: Path) -> Work:
    """Find out whose work a head is.

    Raises:
        UsageError: no such repository or pull request, or it is for no assignment of ours, or nobody's we know.
    """
    where = f"{identity.repository}#{identity.pull}"
    repository = forge.repository(identity.repository)
    if repository is None:
        raise UsageError(f"{identity.repository}: GitHub knows no such repository, or the App is not installed there")
    pull = forge.pull(repository.full_name, identity.pull)
    if pull is None:
        raise UsageError(f"{where}: there is no such pull request")
    name = pull.base_ref.removeprefix(TASK_PREFIX)
    if name == pull.base_ref:
        raise UsageError(f"{where}: goes into {pull.base_ref!r}; only pull requests into task/<id> are graded")
    assignment = find_assignment(name, [root], proof=False)
    people = store.people()
    names = identity.repository, repository.full_name
    candidate = next(filter(None, (people.candidate_of(name, pull.author, pull.author_id) for name in names)), None)
    if candidate is None:
        raise UsageError(f"{where}: nobody was invited to {identity.repository}; run `python -m grading invite` first")
    task = task_of(fold(store.events()), candidate, name)
    if task is None:
        raise UsageError(f"{where}: {name} was not handed out there; invite them to it first")
    return Work(identity, repository, pull, assignment, candidate, task, people)


def fetch_submission(work: Work, address: str, access: Access) -> Submission:
    """Fetch the head's files as bytes. No code of the candidate's runs, and nothing is checked out.

    Raises:
        UsageError: the commit is no longer there.
    """
    folder = f"assignments/{work.assignment.id}"
    sha = work.identity.sha
    tree = _tree(work, address, access, folder)
    if tree.commit != sha:
        raise UsageError(
            f"{work.identity.repository}#{work.identity.pull}: the head moved from {sha[:12]} to {tree.commit[:12]}; "
            "the new one gets a run of its own"
        )
    ref = work.pull.head_ref if work.pull.head_sha == sha else None
    submission = parse_tree(tree.entries, work.assignment, source=work.repository.full_name, commit=sha, ref=ref)
    return replace(submission, flags=(*submission.flags, *_foreign(work, address, access, folder)))


def _tree(work: Work, address: str, access: Access, folder: str) -> GitTree:
    def wanted(path: str) -> bool:
        return is_wanted(path, work.assignment)

    head = f"refs/pull/{work.identity.pull}/head"
    tree = fetch_tree(address, head, folder, wanted=wanted, access=access)
    if tree.commit == work.identity.sha:
        return tree
    try:  # an earlier head of the same pull request, e.g. the last one before the deadline
        return fetch_tree(address, work.identity.sha, folder, wanted=wanted, access=access)
    except UsageError:
        return tree


def _foreign(work: Work, address: str, access: Access, folder: str) -> list[Flag]:
    """Flag what the head changes outside its task's folder, compared with what was handed out."""
    bases: Mapping[str, str] = work.task.invited.bases if work.task.invited else {}
    base = bases.get(work.assignment.id, f"refs/heads/{TASK_PREFIX}{work.assignment.id}")
    try:
        changed = changed_outside(address, work.identity.sha, base, folder, access=access)
    except UsageError:
        message = "what changed outside the task's folder is unknown: a commit to compare with is gone"
        return [Flag("outside_unknown", message)]
    return [Flag("outside_assignment", "the branch changes a file outside its task's folder", file) for file in changed]


def pushed_at(forge: Forge, work: Work) -> dt.datetime | None:
    """Return when GitHub first saw this commit as the branch's head, None where it does not tell."""
    if work.pull.head_repo is None:
        return None
    times = [push.at for push in forge.pushes(work.pull.head_repo, work.pull.head_ref) if push.sha == work.identity.sha]
    return min(times, default=None)
