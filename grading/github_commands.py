"""The commands that talk to GitHub, for `cli`: arguments and environment in, words out."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grading.bundle import RunRequest, run_bundle, write_bundle
from grading.catalogue import assignment_folders, find_assignment
from grading.console import progress
from grading.errors import GraderError, UsageError
from grading.export import export_candidate
from grading.github.invite import Invitation, describe, invite
from grading.github.poll import Polled, poll
from grading.github.publish import publish, restore
from grading.github.score import Request, record
from grading.github.settings import read_identity, read_place, read_settings
from grading.github.work import fetch_submission, find_work
from grading.ledger.fold import Agreement
from grading.model import Assignment, Level, Verdict
from grading.sandbox.tools import Access

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"
READ = {"metadata": "read", "contents": "read", "pull_requests": "read"}
PUBLISH = READ | {"pull_requests": "write", "checks": "write"}
INVITE = {
    "metadata": "read",
    "administration": "write",
    "contents": "write",
    "workflows": "write",
}
"""What each command asks of the App, and no more. INTERVIEWER.md lists them for the App's settings."""
EXIT_OK, EXIT_GRADER = 0, 3
_DRAWS = 10**6


def _root(options: argparse.Namespace) -> Path:
    folder: Path = options.assignment_dir or ASSIGNMENTS
    return folder


def run_poll(options: argparse.Namespace) -> int:
    """`poll`: start runs, or restore comments."""
    settings = read_settings(os.environ)
    store = settings.store()
    if options.restore:
        forge = settings.app_client(PUBLISH)
        with progress("Looking at comments", "comments") as bar:
            written, troubles = restore(forge, store, functools.partial(_find, _root(options)), bar)
        print(f"{written} comments written again")
        _summary(f"{written} comments written again.", troubles)
        return EXIT_GRADER if troubles else EXIT_OK
    if options.most < 1:
        raise UsageError(f"--most {options.most}: expected at least 1")
    known = assignment_folders([_root(options)])
    with progress("Looking at repositories", "repositories") as bar:
        polled = poll(
            settings.app_client(READ),
            settings.own_client(),
            store,
            home=settings.home,
            now=_now(),
            known=known.__contains__,
            branch=options.branch,
            most=options.most,
            only=read_place(os.environ),
            on_progress=bar,
        )
    for run in polled.started:
        print(f"started {run.repository}#{run.pull} {run.assignment} {run.sha[:12]}")
    text = _polled_text(polled)
    print(text)
    attention = [
        f"needs attention: {repository}#{pull} at {sha[:12]}: {reason}"
        for repository, pull, sha, reason in polled.attention
    ]
    _summary(text, [*attention, *polled.troubles])
    return EXIT_GRADER if polled.troubles else EXIT_OK


def _polled_text(polled: Polled) -> str:
    budget = polled.budget
    held = f", {polled.held} wait for another day" if polled.held else ""
    left = "" if budget.left is None else f"; {budget.left} of {budget.limit} left this hour"
    return (
        f"{polled.repositories} repositories, {len(polled.started)} runs started, {polled.waiting} under way, "
        f"{polled.left} left for the next poll, {len(polled.attention)} need attention{held}. "
        f"{budget.made} API calls{left}."
    )


def run_fetch(options: argparse.Namespace) -> int:
    """`fetch`: one head as bytes, and what grading it needs."""
    settings, identity = read_settings(os.environ), read_identity(os.environ)
    forge = settings.app_client(READ)
    work = find_work(forge, settings.store(), identity, _root(options))
    address = settings.address(work.repository.full_name)
    submission = fetch_submission(work, address, Access(settings.server, forge.token))
    request = RunRequest(assignment=work.assignment.id, level=work.level, draw=work.task.draw)
    write_bundle(options.bundle, submission, work.assignment, request, ROOT)
    about = f"{work.assignment.id} ({work.level.value}), {len(submission.files)} files"
    print(f"{identity.repository}#{identity.pull}: {about}")
    return EXIT_OK


def run_run(options: argparse.Namespace) -> int:
    """`run`: the hidden tests on a bundle."""
    with progress("Grading", "cases") as bar:
        path = run_bundle(options.bundle, options.out, gpu=options.gpu, on_progress=bar)
    print(f"Written: {path}")
    return EXIT_OK


def run_publish(options: argparse.Namespace) -> int:
    """`publish`: evidence → ledger → comment."""
    settings, identity = read_settings(os.environ), read_identity(os.environ)
    forge = settings.app_client(PUBLISH)
    name = identity.repository
    done = publish(
        forge,
        settings.store(),
        identity,
        address=settings.address,
        access=Access(settings.server, forge.token),
        claims=options.claims,
        gpu_claims=options.gpu_claims,
        root=_root(options),
        now=_now(),
    )
    event = done.event
    points = "no score" if event.auto is None else f"{float(event.auto):g} automatic points"
    print(f"{name}#{identity.pull} {event.assignment} {identity.sha[:12]}: {points}, {event.verdict.value}")
    print(f"comment: {done.comment_url}")
    if event.verdict is Verdict.UNGRADED:
        raise GraderError(f"{name}#{identity.pull}: ungraded: {event.reason}. The poll starts it again.")
    return EXIT_OK


def run_invite(options: argparse.Namespace) -> int:
    """`invite`: a candidate's repository."""
    names = tuple(dict.fromkeys(name for name in options.assignments.split(",") if name))
    level = Level(options.level)
    invitation = Invitation(
        repository=options.repository,
        candidate=options.candidate,
        login=options.login,
        assignments=names,
        level=level,
        due=options.due,
        extra_hours=options.extra_hours,
        accommodations=options.accommodations,
        template=options.template,
        by=os.environ.get("GITHUB_ACTOR", ""),
        draws={name: 1 + secrets.randbelow(_DRAWS) for name in names if _find(_root(options), name).draw},
    )

    def export(dest: Path, at: dt.datetime, draws: Mapping[str, int]) -> Mapping[str, str]:
        made = export_candidate(
            dest,
            candidate=invitation.candidate,
            assignments=names,
            level=level,
            due=invitation.due and invitation.due + dt.timedelta(hours=invitation.extra_hours),
            assignments_root=_root(options),
            at=at,
            draws=draws,
        )
        return made.branches

    with tempfile.TemporaryDirectory(prefix="take-home-invite-") as folder:
        if options.dry_run:
            branches = export(Path(folder, "candidate.git"), _now(), invitation.draws)
            print("\n".join(describe(invitation)))
            print(f"\nNothing was changed. The repository would have {len(branches)} branches.")
            return EXIT_OK
        settings = read_settings(os.environ)
        forge = settings.app_client(INVITE)
        outcome = invite(
            forge,
            settings.store(),
            invitation,
            export=export,
            workspace=Path(folder),
            address=settings.address(invitation.repository),
            access=Access(settings.server, forge.token),
            now=_now(),
            say=lambda text: print(f"- {text}", flush=True),
        )
    print(f"{invitation.repository}: candidate {outcome.candidate}")
    for loss in outcome.lost:
        print(f"without: {loss}")
    return EXIT_OK


def run_score(options: argparse.Namespace) -> int:
    """`score`: a person's points or decision."""
    settings = read_settings(os.environ)
    rater = options.rater or os.environ.get("GITHUB_ACTOR", "")
    if options.rater and os.environ.get("GITHUB_ACTIONS") and options.rater != os.environ.get("GITHUB_ACTOR"):
        raise UsageError(f"--rater {options.rater}: in a workflow the rater is whoever started it; leave it out")
    if not rater:
        raise UsageError("--rater: expected your GitHub login, here or in GITHUB_ACTOR")
    decision = {"pass": Verdict.PASS, "reject": Verdict.BELOW_BAR, None: None}[options.decide]
    assignment = _find(_root(options), options.assignment)
    request = Request(
        candidate=options.candidate,
        rater=rater,
        reason=options.reason,
        criterion=options.criterion or None,
        points=options.points,
        decision=decision,
        second=options.second,
    )
    done = record(
        settings.app_client(PUBLISH),
        settings.own_client(),
        settings.store(),
        assignment,
        request,
        home=settings.home,
        now=_now(),
    )
    print(f"recorded for {done.candidate}; comment: {done.comment_url}")
    if done.missing:
        print(f"still without points{' of yours' if options.second else ''}: {', '.join(done.missing)}")
    if done.agreement is not None:
        text = agreement_text(done.agreement)
        print(text)
        _summary(text, [])
    return EXIT_OK


def agreement_text(found: Agreement) -> str:
    """Return how two raters agree, in a sentence."""
    apart = f" Talk about: {', '.join(found.apart)}." if found.apart else ""
    return (
        f"Both raters are through: {float(found.same):.0%} of the criteria have equal points, "
        f"the mean difference is {float(found.difference):.0%} of the points.{apart}"
    )


def _find(root: Path, name: str) -> Assignment:
    return find_assignment(name, [root], proof=False)


def _summary(text: str, troubles: list[str]) -> None:
    """Show what a person should see: in the log as warnings, and on the run's page."""
    for trouble in troubles:
        line = " ".join(trouble.split())
        print(f"::warning::{line}" if os.environ.get("GITHUB_ACTIONS") else f"warning: {line}")
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        rows = "".join(f"- {' '.join(trouble.split())}\n" for trouble in troubles)
        with Path(page).open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n\n{rows}")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


COMMANDS = {
    "poll": run_poll,
    "fetch": run_fetch,
    "run": run_run,
    "publish": run_publish,
    "invite": run_invite,
    "score": run_score,
}
