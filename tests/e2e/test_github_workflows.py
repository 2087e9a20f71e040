"""The whole of it: three candidates, the workflows of this repository run by act, git over HTTP, GitHub's API.

No mock of ours stands between the parts. What cannot run here: GitHub's own runners, which enforce permissions,
environments and secrets; `tests/unit/test_workflows.py` proves those over the parsed YAML.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grading.ledger.events import Dispatched, GradedHead
from grading.model import Verdict
from grading.sandbox.tools import add_files
from tests.e2e.github.act import Run, Trigger, run_workflow
from tests.e2e.github.office import EVERYTHING, ROOT, Office
from tests.e2e.github.world import Dispatch, GithubWorld

pytestmark = [pytest.mark.isolation, pytest.mark.slow, pytest.mark.timeout(1500)]
TASK = "timeseries_windows"
SOLUTIONS = ROOT / "assignments" / TASK / "solutions"
REFERENCE = (SOLUTIONS / "accepted" / "reference" / "solution.py").read_text()
STARTER = (ROOT / "assignments" / TASK / "starter" / "mid" / "solution.py").read_text()
HOSTILE = """
import os, pathlib, socket, sys

print("TRIED")
for name, value in os.environ.items():
    if any(word in name.upper() for word in ("TOKEN", "KEY", "SECRET", "APP_", "GITHUB", "OFFLINE")):
        print("REACHED the environment", name)
for place in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try:
        if b"APP_PRIVATE_KEY" in place.read_bytes() or b"GITHUB_" in place.read_bytes():
            print("REACHED another process", place)
    except OSError:
        pass
for port in PORTS:
    try:
        socket.create_connection(("127.0.0.1", port), 2)
        print("REACHED the network", port)
    except OSError:
        pass
for folder, folders, files in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/usr")) or "site-packages" in folder or "/lib/python3" in folder:
        folders[:] = []
        continue
    for name in files:
        path = os.path.join(folder, name)
        if name in ("submission.json", "evidence.json", "request.json", "assignment.toml") or (
            "hidden" in folder and name.startswith("test_")
        ):
            try:
                pathlib.Path(path).read_bytes()
                print("REACHED a file", path)
            except OSError:
                pass
try:
    pathlib.Path("/tmp/evidence.json").write_text('{"points": 100}')
    pathlib.Path("evidence.json").write_text('{"points": 100}')
except OSError:
    pass
print("TRIED all")
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with GithubWorld(EVERYTHING) as world:
        office = Office(world, tmp_path_factory.mktemp("office"), "take-home", ROOT / "assignments", TASK)
        bare = str(world.repositories / f"{office.home}.git")
        add_files(bare, "main", _missing(bare), "This repository")
        yield office
        assert not [violation for violation in world.violations() if violation.kind == "request"]


def _missing(bare: str) -> dict[str, bytes]:
    """Return the files of this working tree that the grading repository lacks."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    there = subprocess.run(
        ["git", "--git-dir", bare, "ls-tree", "-r", "-z", "--name-only", "main"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return {
        name: (ROOT / name).read_bytes() for name in names if name and name not in there and (ROOT / name).is_file()
    }


def run(office: Office, workflow: str, *, artifacts: Path | None = None, event: str = "schedule", **inputs: str) -> Run:
    """Run one workflow of the grading repository, as GitHub would."""
    world = office.world
    sha = world.head(office.home, "refs/heads/main")
    secrets = {"GRADER_APP_KEY": world.key.private_key}
    variables = {"GRADER_APP_ID": str(world.key.id)}
    schedule = {"schedule": "7,22,37,52 * * * *"} if event == "schedule" else {}
    trigger = Trigger(event, office.home, sha, actor="rob", inputs=inputs, payload=schedule)
    place = world.place(world.make_token(office.home), secrets, variables)
    done = run_workflow(f".github/workflows/{workflow}", trigger, place, artifacts=artifacts)
    assert not done.left_over
    assert world.key.private_key.splitlines()[1] not in done.log
    return done


def poll(office: Office) -> list[Dispatch]:
    office.world.dispatches()
    done = run(office, "poll.yml")
    assert done.ok, done.log
    return list(office.world.dispatches())


def grade(office: Office, dispatch: Dispatch, artifacts: Path | None = None) -> Run:
    assert dispatch.workflow == "grade.yml"
    done = run(office, "grade.yml", event="workflow_dispatch", artifacts=artifacts, **dispatch.inputs)
    assert done.ok, done.log
    assert {job: done.jobs.get(job) for job in ("fetch", "run", "publish")} == dict.fromkeys(
        ("fetch", "run", "publish"), "success"
    )
    return done


def comment(office: Office, name: str) -> tuple[int, str]:
    (found,) = office.world.comments(office.repository(name), 1)
    assert found.author == "take-home-grader[bot]"
    return found.id, found.body


def graded(office: Office, sha: str) -> GradedHead:
    (event,) = [e for e in office.store.events() if isinstance(e, GradedHead) and e.sha == sha]
    return event


def half_solved() -> str:
    """Return a solution whose last function still is the starter's."""
    last = STARTER.rindex("\ndef ")
    name = STARTER[last:].split("(")[0].removeprefix("\ndef ")
    start = REFERENCE.index(f"\ndef {name}(")
    end = REFERENCE.find("\ndef ", start + 1)
    return REFERENCE[:start] + STARTER[last:] + (REFERENCE[end:] if end > 0 else "")


def test_from_the_invitation_to_the_verdict(office, tmp_path):
    world = office.world
    environment = os.environ | office.environment | {"APP_PRIVATE_KEY": f"@{tmp_path / 'app.pem'}"}
    (tmp_path / "app.pem").write_text(world.key.private_key)
    command = [sys.executable, "-m", "grading", "invite", office.ada, "--candidate", "Ada", "--login", "ada"]
    command += ["--assignments", TASK, "--due", "2099-12-31"]
    invited = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert invited.returncode == 0, invited.stderr
    for name in ("bob", "eve"):
        office.invite(name)

    ports = [int(url.rsplit(":", 1)[1]) for url in (world.api_url, world.server_url)]
    texts = {"ada": REFERENCE, "bob": half_solved(), "eve": STARTER + HOSTILE.replace("PORTS", repr(ports))}
    heads = {}
    for name, text in texts.items():
        office.push(name, text)
        heads[name] = world.open_pull(office.repository(name), 1, f"solve/{TASK}", f"task/{TASK}", name)

    started = poll(office)
    assert {dispatch.inputs["sha"] for dispatch in started} == set(heads.values())
    kept = {dispatch.inputs["sha"]: tmp_path / dispatch.inputs["sha"] for dispatch in started}
    for dispatch in started:
        grade(office, dispatch, kept[dispatch.inputs["sha"]])

    points = {name: graded(office, sha).auto for name, sha in heads.items()}
    assert points["eve"] == 0 < points["bob"] < points["ada"] == 87
    for name, sha in heads.items():
        assert sha[:8] in comment(office, name)[1]
    said = json.loads((kept[heads["eve"]] / "claims" / "evidence.json").read_text())["output"]
    assert "TRIED all" in said
    assert "REACHED" not in said

    # a second push updates the same comment
    before = comment(office, "bob")
    office.push("bob", REFERENCE)
    second = world.move_pull(office.repository("bob"), 1)
    (dispatch,) = poll(office)
    assert dispatch.inputs["sha"] == second
    grade(office, dispatch)
    after = comment(office, "bob")
    assert after[0] == before[0]
    assert second[:8] in after[1]
    assert graded(office, second).auto == 87

    # a person's points change total and verdict
    assert graded(office, heads["ada"]).verdict is Verdict.PASS_PENDING_MANUAL
    for criterion, given in (("code_quality", "8"), ("discussion", "4.5")):
        inputs = {"candidate": "ada", "assignment": TASK, "criterion": criterion, "points": given, "decide": "none"}
        done = run(
            office, "score.yml", event="workflow_dispatch", reason='it\'s "clear" $(id)', second="false", **inputs
        )
        assert done.ok, done.log
    body = comment(office, "ada")[1]
    assert "99.5 of 100" in body
    assert "Pass" in body

    # nothing is new, and nothing was lost or doubled
    assert poll(office) == []
    events = office.store.events()
    assert len([e for e in events if isinstance(e, Dispatched)]) == 4
    assert len([e for e in events if isinstance(e, GradedHead)]) == 4
    for name in heads:
        comment(office, name)


def test_the_candidates_own_workflow_gives_feedback_and_needs_nothing(office):
    name = "fay"
    office.invite(name)
    for text, fine in ((REFERENCE, True), (STARTER, False)):
        sha = office.push(name, text)
        trigger = Trigger("push", office.repository(name), sha, ref=f"refs/heads/solve/{TASK}", actor=name)
        token = office.world.make_token(office.repository(name), {"contents": "read"})
        done = run_workflow(".github/workflows/feedback.yml", trigger, office.world.place(token))
        assert done.ok is fine, done.log
        assert not done.left_over
        assert "visible" in done.log.lower()
    assert "::error" in done.log or "assignments/" in done.log
