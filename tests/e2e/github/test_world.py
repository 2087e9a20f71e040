"""The offline GitHub itself: what the end-to-end test builds on behaves as GitHub does, notices mistakes, and ends."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import github
import psutil
import pytest
import requests
from github import Auth, Github, GithubIntegration

from tests.e2e.github.act import Trigger, run_workflow
from tests.e2e.github.world import ADMIN, GithubWorld

NAME = "acme/take-home-ada"
GRADING = "acme/grading"
ANNOTATION = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "é" * 3000}
WORKFLOW = """
name: tiny
on:
  workflow_dispatch:
    inputs:
      what:
        type: string
permissions: {}
jobs:
  make:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - uses: actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0
        with:
          python-version: "3.11"
      - env:
          WHAT: ${{ inputs.what }}
          KEY: ${{ secrets.KEY }}
        run: |
          python -c "import sys, yaml; print('python', sys.prefix)"
          grep -c extraheader .git/config || echo "no token stayed"
          [ "$KEY" = "$(printf 'two\\nlines')" ] && echo "the key has two lines"
          mkdir "$RUNNER_TEMP/out" && cp README.md "$RUNNER_TEMP/out/readme" && echo "$WHAT" > "$RUNNER_TEMP/out/what"
      - uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with:
          name: things
          path: ${{ runner.temp }}/out
          if-no-files-found: error
  use:
    needs: make
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          name: things
          path: ${{ runner.temp }}/in
      - run: env | grep -E "^(KEY|GITHUB_TOKEN)=." || echo "no secret unless asked for"
      - env:
          GITHUB_TOKEN: ${{ github.token }}
        run: echo "a token of ${#GITHUB_TOKEN} characters"
      - run: |
          echo "workspace holds $(ls -A | wc -l) files"
          echo "read $(cat "$RUNNER_TEMP/in/readme") and $(cat "$RUNNER_TEMP/in/what")"
  odd:
    runs-on: ubuntu-24.04
    if: inputs.what == 'something else'
    steps:
      - run: exit 1
"""
SLEEPY = """
on: push
permissions: {}
jobs:
  sleep:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          sleep 300 &
          sleep 300
"""


@pytest.fixture(scope="module")
def world() -> Iterator[GithubWorld]:
    with GithubWorld() as world:
        yield world
        pid, folder, urls = world.api.pid, world.repositories, (world.api_url, world.server_url)
    # Nothing survives the end.
    assert not psutil.pid_exists(pid)
    assert not folder.exists()
    for url in urls:
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)


@pytest.fixture(scope="module")
def work(world: GithubWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a candidate's repository and of the grading repository, with something pushed to each."""
    folder = tmp_path_factory.mktemp("work")
    for name in (NAME, GRADING):
        world.add_repository(name)
        clone = folder / name.partition("/")[2]
        git("clone", "-q", world.clone_url(name), clone)
        (clone / "README.md").write_text("hello\n")
        (clone / ".github/workflows").mkdir(parents=True)
        (clone / ".github/workflows/grade.yml").write_text(WORKFLOW)
        commit(clone, "First")
        git("-C", clone, "push", "-q", "origin", "HEAD:main", "HEAD:task/sample", "HEAD:solve/sample")
    world.open_pull(NAME, 1, "solve/sample", "task/sample", "ada")
    return folder


@pytest.fixture
def app(world: GithubWorld, work: Path) -> Iterator[Github]:
    """PyGithub as the App, with a token that it minted; afterwards nothing broke GitHub's description."""
    login = Auth.AppAuth(world.key.id, world.key.private_key)
    integration = GithubIntegration(
        auth=login, base_url=world.api_url, seconds_between_requests=None, seconds_between_writes=None, retry=None
    )
    token = Auth.Token(integration.get_access_token(integration.get_org_installation("acme").id).token)
    with Github(
        auth=token, base_url=world.api_url, retry=None, seconds_between_requests=None, seconds_between_writes=None
    ) as client:
        yield client
    integration.close()
    world.api.order("clear_faults")
    violations = world.violations()
    world.api.order("clear_violations")
    assert violations == ()


def git(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)


def commit(clone: Path, message: str) -> None:
    git("-C", clone, "add", "-A")
    git("-C", clone, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", message)


def test_pull_requests_are_listed_once_and_then_unchanged(world: GithubWorld, work: Path, app: Github) -> None:
    pulls = list(app.get_repo(NAME).get_pulls(state="open"))
    assert [(pull.number, pull.head.sha, pull.user.login) for pull in pulls] == [
        (1, world.head(NAME, "refs/pull/1/head"), "ada")
    ]
    path = f"/repos/{NAME}/pulls?state=open&per_page=1"
    headers, _ = app.requester.requestJsonAndCheck("GET", path)
    left = app.requester.requestJsonAndCheck("GET", "/rate_limit")[1]["rate"]["remaining"]
    status, again, _ = app.requester.requestJson("GET", path, headers={"If-None-Match": headers["etag"]})
    assert (status, int(again["x-ratelimit-remaining"])) == (304, left)
    (work / "take-home-ada/more").write_text("more\n")
    commit(work / "take-home-ada", "More")
    git("-C", work / "take-home-ada", "push", "-q", "origin", "HEAD:solve/sample")
    sha = world.move_pull(NAME, 1)
    status, _, body = app.requester.requestJson("GET", path, headers={"If-None-Match": headers["etag"]})
    assert status == 200
    assert sha in body
    _, pushes = app.requester.requestJsonAndCheck("GET", f"/repos/{NAME}/activity?ref=solve/sample")
    assert (pushes[0]["after"], pushes[0]["before"]) == (sha, pulls[0].head.sha)


def test_lists_come_in_pages(world: GithubWorld, app: Github) -> None:
    for number in range(2, 6):
        world.open_pull(NAME, number, "solve/sample", "task/sample", "ada")
    headers, body = app.requester.requestJsonAndCheck("GET", f"/repos/{NAME}/pulls?per_page=2&state=open")
    assert [pull["number"] for pull in body] == [5, 4]
    assert 'page=2>; rel="next"' in headers["link"]
    assert 'page=3>; rel="last"' in headers["link"]
    app.per_page = 2
    assert [pull.number for pull in app.get_repo(NAME).get_pulls()] == [5, 4, 3, 2, 1]
    for number in range(2, 6):
        world.change_pull(NAME, number, state="closed")
    assert [pull.number for pull in app.get_repo(NAME).get_pulls()] == [1]


def test_comments_are_the_apps_and_have_a_limit(world: GithubWorld, app: Github) -> None:
    issue = app.get_repo(NAME).get_issue(1)
    comment = issue.create_comment("first")
    comment.edit("\N{SNOWMAN}" * 65536)
    assert [(one.author, one.edits) for one in world.comments(NAME, 1)] == [(f"{world.key.slug}[bot]", 1)]
    with pytest.raises(github.GithubException) as refused:
        issue.create_comment("x" * 65537)
    assert refused.value.status == 422
    world.api.order("delete_comment", repository=NAME, id=comment.id)
    with pytest.raises(github.UnknownObjectException):
        comment.edit("too late")
    assert world.comments(NAME, 1) == ()


def test_labels_come_and_go(world: GithubWorld, app: Github) -> None:
    issue = app.get_repo(NAME).get_issue(1)
    issue.add_to_labels("graded", "needs review")
    issue.remove_from_labels("needs review")
    assert world.labels(NAME, 1) == ("graded",)
    with pytest.raises(github.GithubException) as refused:
        issue.remove_from_labels("needs review")
    assert refused.value.status == 404


def test_a_check_run_takes_fifty_annotations_a_call(world: GithubWorld, app: Github) -> None:
    repository, sha = app.get_repo(NAME), world.head(NAME, "solve/sample")
    output: Any = {"title": "78/100", "summary": "s", "annotations": [ANNOTATION] * 50}
    check = repository.create_check_run("score", sha, external_id="one", conclusion="neutral", output=output)
    check.edit(output={**output, "annotations": [ANNOTATION] * 7})
    assert [len(one["annotations"]) for one in world.checks(NAME)] == [57]
    with pytest.raises(github.GithubException) as refused:
        check.edit(output={**output, "annotations": [ANNOTATION] * 51})
    assert refused.value.status == 422
    assert [len(one["annotations"]) for one in world.checks(NAME)] == [57]
    broken = {(one.kind, one.method) for one in world.violations()}
    assert broken == {("request", "PATCH")}  # GitHub's description says fifty, too
    world.api.order("clear_violations")


def test_what_breaks_githubs_description_is_refused_and_noted(world: GithubWorld, app: Github) -> None:
    before = world.comments(NAME, 1)
    path = f"/repos/{NAME}/issues/1/comments"
    status, _, _ = app.requester.requestJson("POST", path, input={"text": "the field is called body"})
    assert status == 422
    assert world.comments(NAME, 1) == before
    app.requester.requestJson("GET", f"/repos/{NAME}/no-such-thing")
    app.requester.requestJson("GET", f"/repos/{NAME}/stargazers")
    found = [(one.kind, one.path.removeprefix(f"/repos/{NAME}/")) for one in world.violations()]
    assert ("request", "issues/1/comments") in found
    assert ("request", "no-such-thing") in found
    assert ("unknown", "stargazers") in found
    world.api.order("clear_violations")


def test_tokens_open_what_they_were_minted_for(world: GithubWorld, app: Github) -> None:
    login = Auth.AppAuth(world.key.id, world.key.private_key)
    with GithubIntegration(
        auth=login, base_url=world.api_url, seconds_between_requests=None, seconds_between_writes=None
    ) as integration:
        token = integration.get_access_token(world.api.installation, permissions={"pull_requests": "read"}).token
        with pytest.raises(github.GithubException, match="not granted"):
            integration.get_access_token(world.api.installation, permissions={"secrets": "write"})
    assert world.minted()[-1]["permissions"] == {"metadata": "read", "pull_requests": "read"}
    with Github(auth=Auth.Token(token), base_url=world.api_url, retry=None) as reader:
        status, headers, _ = reader.requester.requestJson(
            "POST", f"/repos/{NAME}/check-runs", input={"name": "n", "head_sha": "a"}
        )
        assert (status, headers["x-accepted-github-permissions"]) == (403, "checks=write")
    for auth in (Auth.Token("stolen"), Auth.AppAuth(world.key.id + 1, world.key.private_key)):
        with Github(auth=auth, base_url=world.api_url, retry=None) as stranger:
            assert stranger.requester.requestJson("GET", "/app")[0] == 401


def test_ordered_faults_are_met_and_used_up(world: GithubWorld, app: Github) -> None:
    path = f"/repos/{NAME}/issues/1/comments"
    world.inject(f"POST {path}", 403, headers={"Retry-After": "7"}, body={"message": "secondary rate limit"})
    status, headers, _ = app.requester.requestJson("POST", path, input={"body": "once"})
    assert (status, headers["retry-after"]) == (403, "7")
    world.inject(f"POST {path}", 500, after=True)
    assert app.requester.requestJson("POST", path, input={"body": "taken, but not told"})[0] == 500
    assert [one.body for one in world.comments(NAME, 1)][-1] == "taken, but not told"
    world.inject(f"GET {path}", drop=True)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{world.api_url}{path}", timeout=10)
    started = time.monotonic()
    world.inject(f"GET {path}", delay_s=0.5)
    assert app.requester.requestJson("GET", path)[0] == 200
    assert time.monotonic() - started >= 0.5
    assert [call.status for call in world.calls() if call.fault][:2] == [403, 500]
    assert world.api.state()["faults"] == []


def test_a_renamed_repository_answers_under_its_old_name(world: GithubWorld, app: Github) -> None:
    world.add_repository("acme/before")
    world.api.order("rename", **{"from": "acme/before", "to": "acme/after"})
    assert app.get_repo("acme/before").full_name == "acme/after"


def test_a_repository_is_made_and_a_workflow_is_started(world: GithubWorld, app: Github) -> None:
    made = app.get_organization("acme").create_repo("take-home-new", private=True, description="d")
    assert made.clone_url == f"{world.server_url}/acme/take-home-new.git"
    assert (world.repositories / "acme/take-home-new.git/HEAD").is_file()
    made.add_to_collaborators("bob", permission="push")
    made.replace_topics(["stage-invited"])
    assert made.get_collaborator_permission("bob") == "none"
    world.api.order("accept", repository=made.full_name, login="bob")
    assert made.get_collaborator_permission("bob") == "write"
    token = Auth.Token(world.make_token(GRADING))
    with Github(
        auth=token, base_url=world.api_url, seconds_between_requests=None, seconds_between_writes=None, retry=None
    ) as workflow:
        assert workflow.get_repo(GRADING).get_workflow("grade.yml").create_dispatch("main", {"pr": "1"})
        with pytest.raises(github.UnknownObjectException):
            workflow.get_repo(NAME)
    (started,) = world.dispatches()
    assert (started.repository, started.workflow, dict(started.inputs)) == (GRADING, "grade.yml", {"pr": "1"})
    assert world.dispatches() == ()


def test_git_asks_who_is_there(world: GithubWorld, work: Path, tmp_path: Path) -> None:
    person = world.make_person_token(NAME)
    git("clone", "-q", world.clone_url(NAME, person), tmp_path / "mine")
    (tmp_path / "mine/note").write_text("x" * 100_000)
    commit(tmp_path / "mine", "Note")
    git("-C", tmp_path / "mine", "push", "-q", "origin", "HEAD:solve/other")
    assert world.head(NAME, "solve/other") == git("-C", tmp_path / "mine", "rev-parse", "HEAD").stdout.strip()
    git("-C", tmp_path / "mine", "fetch", "-q", "--depth=1", "origin", "refs/pull/1/head")
    reader = world.make_token(NAME, {"contents": "read"})
    for arguments in (
        ("push", world.clone_url(NAME, reader), "HEAD:main"),  # may only read
        ("push", "-f", world.clone_url(NAME, ADMIN), "HEAD:refs/pull/1/head"),  # is GitHub's own
        ("fetch", world.clone_url(GRADING, person)),  # another's repository
        ("fetch", f"{world.server_url}/{NAME}"),  # nobody
    ):
        with pytest.raises(subprocess.CalledProcessError):
            git("-C", tmp_path / "mine", *arguments)


def test_a_workflow_runs_in_two_jobs(world: GithubWorld, work: Path) -> None:
    workflow = ".github/workflows/grade.yml"
    place = world.place(world.make_token(GRADING), {"KEY": "two\nlines"})
    sha = world.head(GRADING, "main")
    run = run_workflow(workflow, Trigger("workflow_dispatch", GRADING, sha, inputs={"what": "cake"}), place)
    assert run.ok, run.log
    assert run.jobs == {"make": "success", "use": "success"}
    assert run.artifacts == {"things": ("readme", "what")}
    for said in ("read hello and cake", "no token stayed", "the key has two lines", "workspace holds 0 files"):
        assert said in run.log
    for said in ("no secret unless asked for", f"a token of {len(place.token)} characters"):
        assert f"] {said}" in run.log
    assert run.left_over == ()


def test_a_run_out_of_time_leaves_nothing(world: GithubWorld, work: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "sleepy.yml"
    workflow.write_text(SLEEPY)
    trigger = Trigger("push", GRADING, world.head(GRADING, "main"))
    run = run_workflow(workflow, trigger, world.place("unused"), timeout_s=4)
    assert not run.ok
    assert [process for process in psutil.Process().children(recursive=True) if process.pid != world.api.pid] == []


def test_an_action_without_a_stand_in_is_named(world: GithubWorld, work: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "w.yml"
    workflow.write_text("jobs: {a: {steps: [{uses: someone/else@v1}]}}")
    with pytest.raises(LookupError, match="someone/else@v1"):
        run_workflow(workflow, Trigger("push", GRADING, world.head(GRADING, "main")), world.place("unused"))
