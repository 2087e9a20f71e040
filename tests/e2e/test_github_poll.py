"""Inviting and polling against a real API over HTTP and real git: what is started, what it costs, what goes wrong."""

from __future__ import annotations

import datetime as dt
import zlib

import pytest

from grading.errors import UsageError
from grading.github.client import connect
from grading.github.forge import ForgeError
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
    assert again.budget.unchanged == 1
    office.push("ada", "x = 2\n")
    moved = office.world.move_pull(office.ada, 1)
    assert [run.sha for run in office.poll().started] == [moved]


def test_looking_costs_one_call_a_repository_and_none_of_the_budget_when_nothing_changed(office):
    for name in ("ada", "bob", "cyd"):
        office.invite(name)
    office.poll()
    second = office.poll()
    # two calls are the token's: who the App is, and the token itself
    assert second.budget.made == 3
    assert second.budget.unchanged == 3


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
    office.world.change_pull(office.ada, 2, state="closed")
    assert not office.poll().started


def test_many_pull_requests_for_one_task_keep_no_runner_from_others(office):
    office.invite("ada")
    office.push("ada", "x = 1\n")
    for number in range(1, 9):
        at = NOW - dt.timedelta(minutes=number)
        office.world.open_pull(office.ada, number, "solve/sample", "task/sample", "ada", at=at)
    polled = office.poll()
    assert {run.pull for run in polled.started} == {1, 2, 3}
    assert polled.ignored == 5


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


def test_tokens_are_minted_with_no_more_than_is_asked(office):
    office.invite("ada")
    office.poll()
    assert office.world.minted()[-1]["permissions"] == READ
