"""Check your work: the visible tests by criterion, and lint. `python -m grading check`.

(here)    what a check is about: task, problems, findings; `task.toml` is read here
runner    pytest and ruff
plugin    runs inside pytest and writes what happens
show      text for a terminal, Markdown, annotations, JSON
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class CallerError(Exception):
    """The command cannot be run as it was called; the message says what to do."""


class CheckerError(Exception):
    """The checker itself failed; nothing can be said about the work."""


@dataclass(frozen=True)
class Criterion:
    """A line of the rubric. `hidden` counts the hidden checks; 0 where tests do not judge."""

    id: str
    title: str
    points: int
    judged_by: str
    hidden: int


@dataclass(frozen=True)
class Task:
    """A task as `task.toml` describes it; `folder` is relative to the repository."""

    id: str
    title: str
    version: int
    level: str
    minutes: int
    pass_mark: int
    files: tuple[str, ...]
    due: str | None
    criteria: tuple[Criterion, ...]
    folder: str


@dataclass(frozen=True)
class Problem:
    """Something that did not work, with the deepest line in the task's own files. `test` is None before any test."""

    kind: str
    message: str
    test: str | None = None
    criterion: str | None = None
    file: str | None = None
    line: int | None = None
    function: str = ""
    source: str = ""
    more: int = 0


@dataclass(frozen=True)
class Finding:
    """One finding of ruff."""

    file: str
    line: int
    rule: str
    message: str


@dataclass(frozen=True)
class Visible:
    """A visible test function with all its parameters: passed, failed, skipped or not run."""

    name: str
    criterion: str | None
    outcome: str


@dataclass(frozen=True)
class Result:
    """All that was found for one task."""

    task: Task
    tests: tuple[Visible, ...]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether every visible test passes and ruff has nothing to say."""
        passed = all(test.outcome in ("passed", "skipped") for test in self.tests)
        return bool(self.tests) and passed and not self.problems and not self.findings


def load_tasks(root: Path, wanted: str | None) -> list[Task]:
    """Read the tasks of a repository, or the one that is wanted.

    Raises:
        CallerError: there is none, or not this one, or its task.toml was damaged.
    """
    places = sorted(root.glob("assignments/*/task.toml"))
    names = [place.parent.name for place in places]
    if not places:
        raise CallerError(
            "there is no task here. Each task is a branch of its own: `git branch --remotes --list '*task/*'` lists "
            "them, and `git switch -c solve/ID origin/task/ID` starts one. Run this command in the repository's root."
        )
    if wanted is not None:
        wanted = Path(wanted).name
        if wanted not in names:
            raise CallerError(f"there is no task {wanted!r} on this branch; there is {', '.join(names)}")
        places = [place for place in places if place.parent.name == wanted]
    return [_load_task(place, root) for place in places]


def _load_task(place: Path, root: Path) -> Task:
    import tomllib  # here, so that an older Python gets as far as being told so

    try:
        data = tomllib.loads(place.read_text(encoding="utf-8"))
        criteria = tuple(
            Criterion(c["id"], c["title"], c["points"], c["judged_by"], c["hidden"]) for c in data["criterion"]
        )
        return Task(
            id=data["id"],
            title=data["title"],
            version=data["version"],
            level=data["level"],
            minutes=data["minutes"],
            pass_mark=data["pass_mark"],
            files=tuple(data["files"]),
            due=data.get("due"),
            criteria=criteria,
            folder=place.parent.relative_to(root).as_posix(),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        name = place.relative_to(root).as_posix()
        raise CallerError(
            f"{name} cannot be read ({error}). Get it back: git checkout origin/task/{place.parent.name} -- {name}"
        ) from error
