"""Publishing: hostile evidence, one comment that stays true, and what people add. Real API over HTTP, real git."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import threading
import zlib
from fractions import Fraction
from pathlib import Path

import pytest

from grading.catalogue import find_assignment
from grading.catalogue.draw import bugs_of_checks
from grading.draw import draw_of, idle_checks, starter_files
from grading.errors import GraderError, UsageError
from grading.github.forge import ForgeError
from grading.github.publish import restore
from grading.github.score import manual_maxima
from grading.github.settings import Identity
from grading.ledger.events import Decided, GradedHead, Marked
from grading.ledger.fold import fold
from grading.model import Level, Verdict
from tests.e2e.github.office import EVERYTHING, FIXTURES, ROOT, Office
from tests.e2e.github.world import GithubWorld

pytestmark = pytest.mark.isolation
ASSIGNMENTS = ROOT / "assignments"
REFERENCE = (FIXTURES / "sample" / "solutions" / "accepted" / "reference" / "solution.py").read_text()
STARTER = (FIXTURES / "sample" / "starter" / "mid" / "solution.py").read_text()
LIMIT = {
    "status": 403,
    "headers": {"Retry-After": "1"},
    "body": {"message": "You have exceeded a secondary rate limit."},
}
MARKER = "<!-- takehome-score:sample -->"


@pytest.fixture(scope="module")
def world():
    with GithubWorld(EVERYTHING) as world:
        yield world


def graded_once(world, folder: Path, office: Office, texts: dict[str, str]) -> dict[str, Path]:
    """Run each text as grade.yml does; return what the runs left behind."""
    found = {}
    for number, (name, text) in enumerate(texts.items(), start=1):
        office.invite(name)
        office.push(name, text)
        repository = office.repository(name)
        sha = world.open_pull(repository, number, f"solve/{office.task}", f"task/{office.task}", name)
        place = folder / name
        office.fetch(Identity(repository, number, sha), place / "bundle")
        office.run(place / "bundle", place / "claims")
        found[name] = place / "claims"
    return found


@pytest.fixture(scope="module")
def evidence(world, tmp_path_factory) -> dict[str, Path]:
    """What real runs left behind for the reference and for the starter."""
    office = Office(world, tmp_path_factory.mktemp("office"), "evidence")
    return graded_once(world, tmp_path_factory.mktemp("evidence"), office, {"reference": REFERENCE, "starter": STARTER})


@pytest.fixture
def office(world, tmp_path, request):
    office = Office(world, tmp_path, f"office-{zlib.crc32(request.node.name.encode())}")
    yield office
    world.api.order("clear_faults")
    assert not [v for v in world.violations() if v.kind == "request"]


def opened(office: Office, text: str = REFERENCE, **changes: object) -> Identity:
    """Let Ada be invited, push, and open a pull request."""
    office.invite("ada", **changes)
    office.push("ada", text)
    return pull_of(office)


def pull_of(office: Office) -> Identity:
    """Open Ada's pull request."""
    branches = f"solve/{office.task}", f"task/{office.task}"
    return Identity(office.ada, 1, office.world.open_pull(office.ada, 1, *branches, "ada"))


def moved(office: Office, text: str, **when: dt.datetime) -> Identity:
    office.push("ada", text)
    return Identity(office.ada, 1, office.world.move_pull(office.ada, 1, **when))


def only_comment(office: Office) -> str:
    marker = f"<!-- takehome-score:{office.task} -->"
    (comment,) = office.world.comments(office.ada, 1)
    assert comment.author == "take-home-grader[bot]"
    assert comment.body.startswith(marker)
    return comment.body


def claims(folder: Path, document: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    (folder / "evidence.json").write_bytes(text)
    return folder


# one comment that stays true ------------------------------------------------------------------------------------------


def test_a_grade_becomes_one_comment_a_check_run_and_a_label(office, evidence):
    identity = opened(office)
    done = office.publish(identity, evidence["reference"])
    assert done.event.verdict is not Verdict.UNGRADED
    body = only_comment(office)
    assert "official" in body
    assert identity.sha[:8] in body
    (check,) = office.world.checks(office.ada)
    assert (check["head_sha"], check["external_id"], check["conclusion"]) == (identity.sha, done.event.id, "neutral")
    assert office.world.labels(office.ada, 1) == ("take-home: graded",)
    (event,) = [event for event in office.store.events() if isinstance(event, GradedHead)]
    assert event.claims["output"] == ""
    assert "ada" not in json.dumps(event.claims)


def test_a_second_push_updates_the_same_comment(office, evidence):
    office.publish(opened(office, STARTER), evidence["starter"])
    before = only_comment(office)
    second = moved(office, REFERENCE)
    office.publish(second, evidence["reference"])
    after = only_comment(office)
    assert after != before
    assert second.sha[:8] in after


def test_an_older_head_that_finishes_last_changes_nothing(office, evidence):
    first = opened(office, STARTER)
    second = moved(office, REFERENCE, at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5))
    office.publish(second, evidence["reference"])
    shown = only_comment(office)
    office.publish(first, evidence["starter"])
    assert only_comment(office) == shown


def test_publishing_again_doubles_nothing(office, evidence):
    identity = opened(office)
    for _ in range(2):
        office.publish(identity, evidence["reference"])
    only_comment(office)
    assert office.world.labels(office.ada, 1) == ("take-home: graded",)


def test_two_that_publish_at_once_leave_one_comment(office, evidence):
    identity = opened(office)
    failures = []

    def go() -> None:
        try:
            office.publish(identity, evidence["reference"])
        except Exception as error:  # noqa: BLE001 - told at the end
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    only_comment(office)


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ("POST .*/comments", 422),
        ("GET .*/comments", 404),
        ("POST .*/check-runs", 409),
        ("POST .*/labels", 403),
        ("GET .*/labels", 410),
    ],
)
def test_what_github_refused_is_made_good_by_publishing_again(office, evidence, broken, status):
    identity = opened(office)
    office.world.inject(broken, status, body={"message": "no"})
    with pytest.raises(ForgeError, match=str(status)):
        office.publish(identity, evidence["reference"])
    assert any(isinstance(event, GradedHead) for event in office.store.events())
    office.publish(identity, evidence["reference"])
    only_comment(office)
    assert office.world.labels(office.ada, 1) == ("take-home: graded",)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 502}, {"drop": True}, {"status": 500, "after": True}, LIMIT]
)
def test_a_passing_fault_is_outlived_without_a_second_comment(office, evidence, fault):
    identity = opened(office)
    office.world.inject("POST .*/comments", **fault)
    office.publish(identity, evidence["reference"])
    only_comment(office)


def test_a_deleted_or_edited_comment_comes_back(office, evidence):
    office.publish(opened(office), evidence["reference"])
    body = only_comment(office)

    def find(name: str):
        return find_assignment(name, [office.root], proof=False)

    (comment,) = office.world.comments(office.ada, 1)
    office.world.api.order("edit_comment", repository=office.ada, id=comment.id, body=f"{MARKER}\n100 of 100!")
    assert restore(office.app(), office.store, find) == (1, [])
    assert only_comment(office) == body
    office.world.api.order("delete_comment", repository=office.ada, id=comment.id)
    assert restore(office.app(), office.store, find) == (1, [])
    assert only_comment(office) == body
    assert restore(office.app(), office.store, find) == (0, [])


def test_a_comment_with_our_marker_by_somebody_else_is_left_alone(office, evidence):
    identity = opened(office)
    forged = f"{MARKER}\n## 100 of 100"
    office.world.api.order("write_comment", repository=office.ada, number=1, author="ada", body=forged)
    office.publish(identity, evidence["reference"])
    theirs, ours = office.world.comments(office.ada, 1)
    assert (theirs.author, theirs.body) == ("ada", forged)
    assert ours.author == "take-home-grader[bot]"


def test_a_comment_of_ours_that_was_forged_does_not_stay_under_our_name(office, evidence):
    identity = opened(office)
    office.publish(identity, evidence["reference"])
    (comment,) = office.world.comments(office.ada, 1)
    forged = "## 100 of 100: pass"  # whoever may write to the repository may edit our comment, its marker included
    office.world.api.order("edit_comment", repository=office.ada, id=comment.id, body=forged)
    office.publish(identity, evidence["reference"])
    assert only_comment(office) == comment.body


def test_a_locked_conversation_still_gets_its_check_run(office, evidence):
    identity = opened(office)
    message = {"message": "Unable to create comment because issue is locked."}
    office.world.inject("POST .*/comments", 403, body=message, times=9)
    with pytest.raises(ForgeError, match="locked"):
        office.publish(identity, evidence["reference"])
    assert len(office.world.checks(office.ada)) == 1
    assert office.world.labels(office.ada, 1) == ("take-home: graded",)


def test_what_candidates_wrote_does_not_make_the_ledger_grow(office, evidence, tmp_path):
    identity = opened(office)
    document = json.loads((evidence["starter"] / "evidence.json").read_text())
    for check in document["checks"]:
        if check["outcome"] != "passed":
            check["detail"] = "x" * 4000
    done = office.publish(identity, claims(tmp_path / "claims", document))
    assert done.event.verdict is not Verdict.UNGRADED
    assert max(len(check["detail"]) for check in done.event.claims["checks"]) == 200
    only_comment(office)


def test_a_late_head_is_graded_and_labelled_and_the_earlier_one_counts(office, evidence):
    due = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    first = opened(office, STARTER, due=due)
    office.publish(first, evidence["starter"])
    late = moved(office, REFERENCE, at=due + dt.timedelta(minutes=1))
    office.publish(late, evidence["reference"])
    body = only_comment(office)
    assert "pushed after the deadline" in body
    assert f"The commit that counts is `{first.sha[:8]}`" in body
    assert set(office.world.labels(office.ada, 1)) == {"take-home: graded", "take-home: late"}


def test_a_force_push_takes_no_earlier_grade_away(office, evidence):
    first = opened(office, STARTER)
    office.publish(first, evidence["starter"])
    work = office.folder / "work-ada-sample"
    git = ["git", "-C", str(work), "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid"]
    subprocess.run([*git, "reset", "--quiet", "--hard", "origin/task/sample"], check=True)
    (work / "assignments" / "sample" / "solution.py").write_text(REFERENCE)
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Anew"], check=True)
    subprocess.run([*git, "push", "--quiet", "--force", "origin", "solve/sample"], check=True)
    second = Identity(office.ada, 1, office.world.move_pull(office.ada, 1, forced=True))
    office.publish(second, evidence["reference"])
    assert second.sha[:8] in only_comment(office)
    graded = [event.sha for event in office.store.events() if isinstance(event, GradedHead)]
    assert graded == [first.sha, second.sha]


def test_an_archived_repository_is_named_and_the_grade_kept(office, evidence):
    identity = opened(office)
    office.world.api.order("repository", fields={"full_name": office.ada, "archived": True})
    with pytest.raises(ForgeError, match="archived"):
        office.publish(identity, evidence["reference"])
    assert [event.sha for event in office.store.events() if isinstance(event, GradedHead)] == [identity.sha]


def test_remarks_on_lines_go_in_batches_of_fifty(office, evidence, tmp_path):
    identity = opened(office)
    document = json.loads((evidence["starter"] / "evidence.json").read_text())
    document["lint"] = [
        {"file": "solution.py", "line": number, "rule": "E501", "message": "Line too long"} for number in range(1, 121)
    ]
    office.publish(identity, claims(tmp_path / "claims", document))
    (check,) = office.world.checks(office.ada)
    assert [note["start_line"] for note in check["annotations"]] == list(range(1, 121))
    calls = [c.method for c in office.world.calls() if c.path.startswith(f"/repos/{office.ada}/check-runs")]
    assert calls == ["POST", "PATCH", "PATCH"]


def test_a_closed_pull_request_still_gets_its_comment(office, evidence):
    identity = opened(office)
    office.world.change_pull(office.ada, 1, state="closed")
    office.publish(identity, evidence["reference"])
    only_comment(office)


def test_a_head_that_moved_during_grading_is_recorded_and_the_new_one_waits_for_its_own(office, evidence):
    first = opened(office, STARTER)
    second = moved(office, REFERENCE)
    office.publish(first, evidence["starter"])
    assert first.sha[:8] in only_comment(office)
    assert second.sha in {run.sha for run in office.poll().started}


def test_a_renamed_repository_is_found(office, evidence):
    identity = opened(office)
    office.world.api.order("rename", **{"from": office.ada, "to": f"{office.ada}-new"})
    done = office.publish(identity, evidence["reference"])
    assert done.event.verdict is not Verdict.UNGRADED
    (comment,) = office.world.comments(f"{office.ada}-new", 1)
    assert comment.body.startswith(MARKER)


# evidence is hostile --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["nothing", "a folder", "a link", "no json", "too long", "other checks", "all points"])
def test_a_lie_gets_no_number_and_says_why(office, evidence, tmp_path, left):
    identity = opened(office)
    folder = tmp_path / "claims"
    document = json.loads((evidence["starter"] / "evidence.json").read_text())
    match left:
        case "a folder":
            (folder / "evidence.json").mkdir(parents=True)
        case "a link":
            folder.mkdir()
            (folder / "evidence.json").symlink_to(evidence["reference"] / "evidence.json")
        case "no json":
            claims(folder, b"\xff{")
        case "too long":
            claims(folder, b" " * (5 << 20))
        case "other checks":
            claims(folder, document | {"checks": [c for c in document["checks"] if c["outcome"] == "passed"]})
        case "all points":
            claims(folder, document | {"auto": 100, "verdict": "pass"})
    done = office.publish(identity, folder)
    assert done.event.verdict is Verdict.UNGRADED
    assert done.event.auto is None
    assert done.event.reason
    body = only_comment(office)
    assert "of 100" not in body
    assert "points" not in body.splitlines()[1], "the heading of an ungraded comment names no number"
    assert not office.world.checks(office.ada)
    assert [run.sha for run in office.poll().started] == [identity.sha]


def test_what_candidates_wrote_cannot_act_in_the_comment(office, evidence, tmp_path):
    identity = opened(office)
    document = json.loads((evidence["starter"] / "evidence.json").read_text())
    document["lint"] = [
        {
            "file": "solution.py",
            "line": 1,
            "rule": "E501",
            "message": "@octocat ![x](http://evil) <img src=x> ::error::x",
        }
    ]
    done = office.publish(identity, claims(tmp_path / "claims", document))
    assert done.event.verdict is not Verdict.UNGRADED
    line = next(row for row in only_comment(office).splitlines() if "octocat" in row)
    assert line.count("`@octocat") == 1
    assert "::error::" not in line


def test_a_pull_request_that_is_none_of_ours_is_refused(office, evidence):
    identity = opened(office)
    office.world.open_pull(office.ada, 2, "solve/sample", "main", "ada")
    with pytest.raises(UsageError, match="only pull requests into task/<id> are graded"):
        office.publish(Identity(office.ada, 2, identity.sha), evidence["reference"])
    with pytest.raises(UsageError, match="no such pull request"):
        office.publish(Identity(office.ada, 9, identity.sha), evidence["reference"])
    with pytest.raises(UsageError, match="no such repository"):
        office.publish(Identity("acme/nowhere", 1, identity.sha), evidence["reference"])


def test_a_candidate_who_edits_the_workflow_is_flagged_for_the_interviewer_only(office, evidence):
    office.invite("ada")
    office.push("ada", REFERENCE)
    work = office.folder / "work-ada-sample"
    (work / ".github" / "workflows" / "feedback.yml").write_text("name: mine\n")
    office.push("ada", REFERENCE)
    identity = Identity(
        office.ada, 1, office.world.open_pull(office.ada, 1, f"solve/{office.task}", f"task/{office.task}", "ada")
    )
    done = office.publish(identity, evidence["reference"])
    assert [flag.file for flag in done.event.flags if flag.kind == "outside_assignment"] == [
        ".github/workflows/feedback.yml"
    ]
    assert "feedback.yml" not in only_comment(office)


def test_three_hundred_changed_files_are_counted_and_graded(office, evidence):
    office.invite("ada")
    office.push("ada", REFERENCE)
    work = office.folder / "work-ada-sample"
    for number in range(300):
        (work / "assignments" / "sample" / f"extra_{number}.txt").write_text("x")
    subprocess.run(["git", "-C", str(work), "add", "--all"], check=True)
    office.push("ada", REFERENCE)
    identity = Identity(
        office.ada, 1, office.world.open_pull(office.ada, 1, f"solve/{office.task}", f"task/{office.task}", "ada")
    )
    done = office.publish(identity, evidence["reference"])
    assert done.event.verdict is not Verdict.UNGRADED
    assert 0 < len(done.event.flags) <= 100


# people ---------------------------------------------------------------------------------------------------------------


WINDOWS = "timeseries_windows"
SOLVED = (ASSIGNMENTS / WINDOWS / "solutions" / "accepted" / "reference" / "solution.py").read_text()


@pytest.fixture(scope="module")
def windows(world, tmp_path_factory) -> Path:
    """What a real run left behind for an assignment that people judge too."""
    office = Office(world, tmp_path_factory.mktemp("office"), "windows", ASSIGNMENTS, WINDOWS)
    return graded_once(world, tmp_path_factory.mktemp("evidence"), office, {"solved": SOLVED})["solved"]


@pytest.fixture
def team(world, tmp_path, request):
    team = Office(world, tmp_path, f"team-{zlib.crc32(request.node.name.encode())}", ASSIGNMENTS, WINDOWS)
    yield team
    world.api.order("clear_faults")
    assert not [v for v in world.violations() if v.kind == "request"]


MANUAL = manual_maxima(find_assignment(WINDOWS, [ASSIGNMENTS], proof=False), Level.MID)
FIRST = next(iter(MANUAL))


HUNT = "bug_hunt"
FIXED = (FIXTURES / HUNT / "solutions" / "accepted" / "reference" / "solution.py").read_text()


@pytest.mark.parametrize("draw", [1, 2])
def test_each_candidate_is_judged_by_the_bugs_that_were_drawn_for_them(world, tmp_path, draw):
    office = Office(world, tmp_path, f"draw-{draw}", FIXTURES, HUNT)
    hunt = find_assignment(HUNT, [FIXTURES], proof=False)
    office.invite("ada", draws={HUNT: draw})
    office.invite("ada", draws={HUNT: draw + 7}, due=dt.datetime.now(dt.UTC) + dt.timedelta(days=3))
    (task,) = fold(office.store.events()).values()
    assert task.draw == draw  # a later invitation changes conditions, and no bugs
    starter = starter_files(hunt, Level.MID, draw_of(hunt, Level.MID, draw))["solution.py"]
    scores = []
    for number, text in enumerate([starter, FIXED]):
        identity = opened(office, text) if number == 0 else moved(office, text)
        office.fetch(identity, tmp_path / f"{number}" / "bundle")
        office.run(tmp_path / f"{number}" / "bundle", tmp_path / f"{number}" / "claims")
        event = office.publish(identity, tmp_path / f"{number}" / "claims").event
        assert event.provenance.draw == draw
        judged = {row["name"] for row in event.claims["checks"]}
        assert judged.isdisjoint(idle_checks(hunt, Level.MID, draw))
        assert judged >= set(bugs_of_checks(hunt)) - idle_checks(hunt, Level.MID, draw)
        scores.append(event.auto)
    handed_out = f"origin/task/{HUNT}:assignments/{HUNT}/solution.py"
    command = ["git", "-C", str(office.folder / f"work-ada-{HUNT}"), "show", handed_out]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == starter
    assert scores[0] == 0
    assert scores[1] == 80  # all but the points for own tests, of which there are none
    assert "Your tests" in only_comment(office)


def test_marks_change_total_and_verdict_and_stay_in_the_ledger(team, windows):
    team.publish(opened(team, SOLVED), windows)
    before = only_comment(team)
    first = team.score(criterion=FIRST, points=Fraction("0.5"))
    for criterion in MANUAL:
        last = team.score(criterion=criterion, points=Fraction(1), reason="looked again")
    assert set(first.missing) == set(list(MANUAL)[1:])
    assert last.missing == ()
    after = only_comment(team)
    assert after != before
    task = fold(team.store.events())[last.candidate, WINDOWS]
    assert {name: mark.points for name, mark in task.marks.items()} == dict.fromkeys(MANUAL, Fraction(1))
    assert len([event for event in team.store.events() if isinstance(event, Marked)]) == len(MANUAL) + 1


def test_a_decision_ends_a_review(team, windows):
    team.publish(opened(team, SOLVED), windows)
    team.score(decision=Verdict.BELOW_BAR, reason="cannot explain it")
    (decided,) = [event for event in team.store.events() if isinstance(event, Decided)]
    assert (decided.rater, decided.decision) == ("rob", Verdict.BELOW_BAR)


def test_a_second_rater_changes_no_score_and_is_somebody_else(team, windows):
    team.publish(opened(team, SOLVED), windows)
    for criterion in MANUAL:
        team.score(criterion=criterion, points=Fraction(1))
    shown = only_comment(team)
    with pytest.raises(UsageError, match="is the first rater of this work already"):
        team.score(criterion=FIRST, points=Fraction(1), second=True)
    for criterion in MANUAL:
        last = team.score(criterion=criterion, points=Fraction(1), second=True, rater="rae")
    assert last.agreement is not None
    assert last.agreement.same == 1
    assert only_comment(team) == shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidate": "nobody"}, "expected one candidate's"),
        ({"rater": "ada"}, "may not write"),
        ({"criterion": "style", "points": Fraction(1)}, "one that a person judges"),
        ({"criterion": FIRST, "points": Fraction(99)}, "expected 0 to"),
        ({"criterion": FIRST, "points": Fraction("0.55")}, "at most one decimal"),
        ({"criterion": FIRST}, "both or none"),
        ({}, "expected --criterion with --points, or --decide"),
        ({"reason": " ", "decision": Verdict.PASS}, "--reason"),
    ],
)
def test_a_mark_that_does_not_fit_is_refused_and_recorded_nowhere(team, windows, changes, said):
    team.publish(opened(team, SOLVED), windows)
    before = team.store.events()
    with pytest.raises(UsageError, match=said):
        team.score(**changes)
    assert team.store.events() == before


def test_points_before_a_score_are_refused(team):
    opened(team, SOLVED)
    with pytest.raises(UsageError, match="has no score yet"):
        team.score(criterion=FIRST, points=Fraction(1))


def test_tests_that_changed_since_are_named(team, windows, tmp_path):
    team.publish(opened(team, SOLVED), windows)
    team.root = tmp_path / "assignments"
    shutil.copytree(ASSIGNMENTS / WINDOWS, team.root / WINDOWS)
    (tmp_path / "data").symlink_to(ROOT / "data")
    path = next((team.root / WINDOWS / "hidden").glob("test_*.py"))
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises((UsageError, GraderError), match="tests or rubric changed"):
        team.score(criterion=FIRST, points=Fraction(1))
