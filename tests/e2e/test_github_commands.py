"""The commands as a person's shell runs them: help, dry runs, and what they say when something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.github.office import ROOT

PEOPLE = ("--candidate", "Ada", "--login", "ada", "--assignments", "timeseries_windows", "--due", "2026-12-31")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "APP_", "TAKEHOME_"))}
    command = [sys.executable, "-m", "grading", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("command", ["invite", "poll", "fetch", "run", "publish", "score"])
def test_every_command_explains_itself(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"grading {command}" in done.stdout
    if command != "run":
        assert "APP_PRIVATE_KEY" in done.stdout


def test_a_dry_run_prints_the_calls_in_order_and_needs_no_key():
    done = run("invite", "acme/take-home-ada", *PEOPLE, "--dry-run")
    assert done.returncode == 0, done.stderr
    calls = [line.split(":")[0] for line in done.stdout.splitlines() if " /" in line]
    assert calls == [
        "GET  /repos/acme/take-home-ada",
        "POST /orgs/acme/repos",
        "PUT  /repos/acme/take-home-ada/branches/task/timeseries_windows/protection",
        "POST /repos/acme/take-home-ada/rulesets",
        "PUT  /repos/acme/take-home-ada/topics",
        "PUT  /repos/acme/take-home-ada/collaborators/ada",
    ]
    assert "Nothing was changed" in done.stdout


def test_everything_that_is_missing_is_said_at_once():
    done = run("poll")
    assert done.returncode == 2
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN", "APP_ID", "APP_PRIVATE_KEY"):
        assert f"{name}: environment: expected" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("REPO", "acme/../../etc"), ("PR", "1; rm -rf /"), ("SHA", "main"), ("SHA", "$(id)"), ("PR", "0")],
)
def test_an_odd_identity_is_refused_before_anything_else(name, value, tmp_path):
    identity = {"REPO": "acme/take-home-ada", "PR": "1", "SHA": "a" * 40, name: value}
    known = {"GITHUB_REPOSITORY": "acme/take-home", "GITHUB_TOKEN": "x", "APP_ID": "1", "APP_PRIVATE_KEY": "x"}
    done = run("fetch", str(tmp_path / "bundle"), **identity, **known)
    assert done.returncode == 2
    assert f"{name}: environment: expected" in done.stderr
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("due", ["31.12.2026", "2026-12-31T17:00", "tomorrow"])
def test_a_deadline_without_a_zone_or_a_sense_is_refused(due):
    arguments = [*PEOPLE[:-1], due]
    done = run("invite", "acme/take-home-ada", *arguments, "--dry-run")
    assert done.returncode == 2
    assert due in done.stderr


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path):
    missing = tmp_path / "app.pem"
    known = {"GITHUB_REPOSITORY": "acme/take-home", "GITHUB_TOKEN": "x", "APP_ID": "1"}
    done = run("poll", **known, APP_PRIVATE_KEY=f"@{missing}")
    assert done.returncode == 2
    assert str(missing) in done.stderr


def test_a_bundle_that_is_none_is_the_callers_mistake(tmp_path):
    done = run("run", str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "grader" in done.stderr or "submission.json" in done.stderr or "request.json" in done.stderr
