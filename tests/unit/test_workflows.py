"""The workflows keep their promises: every rule holds for the real files, and catches a file that breaks it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from grading.arguments import make_parser
from grading.check.__main__ import _parser as make_check_parser
from tests.unit import workflows_rules as rules
from tests.unit.workflows_model import EXPRESSION, FILES, GRADING, ROOT, load, parse, scripts, steps, strings
from tests.unit.workflows_rules import RULES, Rule

GITHUB = ROOT / ".github"
FORMS = [*sorted((GITHUB / "ISSUE_TEMPLATE").glob("*_*.yml")), GITHUB / "ISSUE_TEMPLATE/objection.yml"]
PIN = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"


def test_every_workflow_is_looked_at() -> None:
    found = {*(GITHUB / "workflows").iterdir(), *(GITHUB / "candidate").glob("*.y*ml")}
    assert found == set(FILES.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Rule) -> None:
    assert list(rule(load())) == []


@dataclass(frozen=True)
class Mutation:
    """A change of a real file that a rule must catch: the first `old` after `at` becomes `new`."""

    rule: Rule
    file: str
    old: str
    new: str
    at: str = ""


RUN, GPU, PUBLISH = "\n  run: #", "\n  run-gpu:\n", "\n  publish:\n"
MUTATIONS = [
    Mutation(rules.no_permission_by_default, "grade", "permissions: {}\n", ""),
    Mutation(rules.no_permission_by_default, "ci", "permissions: {}\n", "permissions: read-all\n"),
    Mutation(rules.no_permission_by_default, "feedback", "permissions: {}\n", "permissions:\n  contents: read\n"),
    Mutation(rules.permissions_are_listed, "poll", "contents: read #", "contents: write #", "\n  restore:\n"),
    Mutation(rules.permissions_are_listed, "grade", "contents: write", "checks: write", PUBLISH),
    Mutation(rules.permissions_are_listed, "grade", "    permissions: {}\n", "", RUN),
    Mutation(rules.permissions_are_listed, "score", "\n  score:\n", "\n  second:\n"),
    Mutation(rules.every_job_ends, "grade", "    timeout-minutes: 30\n", "", GPU),
    Mutation(rules.every_job_ends, "ci", "timeout-minutes: 60", "timeout-minutes: 360"),
    Mutation(rules.actions_are_pinned, "grade", PIN, "actions/setup-python@v7"),
    Mutation(rules.actions_are_pinned, "poll", PIN, PIN.removesuffix(" # v7.0.0")),
    Mutation(rules.actions_are_pinned, "ci", PIN, PIN.replace("5fda", "5fdb")),
    Mutation(rules.actions_are_pinned, "feedback", PIN, PIN.replace("v7.0.0", "v7.0.1")),
    Mutation(rules.actions_are_pinned, "score", f"- uses: {PIN}\n", '- "uses": actions/setup-python@v7\n'),
    Mutation(rules.scripts_hold_no_expression, "score", '--reason="$REASON"', '--reason="${{ inputs.reason }}"'),
    Mutation(rules.scripts_hold_no_expression, "grade", '"$RUNNER_TEMP/bundle"', "${{ runner.temp }}/bundle"),
    Mutation(rules.scripts_hold_no_expression, "score", "        run: |", "        shell: python\n        run: |"),
    Mutation(rules.scripts_hold_no_expression, "grade", "shell: bash", "shell: sh"),
    Mutation(rules.triggers_are_harmless, "feedback", "  pull_request:", "  pull_request_target:"),
    Mutation(rules.triggers_are_harmless, "ci", "  pull_request:", "  workflow_run:\n    workflows: [grade]"),
    Mutation(rules.triggers_are_harmless, "grade", "on:\n", "on:\n  repository_dispatch:\n"),
    Mutation(rules.triggers_are_harmless, "score", "on:\n", "on:\n  issue_comment:\n"),
    Mutation(rules.triggers_are_harmless, "poll", "on:\n", "on:\n  pull_request:\n"),
    Mutation(
        rules.nothing_but_candidates_is_cached, "ci", '"3.11"\n', '"3.11"\n          cache: pip\n', "setup-python"
    ),
    Mutation(rules.nothing_but_candidates_is_cached, "grade", "actions/setup-python@", "actions/cache/restore@", RUN),
    Mutation(rules.nothing_but_candidates_is_cached, "poll", "actions/setup-python@", "actions/cache@"),
    Mutation(rules.checkout_keeps_no_token, "grade", "persist-credentials: false", "persist-credentials: true"),
    Mutation(rules.checkout_keeps_no_token, "ci", "        with:\n          persist-credentials: false\n", ""),
    Mutation(
        rules.checkout_keeps_no_token,
        "grade",
        "persist-credentials: false",
        "persist-credentials: false\n          repository: ${{ inputs.repo }}",
        PUBLISH,
    ),
    Mutation(
        rules.nothing_is_inherited, "grade", "    needs: fetch\n", "    needs: fetch\n    container: python\n", RUN
    ),
    Mutation(rules.nothing_is_inherited, "score", "    steps:", "    env: {APP_ID: '1'}\n    steps:"),
    Mutation(rules.nothing_is_inherited, "grade", "    steps:", "    strategy: {matrix: {n: [1, 2]}}\n    steps:", GPU),
    Mutation(rules.runs_do_not_race, "grade", "grade-${{ inputs.repo }}-${{ inputs.pr }}", "grade"),
    Mutation(rules.runs_do_not_race, "grade", "cancel-in-progress: false", "cancel-in-progress: true"),
    Mutation(rules.runs_do_not_race, "score", "score-${{ github.run_id }}", "score"),
    Mutation(rules.runs_do_not_race, "ci", "concurrency:\n  group: ci-${{ github.ref }}\n", "concurrency:\n"),
    Mutation(rules.untrusted_jobs_are_known, "score", "grading score", "grading run bundle --out"),
    Mutation(rules.untrusted_jobs_are_known, "grade", "grading publish", "grading grade"),
    Mutation(rules.untrusted_jobs_have_nothing, "grade", "permissions: {}", "permissions: {actions: read}", RUN),
    Mutation(rules.untrusted_jobs_have_nothing, "grade", "    steps:", "    environment: grader-app\n    steps:", RUN),
    Mutation(
        rules.untrusted_jobs_have_nothing,
        "grade",
        "      - name: Unpack",
        f"      - uses: actions/checkout@{'0' * 40} # v7.0.1\n      - name: Unpack",
        GPU,
    ),
    Mutation(
        rules.untrusted_jobs_have_nothing,
        "grade",
        "      - name: Grade\n",
        "      - name: Grade\n        env:\n          A: b\n",
        RUN,
    ),
    Mutation(
        rules.untrusted_jobs_have_nothing,
        "grade",
        "          name: claims\n",
        "          name: claims-${{ github.token }}\n",
        RUN,
    ),
    Mutation(rules.untrusted_jobs_have_nothing, "grade", "name: Grade\n", "name: ${{ secrets.GRADER_APP_KEY }}\n", GPU),
    Mutation(rules.untrusted_jobs_read_no_input, "grade", "name: Grade\n", "name: Grade ${{ inputs.repo }}\n", RUN),
    Mutation(rules.untrusted_jobs_read_no_input, "grade", "if: vars.GPU_RUNNER == 'true'", "if: inputs.pr", GPU),
    Mutation(rules.untrusted_jobs_read_no_input, "grade", "if: always()", "if: github.actor == 'ada'", RUN),
    Mutation(
        rules.untrusted_jobs_get_one_artifact,
        "grade",
        "name: bundle\n",
        "name: bundle\n          run-id: 7\n",
        RUN,
    ),
    Mutation(rules.untrusted_jobs_get_one_artifact, "grade", "name: bundle\n", "pattern: '*'\n", GPU),
    Mutation(rules.secrets_stay_in_their_step, "grade", "    environment: grader-app\n", "", PUBLISH),
    Mutation(
        rules.secrets_stay_in_their_step,
        "poll",
        "\nenv:\n",
        "\nenv:\n  KEY: ${{ secrets.GRADER_APP_KEY }}\n",
    ),
    Mutation(rules.secrets_stay_in_their_step, "score", "${{ secrets.GRADER_APP_KEY }}", "${{ toJSON(secrets) }}"),
    Mutation(rules.secrets_stay_in_their_step, "score", "${{ inputs.reason }}", "${{ toJSON(github) }}"),
    Mutation(
        rules.secrets_stay_in_their_step,
        "grade",
        "    steps:",
        "    env:\n      GITHUB_TOKEN: ${{ github.token }}\n    steps:",
    ),
    Mutation(
        rules.secrets_stay_in_their_step,
        "grade",
        "          python-version:",
        "          token: ${{ github.token }}\n          python-version:",
        PUBLISH,
    ),
    Mutation(
        rules.secrets_stay_in_their_step,
        "poll",
        "      - name: Install what talks to GitHub\n",
        "      - name: Install\n        env:\n          GITHUB_TOKEN: ${{ github.token }}\n",
    ),
    Mutation(rules.secrets_stay_in_their_step, "ci", "run: bash .ci/run", "run: A=${{ secrets.KEY }} bash .ci/run"),
    Mutation(rules.environment_only_where_needed, "ci", "    steps:", "    environment: grader-app\n    steps:"),
    Mutation(rules.environment_only_where_needed, "grade", "environment: grader-app", "environment: other"),
    Mutation(rules.trusted_jobs_run_only_ours, "grade", "-grader.txt\n", "-grader.txt && pytest\n", PUBLISH),
    Mutation(rules.trusted_jobs_run_only_ours, "score", "          python -m grading score", "          python x.py"),
    Mutation(rules.trusted_jobs_run_only_ours, "grade", '"$RUNNER_TEMP/claims" --gpu', '"$(sh x)" --gpu', PUBLISH),
    Mutation(rules.trusted_jobs_run_only_ours, "score", "--second; fi", "--second; sh x; fi"),
    Mutation(rules.trusted_jobs_are_on_githubs_machines, "grade", "ubuntu-24.04", "[self-hosted, gpu]", PUBLISH),
    Mutation(rules.identity_comes_from_inputs, "grade", "SHA: ${{ inputs.sha }}", "SHA: ${{ github.sha }}", PUBLISH),
    Mutation(rules.identity_comes_from_inputs, "grade", "          PR: ${{ inputs.pr }}\n", "", PUBLISH),
    Mutation(rules.identity_comes_from_inputs, "grade", "${{ inputs.repo }}", "${{ needs.run.outputs.repo }}", PUBLISH),
    Mutation(
        rules.identity_comes_from_inputs,
        "grade",
        "run: python -m grading fetch",
        'run: cat sha >> "$GITHUB_ENV"; python -m grading fetch',
    ),
    Mutation(rules.claims_are_published_or_missing, "grade", "    if: always() && ", "    if: ", PUBLISH),
    Mutation(rules.claims_are_published_or_missing, "grade", "[fetch, run, run-gpu]", "[fetch, run]", PUBLISH),
    Mutation(rules.claims_are_published_or_missing, "grade", "continue-on-error: true", "timeout-minutes: 5", PUBLISH),
    Mutation(rules.claims_are_published_or_missing, "grade", "        if: always()\n", "", RUN),
    Mutation(rules.claims_are_published_or_missing, "grade", "name: claims-gpu", "name: claims", GPU),
    Mutation(rules.hidden_tests_are_soon_gone, "grade", "retention-days: 1 ", "retention-days: 7 "),
    Mutation(rules.hidden_tests_are_soon_gone, "grade", "          retention-days: 7\n", "", GPU),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.rule.__name__}-{m.file}-{m.new.strip()[:30]}")
def test_rule_catches(mutation: Mutation) -> None:
    before, at, after = FILES[mutation.file].read_text(encoding="utf-8").partition(mutation.at or "\n")
    assert at
    assert mutation.old in after
    text = before + at + after.replace(mutation.old, mutation.new, 1)
    assert list(mutation.rule({**load(), mutation.file: parse(mutation.file, text)}))


def test_every_rule_is_seen_to_fail() -> None:
    defined = {value for value in vars(rules).values() if getattr(value, "__module__", "") == rules.__name__}
    assert set(RULES) == {mutation.rule for mutation in MUTATIONS} == {rule for rule in defined if callable(rule)}


# what the scripts do --------------------------------------------------------------------------------------------------

HOSTILE = ["$(touch broken)", "`touch broken`", '"; touch broken; "', "-x --second", "two\nlines", "*", "ü $HOME \\"]
STAND_IN = '#!/bin/sh\nfor a in "$@"; do printf \'%s\\0\' "$a"; done > arguments\n'


def run_step(tmp_path: Path, script: str, environment: Mapping[str, str]) -> list[str]:
    """Run a step's script as the runner does, with a `python` that only writes down its arguments."""
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(STAND_IN)
    python.chmod(0o755)
    variables = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": "/nowhere", **environment}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    subprocess.run(command, cwd=tmp_path, env=variables, check=True, timeout=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arguments", "bin"]
    return (tmp_path / "arguments").read_text(encoding="utf-8").split("\0")[:-1]


def score_step() -> tuple[str, dict[str, str]]:
    (step,) = [step for step in steps(load()["score"].jobs["score"]) if "grading score" in step.get("run", "")]
    return step["run"], {key: value for key, value in step["env"].items() if "inputs." in value}


@pytest.mark.parametrize("value", HOSTILE)
def test_inputs_of_score_reach_the_command_whole(tmp_path: Path, value: str) -> None:
    script, names = score_step()
    found = run_step(tmp_path, script, dict.fromkeys(names, value) | {"DECIDE": "pass", "SECOND": "true"})
    wanted = [f"--{key}={value}" for key in ("candidate", "assignment", "reason", "criterion", "points")]
    assert found == ["-m", "grading", "score", *wanted, "--decide=pass", "--second"]


def test_score_leaves_out_what_was_not_filled_in(tmp_path: Path) -> None:
    script, names = score_step()
    given = dict.fromkeys(names, "") | {"CANDIDATE": "ada", "ASSIGNMENT": "a", "REASON": "r"}
    found = run_step(tmp_path, script, given | {"DECIDE": "none", "SECOND": "false"})
    assert found == ["-m", "grading", "score", "--candidate=ada", "--assignment=a", "--reason=r"]


def test_every_input_of_score_is_used() -> None:
    inputs = load()["score"].data["on"]["workflow_dispatch"]["inputs"]
    assert {f"${{{{ inputs.{name} }}}}" for name in inputs} == set(score_step()[1].values())


def test_commands_and_their_arguments_exist(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    for workflow in load().values():
        for job in workflow.jobs.values():
            for line in "\n".join(scripts(job)).splitlines():
                words = shlex.split(line)
                if words[:3] == ["python", "-m", "grading"]:
                    arguments = words[3:]
                    if arguments == ["score", "$@"]:  # filled in as the script above does
                        arguments = ["score", "--candidate=c", "--assignment=a", "--reason=r"]
                        arguments += ["--criterion=k", "--points=6.5", "--decide=pass", "--second"]
                    parser = make_check_parser() if arguments[0] == "check" else make_parser()
                    parser.parse_args(arguments[1:] if arguments[0] == "check" else arguments)
                    seen.append(arguments[0])
    assert sorted(seen) == ["check", "fetch", "poll", "poll", "publish", "run", "run", "score"]


@pytest.mark.parametrize("file", ["grade", "feedback"])
def test_torch_comes_with_the_pin_of_the_requirements(tmp_path: Path, file: str) -> None:
    lines = [line for job in load()[file].jobs.values() for line in "\n".join(scripts(job)).splitlines()]
    (line,) = {line for line in lines if line.startswith("torch=")}
    pin = re.search(r"^torch==[0-9.]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pin is not None
    found = subprocess.run(
        ["bash", "-ec", f'{line}; echo "$torch"'], cwd=ROOT, check=True, timeout=20, capture_output=True, text=True
    )
    assert found.stdout.strip() == pin.group()
    (install,) = {line for line in lines if "--index-url" in line}
    assert install == 'python -m pip install --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"'
    post_create = devcontainer(GITHUB / "candidate/devcontainer.json")["postCreateCommand"]
    assert line.removeprefix("torch=") in post_create  # the candidate's Codespace does the same


def test_the_nightly_time_is_one_of_the_schedule() -> None:
    poll = load()["poll"]
    crons = [entry["cron"] for entry in poll.data["on"]["schedule"]]
    texts = [poll.data["concurrency"]["group"], poll.jobs["poll"]["if"], poll.jobs["restore"]["if"]]
    named = [re.findall(r"github\.event\.schedule [!=]= '(.*?)'", text) for text in texts]
    assert named == [[crons[1]]] * 3
    assert len(crons) == 2
    assert not {minute for cron in crons for minute in cron.split()[0].split(",")} & {"0", "15", "30", "45"}


# the other files ------------------------------------------------------------------------------------------------------


def tool(name: str, *arguments: str | Path) -> None:
    """Run a linter of this environment; it must have nothing to say."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_has_no_finding() -> None:
    files = [*FILES.values(), GITHUB / "dependabot.yml"]
    tool("zizmor", "--offline", "--strict-collection", "--persona", "auditor", *files)


def test_actionlint_has_no_finding() -> None:
    tool("actionlint", "-config-file", GITHUB / "actionlint.yaml", *FILES.values())


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", [*FILES.values()]),
        ("dependabot", [GITHUB / "dependabot.yml"]),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [GITHUB / "ISSUE_TEMPLATE/config.yml"]),
    ],
)
def test_files_have_githubs_form(schema: str, files: list[Path]) -> None:
    tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_only_one_finding_is_ignored_and_it_says_why() -> None:
    ignored = re.findall(r".*(?:zizmor|actionlint|ruff): ?ignore.*", "".join(w.text for w in load().values()))
    assert len(ignored) == 1
    assert re.search(r"\[self-hosted, gpu\] # zizmor: ignore\[self-hosted-runner\] \S+ \S+", ignored[0])


def test_actionlint_knows_the_labels_and_variables_that_are_used() -> None:
    known = yaml.safe_load((GITHUB / "actionlint.yaml").read_text())
    workflows = load().values()
    labels = [job["runs-on"] for w in workflows for job in w.jobs.values() if isinstance(job["runs-on"], list)]
    assert {label for row in labels for label in row} == {"self-hosted", *known["self-hosted-runner"]["labels"]}
    used = {name for w in workflows for name in re.findall(r"\bvars\.(\w+)", " ".join(strings(w.data)))}
    assert used == set(known["config-variables"])


def test_dependabot_looks_at_every_place_with_pins() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    places = {u["package-ecosystem"]: u.get("directories", [u.get("directory")]) for u in updates}
    assert set(places) == {"github-actions", "pip", "npm"}
    for folder in [folder for folders in places.values() for folder in folders]:
        assert (ROOT / folder.lstrip("/")).is_dir()
    assert (ROOT / places["npm"][0].lstrip("/") / "package-lock.json").is_file()
    assert all(u["schedule"]["interval"] == "weekly" and len(u["groups"]) == 1 for u in updates)


def test_owners_are_named_for_places_that_exist() -> None:
    lines = (GITHUB / "CODEOWNERS").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    assert rows[0][0] == "*"
    for pattern, *owners in rows[1:]:
        assert list(ROOT.glob(pattern.strip("/"))), pattern
        assert owners
        assert all(owner.startswith("@") for owner in owners)


def devcontainer(path: Path) -> dict[str, Any]:
    """Read JSON with comments on lines of their own."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))
    return found


def test_codespaces_have_the_python_of_the_workflows() -> None:
    for path in (ROOT / ".devcontainer/devcontainer.json", GITHUB / "candidate/devcontainer.json"):
        assert devcontainer(path)["image"].rpartition(":")[2].startswith("3.11-")
    versions = {
        step["with"]["python-version"]
        for workflow in load().values()
        for job in workflow.jobs.values()
        for step in steps(job)
        if step.get("uses", "").startswith("actions/setup-python")
    }
    assert versions == {"3.11"}


def test_templates_name_commands_that_exist() -> None:
    files = [GITHUB / "pull_request_template.md", GITHUB / "candidate/pull_request_template.md", *FORMS]
    commands = [c for f in files for c in re.findall(r"python -m grading ([^`\n]+)", f.read_text(encoding="utf-8"))]
    assert len(commands) >= 3
    for command in commands:
        make_parser().parse_args(shlex.split(command.replace("<id>", "early_stopping")))


def test_the_grading_workflows_are_the_ones_with_secrets() -> None:
    found = {name for name, w in load().items() if any("secrets." in e for e in EXPRESSION.findall(w.text))}
    assert found == set(GRADING)


TRUSTED_IMPORTS = """
import sys
for name in ("torch", "numpy", "pandas", "sklearn", "scipy", "pytest", "pytest_timeout", "jinja2", "joblib"):
    sys.modules[name] = None
from pathlib import Path
from grading import github_commands
from grading.catalogue import assignment_folders, find_assignment
from grading.catalogue.hidden import criterion_counts
root = Path("assignments")
for name in assignment_folders([root]):
    assignment = find_assignment(name, [root], proof=False)
    assert all(criterion_counts(assignment, level) for level in assignment.levels)
print(len(assignment_folders([root])))
"""


def test_trusted_jobs_need_no_library_of_the_candidates() -> None:
    """They install requirements-grader.txt alone: it is quick, and less code stands beside the key."""
    command = [sys.executable, "-c", TRUSTED_IMPORTS]
    done = subprocess.run(command, cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
