"""Inviting and polling against a real API over HTTP and real git: what is started, what it costs, what goes wrong."""

from __future__ import annotations

import datetime as dt
import subprocess
import zlib
from fractions import Fraction

import pytest

from grading.errors import UsageError
from grading.github.client import connect
from grading.github.forge import ForgeError
from grading.github.poll import MOST_A_DAY
from grading.ledger.events import Dispatched, GradedHead, Invited
from grading.ledger.store import HandOut
from grading.model import Level, Verdict
from tests.e2e.github.office import EVERYTHING, READ, Office
from tests.e2e.github.world import GithubWorld, make_app_key

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def world():
    with GithubWorld(EVERYTHING) as world:
        yield world


@pytest.fixture
def office(world, tmp_path, request):
    office = Office(world, tmp_path, f"office-{zlib.crc32(request.node.name.encode())}")
    world.dispatches()
    yield office
    world.api.order("clear_faults")
    world.api.order("features", fields={"protection": True, "rulesets": True})
    assert not [v for v in world.violations() if v.kind == "request"]


def ungraded(candidate: str, sha: str, at: dt.datetime) -> GradedHead:
    return GradedHead(
        candidate, at, assignment="sample", pull=1, sha=sha, level=Level.MID, verdict=Verdict.UNGRADED, reason="broke"
    )


def test_an_invitation_makes_all_and_a_second_one_doubles_nothing(office):
    due = NOW + dt.timedelta(days=7)
    office.invite("ada", due=due, accommodations="exam week", extra_hours=24)
    state = office.world.api.state()["repositories"][office.ada]
    assert state["private"]
    assert set(state["topics"]) == {"take-home", "stage-invited", f"due-{due:%Y-%m-%d}"}
    assert [one["login"] for one in state["invitations"]] == ["ada"]
    assert "task/sample" in state["protections"]
    (event,) = office.store.events()
    assert isinstance(event, Invited)
    assert event.deadline == due + dt.timedelta(hours=24)
    assert event.bases == {"sample": office.world.head(office.ada, "refs/heads/task/sample")}
    (person,) = office.store.people().people.values()
    assert (person.login, person.accommodations) == ("ada", "exam week")
    before = office.world.api.state()["repositories"][office.ada]
    office.invite("ada", due=due, accommodations="exam week", extra_hours=24)
    assert office.world.api.state()["repositories"][office.ada] == before
    assert len(office.store.events()) == 1


def test_a_reason_that_comes_later_is_noted_and_none_takes_it_away(office):
    due = NOW + dt.timedelta(days=7)
    outcome = office.invite("ada", due=due)
    office.invite("ada", due=due, extra_hours=24, accommodations="a broken wrist")
    office.invite("ada", due=due, extra_hours=48)
    person = office.store.people().people[outcome.candidate]
    assert person.accommodations == "a broken wrist"


@pytest.mark.parametrize(
    "broken", ["POST /orgs/acme/repos", "PUT .*/protection", "PUT .*/collaborators", "PUT .*/topics"]
)
def test_an_invitation_that_broke_off_is_finished_by_the_next(office, broken):
    office.world.inject(broken, 422, body={"message": "Validation Failed"})
    with pytest.raises(ForgeError, match="422"):
        office.invite("ada")
    office.invite("ada")
    state = office.world.api.state()["repositories"][office.ada]
    assert [one["login"] for one in state["invitations"]] == ["ada"]
    assert len(office.store.events()) == 1
    assert len(office.store.people().people) == 1


def test_a_later_deadline_is_a_new_event_and_moves_no_branch(office):
    office.invite("ada", due=NOW)
    base = office.world.head(office.ada, "refs/heads/task/sample")
    office.invite("ada", due=NOW + dt.timedelta(days=1))
    first, second = office.store.events()
    assert second.due == NOW + dt.timedelta(days=1)
    assert first.bases == second.bases == {"sample": base}
    assert office.world.head(office.ada, "refs/heads/task/sample") == base


def test_a_repository_is_nobody_elses(office):
    office.invite("ada")
    with pytest.raises(UsageError, match="is ada's already"):
        office.invite("ada", login="eve")
    with pytest.raises(UsageError, match="cannot change any more"):
        office.invite("ada", level=Level.SENIOR)


def test_a_plan_without_the_features_is_told_and_gone_on_without(office):
    office.world.api.order("features", fields={"protection": False, "rulesets": False})
    outcome = office.invite("ada")
    assert len(outcome.lost) == 2
    assert "not protected" in outcome.lost[0]
    assert "push ruleset" in outcome.lost[1]
    assert office.world.api.state()["repositories"][office.ada]["invitations"]


def test_a_new_head_starts_one_run_and_then_nothing_is_new(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    sha = office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    polled = office.poll()
    assert [(run.repository, run.pull, run.sha) for run in polled.started] == [(office.ada, 1, sha)]
    (dispatch,) = office.world.dispatches()
    assert (dispatch.repository, dispatch.workflow, dispatch.inputs) == (
        office.home,
        "grade.yml",
        {"repo": office.ada, "pr": "1", "sha": sha},
    )
    again = office.poll()
    assert not again.started
    assert again.waiting == 1
    office.push("ada", "x = 2\n")
    moved = office.world.move_pull(office.ada, 1)
    assert [run.sha for run in office.poll().started] == [moved]


def test_looking_costs_one_call_a_repository(office):
    for name in ("ada", "bob", "cyd"):
        office.invite(name)
    assert office.poll().budget.made == 3
    before = office.world.head(office.home, "refs/heads/people")
    office.poll()
    assert office.world.head(office.home, "refs/heads/people") == before, "a poll that finds nothing writes nothing"


def test_a_run_that_does_not_answer_is_started_again_after_an_hour(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    assert office.poll().started
    now = dt.datetime.now(dt.UTC)
    assert not office.poll(now + dt.timedelta(minutes=59)).started
    assert office.poll(now + dt.timedelta(minutes=61)).started


def test_an_ungraded_head_is_tried_four_times_and_then_listed(office):
    candidate = office.invite("ada").candidate
    office.push("ada", "x = 1\n")
    sha = office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    for number in range(4):
        assert len(office.poll().started) == 1, number
        office.store.append([ungraded(candidate, sha, dt.datetime.now(dt.UTC))], "a run that broke")
    last = office.poll()
    assert not last.started
    assert last.attention == ((office.ada, 1, sha, "broke"),)


def test_a_late_push_does_not_hide_the_head_before_it(office):
    due = NOW - dt.timedelta(hours=1)
    office.invite("ada", due=due)
    office.push("ada", "x = 1\n")
    in_time = office.world.open_pull(
        office.ada, 1, "solve/sample", "task/sample", "ada", at=due - dt.timedelta(minutes=5)
    )
    office.push("ada", "x = 2\n")
    late = office.world.move_pull(office.ada, 1, at=due + dt.timedelta(minutes=5))
    assert {run.sha for run in office.poll().started} == {in_time, late}


def test_pull_requests_that_are_none_of_ours_are_left_alone(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    office.world.open_pull(office.ada, 1, "solve/sample", "main", "ada")
    assert not office.poll().started
    office.world.open_pull(office.ada, 2, "solve/sample", "task/sample", "ada")
    assert not office.poll(known=()).started


def test_one_candidate_keeps_nobody_else_waiting(office):
    for name in ("ada", "bob"):
        office.invite(name)
        office.push(name, "x = 1\n")
    for number in range(1, 6):
        office.world.open_pull(office.ada, number, "solve/sample", "task/sample", "ada")
    bob = office.repository("bob")
    office.world.open_pull(bob, 1, "solve/sample", "task/sample", "bob")
    assert {run.repository for run in office.poll(most=2).started} == {office.ada, bob}


def test_a_candidate_has_so_many_heads_graded_in_a_day_and_no_more(office):
    candidate = office.invite("ada").candidate
    now = dt.datetime.now(dt.UTC)
    office.push("ada", "x = 1\n")
    sha = office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    at = now - dt.timedelta(hours=2)
    before = []
    for number in range(MOST_A_DAY):
        about = {"assignment": "sample", "pull": 1, "sha": f"{number:040x}"}
        before.append(Dispatched(candidate, at, **about))
        before.append(GradedHead(candidate, at, level=Level.MID, verdict=Verdict.BELOW_BAR, auto=Fraction(1), **about))
    office.store.append(before, "many runs")
    polled = office.poll(now)
    assert (polled.started, polled.held) == ((), 1)
    assert [run.sha for run in office.poll(now + dt.timedelta(days=1)).started] == [sha]


def test_what_was_not_handed_out_is_not_graded(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    bare = office.world.repositories / f"{office.ada}.git"
    subprocess.run(["git", "--git-dir", str(bare), "branch", "task/bug_hunt", "task/sample"], check=True)
    office.world.open_pull(office.ada, 1, "solve/sample", "task/bug_hunt", "ada")
    assert not office.poll(known=("sample", "bug_hunt")).started


def test_a_merged_pull_request_was_handed_in_too(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    sha = office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    office.world.change_pull(office.ada, 1, state="closed")
    assert [run.sha for run in office.poll().started] == [sha]


def test_each_head_is_started_once_in_a_poll(office):
    candidate = office.invite("ada").candidate
    shas = []
    for number in range(3):
        office.push("ada", f"x = {number}\n")
        shas.append(
            office.world.move_pull(office.ada, 1)
            if number
            else office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
        )
        office.poll()
    office.store.append([ungraded(candidate, sha, dt.datetime.now(dt.UTC)) for sha in shas], "runs that broke")
    assert sorted(run.sha for run in office.poll().started) == sorted(shas)


def test_one_pull_request_can_be_started_by_hand_again(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    sha = office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    office.poll()
    assert [run.sha for run in office.poll(only=(office.ada, 1)).started] == [sha]
    with pytest.raises(UsageError, match="no such pull request"):
        office.poll(only=(office.ada, 7))
    with pytest.raises(UsageError, match="nobody was invited"):
        office.poll(only=("acme/nowhere", None))


def test_a_renamed_repository_is_followed_and_remembered(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    office.world.api.order("rename", **{"from": office.ada, "to": f"{office.ada}-new"})
    assert len(office.poll().started) == 1
    assert [person.repository for person in office.store.people().people.values()] == [f"{office.ada}-new"]


def test_a_dispatch_that_fails_is_told_and_tried_by_the_next_poll(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    office.world.open_pull(office.ada, 1, "solve/sample", "task/sample", "ada")
    office.world.inject(
        "POST .*/dispatches", 422, body={"message": "Workflow does not have 'workflow_dispatch' trigger"}
    )
    first = office.poll()
    assert not first.started
    assert "could not be started" in first.troubles[0]
    assert len(office.poll().started) == 1


def test_what_is_too_much_for_one_poll_is_left_to_the_next(office):
    for name in ("ada", "bob"):
        office.invite(name)
        office.push(name, "x = 1\n")
        office.world.open_pull(office.repository(name), 1, "solve/sample", "task/sample", name)
    first = office.poll(most=1)
    assert (len(first.started), first.left) == (1, 1)
    second = office.poll(most=1)
    assert (len(second.started), second.left) == (1, 0)
    assert {run.repository for run in (*first.started, *second.started)} == {office.ada, office.repository("bob")}


def test_one_repository_that_fails_keeps_no_other_from_being_looked_at(office):
    for name in ("ada", "bob"):
        office.invite(name)
        office.push(name, "x = 1\n")
        office.world.open_pull(office.repository(name), 1, "solve/sample", "task/sample", name)
    office.world.inject(f"GET /repos/{office.ada}/pulls", 404, body={"message": "Not Found"})
    polled = office.poll()
    assert [run.repository for run in polled.started] == [office.repository("bob")]
    assert "404" in polled.troubles[0]
    assert [run.repository for run in office.poll().started] == [office.ada]


def test_a_secondary_limit_is_waited_for(office):
    office.invite("ada")
    message = {"message": "You have exceeded a secondary rate limit."}
    office.world.inject(f"GET /repos/{office.ada}/pulls", 403, headers={"Retry-After": "1"}, body=message)
    assert not office.poll().troubles
    assert [call.status for call in office.world.calls() if call.path == f"/repos/{office.ada}/pulls"] == [403, 200]


def test_a_broken_connection_is_tried_again(office):
    office.invite("ada")
    office.world.inject(f"GET /repos/{office.ada}/pulls", drop=True)
    assert not office.poll().troubles


def test_whoever_opens_a_pull_request_from_a_fork_becomes_a_candidate(office):
    template = office.repository("tasks")
    office.invite("tasks", template=True, login="", candidate="there", due=NOW + dt.timedelta(days=3))
    bare = office.world.repositories / f"{template}.git"
    office.world.add_repository("bob/tasks", bare)
    url = office.world.clone_url("bob/tasks")
    office.push_to(url, "bob", "x = 1\n")
    sha = office.world.open_pull(template, 4, "solve/sample", "task/sample", "bob", head_repository="bob/tasks")
    polled = office.poll()
    assert [(run.repository, run.pull, run.sha) for run in polled.started] == [(template, 4, sha)]
    ((candidate, person),) = office.store.people().people.items()
    assert (person.login, person.hand_out) == ("bob", HandOut.FORK)
    assert {event.candidate for event in office.store.events() if isinstance(event, Dispatched)} == {candidate}
    assert next(
        e for e in office.store.events() if e.candidate == candidate and isinstance(e, Invited)
    ).due == NOW + dt.timedelta(days=3)
    assert not office.poll().started


# keys and permissions -------------------------------------------------------------------------------------------------


def test_a_text_that_is_no_key_is_named(office):
    with pytest.raises(ForgeError, match="APP_PRIVATE_KEY: expected the App's private key"):
        office.settings({"APP_PRIVATE_KEY": "-----BEGIN nonsense"}).app_client(READ)


def test_another_apps_key_is_named(office):
    with pytest.raises(ForgeError, match="GitHub refuses APP_PRIVATE_KEY"):
        office.settings({"APP_PRIVATE_KEY": make_app_key().private_key}).app_client(READ)


def test_an_app_that_is_not_installed_is_named(office):
    key = office.world.key
    with pytest.raises(ForgeError, match="not installed in the organization elsewhere"):
        connect(office.world.api_url, str(key.id), key.private_key, "elsewhere", READ)


def test_a_missing_permission_is_named(office):
    office.invite("ada")
    forge = office.app(READ)
    with pytest.raises(ForgeError, match=r"lacks the permission .*administration.*write"):
        forge.set_topics(office.ada, ["take-home"])


def test_a_permission_that_was_never_granted_is_named(office):
    with pytest.raises(ForgeError, match=r"lacks packages: write in acme"):
        office.app({**READ, "packages": "write"})


def test_tokens_are_minted_with_no_more_than_is_asked(office):
    office.invite("ada")
    office.poll()
    assert office.world.minted()[-1]["permissions"] == READ
