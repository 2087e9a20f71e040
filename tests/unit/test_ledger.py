"""The record: events as files, where they lead, and two branches that many write to at once."""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.errors import GraderError, UsageError
from grading.ledger.events import (
    Decided,
    Dispatched,
    Event,
    GradedHead,
    Invited,
    Marked,
    event_path,
    new_candidate,
    parse_event,
    render_event,
)
from grading.ledger.fold import MOST_TRIES, RUN_TAKES, agreement, fold
from grading.ledger.store import HandOut, People, Person, Store, Template
from grading.model import Flag, Level, Provenance, Verdict
from grading.sandbox.tools import Access, add_files, read_branch

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
DUE = NOON + dt.timedelta(hours=1)
ANN = "c-0123456789ab"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def invited(**changes: object) -> Invited:
    return replace(Invited(ANN, NOON, level=Level.MID, assignments=("sample",), due=DUE), **changes)


def dispatched(sha: str, minutes: float) -> Dispatched:
    return Dispatched(ANN, after(minutes), assignment="sample", pull=1, sha=sha)


def graded(sha: str, minutes: float, pushed: float | None, auto: str | None = "50") -> GradedHead:
    return GradedHead(
        ANN,
        after(minutes),
        assignment="sample",
        pull=1,
        sha=sha,
        level=Level.MID,
        verdict=Verdict.UNGRADED if auto is None else Verdict.REVIEW,
        pushed_at=None if pushed is None else after(pushed),
        auto=None if auto is None else Fraction(auto),
        reason="" if auto else "the run broke off",
    )


def mark(criterion: str, points: str, minutes: float = 0, *, second: bool = False) -> Marked:
    return Marked(
        ANN,
        after(minutes),
        assignment="sample",
        criterion=criterion,
        points=Fraction(points),
        rater="rae" if second else "rob",
        reason="clear names",
        second=second,
    )


def task(*events: Event):
    return fold([invited(), *events])[ANN, "sample"]


# events ---------------------------------------------------------------------------------------------------------------

EVENTS = [
    invited(bases={"sample": A}, draws={"sample": 7}, extra_hours=3, by="rob"),
    invited(due=None),
    dispatched(A, 1),
    replace(
        graded(A, 2, 1, "87/10"),
        claims={"schema": 1, "checks": [{"name": "x"}]},
        flags=(Flag("frames", "looks at its callers", "solution.py", 3),),
        provenance=Provenance("1" * 64, "2" * 64, None, "3" * 64),
        submission_sha256="4" * 64,
    ),
    graded(B, 2, None, None),
    mark("code_quality", "6.5"),
    Decided(ANN, NOON, assignment="sample", decision=Verdict.PASS, rater="rob", reason="explains every line"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_comes_back_as_it_was(event):
    assert parse_event(render_event(event), event_path(event)) == event


def test_paths_sort_by_time_and_hold_no_name():
    early, late = event_path(dispatched(A, 0)), event_path(dispatched(A, 0.0001))
    assert early < late
    assert early.startswith(f"events/{ANN}/20261121T120000000000Z-dispatched-")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema": 2, "kind": "invited"}',
        render_event(dispatched(A, 1)).replace(b'"dispatched"', b'"deleted"'),
        render_event(dispatched(A, 1)).replace(A.encode(), b"HEAD"),
        render_event(dispatched(A, 1)).replace(ANN.encode(), b"Ann Smith"),
        render_event(dispatched(A, 1)).replace(b'"pull"', b'"pulls"'),
        render_event(mark("x", "1")).replace(b'"1/1"', b'"1/0"'),
    ],
)
def test_what_is_no_event_is_named_with_its_file(text):
    with pytest.raises(GraderError, match=r"events/x\.json: expected an event of schema 1; found"):
        parse_event(text, "events/x.json")


# where they lead ------------------------------------------------------------------------------------------------------


def test_the_last_head_before_the_deadline_counts_and_the_newest_is_shown():
    state = task(graded(A, 10, 5, "40"), graded(B, 50, 45, "60"), graded(C, 80, 70, "99"))
    assert (state.record.sha, state.newest.sha) == (B, C)
    assert [state.is_late(head) for head in state.heads] == [False, False, True]


def test_an_older_head_that_ends_last_changes_nothing():
    in_order = task(graded(A, 10, 5, "40"), graded(B, 20, 15, "60"))
    reordered = task(graded(B, 20, 15, "60"), graded(A, 30, 5, "40"))
    assert in_order.newest.sha == reordered.newest.sha == B
    assert reordered.record.sha == B


def test_of_late_heads_the_first_counts():
    assert task(graded(B, 90, 80), graded(C, 99, 95)).record.sha == B


def test_extra_time_moves_the_deadline():
    events = [invited(extra_hours=1), graded(C, 80, 70, "99")]
    state = fold(events)[ANN, "sample"]
    assert state.deadline == DUE + dt.timedelta(hours=1)
    assert not state.is_late(state.heads[0])


def test_a_second_run_of_a_head_replaces_its_grade():
    state = task(graded(A, 10, 5, "40"), graded(A, 30, 5, "45"))
    assert len(state.heads) == 1
    assert state.record.grade.auto == 45


def test_a_failure_after_a_grade_takes_nothing_away():
    state = task(graded(A, 10, 5, "40"), graded(A, 30, 5, None))
    assert state.record.grade.auto == 40
    assert not state.record.may_start(after(60))


def test_where_github_does_not_tell_the_time_the_first_event_counts():
    head = task(dispatched(A, 30), graded(A, 90, None)).heads[0]
    assert (head.pushed, head.exact) == (after(30), False)


def test_a_run_is_waited_for_and_then_taken_for_lost():
    head = task(dispatched(A, 0)).heads[0]
    assert not head.may_start(NOON + RUN_TAKES - dt.timedelta(seconds=1))
    assert head.may_start(NOON + RUN_TAKES)


def test_an_ungraded_head_is_started_three_times_more_and_then_needs_a_person():
    events: list[Event] = []
    for number in range(MOST_TRIES):
        head = task(*events).heads[0] if events else None
        now = after(10 * number)
        assert head is None or (head.may_start(now) and not head.needs_attention(now))
        events += [dispatched(A, 10 * number), graded(A, 10 * number + 5, 0, None)]
    head = task(*events).heads[0]
    assert head.needs_attention(after(999))
    assert not head.may_start(after(999))


def test_a_head_whose_runs_never_answer_is_not_started_for_ever():
    head = task(*(dispatched(A, 100 * number) for number in range(MOST_TRIES))).heads[0]
    last = after(100 * (MOST_TRIES - 1))
    assert not head.needs_attention(last + RUN_TAKES / 2)
    assert head.needs_attention(last + RUN_TAKES)
    assert not head.may_start(last + 100 * RUN_TAKES)


def test_a_newer_mark_replaces_an_older_one_and_both_stay_in_the_ledger():
    state = task(mark("quality", "3", 1), mark("quality", "5", 2), mark("quality", "8", 1, second=True))
    assert state.scored_marks().points == {"quality": 5}
    assert state.second["quality"].points == 8


def test_agreement_is_told_when_both_are_through():
    maxima = {"quality": 8, "discussion": 5}
    first = [mark("quality", "6"), mark("discussion", "5")]
    half = task(*first, mark("quality", "6", second=True))
    assert agreement(half, maxima) is None
    both = task(*first, mark("quality", "6", second=True), mark("discussion", "2", second=True))
    found = agreement(both, maxima)
    assert (found.same, found.difference, found.apart) == (Fraction(1, 2), Fraction(3, 10), ("discussion",))


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(7)))
def test_the_order_in_which_events_arrive_does_not_matter(order):
    events = [
        invited(),
        dispatched(A, 1),
        graded(A, 5, 0, "10"),
        dispatched(B, 6),
        graded(B, 9, 6, "20"),
        mark("quality", "1", 10),
        mark("quality", "2", 11),
    ]
    assert fold([events[i] for i in order]) == fold(events)


# the two branches -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> str:
    path = tmp_path / "grading.git"
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    return str(path)


def test_an_empty_repository_has_an_empty_record(home):
    store = Store(home)
    assert store.events() == ()
    assert store.people() == People()


def test_events_of_many_writers_all_arrive(home):
    stores = [Store(home) for _ in range(4)]
    written = [[dispatched(A, 10 * writer + i) for i in range(3)] for writer in range(4)]
    failures = []

    def write(writer: int) -> None:
        try:
            for event in written[writer]:
                stores[writer].append([event], "start")
        except Exception as error:  # noqa: BLE001 - told at the end
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert set(Store(home).events()) == {event for rows in written for event in rows}


def test_an_event_never_changes(home):
    path = event_path(dispatched(A, 1))
    add_files(home, "ledger", {path: b"one"}, "first")
    add_files(home, "ledger", {path: b"one"}, "the same again is fine")
    with pytest.raises(UsageError, match="records never change"):
        add_files(home, "ledger", {path: b"two"}, "second")


def test_people_keep_no_history_so_that_forgetting_works(home):
    store = Store(home)
    ann = Person("Ann", "ann-dev", "acme/take-home-ann", accommodations="a broken wrist")
    store.change_people(lambda now: now.with_person(ANN, ann), "add")
    store.change_people(lambda now: replace(now, templates=(Template("acme/tasks", new_candidate()),)), "add")
    assert store.people().people == {ANN: ann}
    store.change_people(lambda now: replace(now, people={}), "forget")
    reachable = subprocess.run(
        ["git", "-C", home, "log", "--all", "--patch"], capture_output=True, text=True, check=True
    ).stdout
    assert "ann-dev" not in reachable
    assert "wrist" not in reachable


def test_two_who_change_people_at_once_both_have_their_way(home):
    def add(name: str) -> None:
        person = Person(name, name, f"acme/{name}")
        Store(home).change_people(lambda now: now.with_person(f"c-{ord(name[0]):012x}", person), "add")

    threads = [threading.Thread(target=add, args=(name,)) for name in ("ann", "bob", "cyd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {person.name for person in Store(home).people().people.values()} == {"ann", "bob", "cyd"}


def test_a_candidate_is_found_by_repository_or_as_author_of_a_fork():
    own = Person("Ann", "ann", "acme/take-home-ann")
    fork = Person("Bob", "bob", "acme/tasks", hand_out=HandOut.FORK)
    people = People({"c-1": own, "c-2": fork})
    assert people.candidate_of("Acme/Take-Home-Ann", "anybody") == "c-1"
    assert people.candidate_of("acme/tasks", "Bob") == "c-2"
    assert people.candidate_of("acme/tasks", "eve") is None


def test_a_token_stands_in_no_message_and_no_command_line(home, tmp_path):
    secret = "ghs_" + "x" * 36
    access = Access("https://git.example.invalid", secret)
    assert secret not in repr(access)
    missing = str(tmp_path / "missing.git")
    with pytest.raises(UsageError) as caught:
        read_branch(missing, "ledger", access)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("token", ["", 'x"\n[core]\n hooksPath = /evil', "a b", "é\n"])
def test_a_token_that_could_change_git_is_refused(home, token):
    with pytest.raises(UsageError, match="token"):
        read_branch(home, "ledger", Access("https://git.example.invalid", token))
