"""What must hold for the workflows, as rules over their parsed YAML. Each rule yields one sentence per breach.

GitHub enforces permissions, secrets and environments; nothing offline does. So they are proved here, from the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from tests.unit.workflows_model import EXPRESSION, Workflows, action, each_job, expressions, scripts, steps, strings

Rule = Callable[[Workflows], Iterator[str]]
ENVIRONMENT = "grader-app"
PERMISSIONS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("ci", "test"): {"contents": "read"},
    ("feedback", "check"): {"contents": "read"},
    ("poll", "poll"): {"contents": "write", "actions": "write"},
    ("poll", "restore"): {"contents": "read"},
    ("grade", "fetch"): {"contents": "read"},
    ("grade", "run"): {},
    ("grade", "run-gpu"): {},
    ("grade", "publish"): {"contents": "write"},
    ("score", "score"): {"contents": "write"},
}
"""Every job, and all that its token may do. A job that is not here is a breach."""

_TRIGGERS = {"push", "pull_request", "schedule", "workflow_dispatch"}
_GRADING_TRIGGERS = {"schedule", "workflow_dispatch"}
_UNTRUSTED_ACTIONS = {"actions/download-artifact", "actions/setup-python", "actions/upload-artifact"}
_UNTRUSTED_EXPRESSIONS = {"runner.temp", "always()", "vars.GPU_RUNNER == 'true'"}
_UNTRUSTED_KEYS = {"name", "if", "needs", "runs-on", "timeout-minutes", "permissions", "steps"}
_TRUSTED_COMMANDS = re.compile(
    r"python -m pip install --requirement requirements-grader\.txt"
    r'|python -m grading (poll|fetch|publish|score)( [\w"$@/-]+)*'
    r'|(if \[ (-n )?"\$\w+"( !?= \w+)? \]; then )?set --( [\w"$@=-]+)+(; fi)?'
)
"""No pipe, no substitution, no second command."""
_SECRET = re.compile(r"\b(secrets|github\.token)\b|\bgithub\s*(\[|\)|\}\})")
_USES = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)
_PINNED = re.compile(r"([\w.-]+/[\w./-]+)@([0-9a-f]{40})")
_VERSION = re.compile(r" # (v\d+\.\d+\.\d+)$")
_IDENTITY = {"REPO": "${{ inputs.repo }}", "PR": "${{ inputs.pr }}", "SHA": "${{ inputs.sha }}"}


# every workflow -------------------------------------------------------------------------------------------------------


def no_permission_by_default(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        if workflow.data.get("permissions") != {}:
            yield f"{workflow.name}: the top must say `permissions: {{}}`"


def permissions_are_listed(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        expected = PERMISSIONS.get((workflow.name, name))
        if job.get("permissions") != expected:
            yield f"{workflow.name}.{name}: permissions {job.get('permissions')}; expected {expected}"


def every_job_ends(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        minutes = job.get("timeout-minutes")
        if not isinstance(minutes, int) or not 1 <= minutes <= 60:
            yield f"{workflow.name}.{name}: timeout-minutes {minutes}; expected 1 to 60"


def actions_are_pinned(workflows: Workflows) -> Iterator[str]:
    seen: dict[str, str] = {}
    for workflow in workflows.values():
        lines = _USES.findall(workflow.text)
        if len(lines) != sum("uses" in step for job in workflow.jobs.values() for step in [job, *steps(job)]):
            yield f"{workflow.name}: a `uses` does not stand on a line of its own"
        for used, comment in lines:
            pin, version = _PINNED.fullmatch(used), _VERSION.search(comment)
            if pin is None or version is None:
                yield f"{workflow.name}: {used}{comment}: expected OWNER/NAME@<40 digits> # vX.Y.Z"
            elif seen.setdefault(pin[1], f"{pin[2]} {version[1]}") != f"{pin[2]} {version[1]}":
                yield f"{workflow.name}: {pin[1]} has another version than elsewhere"


def scripts_hold_no_expression(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        if any("${{" in script for script in scripts(job)):
            yield f"{workflow.name}.{name}: an expression stands in a script; pass it through env"
        if any("actions/github-script" in action(step) or "shell" in step for step in steps(job)):
            yield f"{workflow.name}.{name}: github-script or a shell of its own, which no rule looks into"
    for workflow in workflows.values():
        if workflow.data.get("defaults") != {"run": {"shell": "bash"}}:
            yield f"{workflow.name}: expected bash as the shell: it stops when a part of a pipe fails"


def triggers_are_harmless(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        more = workflow.triggers - (_GRADING_TRIGGERS if workflow.is_grading else _TRIGGERS)
        if more:
            yield f"{workflow.name}: may not start on {', '.join(sorted(more))}"


def nothing_but_candidates_is_cached(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        for step in steps(job) if workflow.name != "feedback" else []:
            if action(step).startswith("actions/cache") or any("cache" in key for key in step.get("with", {})):
                yield f"{workflow.name}.{name}: a cache; whoever breaks out of a grading run could have written it"


def checkout_keeps_no_token(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        for step in steps(job):
            if action(step) == "actions/checkout" and step.get("with") != {"persist-credentials": False}:
                yield f"{workflow.name}.{name}: checkout: expected `persist-credentials: false` and nothing else"


def nothing_is_inherited(workflows: Workflows) -> Iterator[str]:
    """Containers, services, reusable workflows and matrices are things that no rule here looks into."""
    for workflow, name, job in each_job(workflows):
        for key in {"uses", "secrets", "container", "services", "strategy", "env", "outputs", "defaults"} & job.keys():
            yield f"{workflow.name}.{name}: `{key}` on a job"


def runs_do_not_race(workflows: Workflows) -> Iterator[str]:
    wanted = {
        "grade": ["inputs.repo", "inputs.pr"],  # a candidate's pull request at a time, and no other's
        "score": ["github.run_id"],  # GitHub drops what waits in a shared group: a mark would be lost
    }
    for workflow in workflows.values():
        concurrency = workflow.data.get("concurrency") or {}
        group, cancel = str(concurrency.get("group", "")), concurrency.get("cancel-in-progress")
        if not group:
            yield f"{workflow.name}: no concurrency group"
        found = EXPRESSION.findall(group)
        if found != wanted.get(workflow.name, found):
            yield f"{workflow.name}: concurrency by {found}; expected {wanted[workflow.name]}"
        if workflow.is_grading and cancel is not False:
            yield f"{workflow.name}: `cancel-in-progress: {cancel}`; a grade must not be cancelled by its own retry"


# the job in which a candidate's code runs -----------------------------------------------------------------------------


def untrusted_jobs_are_known(workflows: Workflows) -> Iterator[str]:
    found = {(w.name, name) for w in workflows.values() for name, _ in w.untrusted()}
    if found != {("grade", "run"), ("grade", "run-gpu")}:
        yield f"a candidate's code runs in {sorted(found)}; expected run and run-gpu of grade alone"


def untrusted_jobs_have_nothing(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        for name, job in workflow.untrusted():
            where = f"{workflow.name}.{name}"
            if job.get("permissions") != {}:
                yield f"{where}: has permissions"
            for key in job.keys() - _UNTRUSTED_KEYS:
                yield f"{where}: has `{key}`"
            for step in steps(job):
                if "uses" in step and action(step) not in _UNTRUSTED_ACTIONS:
                    yield f"{where}: uses {action(step)}"
                if "env" in step:
                    yield f"{where}: a step has `env`"
            if any(_SECRET.search(text) for text in strings(job)):
                yield f"{where}: names a secret or the token"


def untrusted_jobs_read_no_input(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        for name, job in workflow.untrusted():
            for expression in set(expressions(job)) - _UNTRUSTED_EXPRESSIONS:
                yield f"{workflow.name}.{name}: reads {expression!r}"


def untrusted_jobs_get_one_artifact(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        for name, job in workflow.untrusted():
            wanted = {"name": "bundle", "path": "${{ runner.temp }}/bundle"}
            found = [step.get("with") for step in steps(job) if action(step) == "actions/download-artifact"]
            if found != [wanted]:
                yield f"{workflow.name}.{name}: downloads {found}; expected the bundle of this run alone"


# the jobs that hold a secret ------------------------------------------------------------------------------------------


def secrets_stay_in_their_step(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        outside = {key: value for key, value in workflow.data.items() if key != "jobs"}
        if any(_SECRET.search(text) for text in strings(outside)):
            yield f"{workflow.name}: a secret outside of a job reaches every job"
        for name, job in workflow.jobs.items():
            where = f"{workflow.name}.{name}"
            named = [text for text in strings(job) if _SECRET.search(text)]
            if not named:
                continue
            if job.get("environment") != ENVIRONMENT:
                yield f"{where}: names a secret without the environment {ENVIRONMENT}"
            allowed = {"${{ secrets.GRADER_APP_KEY }}", "${{ github.token }}"}
            in_commands = [v for step in steps(job) if "run" in step for v in step.get("env", {}).values()]
            if set(named) - allowed or sorted(named) != sorted(text for text in in_commands if text in allowed):
                yield f"{where}: a secret stands elsewhere than in the env of one command"
            if any("pip install" in step["run"] and "env" in step for step in steps(job) if "run" in step):
                yield f"{where}: what is installed could read a secret"


def environment_only_where_needed(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        trusted = dict(workflow.trusted())
        for name, job in workflow.jobs.items():
            expected = ENVIRONMENT if name in trusted else None
            if job.get("environment") != expected:
                yield f"{workflow.name}.{name}: environment {job.get('environment')}; expected {expected}"


def trusted_jobs_run_only_ours(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        for name, job in workflow.trusted():
            for line in "\n".join(scripts(job)).splitlines():
                if not _TRUSTED_COMMANDS.fullmatch(line.strip()):
                    yield f"{workflow.name}.{name}: runs {line.strip()!r}"


def trusted_jobs_are_on_githubs_machines(workflows: Workflows) -> Iterator[str]:
    for workflow in workflows.values():
        for name, job in workflow.trusted():
            if job.get("runs-on") != "ubuntu-24.04":
                yield f"{workflow.name}.{name}: runs on {job.get('runs-on')}"


def identity_comes_from_inputs(workflows: Workflows) -> Iterator[str]:
    grade = workflows["grade"]
    for name in ("fetch", "publish"):
        commands = [step for step in steps(grade.jobs[name]) if f"grading {name}" in step.get("run", "")]
        found = {key: commands[0].get("env", {}).get(key) for key in _IDENTITY} if len(commands) == 1 else None
        if found != _IDENTITY:
            yield f"grade.{name}: which head it is: {found}; expected {_IDENTITY}"
    for workflow, name, job in each_job(workflows):
        if any(re.search(r"GITHUB_(ENV|PATH|OUTPUT)", script) for script in scripts(job)):
            yield f"{workflow.name}.{name}: a script sets variables of later steps"
        if any(re.search(r"\b(needs\.[\w-]+|steps\.[\w-]+)\.outputs\b", e) for e in expressions(job)):
            yield f"{workflow.name}.{name}: reads what another step or job says"


def claims_are_published_or_missing(workflows: Workflows) -> Iterator[str]:
    job = workflows["grade"].jobs["publish"]
    if job.get("needs") != ["fetch", "run", "run-gpu"]:
        yield f"grade.publish: needs {job.get('needs')}"
    if job.get("if") != "always() && needs.fetch.result == 'success'":
        yield f"grade.publish: if {job.get('if')!r}: it must run after a failed run, and not after a failed fetch"
    for step in steps(job):
        if action(step) == "actions/download-artifact" and step.get("continue-on-error") is not True:
            yield f"grade.publish: a missing {step['with']['name']} would end the job before anything is recorded"
    for name, wanted in {"run": "claims", "run-gpu": "claims-gpu"}.items():
        found = [s for s in steps(workflows["grade"].jobs[name]) if action(s) == "actions/upload-artifact"]
        if [(s.get("if"), s["with"]["name"]) for s in found] != [("always()", wanted)]:
            yield f"grade.{name}: expected one upload, of {wanted}, always"


def hidden_tests_are_soon_gone(workflows: Workflows) -> Iterator[str]:
    for workflow, name, job in each_job(workflows):
        for step in steps(job):
            if action(step) == "actions/upload-artifact":
                most, days = (1 if name == "fetch" else 7), step["with"].get("retention-days")
                if not isinstance(days, int) or days > most:
                    yield f"{workflow.name}.{name}: {step['with']['name']} is kept {days} days; expected at most {most}"


RULES: tuple[Rule, ...] = (
    no_permission_by_default,
    permissions_are_listed,
    every_job_ends,
    actions_are_pinned,
    scripts_hold_no_expression,
    triggers_are_harmless,
    nothing_but_candidates_is_cached,
    checkout_keeps_no_token,
    nothing_is_inherited,
    runs_do_not_race,
    untrusted_jobs_are_known,
    untrusted_jobs_have_nothing,
    untrusted_jobs_read_no_input,
    untrusted_jobs_get_one_artifact,
    secrets_stay_in_their_step,
    environment_only_where_needed,
    trusted_jobs_run_only_ours,
    trusted_jobs_are_on_githubs_machines,
    identity_comes_from_inputs,
    claims_are_published_or_missing,
    hidden_tests_are_soon_gone,
)
