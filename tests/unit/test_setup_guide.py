"""The set-up guide for GitHub says what the code and the workflows do."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from grading import github_commands
from grading.arguments import make_parser
from grading.catalogue import find_assignment
from grading.errors import FaultsError
from grading.github import settings
from grading.github.poll import MOST_A_DAY
from grading.github.score import manual_maxima
from grading.ledger.fold import MOST_TRIES, RUN_TAKES
from grading.model import Level

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
YAML_TEXT = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")))
GUIDE = (ROOT / "INTERVIEWER.md").read_text(encoding="utf-8")
GITHUB = GUIDE.partition("## Set up GitHub, once")[2].partition("## By hand")[0]
WORDS = " ".join(GITHUB.split())
"""The guide without its line ends, which stand anywhere."""
COMMANDS = [line for line in GITHUB.splitlines() if line.startswith("python -m grading ")]
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def triggers(name: str) -> dict[str, Any]:
    found = WORKFLOWS[name][True]  # YAML reads the key `on` as true
    assert isinstance(found, dict)
    return found


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, job, row) for name, workflow in WORKFLOWS.items() for job, row in workflow["jobs"].items()]


def test_the_apps_permissions_are_those_that_the_commands_ask_for():
    block = GITHUB.partition("<!-- permissions: begin -->")[2].partition("<!-- permissions: end -->")[0]
    rows = re.findall(r"^\s*\| ([A-Z][a-z ]+) \| ([a-z ]+) \|", block, re.MULTILINE)
    told = {name.lower().replace(" ", "_"): {"read": "read", "read and write": "write"}[how] for name, how in rows}
    assert len(told) == len(rows)
    asked: dict[str, str] = {}
    for permissions in (github_commands.READ, github_commands.PUBLISH, github_commands.INVITE):
        for name, how in permissions.items():
            asked[name] = "write" if "write" in (how, asked.get(name)) else "read"
    assert told == asked


def test_secrets_and_variables_are_those_of_the_workflows():
    used = {kind: set(re.findall(rf"\b{kind}\.([A-Z_]+)", YAML_TEXT)) for kind in ("secrets", "vars")}
    assert used["secrets"] == set(re.findall(r"secret `([A-Z_]+)`", WORDS))
    assert used["vars"] == set(re.findall(r"variable `([A-Z_]+)`", WORDS))


def test_the_environment_is_where_the_secret_is_read():
    assert "environment** `grader-app`" in WORDS
    for name, job, row in jobs():
        reads = re.search(r"(secrets|vars)\.(GRADER|TAKEHOME)", yaml.safe_dump(row)) is not None
        assert row.get("environment") == ("grader-app" if reads else None), f"{name}: {job}"


def test_the_gpu_variable_is_the_repositorys():
    """A job's condition sees no environment, so it has to be said where the variable belongs."""
    assert "repository variable `GPU_RUNNER` to `true`" in WORDS
    job = WORKFLOWS["grade"]["jobs"]["run-gpu"]
    assert "vars.GPU_RUNNER == 'true'" in job["if"]
    assert "environment" not in job


def test_the_gpu_runners_labels_are_the_workflows():
    labels = WORKFLOWS["grade"]["jobs"]["run-gpu"]["runs-on"]
    assert f"the labels {' and '.join(f'`{label}`' for label in labels)}:" in WORDS


def test_the_shells_variables_are_those_that_the_settings_need():
    line = next(line for line in GITHUB.splitlines() if line.startswith("export "))
    exported = dict(word.split("=", 1) for word in shlex.split(line)[1:])
    assert settings.read_settings({**exported, "APP_PRIVATE_KEY": "a key"}).home == exported["GITHUB_REPOSITORY"]
    for name in exported:
        some = {**exported, "APP_PRIVATE_KEY": "a key"}
        del some[name]
        with pytest.raises(FaultsError, match=name):
            settings.read_settings(some)


def test_a_key_can_be_named_by_its_file_as_the_guide_does(tmp_path, monkeypatch):
    (tmp_path / "app.pem").write_text("a key")
    monkeypatch.chdir(tmp_path)
    line = next(line for line in GITHUB.splitlines() if line.startswith("export "))
    exported = dict(word.split("=", 1) for word in shlex.split(line)[1:])
    assert settings.read_settings(exported).app_key == "a key"


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_is_one(line):
    make_parser().parse_args(shlex.split(line)[3:])


def test_the_guide_shows_inviting_and_scoring():
    assert {line.split()[3] for line in COMMANDS} == {"invite", "score"}


def test_options_that_the_text_names_are_the_commands_own(capsys):
    known = ""
    for command in ("invite", "score", "grade"):
        with pytest.raises(SystemExit):
            make_parser().parse_args([command, "--help"])
        known += capsys.readouterr().out
    named = set(re.findall(r"(?<=[ `])--[a-z-]+", GITHUB))
    assert named >= {"--template", "--extra-hours", "--accommodations", "--second"}
    assert named <= set(re.findall(r"--[a-z-]+", known))


def test_the_points_of_the_guide_fit_the_rubric():
    marks = [make_parser().parse_args(shlex.split(line)[3:]) for line in COMMANDS if " --criterion " in line]
    assert marks
    for mark in marks:
        assignment = find_assignment(mark.assignment, [ROOT / "assignments"], proof=False)
        assert 0 <= mark.points <= manual_maxima(assignment, Level.MID)[mark.criterion]


def test_the_poll_runs_as_often_as_the_guide_says():
    often, nightly = (row["cron"].split() for row in triggers("poll")["schedule"])
    minutes = [int(minute) for minute in often[0].split(",")]
    gaps = {later - earlier for earlier, later in itertools.pairwise([*minutes, minutes[0] + 60])}
    assert gaps == {int(gap) for gap in re.findall(r"(?:every|Waiting) (\d+) minutes", WORDS)}
    assert often[1:] == ["*"] * 4
    assert [part.isdigit() for part in nightly] == [True, True, False, False, False]
    assert int(nightly[1]) < 6, "a nightly pass"
    assert "a nightly pass writes it again" in WORDS


def test_numbers_in_the_text_are_the_codes():
    assert f"A head is tried {NUMBERS[MOST_TRIES]} times" in WORDS
    assert RUN_TAKES.total_seconds() == 3600
    assert "does not answer within an hour is started again" in WORDS
    assert f"at most {MOST_A_DAY} pushes a day are graded" in WORDS


@pytest.mark.parametrize("name", ["poll", "score"])
def test_what_the_guide_starts_by_hand_can_be(name):
    assert f"(Actions, {name}, Run workflow)" in WORDS
    assert "workflow_dispatch" in triggers(name)


def test_a_poll_by_hand_can_name_a_pull_request():
    assert "run `poll` by hand and name it" in WORDS
    assert {"repo", "pr"} <= set(triggers("poll")["workflow_dispatch"]["inputs"])


def test_every_workflow_that_the_guide_names_exists():
    named = set(re.findall(r"`?\b([a-z-]+)\.yml\b", GITHUB))
    assert named == {"grade", "poll"}
    assert named <= set(WORKFLOWS)


def test_grades_jobs_are_those_of_the_guide():
    bold = re.findall(r"\*\*(\w+)\*\* [a-z]", GITHUB.partition("## Grade")[2].partition("## Add")[0])
    assert bold == [name for name in WORKFLOWS["grade"]["jobs"] if name != "run-gpu"]


def test_actions_are_githubs_own_and_pinned():
    assert "GitHub's own are enough, and they are pinned by commit" in WORDS
    used = re.findall(r"uses: (\S+)", YAML_TEXT)
    assert used
    assert [one for one in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one)] == []


def test_artifacts_live_as_long_as_it_is_promised():
    promise = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    assert "`bundle`, with hidden tests, for a day; `claims` for a week" in promise
    steps = [step for _, _, row in jobs() for step in row["steps"] if "upload-artifact" in step.get("uses", "")]
    kept = {step["with"]["name"]: step["with"]["retention-days"] for step in steps}
    assert kept == {"bundle": 1, "claims": 7, "claims-gpu": 7}


def test_no_workflow_reads_a_cache():
    assert "no workflow here reads a cache" in " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    for name, job, row in jobs():
        for step in row["steps"]:
            assert "cache" not in step.get("uses", ""), f"{name}: {job}"
            assert "cache" not in step.get("with", {}), f"{name}: {job}"


def test_placeholders_that_the_company_replaces_are_mentioned():
    owners = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8")
    assert "@your-company/" in owners
    assert "In `.github/CODEOWNERS`, replace `@your-company/...`" in WORDS


def test_messages_of_the_last_table_are_the_codes():
    table = GUIDE.partition("## When something goes wrong")[2].partition("##")[0]
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "grading").rglob("*.py")))
    quoted = [part for cell in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE) for part in cell.split(" ... ")]
    assert len(quoted) > 4
    assert [text for text in quoted if text not in source] == []


def test_places_that_the_guide_links_to_are_there():
    for file, place in re.findall(r"\]\(([\w./]*)#([\w-]+)\)", GUIDE):
        text = (ROOT / (file or "INTERVIEWER.md")).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert place in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
