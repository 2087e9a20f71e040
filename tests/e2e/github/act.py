"""Run a workflow offline: `act` in host mode, with stand-ins for the actions that need GitHub's own services.

act reads the workflow as GitHub does (events, needs, if, matrix, outputs, expressions). It enforces no permissions,
no secrets per environment and no isolation between jobs: those are proved over the parsed YAML, not here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.e2e.github.processes import MARK, piped, watch

STAND_INS = Path(__file__).resolve().parent / "actions"
HOSTED = ("ubuntu-24.04", "ubuntu-latest")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Trigger:
    """What started a run.

    Attributes:
        event: workflow_dispatch, schedule, push or pull_request.
        sha, ref: commit and full reference of the repository that the run is of.
        inputs: of a workflow_dispatch.
        payload: what else the event says, merged into its JSON.
    """

    event: str
    repository: str
    sha: str
    ref: str = "refs/heads/main"
    actor: str = "interviewer"
    inputs: Mapping[str, str] = field(default_factory=dict)
    payload: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a run finds its GitHub.

    Attributes:
        token: becomes github.token.
        repositories: folder of the bare repositories, from which GitHub itself reads the workflow.
        labels: of self-hosted runners that are there.
    """

    api_url: str
    server_url: str
    token: str
    repositories: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """How a run ended.

    Attributes:
        status: act's exit status; None when time ran out.
        jobs: result by job id: success, failure or skipped.
        log: everything it printed, each line with its job.
        left_over: processes that outlived it and had to be ended.
    """

    status: int | None
    jobs: Mapping[str, str]
    log: str
    artifacts: Mapping[str, tuple[str, ...]]
    left_over: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every job ended well."""
        return self.status == 0


def stand_ins(workflow: Path) -> dict[str, Path]:
    """Return action@commit → local folder for every action that a workflow uses, as the workflow pins it.

    Raises:
        LookupError: an action that has no stand-in.
    """
    found: dict[str, Path] = {}
    for uses in _uses(yaml.safe_load(workflow.read_text())):
        if uses.startswith("./"):
            continue
        name, _, commit = uses.partition("@")
        folder = STAND_INS / name.removeprefix("actions/")
        if not name.startswith("actions/") or not (folder / "action.yml").is_file():
            known = ", ".join(sorted(f"actions/{path.parent.name}" for path in STAND_INS.glob("*/action.yml")))
            raise LookupError(
                f"{workflow.name}: no offline stand-in for {uses}; there are {known}. Add one beside them."
            )
        found[f"{name}@{commit}"] = folder
    return found


def _uses(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "uses" and isinstance(value, str):
                yield value
            else:
                yield from _uses(value)
    elif isinstance(node, list):
        for value in node:
            yield from _uses(value)


def run_workflow(
    workflow: str | Path, trigger: Trigger, place: Place, *, timeout_s: float = 600, artifacts: Path | None = None
) -> Run:
    """Run one workflow to its end in folders of its own.

    Args:
        workflow: the YAML file as the commit of the run has it, such as .github/workflows/grade.yml; or any other by an
            absolute path.
        artifacts: keeps what the run uploaded, for tests that look at it; thrown away when None.
    """
    with tempfile.TemporaryDirectory(prefix="offline-run-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        kept = artifacts or root / "artifacts"
        for folder in (kept, root / "home", root / "cache", root / "repository", root / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        event = {**trigger.payload, "inputs": dict(trigger.inputs), "repository": _repository(trigger)}
        (root / "event.json").write_text(json.dumps(event))
        _check_out(place.repositories / f"{trigger.repository}.git", trigger, root / "repository")
        mark = uuid.uuid4().hex
        command = _command(root / "repository" / workflow, trigger, place, root, kept, mark)
        environment = {
            "PATH": f"{STAND_INS / 'bin'}:{SYSTEM_PATH}",
            "HOME": str(root / "home"),
            "XDG_CACHE_HOME": str(root / "cache"),
            "TMPDIR": str(root / "tmp"),
            "LANG": "C.UTF-8",
            MARK: mark,
        }
        # Steps inherit act's environment and see its arguments, so secrets come through a pipe that is empty once read.
        with piped(_dotenv({**place.secrets, "GITHUB_TOKEN": place.token})) as pipe:
            command += ["--secret-file", f"/dev/fd/{pipe}"]
            lines, status, left_over = watch(command, root / "repository", environment, mark, timeout_s, pipe)
        jobs, log = _read_log(lines)
        uploaded = {
            path.name: tuple(sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()))
            for path in sorted(kept.iterdir())
        }
        return Run(status, jobs, log, uploaded, left_over)


def _repository(trigger: Trigger) -> dict[str, object]:
    owner, _, name = trigger.repository.partition("/")
    return {
        "full_name": trigger.repository,
        "name": name,
        "owner": {"login": owner},
        "default_branch": "main",
        "private": True,
    }


def _check_out(source: Path, trigger: Trigger, folder: Path) -> None:
    """Give act the commit that the run is of: it reads the workflow there and takes GITHUB_SHA from it."""
    fetch = ("fetch", "-q", "--depth=1", source.as_uri(), trigger.sha)
    settings = ("-c", "safe.directory=*", "-c", "advice.detachedHead=false")
    for arguments in (("init", "-q", "-b", "main"), fetch, ("checkout", "-q", "-B", "main", "FETCH_HEAD")):
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": "1",  # inherited by upload-pack on the other side: any commit may be asked for
            "GIT_CONFIG_KEY_0": "uploadpack.allowAnySHA1InWant",
            "GIT_CONFIG_VALUE_0": "true",
        }
        subprocess.run(["git", *settings, *arguments], cwd=folder, env=environment, check=True, timeout=60)


def _command(workflow: Path, trigger: Trigger, place: Place, root: Path, artifacts: Path, mark: str) -> list[str]:
    variables = {
        "GITHUB_API_URL": place.api_url,
        "GITHUB_SERVER_URL": place.server_url,
        "GITHUB_REPOSITORY": trigger.repository,
        "GITHUB_REPOSITORY_OWNER": trigger.repository.partition("/")[0],
        "GITHUB_SHA": trigger.sha,
        "GITHUB_REF": trigger.ref,
        "GITHUB_REF_NAME": trigger.ref.removeprefix("refs/heads/"),
        "GITHUB_RUN_ID": str(int(mark[:8], 16)),
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_RUN_ATTEMPT": "1",
        "OFFLINE_ARTIFACTS": str(artifacts),
        "OFFLINE_PYTHON": str(Path(sys.executable).parent),
        "HOME": str(root / "home"),
        "GITHUB_TOKEN": "",  # act would put it into every step's environment; GitHub puts it into none
        MARK: mark,
    }
    command = [
        str(Path(sys.executable).parent / "act"),
        trigger.event,
        *("--workflows", str(workflow), "--eventpath", str(root / "event.json"), "--actor", trigger.actor),
        *("--action-cache-path", str(root / "cache"), "--action-offline-mode", "--no-cache-server"),
        *("--no-skip-checkout", "--defaultbranch", "main", "--json"),
        *("--env-file", os.devnull, "--var-file", os.devnull, "--input-file", os.devnull),
    ]
    for label in (*HOSTED, *place.labels):
        command += ["--platform", f"{label}=-self-hosted"]
    for key, value in variables.items():
        command += ["--env", f"{key}={value}"]
    for key, value in place.variables.items():
        command += ["--var", f"{key}={value}"]
    for action, folder in stand_ins(workflow).items():
        command += ["--local-repository", f"{action}={folder}"]
    return command


def _dotenv(secrets: Mapping[str, str]) -> bytes:
    """Write secrets as act reads them: one a line, quoted, with line ends escaped."""
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "$": "\\$"})
    return "".join(f'{key}="{value.translate(escapes)}"\n' for key, value in secrets.items()).encode()


def _read_log(lines: list[str]) -> tuple[dict[str, str], str]:
    jobs: dict[str, str] = {}
    text = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            text.append(line.rstrip())
            continue
        job = entry.get("jobID", "")
        if result := entry.get("jobResult"):
            jobs[job] = result
        text.append(f"[{job}] {str(entry.get('msg', '')).rstrip()}")
    return jobs, "\n".join(text)
