"""Find heads of pull requests that the ledger has no grade for, and start one grading run for each.

A repository costs one call, and none of the hour's budget when nothing changed: GitHub answers a known tag with 304.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from grading.errors import TakeHomeError, UsageError
from grading.github.forge import Budget, Forge, Pull
from grading.ledger.events import Dispatched, Event, Invited, new_candidate
from grading.ledger.fold import Head, Task, fold
from grading.ledger.store import HandOut, People, Person, Store, Template

WORKFLOW = "grade.yml"
TASK_PREFIX = "task/"
MOST_STARTS = 100
"""Runs that one poll starts; the next one goes on."""

MOST_PULLS = 3
"""Pull requests for one task that are looked at, those that changed last: nobody can keep all runners busy."""

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
        troubles: repositories that could not be looked at, with the reason.
        left: heads that the next poll starts, because there were too many.
        ignored: pull requests beyond those that one task may have.
    """

    repositories: int
    started: tuple[Started, ...]
    waiting: int
    attention: tuple[tuple[str, int, str, str], ...]
    troubles: tuple[str, ...]
    left: int
    ignored: int
    budget: Budget


@dataclass
class _Poll:
    """The state of one poll."""

    forge: Forge
    runs: Forge
    home: str
    branch: str
    now: dt.datetime
    known: Callable[[str], bool]
    most: int
    people: People
    tasks: Mapping[tuple[str, str], Task]
    events: list[Event] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    newcomers: dict[str, Person] = field(default_factory=dict)
    waiting: int = 0
    left: int = 0
    ignored: int = 0

    def look_at_one(self, repository: str, number: int) -> None:
        """Start a run for one pull request's head, graded before or not.

        Raises:
            UsageError: there is no such pull request, or it is none that is graded.
        """
        pull = self.forge.pull(repository, number)
        if pull is None:
            raise UsageError(f"{repository}#{number}: there is no such pull request")
        assignment = pull.base_ref.removeprefix(TASK_PREFIX)
        if assignment == pull.base_ref or not self.known(assignment):
            raise UsageError(f"{repository}#{number}: goes into {pull.base_ref!r}; only task/<id> is graded")
        run = Started(repository, number, pull.head_sha, assignment)
        self._start(run, self._candidate(repository, pull))

    def look_at(self, repository: str) -> None:
        """Start what a repository's open pull requests need."""
        before = (self.left, len(self.troubles))
        page = self.forge.open_pulls(repository, self.people.tags.get(repository))
        if page.unchanged:
            for head, number in self._retries(repository):
                self._retry(repository, number, head)
        looked: Counter[tuple[str, str]] = Counter()
        for pull in page.pulls:
            whose = pull.base_ref, pull.author if template_of(self.people, repository) else ""
            looked[whose] += 1
            if looked[whose] <= MOST_PULLS:
                self._look_at_pull(repository, pull)
            else:
                self.ignored += pull.base_ref.startswith(TASK_PREFIX)
        if not page.unchanged and page.tag and (self.left, len(self.troubles)) == before:
            # The tag is kept only when everything it stands for was started: else nobody would look again.
            self.tags[repository] = page.tag

    def _retries(self, repository: str) -> Iterator[tuple[Head, int]]:
        for task in self._tasks_of(repository):
            for head in task.heads:
                if head.may_start(self.now):
                    yield head, head.pull
                elif head.grade is None and not head.needs_attention:
                    self.waiting += 1

    def _retry(self, repository: str, number: int, head: Head) -> None:
        pull = self.forge.pull(repository, number)
        if pull is not None and pull.state == "open":
            self._look_at_pull(repository, pull)

    def _look_at_pull(self, repository: str, pull: Pull) -> None:
        assignment = pull.base_ref.removeprefix(TASK_PREFIX)
        if assignment == pull.base_ref or not self.known(assignment):
            return  # a pull request into main, or of somebody's own: none of ours
        candidate = self._candidate(repository, pull)
        task = self.tasks.get((candidate, assignment)) or Task(candidate, assignment, None)
        known = {head.sha: head for head in task.heads if head.pull == pull.number}
        wanted = {pull.head_sha: known.get(pull.head_sha)}
        in_time = {sha: head for sha, head in known.items() if not task.is_late(head)}
        wanted |= {sha: head for sha, head in in_time.items() if head.may_start(self.now)}
        if task.deadline is not None and self.now > task.deadline and pull.head_sha not in known:
            wanted |= {sha: known.get(sha) for sha in self._last_in_time(pull, task.deadline)}
        for sha, head in wanted.items():
            if head is None or head.may_start(self.now):
                self._start(Started(repository, pull.number, sha, assignment), candidate)
            elif head.grade is None and not head.needs_attention:
                self.waiting += 1

    def _last_in_time(self, pull: Pull, deadline: dt.datetime) -> Iterator[str]:
        """Yield the commit that was the head at the deadline: a late push must not hide it from us."""
        if pull.head_repo is None:
            return
        for push in self.forge.pushes(pull.head_repo, pull.head_ref):
            if push.at <= deadline and set(push.sha) != {"0"}:
                yield push.sha
                return

    def _candidate(self, repository: str, pull: Pull) -> str:
        """Return whose work it is; whoever opens a pull request from a fork becomes a candidate here."""
        people = replace(self.people, people={**self.people.people, **self.newcomers})
        found = people.candidate_of(repository, pull.author)
        if found is not None:
            return found
        candidate = new_candidate()
        self.newcomers[candidate] = Person(pull.author, pull.author, repository, hand_out=HandOut.FORK)
        template = template_of(self.people, repository)
        conditions = invited_of(self.tasks, template.candidate) if template else None
        if conditions is not None:
            invited = replace(conditions, candidate=candidate, at=self.now, id=new_candidate()[2:])
            self.events.append(invited)
            self.tasks = {**self.tasks, **{(candidate, a): Task(candidate, a, invited) for a in invited.assignments}}
        return candidate

    def _start(self, run: Started, candidate: str) -> None:
        if len(self.started) >= self.most:
            self.left += 1
            return
        inputs = {"repo": run.repository, "pr": str(run.pull), "sha": run.sha}
        try:
            self.runs.dispatch(self.home, WORKFLOW, self.branch, inputs)
        except TakeHomeError as error:
            self.troubles.append(f"{run.repository}#{run.pull}: the run could not be started: {error}")
            return
        self.events.append(Dispatched(candidate, self.now, assignment=run.assignment, pull=run.pull, sha=run.sha))
        self.started.append(run)

    def _tasks_of(self, repository: str) -> list[Task]:
        ours = {c for c, p in self.people.people.items() if p.repository.casefold() == repository.casefold()}
        return [task for task in self.tasks.values() if task.candidate in ours]


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

    Raises:
        UsageError, GraderError: the ledger cannot be read or written. What was started before is recorded if possible.
    """
    people, tasks = store.people(), fold(store.events())
    work = _Poll(forge, runs, home, branch, now, known, most, people, tasks)
    repositories = _repositories(people)
    if only is not None:
        repositories = tuple(name for name in repositories if name.casefold() == only[0].casefold())
        if not repositories:
            raise UsageError(f"{only[0]}: nobody was invited to it; run `python -m grading invite` first")
    number_asked = only[1] if only is not None else None
    try:
        for number, repository in enumerate(repositories):
            try:
                if number_asked is None:
                    work.look_at(repository)
                else:
                    work.look_at_one(repository, number_asked)
            except TakeHomeError as error:
                work.troubles.append(f"{repository}: {error}")
            if on_progress is not None:
                on_progress(number + 1, len(repositories))
    finally:
        _keep(store, work)
    tasks = fold([*store.events()]) if work.events else tasks
    return Polled(
        repositories=len(repositories),
        started=tuple(work.started),
        waiting=work.waiting,
        attention=tuple(_attention(tasks, work.people)),
        troubles=tuple(work.troubles),
        left=work.left,
        ignored=work.ignored,
        budget=forge.budget,
    )


def _keep(store: Store, work: _Poll) -> None:
    """Record what was started, then who came, then the tags: in this order a crash in between repeats, never loses."""
    if work.newcomers:
        store.change_people(
            lambda now: replace(now, people={**work.newcomers, **now.people}), "Somebody new opened a pull request"
        )
    store.append(work.events, f"Start {len(work.started)} grading runs")
    if work.tags:
        store.change_people(lambda now: replace(now, tags={**now.tags, **work.tags}), "Remember what was looked at")


def _repositories(people: People) -> tuple[str, ...]:
    shared = [template.repository for template in people.templates]
    own = [person.repository for person in people.people.values() if not person.closed]
    return tuple(dict.fromkeys([*shared, *own]))


def _attention(tasks: Mapping[tuple[str, str], Task], people: People) -> Iterator[tuple[str, int, str, str]]:
    for task in tasks.values():
        person = people.people.get(task.candidate)
        for head in task.heads:
            if head.needs_attention and head.failure is not None:
                where = person.repository if person else task.candidate
                yield where, head.pull, head.sha, head.failure.reason


def template_of(people: People, repository: str) -> Template | None:
    """Return the template that a repository is, if it is one."""
    return next((row for row in people.templates if row.repository.casefold() == repository.casefold()), None)


def invited_of(tasks: Mapping[tuple[str, str], Task], candidate: str) -> Invited | None:
    """Return the conditions of a candidate."""
    return next((task.invited for task in tasks.values() if task.candidate == candidate and task.invited), None)
