"""From what the caller names (a folder, a file, REPO@REF) to a submission and its assignment."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from grading.catalogue import assignment_folders, check_level, find_assignment, load_assignment
from grading.errors import UsageError
from grading.model import Assignment, Flag, Level, Submission
from grading.sandbox.tools import changed_outside, fetch_tree
from grading.submission import is_wanted, load_file, load_folder, parse_tree, read_file

_BRANCHES = ("solve/", "task/")
_TASK = "task.toml"


def load_source(source: str, *, assignment_id: str | None, root: Path) -> tuple[Submission, Assignment]:
    """Read a submission and find its assignment.

    Args:
        source: a folder or a file laid out like `assignments/<id>/`, or REPO@REF.
        assignment_id: names the assignment; None takes it from the branch's or the folder's name.
        root: the folder of assignments, or one assignment's.

    Raises:
        UsageError: no such source, or it is unclear which assignment it is for.
    """
    path = Path(source)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError:  # no file can have such a name
        is_folder = is_file = False
    if is_folder:
        assignment = _find(assignment_id, root, _from_path(path.resolve(), root))
        submission = load_folder(path, assignment)
        task = read_file(path / _TASK, _TASK).data if (path / _TASK).is_file() else None
        return replace(submission, told_level=_told_level(task)), assignment
    if is_file:
        assignment = _find(assignment_id, root, _from_path(path.resolve().parent, root))
        return load_file(path, assignment), assignment
    repository, at, ref = source.rpartition("@")
    if not at or not repository or not ref:
        raise UsageError(
            f"SOURCE {source}: expected a folder, a file or REPO@REF; found none of them. "
            "Check the path, or name a branch as in candidate.git@solve/early_stopping"
        )
    guess = next((ref.removeprefix(prefix) for prefix in _BRANCHES if ref.startswith(prefix)), None)
    assignment = _find(assignment_id, root, guess)
    folder = f"assignments/{assignment.id}"
    tree = fetch_tree(repository, ref, folder, wanted=lambda path: path == _TASK or is_wanted(path, assignment))
    submission = parse_tree(tree.entries, assignment, source=source, commit=tree.commit, ref=ref)
    flags = (*submission.flags, *_foreign_changes(repository, ref, assignment))
    task = next((entry.data for entry in tree.entries if entry.path == _TASK), None)
    return replace(submission, flags=flags, told_level=_told_level(task)), assignment


def level_for(submission: Submission, assignment: Assignment, asked: Level | None) -> Level:
    """Return the level to grade at: the one asked for, or mid where the submission names no other.

    Raises:
        UsageError: the assignment has no such level; or none was asked for, and the wrong rubric would judge.
    """
    if asked is None and names_another_level(submission, assignment, Level.MID):
        told = submission.told_level
        raise UsageError(
            f"{submission.source}: its task.toml says level {told}, and no level was asked for. "
            f"Add --level {told}; or --level mid, if that is what you handed out"
        )
    level = asked or Level.MID
    check_level(assignment, level)
    return level


def names_another_level(submission: Submission, assignment: Assignment, level: Level) -> bool:
    """Whether task.toml names a level of the assignment that is not this one."""
    return submission.told_level in assignment.levels and submission.told_level is not level


def _told_level(task: bytes | None) -> Level | None:
    """Return what a candidate's task.toml names, None where it names nothing that can be read."""
    try:
        return Level(str(tomllib.loads((task or b"").decode()).get("level")))
    except (ValueError, RecursionError):
        return None


def _foreign_changes(repository: str, ref: str, assignment: Assignment) -> list[Flag]:
    """Flag what the branch changed outside its task's folder, where the task's branch is there to compare with."""
    try:
        changed = changed_outside(repository, ref, f"task/{assignment.id}", f"assignments/{assignment.id}")
    except UsageError:
        return []
    return [Flag("outside_assignment", "the branch changes a file outside its task's folder", file) for file in changed]


def _from_path(folder: Path, root: Path) -> str | None:
    """Return the id in `.../assignments/<id>/...`, or of the assignment that the folder lies in."""
    parts = folder.parts
    if root.name in parts:
        index = len(parts) - 1 - parts[::-1].index(root.name)
        if index + 1 < len(parts):
            return parts[index + 1]
    return None


def _find(name: str | None, root: Path, guess: str | None) -> Assignment:
    if (root / "assignment.toml").is_file():
        assignment = load_assignment(root, proof=False)
        if name is not None and name != assignment.id:
            raise UsageError(f"--assignment {name}: {root} holds {assignment.id}")
        return assignment
    wanted = name or guess
    if wanted is None:
        known = ", ".join(sorted(assignment_folders([root])))
        raise UsageError(f"which assignment is this for? Add --assignment with one of: {known}")
    return find_assignment(wanted, [root], proof=False)
