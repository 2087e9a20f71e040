"""The workflow files as values: jobs, steps, scripts, expressions, and which jobs are trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "ci": ROOT / ".github/workflows/ci.yml",
    "poll": ROOT / ".github/workflows/poll.yml",
    "grade": ROOT / ".github/workflows/grade.yml",
    "score": ROOT / ".github/workflows/score.yml",
    "feedback": ROOT / ".github/candidate/feedback.yml",
}
GRADING = ("poll", "grade", "score")
_RUNS_CANDIDATES = re.compile(r"\bgrading (run|grade|validate|check)\b")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)


@dataclass(frozen=True)
class Workflow:
    """One workflow file: its text and what it says."""

    name: str
    text: str
    data: Mapping[str, Any]

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.data["jobs"]
        return found

    @property
    def triggers(self) -> set[str]:
        on = self.data["on"]
        return {on} if isinstance(on, str) else set(on)

    @property
    def is_grading(self) -> bool:
        return self.name in GRADING

    def untrusted(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the jobs of the grading workflows in which a candidate's code runs."""
        for name, job in self.jobs.items():
            if self.is_grading and any(_RUNS_CANDIDATES.search(script) for script in scripts(job)):
                yield name, job

    def trusted(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the other jobs of the grading workflows."""
        untrusted = dict(self.untrusted())
        yield from ((name, job) for name, job in self.jobs.items() if self.is_grading and name not in untrusted)


Workflows = Mapping[str, Workflow]


def parse(name: str, text: str) -> Workflow:
    """Read a workflow; YAML 1.1 reads the key `on` as true."""
    data = yaml.safe_load(text)
    return Workflow(name, text, {("on" if key is True else key): value for key, value in data.items()})


def load() -> dict[str, Workflow]:
    """Read the real files."""
    return {name: parse(name, path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def steps(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a job's steps."""
    return list(job.get("steps", []))


def scripts(job: Mapping[str, Any]) -> list[str]:
    """Return what a job gives to a shell."""
    return [str(step["run"]) for step in steps(job) if "run" in step]


def action(step: Mapping[str, Any]) -> str:
    """Return which action a step uses, without its version; empty for none."""
    return str(step.get("uses", "")).partition("@")[0]


def strings(value: object) -> Iterator[str]:
    """Yield every text in a value, keys included."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def expressions(job: Mapping[str, Any]) -> Iterator[str]:
    """Yield every expression of a job; `if` is one without braces too."""
    for text in strings(job):
        yield from EXPRESSION.findall(text)
    for holder in [job, *steps(job)]:
        if "if" in holder and "${{" not in str(holder["if"]):
            yield str(holder["if"])


def each_job(workflows: Workflows) -> Iterator[tuple[Workflow, str, Mapping[str, Any]]]:
    for workflow in workflows.values():
        yield from ((workflow, name, job) for name, job in workflow.jobs.items())
