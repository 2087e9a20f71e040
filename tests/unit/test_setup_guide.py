"""The set-up guide for GitHub says what the code and the workflows do."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
import yaml

from grading import github_commands
from grading.arguments import make_parser
from grading.github import settings
from grading.ledger.fold import MOST_TRIES, RUN_TAKES

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
GUIDE = (ROOT / "INTERVIEWER.md").read_text(encoding="utf-8")
GITHUB = GUIDE.partition("## Set up GitHub, once")[2].partition("## By hand")[0]


def workflow(name: str) -> dict[str, object]:
    loaded = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_apps_permissions_are_those_that_the_commands_ask_for():
    block = GUIDE.partition("<!-- permissions: begin -->")[2].partition("<!-- permissions: end -->")[0]
    rows = re.findall(r"^\s*\| ([A-Z][a-z ]+) \| (read|read and write) \|", block, re.MULTILINE)
    told = {name.lower().replace(" ", "_"): {"read": "read", "read and write": "write"}[how] for name, how in rows}
    asked: dict[str, str] = {}
    for permissions in (github_commands.READ, github_commands.PUBLISH, github_commands.INVITE):
        for name, how in permissions.items():
            asked[name] = "write" if "write" in (how, asked.get(name)) else "read"
    assert told == asked


def test_secrets_and_variables_are_those_of_the_workflows():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.iterdir())
    used = set(re.findall(r"(?:secrets|vars)\.([A-Z_]+)", text))
    told = set(re.findall(r"`(GRADER_[A-Z_]+|TAKEHOME_[A-Z_]+|GPU_RUNNER)`", GITHUB))
    assert told == used
    assert "`grader-app`" in GITHUB
    environments = set(re.findall(r"environment: (\S+)", text))
    assert environments == {"grader-app"}


def test_the_shells_variables_are_those_that_the_settings_read():
    exported = set(re.findall(r"([A-Z_]+)=", next(line for line in GITHUB.splitlines() if line.startswith("export "))))
    source = Path(settings.__file__).read_text(encoding="utf-8")
    assert exported
    for name in exported:
        assert f'"{name}"' in source, name


@pytest.mark.parametrize("line", [row for row in GITHUB.splitlines() if row.startswith("python -m grading ")])
def test_every_command_of_the_guide_is_one(line):
    make_parser().parse_args(shlex.split(line)[3:])


def test_the_guide_shows_inviting_and_scoring():
    commands = {row.split()[3] for row in GITHUB.splitlines() if row.startswith("python -m grading ")}
    assert {"invite", "score"} <= commands


def test_the_poll_runs_as_often_as_the_guide_says():
    crons = [row["cron"] for row in workflow("poll")[True]["schedule"]]  # YAML reads the key `on` as true
    minutes = [int(minute) for minute in crons[0].split()[0].split(",")]
    steps = {later - earlier for earlier, later in itertools.pairwise(minutes)}
    assert steps == {15}
    assert "every 15 minutes" in GITHUB
    assert len(crons[1].split()[1]) <= 2, "once a night"
    assert "nightly" in GITHUB


def test_the_numbers_of_tries_and_of_minutes_are_the_codes():
    words = {3: "three", 4: "four", 5: "five"}
    assert f"tried {words[MOST_TRIES]} times" in GITHUB
    assert RUN_TAKES.total_seconds() == 3600
    assert "an hour" in GITHUB


@pytest.mark.parametrize("name", ["poll", "grade", "score"])
def test_every_workflow_of_the_guide_can_be_started_by_hand(name):
    assert f"`{name}`" in GITHUB or f"`{name}.yml`" in GITHUB
    assert "workflow_dispatch" in workflow(name)[True]


def test_the_gpu_runners_labels_are_the_workflows():
    labels = workflow("grade")["jobs"]["run-gpu"]["runs-on"]
    assert labels == ["self-hosted", "gpu"]
    assert "labels `self-hosted` and `gpu`" in GITHUB


def test_placeholders_that_the_company_replaces_are_mentioned():
    owners = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8")
    assert "@your-company/" in owners
    assert "CODEOWNERS" in GITHUB
