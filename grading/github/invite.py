"""Hand out work: a private repository for one candidate, or one template that candidates fork.

Every step looks first whether it is done already, so that a second run after a failure half-way finishes the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grading.errors import UsageError
from grading.github.forge import Forge, MissingFeatureError, Role, Ruleset
from grading.github.settings import is_repository_name
from grading.ledger.events import Invited, new_candidate
from grading.ledger.fold import Task, fold
from grading.ledger.store import HandOut, People, Person, Store, Template
from grading.model import Level
from grading.sandbox.tools import Access, list_branches, push_branches

RULESET = Ruleset("take-home: the workflow stays as it is", (".github/**/*",))
TASK_PREFIX = "task/"

Export = Callable[[Path, dt.datetime, Mapping[str, int]], Mapping[str, str]]
"""Makes the repository at a path, its commits dated and its bugs drawn as given, and returns branch → commit."""


@dataclass(frozen=True)
class Invitation:
    """What a person asks for.

    Attributes:
        repository: owner/name to be.
        candidate: how the README greets them; for a template, anything that fits all.
        login: their GitHub login; "" for a template.
        due: the moment the work is due, UTC.
        extra_hours, accommodations: more time than others have, and why; the reason is kept apart from the ledger.
        template: one repository that candidates fork; they share one draw.
        draws: assignment → seed of the bugs in its starter, for a first invitation; a later one keeps the first's.
    """

    repository: str
    candidate: str
    login: str
    assignments: tuple[str, ...]
    level: Level
    due: dt.datetime | None = None
    extra_hours: int = 0
    accommodations: str = ""
    template: bool = False
    by: str = ""
    draws: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Outcome:
    """What happened, step by step."""

    candidate: str
    done: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def describe(invitation: Invitation) -> list[str]:
    """Return the calls that an invitation makes, in order, for --dry-run. Pure."""
    name, organization = invitation.repository, invitation.repository.partition("/")[0]
    branches = [f"{TASK_PREFIX}{assignment}" for assignment in invitation.assignments]
    calls = [
        "git push ledger: an invited event with level, assignments, deadline",
        "git push people: who that is, without history",
        f"GET  /repos/{name}",
        f"POST /orgs/{organization}/repos: {name.partition('/')[2]}, private, unless it is there",
        f"git push {name}: main, {', '.join(branches)}",
    ]
    calls += [f"PUT  /repos/{name}/branches/{branch}/protection" for branch in branches]
    calls.append(f"POST /repos/{name}/rulesets: nobody but administrators pushes {', '.join(RULESET.paths)}")
    calls.append(f"PUT  /repos/{name}/topics: {', '.join(topics(invitation))}")
    if invitation.login:
        role = Role.READ if invitation.template else Role.WRITE
        calls.append(f"PUT  /repos/{name}/collaborators/{invitation.login}: {role.value}")
    return calls


def topics(invitation: Invitation) -> tuple[str, ...]:
    """Return the topics by which GitHub's own list of repositories can be filtered."""
    stage = ("take-home-template",) if invitation.template else ("take-home", "stage-invited")
    return (*stage, *((f"due-{invitation.due:%Y-%m-%d}",) if invitation.due else ()))


def invite(
    forge: Forge,
    store: Store,
    invitation: Invitation,
    *,
    export: Export,
    workspace: Path,
    address: str,
    access: Access,
    now: dt.datetime,
    say: Callable[[str], None],
) -> Outcome:
    """Carry an invitation out.

    Args:
        export: makes the candidate's repository on disk.
        workspace: an empty folder of ours.
        address, access: where git pushes to.
        say: told about each step as it is done.

    Raises:
        UsageError: the request makes no sense, or contradicts an earlier invitation to the same repository.
        ForgeError: GitHub refuses; run it again to go on from there.
    """
    _verify(invitation)
    candidate, event, people = _find_or_make(store, invitation, now)
    made = workspace / "candidate.git"
    branches = export(made, event.at, event.draws)
    made_now = {name: branches[f"{TASK_PREFIX}{name}"] for name in invitation.assignments}
    event = replace(event, bases={**made_now, **event.bases})
    outcome = Outcome(candidate)

    def did(text: str) -> None:
        outcome.done.append(text)
        say(text)

    _record(store, invitation, candidate, event, people, did)
    repository = forge.repository(invitation.repository)
    if repository is None:
        repository = forge.create_repository(invitation.repository, "Take-home")
        did(f"made {repository.full_name}, private")
    if repository.archived:
        raise UsageError(f"{repository.full_name}: is archived; unarchive it or name another repository")
    if not repository.private and not invitation.template:
        raise UsageError(f"{repository.full_name}: is public; a candidate's repository has to be private")
    there = list_branches(address, access)
    missing = [branch for branch in branches if branch not in there]
    if missing:
        push_branches(made, address, missing, access)
        did(f"pushed {', '.join(missing)}")
    _protect(forge, repository.full_name, list(branches), outcome, did)
    forge.set_topics(repository.full_name, topics(invitation))
    did(f"set the topics {', '.join(topics(invitation))}")
    if invitation.login:
        role = Role.READ if invitation.template else Role.WRITE
        if forge.invite(repository.full_name, invitation.login, role):
            did(f"invited {invitation.login} to {role.value}")
    _remember_id(store, candidate, repository.id)
    return outcome


def _verify(invitation: Invitation) -> None:
    if not is_repository_name(invitation.repository):
        raise UsageError(f"repository {invitation.repository!r}: expected owner/name, e.g. acme/take-home-ada")
    if not invitation.template and not invitation.login:
        raise UsageError("--login: expected the candidate's GitHub login; leave it out only with --template")
    if not 0 <= invitation.extra_hours <= 24 * 366:
        raise UsageError(f"--extra-hours {invitation.extra_hours}: expected 0 to 8784")
    if invitation.extra_hours and invitation.due is None:
        raise UsageError("--extra-hours: there is no deadline to extend; add --due")


def _find_or_make(store: Store, invitation: Invitation, now: dt.datetime) -> tuple[str, Invited, People]:
    """Return the candidate's id and event: those of an earlier run, if the conditions are the same, or new ones."""
    people, events = store.people(), store.events()
    wanted = Invited(
        "", now, level=invitation.level, assignments=invitation.assignments, due=invitation.due,
        extra_hours=invitation.extra_hours, by=invitation.by, draws=invitation.draws,
    )  # fmt: skip
    found = _known(people, invitation)
    if found is None:
        return (candidate := new_candidate()), replace(wanted, candidate=candidate), people
    person = people.people.get(found)
    if person is not None and person.login.casefold() != invitation.login.casefold():
        raise UsageError(
            f"{invitation.repository}: is {person.login}'s already; name another repository for {invitation.login}"
        )
    before = _last_invited(fold(events), found)
    if before is None:
        return found, replace(wanted, candidate=found), people
    if (before.level, before.assignments) != (wanted.level, wanted.assignments):
        raise UsageError(
            f"{invitation.repository}: was handed out with {', '.join(before.assignments)} at {before.level.value} "
            "level; that cannot change any more. Repeat the invitation with these, or name another repository."
        )
    first = min((e.at for e in events if isinstance(e, Invited) and e.candidate == found), default=now)
    if (before.due, before.extra_hours) == (wanted.due, wanted.extra_hours):
        return found, replace(before, at=first), people
    return found, replace(wanted, candidate=found, at=first, bases=before.bases, draws=before.draws), people


def _known(people: People, invitation: Invitation) -> str | None:
    template = next((row for row in people.templates if row.repository == invitation.repository), None)
    if template is not None:
        if not invitation.template:
            raise UsageError(f"{invitation.repository}: is a template that candidates fork; add --template")
        return template.candidate
    return next((c for c, person in people.people.items() if person.repository == invitation.repository), None)


def _last_invited(tasks: Mapping[tuple[str, str], Task], candidate: str) -> Invited | None:
    return next((task.invited for task in tasks.values() if task.candidate == candidate and task.invited), None)


def _record(
    store: Store, invitation: Invitation, candidate: str, event: Invited, people: People, did: Callable[[str], None]
) -> None:
    """Write down who and on which conditions, before anything is made, so that a second run finds it."""
    if invitation.template:
        template = Template(invitation.repository, candidate)
        if template not in people.templates:
            store.change_people(lambda now: replace(now, templates=(*now.templates, template)), "Add a template")
    elif candidate not in people.people:
        person = Person(
            invitation.candidate, invitation.login, invitation.repository, hand_out=HandOut.REPOSITORY,
            accommodations=invitation.accommodations,
        )  # fmt: skip
        store.change_people(lambda now: now.with_person(candidate, person), "Invite somebody")
    elif invitation.accommodations not in ("", people.people[candidate].accommodations):
        reason = invitation.accommodations
        store.change_people(
            lambda now: now.with_person(candidate, replace(now.people[candidate], accommodations=reason)),
            "Note why somebody has more time",
        )
        did("noted why there is more time")
    known = [row for row in store.events() if isinstance(row, Invited) and row.candidate == candidate]
    last = known[-1] if known else None
    if last is None or (last.due, last.extra_hours, dict(last.bases)) != (
        event.due,
        event.extra_hours,
        dict(event.bases),
    ):
        # The date of the commits is the first event's, so that they repeat; a change of conditions is a new event.
        at = event.at if last is None else max(dt.datetime.now(dt.UTC), last.at + dt.timedelta(microseconds=1))
        store.append([replace(event, at=at, id=new_candidate()[2:])], "Invited")
        did(
            f"recorded the invitation of {candidate}"
            + (f", due {event.deadline:%Y-%m-%d %H:%M} UTC" if event.deadline else "")
        )


def _protect(
    forge: Forge, repository: str, branches: Sequence[str], outcome: Outcome, did: Callable[[str], None]
) -> None:
    """Protect what should not move; go on without where the organization's plan has no such feature."""
    for branch in branches:
        try:
            forge.protect_branch(repository, branch)
        except MissingFeatureError as error:
            outcome.lost.append(
                f"{branch} is not protected: the candidate could push to it, and a pull request's diff would shift. "
                f"The score is safe: it compares with the commit in the ledger. ({error})"
            )
            break
    else:
        did(f"protected {', '.join(branches)}")
    try:
        forge.add_ruleset(repository, RULESET)
    except MissingFeatureError as error:
        outcome.lost.append(
            "no push ruleset on .github/**: the candidate can change their own workflow, which is advice only; the "
            f"report flags it. ({error})"
        )
    else:
        did("added the push ruleset on .github/**")


def _remember_id(store: Store, candidate: str, repository_id: int) -> None:
    def change(people: People) -> People:
        person = people.people.get(candidate)
        if person is None or person.repository_id == repository_id:
            return people
        return people.with_person(candidate, replace(person, repository_id=repository_id))

    store.change_people(change, "Remember a repository's number")
