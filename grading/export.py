"""Make a candidate's repository: a list of what is allowed out, and a search for anything else that got out.

Nothing is copied by exclusion. Each function that adds files names them or their kinds; what no function names stays.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grading.catalogue import check_level, criterion_counts, data_folder, find_assignment
from grading.draw import draw_of, idle_checks, possible_starters, starter_files
from grading.errors import GraderError, UsageError
from grading.model import Assignment, Level
from grading.sandbox.tools import Branch, create_repository, read_history

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"

_FIXED = {
    "requirements.txt": "requirements.txt",
    ".github/candidate/pyproject.toml": "pyproject.toml",
    ".github/candidate/feedback.yml": ".github/workflows/feedback.yml",
    ".github/candidate/devcontainer.json": ".devcontainer/devcontainer.json",
    ".github/candidate/pull_request_template.md": ".github/pull_request_template.md",
    "grading/check/__init__.py": "grading/check/__init__.py",
    "grading/check/__main__.py": "grading/check/__main__.py",
    "grading/check/plugin.py": "grading/check/plugin.py",
    "grading/check/runner.py": "grading/check/runner.py",
    "grading/check/show.py": "grading/check/show.py",
}
"""Our file → its name in every candidate repository."""
_MADE = {
    "grading/__init__.py": '"""The checker: `python -m grading check`."""\n',
    ".gitignore": ".venv/\n__pycache__/\n.pytest_cache/\n.ruff_cache/\n.ipynb_checkpoints/\n.vscode/\n.idea/\n",
}
_STARTER_SUFFIXES = frozenset({".py", ".toml", ".md", ".json", ".txt"})
_TEST_SUFFIXES = frozenset({".py", ".csv", ".json", ".toml", ".txt", ".npz"})
_DATA_SUFFIXES = frozenset({".csv", ".gz", ".json", ".jsonl", ".md", ".npz", ".parquet", ".py", ".tsv", ".txt"})
_PRIVATE = ("hidden", "solutions", "NOTES.md", "GUIDE.md", "assignment.toml")
_LONGEST_NAME = 80
_TELLING_CHARS = 40
"""A line longer than this is somebody's sentence or idea, not a common turn of code."""
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


@dataclass(frozen=True)
class Exported:
    """A candidate repository that was made. `branches` maps branch → commit."""

    path: Path
    branches: Mapping[str, str]


def export_candidate(
    dest: Path,
    *,
    candidate: str,
    assignments: Sequence[str],
    level: Level,
    due: dt.date | None = None,
    assignments_root: Path = ASSIGNMENTS,
    at: dt.datetime | None = None,
    draws: Mapping[str, int] | None = None,
) -> Exported:
    """Make a candidate's repository: main, and a branch task/<id> for each assignment.

    Args:
        dest: where to; a name that ends in .git is made bare, else main is checked out.
        candidate: how the README greets them.
        assignments: ids, in the order in which the README lists them.
        due: end of the last day, or a moment.
        assignments_root: the folder of assignments.
        draws: assignment → seed of the bugs that its starter holds, where it draws them; 0 for those not named.
        at: the commits' date, now by default; the same export at the same moment has the same commits.

    Raises:
        UsageError: dest exists or cannot be written; no such assignment or level; a name that cannot stand in a text.
        FaultsError: an assignment has faults.
    """
    dest = dest.absolute()
    if dest.exists() or dest.is_symlink():
        raise UsageError(f"{dest}: exists already; name a new folder, or delete this one yourself")
    ids = list(dict.fromkeys(assignments))
    if not ids:
        raise UsageError("assignments: expected at least one id; found none")
    chosen = [find_assignment(name, [assignments_root]) for name in ids]
    for assignment in chosen:
        check_level(assignment, level)
    branches = [Branch("main", main_files(candidate, chosen, level, due), "Welcome")]
    for assignment in chosen:
        files = task_files(assignment, level, due, (draws or {}).get(assignment.id, 0))
        branches.append(Branch(f"task/{assignment.id}", files, f"Add the task: {assignment.title}", base="main"))
    return Exported(dest, _write(dest, branches, at))


def _write(dest: Path, branches: Sequence[Branch], at: dt.datetime | None) -> Mapping[str, str]:
    """Make the repository beside its destination and move it there whole."""
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=dest.parent, prefix=f".{dest.name}."))
    except OSError as error:
        raise UsageError(f"{dest}: cannot be written ({error.strerror}); name another folder") from error
    try:
        commits = create_repository(building / "made", branches, bare=dest.suffix == ".git", at=at)
        (building / "made").rename(dest)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return commits


# what is allowed out --------------------------------------------------------------------------------------------------


def main_files(
    candidate: str, assignments: Sequence[Assignment], level: Level, due: dt.date | None
) -> dict[str, bytes]:
    """Return what stands on every branch: path → content."""
    files = {name: (ROOT / ours).read_bytes() for ours, name in _FIXED.items()}
    files |= {name: text.encode() for name, text in _MADE.items()}
    files["grading/__main__.py"] = files["grading/check/__main__.py"]
    text = (ROOT / "CANDIDATE.md").read_text(encoding="utf-8")
    return files | {"README.md": render_welcome(text, candidate, assignments, level, due).encode()}


def task_files(assignment: Assignment, level: Level, due: dt.date | None, draw: int = 0) -> dict[str, bytes]:
    """Return what a task's branch adds to main: path → content. The seed of the draw stands nowhere in it."""
    home = f"assignments/{assignment.id}"
    files = {f"{home}/README.md": (assignment.directory / "README.md").read_bytes()}
    files |= {f"{home}/{path}": data for path, data in _starter_files(assignment, level, draw)}
    files |= {f"{home}/tests/{path}": data for path, data in _folder(assignment.visible, _TEST_SUFFIXES)}
    files[f"{home}/task.toml"] = render_task(assignment, level, due, draw).encode()
    return files | {f"data/{path}": data for path, data in _data_files(assignment)}


def _starter_files(assignment: Assignment, level: Level, draw: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield the candidate's files as a level's starter has them."""
    if assignment.draw and draw:
        drawn = starter_files(assignment, level, draw_of(assignment, level, draw))
        yield from _declared(assignment, drawn)
        return
    starter = assignment.directory / "starter" / level.value
    for name in assignment.files:
        if name.endswith("/"):
            yield from ((f"{name}{path}", data) for path, data in _folder(starter / name, _STARTER_SUFFIXES))
        else:
            yield name, (starter / name).read_bytes()


def _declared(assignment: Assignment, files: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield those of a starter's files that the assignment declares, or that lie in a folder that it declares."""
    for name, text in files.items():
        inside = any(folder.endswith("/") and name.startswith(folder) for folder in assignment.files)
        if name in assignment.files or (inside and PurePosixPath(name).suffix in _STARTER_SUFFIXES):
            yield name, text.encode()


def _data_files(assignment: Assignment) -> Iterator[tuple[str, bytes]]:
    """Yield the data sets that an assignment names, with paths below data/."""
    root = data_folder(assignment.directory)
    for name in assignment.data if root is not None else ():
        place = Path(root or "", name)
        if place.is_dir():
            yield from ((f"{name.rstrip('/')}/{path}", data) for path, data in _folder(place, _DATA_SUFFIXES))
        else:
            yield name, place.read_bytes()


def _folder(folder: Path, suffixes: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the plain files of these kinds below a folder, leaving out hidden and generated folders."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        shown = not any(part.startswith((".", "__pycache__")) for part in name.parts)
        if shown and path.is_file() and not path.is_symlink() and path.suffix in suffixes:
            yield name.as_posix(), path.read_bytes()


def render_welcome(
    text: str, candidate: str, assignments: Sequence[Assignment], level: Level, due: dt.date | None
) -> str:
    """Fill in CANDIDATE.md.

    Raises:
        UsageError: the candidate's name is empty, too long, or more than one line of plain text.
        GraderError: the text has a placeholder that nothing fills in.
    """
    name = candidate.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or set(name) & set("{}<>|`[]*\\"):
        raise UsageError(f"candidate {candidate!r}: expected a name of 1 to {_LONGEST_NAME} plain characters")
    rows = ["| Task | Time | Branch |", "|---|---|---|"]
    rows += [f"| {a.title} | {a.minutes[level]} minutes | `task/{a.id}` |" for a in assignments]
    filled = _COMMENT.sub("", text)
    values = {"candidate": name, "due": _due_text(due), "tasks": "\n".join(rows), "first": assignments[0].id}
    for key, value in values.items():
        filled = filled.replace(f"{{{{{key}}}}}", value)
    left = re.search(r"\{\{.*?\}\}|\{\{|\}\}", filled)
    if left is not None:
        known = ", ".join(f"{{{{{key}}}}}" for key in values)
        raise GraderError(f"CANDIDATE.md: {left.group()} stands for nothing; known are {known}. Correct or delete it.")
    return filled


def _due_text(due: dt.date | None) -> str:
    if due is None:
        return "no fixed date"
    if isinstance(due, dt.datetime):
        return due.isoformat(sep=" ", timespec="minutes")
    return f"{due.isoformat()}, end of the day (UTC)"


def render_task(assignment: Assignment, level: Level, due: dt.date | None, draw: int = 0) -> str:
    """Return task.toml: what the checker needs to know, with hidden checks counted and no hint."""
    counts = criterion_counts(assignment, level, idle_checks(assignment, level, draw))
    lines = ["# What `python -m grading check` knows about this task. The grader has its own copy."]
    lines += [f"id = {_toml(assignment.id)}", f"version = {assignment.version}", f"title = {_toml(assignment.title)}"]
    lines += [f"level = {_toml(level.value)}", f"minutes = {assignment.minutes[level]}"]
    lines += [f"pass_mark = {assignment.rubric.pass_mark}"]
    lines += [f"files = [{', '.join(_toml(name) for name in assignment.files)}]"]
    lines += [] if due is None else [f"due = {_toml(_due_text(due))}"]
    for criterion in assignment.rubric.at(level):
        lines += ["", "[[criterion]]", f"id = {_toml(criterion.id)}", f"title = {_toml(criterion.title)}"]
        lines += [f"points = {criterion.points[level]}", f"judged_by = {_toml(criterion.judged_by.value)}"]
        lines += [f"hidden = {counts.get(criterion.id, 0)}"]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# what must not get out ------------------------------------------------------------------------------------------------


def find_leaks(repo: Path | str, assignments: Iterable[Assignment]) -> list[str]:
    """Search every file of every commit of every branch for what is private.

    Private are hidden tests, solutions, notes, guide and manifest of the assignments, and all of grading/ but the
    checker. A file leaks if its bytes are a private file's; a line leaks if it is longer than 40 characters and stands
    in a private file and in no file that is handed out.

    Args:
        repo: the repository that was made.
        assignments: all assignments whose private files count.

    Returns: one sentence a leak, naming branch, file and the private file; empty if there is none.
    """
    catalogue = list(assignments)
    public = list(_public_files(catalogue))
    private = {path: data for path, data in _private_files(catalogue) if data.strip()}
    public_bytes, public_lines = set(public), {line for data in public for line in _telling_lines(data)}
    by_bytes = {data: path for path, data in private.items() if data not in public_bytes}
    by_line = {line: path for path, data in private.items() for line in _telling_lines(data) - public_lines}
    leaks = []
    for item in read_history(str(repo)):
        where = f"{item.ref}: {item.path} ({item.hash[:10]})"
        if item.data in by_bytes:
            leaks.append(f"{where} is the private file {by_bytes[item.data]}")
            continue
        for line in sorted(_telling_lines(item.data) & by_line.keys()):
            leaks.append(f"{where} holds a line of the private file {by_line[line]}: {line[:60]!r}")
    return leaks


def _telling_lines(data: bytes) -> set[str]:
    lines = (line.strip() for line in data.decode("utf-8", errors="replace").splitlines())
    return {line for line in lines if len(line) > _TELLING_CHARS}


def _public_files(catalogue: Sequence[Assignment]) -> Iterator[bytes]:
    """Yield all that is handed out to anybody, read from its sources and not from what the exporter would write."""
    yield from ((ROOT / name).read_bytes() for name in [*_FIXED, "CANDIDATE.md"])
    yield from (text.encode() for text in _MADE.values())
    for assignment in catalogue:
        yield (assignment.directory / "README.md").read_bytes()
        yield from (data for _, data in _folder(assignment.visible, _TEST_SUFFIXES))
        for level in assignment.levels:
            yield from (data for _, data in _starter_files(assignment, level))
            for files in possible_starters(assignment, level):
                yield from (data for _, data in _declared(assignment, files))
            yield render_task(assignment, level, None).encode()
        yield from (data for _, data in _data_files(assignment))


def _private_files(catalogue: Sequence[Assignment]) -> Iterator[tuple[str, bytes]]:
    for assignment in catalogue:
        for name in _PRIVATE:
            place = assignment.directory / name
            for path in [place] if place.is_file() else sorted(place.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield str(PurePosixPath(assignment.id, path.relative_to(assignment.directory))), path.read_bytes()
    for path in sorted((ROOT / "grading").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not name.startswith("grading/check/"):
            yield name, path.read_bytes()
