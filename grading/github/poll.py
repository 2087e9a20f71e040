"""Find heads of pull requests that the ledger has no grade for, and start one grading run for each.

A repository costs one call, and one more for each further 100 pull requests. GitHub binds the tags of conditional
requests to the token, and each poll has a fresh one, so remembering tags would save nothing.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grading.errors import TakeHomeError, UsageError
from grading.github.forge import Budget, Forge, Pull
from grading.ledger.events import Dispatched, Event, Invited, new_candidate
from grading.ledger.fold import Task, fold
from grading.ledger.store import HandOut, People, Person, Store, Template

WORKFLOW = "grade.yml"
TASK_PREFIX = "task/"
MOST_STARTS = 100
"""Runs that one poll starts; the next one goes on."""
MOST_FROM_TEMPLATES = 40
"""Of these, for pull requests from forks: whoever may fork must not keep those who were invited waiting."""
MOST_A_DAY = 20
"""Heads of one candidate and task that are graded in a day. Each run is a look at hidden tests, and a minute paid."""
GRACE = dt.timedelta(days=2)
"""So long after a deadline the poll asks which commit was the head at it."""
_LOT = 10
_DAY = dt.timedelta(days=1)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Started:
    """A grading run for one head."""

    repository: str
    pull: int
    sha: str
    assignment: str


@dataclass(frozen=True)
class Polled:
    """What one poll did.

    Attributes:
        waiting: heads whose run has not answered yet.
        attention: heads that stayed without a grade after every retry: repository, pull request, commit, reason.
        troubles: what could not be looked at or started, with the reason.
        left: heads that the next poll starts, because there were too many.
        held: heads beyond those that a candidate may have graded in a day.
    """

    repositories: int
    started: tuple[Started, ...]
    waiting: int
    attention: tuple[tuple[str, int, str, str], ...]
    troubles: tuple[str, ...]
    left: int
    held: int
    budget: Budget


@dataclass(frozen=True)
class _Wanted:
    """A run that should be started, and for whom."""

    run: Started
    candidate: str


@dataclass
class _Look:
    """What the pull requests of all repositories need. Nothing is changed meanwhile."""

    forge: Forge
    now: dt.datetime
    known: Callable[[str], bool]
    people: People
    tasks: dict[tuple[str, str], Task]
    wanted: list[_Wanted] = field(default_factory=list)
    invitations: list[Invited] = field(default_factory=list)
    newcomers: dict[str, Person] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    seen: set[tuple[str, int, str]] = field(default_factory=set)
    waiting: int = 0

    def at_repository(self, repository: str) -> None:
        """Look at a repository's pull requests."""
        for pull in self.forge.pulls(repository):
            if pull.base_repo.casefold() != repository.casefold():
                self.renamed[repository] = pull.base_repo
            try:
                self.at_pull(repository, pull)
            except Exception as error:  # noqa: BLE001 - one odd pull request must not hide the others
                self.troubles.append(f"{repository}#{pull.number}: {error}")

    def at_pull(self, repository: str, pull: Pull, *, again: bool = False) -> None:
        """Look at one pull request; `again` wants its head whether it was graded or not."""
        task = self._task(repository, pull)
        if task is None:
            return  # into main, or for something that was not handed out to them
        known = {head.sha: head for head in task.heads if head.pull == pull.number}
        wanted = {pull.head_sha, *(self._at_deadline(pull, task) if not again else ())}
        wanted |= {sha for sha, head in known.items() if head.grade is None and not task.is_late(head)}
        for sha in sorted(wanted):
            head = known.get(sha)
            if (again and sha == pull.head_sha) or head is None or head.may_start(self.now):
                self._want(repository, pull.number, sha, task)
            elif head.grade is None and not head.needs_attention(self.now):
                self.waiting += 1

    def _task(self, repository: str, pull: Pull) -> Task | None:
        """Return whose work on which assignment it is, None if it is nobody's or was not handed out."""
        assignment = pull.base_ref.removeprefix(TASK_PREFIX)
        if assignment == pull.base_ref or not self.known(assignment) or pull.author_is_nobody:
            return None
        candidate = self._candidate(repository, pull)
        return None if candidate is None else task_of(self.tasks, candidate, assignment)

    def _at_deadline(self, pull: Pull, task: Task) -> Iterator[str]:
        """Yield the commit that was the head at the deadline: a late push must not hide it from us."""
        due = task.deadline
        if pull.head_repo is None or due is None or not due < self.now < due + GRACE:
            return
        for push in self.forge.pushes(pull.head_repo, pull.head_ref):
            if push.at <= due and push.is_there:
                yield push.sha
                return

    def _candidate(self, repository: str, pull: Pull) -> str | None:
        """Return whose work it is; whoever opens a pull request from a fork becomes a candidate here."""
        people = replace(self.people, people={**self.people.people, **self.newcomers})
        found = people.candidate_of(repository, pull.author, pull.author_id)
        template = template_of(self.people, repository)
        if found is not None or template is None:
            return found
        conditions = invited_of(self.tasks, template.candidate)
        if conditions is None:
            return None
        candidate = new_candidate()
        self.newcomers[candidate] = Person(
            pull.author, pull.author, repository, hand_out=HandOut.FORK, login_id=pull.author_id
        )
        invited = replace(conditions, candidate=candidate, at=self.now, id=new_candidate()[2:])
        self.invitations.append(invited)
        self.tasks |= {(candidate, name): Task(candidate, name, invited) for name in invited.assignments}
        return candidate

    def _want(self, repository: str, pull: int, sha: str, task: Task) -> None:
        if (repository, pull, sha) not in self.seen:
            self.seen.add((repository, pull, sha))
            self.wanted.append(_Wanted(Started(repository, pull, sha, task.assignment), task.candidate))


def poll(
    forge: Forge,
    runs: Forge,
    store: Store,
    *,
    home: str,
    now: dt.datetime,
    known: Callable[[str], bool],
    branch: str = "main",
    most: int = MOST_STARTS,
    only: tuple[str, int | None] | None = None,
    limit_s: float = 480.0,
    on_progress: Progress | None = None,
) -> Polled:
    """Look at every open candidate repository once.

    Args:
        forge: sees candidate repositories.
        runs: may start workflows in the grading repository.
        home: the grading repository.
        known: whether an id is an assignment of ours.
        branch: of the grading repository, whose workflow and tests are used.
        most: runs to start at most.
        only: look at this repository alone, or start this one pull request of it, even if it was graded before.
        limit_s: after this time no more are started; the next poll goes on.

    Raises:
        UsageError, GraderError: the ledger cannot be read or written. What was started before is recorded.
    """
    end = time.monotonic() + limit_s
    people = store.people()
    look = _Look(forge, now, known, people, dict(fold(store.events())))
    repositories = _repositories(people, only)
    for number, repository in enumerate(repositories):
        try:
            if only is not None and only[1] is not None:
                _at_one(look, repository, only[1])
            else:
                look.at_repository(repository)
        except UsageError:
            raise
        except TakeHomeError as error:
            look.troubles.append(f"{repository}: {error}")
        if on_progress is not None:
            on_progress(number + 1, len(repositories))
    wanted = _welcome(store, look)
    chosen, held = _deal(wanted, look, now, most, forced=only is not None and only[1] is not None)
    started = _start(runs, store, look, chosen, home=home, branch=branch, now=now, end=end)
    return Polled(
        repositories=len(repositories),
        started=tuple(started),
        waiting=look.waiting,
        attention=tuple(_attention(look.tasks, people, now)),
        troubles=tuple(look.troubles),
        left=len(wanted) - held - len(started),
        held=held,
        budget=forge.budget,
    )


def _at_one(look: _Look, repository: str, number: int) -> None:
    """Want one pull request's head.

    Raises:
        UsageError: there is no such pull request, or it is none that is graded.
    """
    pull = look.forge.pull(repository, number)
    if pull is None:
        raise UsageError(f"{repository}#{number}: there is no such pull request")
    look.at_pull(repository, pull, again=True)
    if not look.wanted:
        raise UsageError(f"{repository}#{number}: goes into {pull.base_ref!r}, which was not handed out there")


def _welcome(store: Store, look: _Look) -> list[_Wanted]:
    """Write down who came and what was renamed, before any run asks for it; return what is wanted, by final ids."""
    if not look.newcomers and not look.renamed:
        return look.wanted

    def change(now: People) -> People:
        now = now.with_names(look.renamed)
        for candidate, person in look.newcomers.items():
            if now.candidate_of(person.repository, person.login, person.login_id) is None:
                now = now.with_person(candidate, person)
        return now

    people = store.change_people(change, "Note who came, and new names of repositories")
    final = {
        candidate: people.candidate_of(person.repository, person.login, person.login_id) or candidate
        for candidate, person in look.newcomers.items()
    }
    store.append([row for row in look.invitations if final[row.candidate] == row.candidate], "Somebody came")
    return [replace(row, candidate=final.get(row.candidate, row.candidate)) for row in look.wanted]


def _deal(
    wanted: Sequence[_Wanted], look: _Look, now: dt.datetime, most: int, *, forced: bool
) -> tuple[list[_Wanted], int]:
    """Choose what is started: one for each candidate, then a second; the invited before forks. Count what is held."""
    today: Counter[tuple[str, str]] = Counter()
    for task in look.tasks.values():
        for head in task.heads:
            recent = any(now - at < _DAY for at in head.dispatched)
            today[task.candidate, task.assignment] += recent
    allowed: dict[str, list[_Wanted]] = {}
    held = 0
    for row in wanted:
        key = row.candidate, row.run.assignment
        work = look.tasks.get(key)
        if work is not None and any((head.pull, head.sha) == (row.run.pull, row.run.sha) for head in work.heads):
            allowed.setdefault(row.candidate, []).append(row)  # a retry is counted already
            continue
        if today[key] >= MOST_A_DAY and not forced:
            held += 1
            continue
        today[key] += 1
        allowed.setdefault(row.candidate, []).append(row)
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*allowed.values()))
    dealt = [row for row in rounds if row is not None]
    forks = [row for row in dealt if template_of(look.people, row.run.repository)]
    own = [row for row in dealt if row not in forks]
    return [*own, *forks[:MOST_FROM_TEMPLATES]][:most], held


def _start(
    runs: Forge,
    store: Store,
    look: _Look,
    chosen: Sequence[_Wanted],
    *,
    home: str,
    branch: str,
    now: dt.datetime,
    end: float,
) -> list[Started]:
    """Start runs in small lots, and record each lot before the next, so that a poll that is killed repeats little."""
    started: list[Started] = []
    for first in range(0, len(chosen), _LOT):
        if time.monotonic() > end:
            break
        events: list[Event] = []
        for row in chosen[first : first + _LOT]:
            run = row.run
            inputs = {"repo": run.repository, "pr": str(run.pull), "sha": run.sha}
            try:
                runs.dispatch(home, WORKFLOW, branch, inputs)
            except TakeHomeError as error:
                look.troubles.append(f"{run.repository}#{run.pull}: the run could not be started: {error}")
                continue
            started.append(run)
            events.append(Dispatched(row.candidate, now, assignment=run.assignment, pull=run.pull, sha=run.sha))
        store.append(events, f"Start {len(events)} grading runs")
    return started


def _repositories(people: People, only: tuple[str, int | None] | None) -> tuple[str, ...]:
    """Return what is looked at, those of invited people first."""
    own = [person.repository for person in people.people.values() if not person.closed]
    shared = [template.repository for template in people.templates]
    found = tuple(dict.fromkeys([*(name for name in own if name not in shared), *shared]))
    if only is None:
        return found
    found = tuple(name for name in found if name.casefold() == only[0].casefold())
    if not found:
        raise UsageError(f"{only[0]}: nobody was invited to it; run `python -m grading invite` first")
    return found


def _attention(
    tasks: Mapping[tuple[str, str], Task], people: People, now: dt.datetime
) -> Iterator[tuple[str, int, str, str]]:
    for task in tasks.values():
        person = people.people.get(task.candidate)
        for head in task.heads:
            if head.needs_attention(now):
                where = person.repository if person else task.candidate
                reason = head.failure.reason if head.failure else "its runs never answered"
                yield where, head.pull, head.sha, reason


def task_of(tasks: Mapping[tuple[str, str], Task], candidate: str, assignment: str) -> Task | None:
    """Return a candidate's work on an assignment, None where it was not handed out to them."""
    invited = invited_of(tasks, candidate)
    if invited is not None and assignment not in invited.assignments:
        return None
    return tasks.get((candidate, assignment)) or Task(candidate, assignment, None)


def template_of(people: People, repository: str) -> Template | None:
    """Return the template that a repository is, if it is one."""
    return next((row for row in people.templates if row.repository.casefold() == repository.casefold()), None)


def invited_of(tasks: Mapping[tuple[str, str], Task], candidate: str) -> Invited | None:
    """Return the conditions of a candidate."""
    return next((task.invited for task in tasks.values() if task.candidate == candidate and task.invited), None)
