"""A live session: several tasks in one folder, and a board of criteria that follows the candidate's saves."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from grading.catalogue import check_level, find_assignment
from grading.errors import GraderError, UsageError
from grading.export import main_files, task_files
from grading.model import Assignment, Graded, JudgedBy, Level, Status, Submission
from grading.output import write_whole
from grading.pipeline import Grader
from grading.report.score_json import render_score
from grading.sandbox.tools import Branch, create_repository
from grading.submission import load_folder

SESSION = ("timeseries_windows", "early_stopping", "debug_training", "batched_inference")
"""The four tasks of the live session, in the order in which they are given."""

_BEGUN = Path(".git", "take-home-session.json")
"""What a session began with. Not in the files, for the seed of the bugs is nothing to read over."""
_LOOK_EVERY_S = 0.5
_MARKS = {Status.PASSED: "done", Status.PARTIAL: "part", Status.FAILED: "open", Status.PENDING: "talk"}
_GREEN, _YELLOW, _DIM, _BOLD, _PLAIN = "\033[32m", "\033[33m", "\033[2m", "\033[1m", "\033[0m"
_COLOURS = {Status.PASSED: _GREEN, Status.PARTIAL: _YELLOW}


@dataclass(frozen=True)
class Desk:
    """One task on the board.

    Attributes:
        graded: the last grade, None before the first.
        before: automatic points of the grade before it.
        saves: how often the files changed since the session began.
        trouble: why the last save could not be graded.
    """

    assignment: Assignment
    level: Level
    graded: Graded | None = None
    before: Fraction | None = None
    saves: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Board:
    """All tasks, and how long the session has lasted."""

    desks: tuple[Desk, ...]
    elapsed_s: float = 0.0
    busy: str = ""


def choose(names: Sequence[str], level: Level, root: Path) -> tuple[Assignment, ...]:
    """Return the assignments of a session.

    Raises:
        UsageError: no such assignment, or it has no such level.
    """
    chosen = tuple(find_assignment(name, [root], proof=False) for name in dict.fromkeys(names))
    if not chosen:
        raise UsageError("--assignments: expected at least one id; found none")
    for assignment in chosen:
        check_level(assignment, level)
    return chosen


def set_up(folder: Path, candidate: str, assignments: Sequence[Assignment], level: Level, draw: int = 0) -> bool:
    """Put all tasks into one folder; False where a session stands there already, which goes on.

    Args:
        draw: the seed of the bugs in starters that draw some.

    Raises:
        UsageError: something else is there, or a session that began otherwise.
    """
    begun = {"candidate": candidate, "level": level.value, "draw": draw}
    if folder.exists() and any(folder.iterdir()):
        missing = [a.id for a in assignments if not (folder / "assignments" / a.id / "task.toml").is_file()]
        if missing:
            raise UsageError(f"{folder}: holds no session with {', '.join(missing)}; name a new folder")
        _same_session(folder, begun)
        return False
    files = main_files(candidate, assignments, level, None)
    for assignment in assignments:
        files |= task_files(assignment, level, None, draw)
    create_repository(folder, [Branch("main", files, "The session begins")], bare=False)
    (folder / _BEGUN).write_text(json.dumps(begun), encoding="utf-8")
    return True


def _same_session(folder: Path, asked: Mapping[str, str | int]) -> None:
    """Refuse to go on with another candidate, or with checks for other bugs than those in the folder.

    Raises:
        UsageError: the session began with other options.
    """
    try:
        begun = json.loads((folder / _BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the candidate made the repository anew: nothing is known
        return
    if not isinstance(begun, dict):
        return
    differing = [name for name, value in asked.items() if begun.get(name, value) != value]
    if differing:
        # In ASCII, as the candidate can write there and a terminal obeys some characters.
        before = shlex.join(word for name in differing for word in (f"--{name}", ascii(begun[name]).strip("'")))
        now = shlex.join(word for name in differing for word in (f"--{name}", str(asked[name])))
        raise UsageError(f"{folder}: began with {before}; found {now}. Repeat the first, or name a new folder")


@dataclass
class Session:
    """Watches a folder and grades what was saved.

    Args:
        keep: folder for each task's newest score.json, or None.
        show: told the board whenever it changes.
        draw: the seed of the bugs that the starters were made with.
    """

    folder: Path
    grader: Grader
    level: Level
    keep: Path | None
    show: Callable[[Board], None]
    board: Board
    draw: int = 0
    _seen: dict[str, object] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    def look(self) -> bool:
        """Grade the tasks whose files changed since the last look; return whether there were any."""
        changed = False
        for index, desk in enumerate(self.board.desks):
            place = self.folder / "assignments" / desk.assignment.id
            seen = _signature(place)
            if self._seen.get(desk.assignment.id) == seen:
                continue
            self._seen[desk.assignment.id] = seen
            submission = load_folder(place, desk.assignment)
            if self._hashes.get(desk.assignment.id) == submission.sha256:
                continue
            self._hashes[desk.assignment.id] = submission.sha256
            self._put(index, replace(desk, saves=desk.saves + 1), busy=desk.assignment.id)
            self._put(index, self._grade(self.board.desks[index], submission))
            changed = True
        return changed

    def watch(self) -> None:
        """Look until interrupted."""
        while True:
            if not self.look():
                time.sleep(_LOOK_EVERY_S)

    def _grade(self, desk: Desk, submission: Submission) -> Desk:
        try:
            graded = self.grader.grade(desk.assignment, submission, level=desk.level, draw=self.draw)
        except GraderError as error:
            return replace(desk, trouble=str(error))
        if self.keep is not None:
            write_whole(self.keep / desk.assignment.id / "score.json", render_score(graded))
        before = desk.graded.grade.auto if desk.graded else None
        return replace(desk, graded=graded, before=before, trouble=graded.evidence.grader_fault or "")

    def _put(self, index: int, desk: Desk, busy: str = "") -> None:
        desks = (*self.board.desks[:index], desk, *self.board.desks[index + 1 :])
        self.board = Board(desks, time.monotonic() - self._started, busy)
        self.show(self.board)


def start(
    folder: Path,
    assignments: Sequence[Assignment],
    level: Level,
    grader: Grader,
    *,
    keep: Path | None,
    show: Callable[[Board], None],
    draw: int = 0,
) -> Session:
    """Return a session on a folder that `set_up` made."""
    desks = tuple(Desk(assignment, level, saves=-1) for assignment in assignments)  # the first look is no save
    return Session(folder, grader, level, keep, show, Board(desks), draw)


def _signature(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Return what changes when somebody saves: path → time and size."""
    found = {}
    for path in _python_files(folder):
        try:
            about = path.stat()
        except OSError:  # an editor replaces a file by renaming another over it
            continue
        found[str(path)] = (about.st_mtime_ns, about.st_size)
    return found


def _python_files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml") and "tests" not in path.parts)


# the board ------------------------------------------------------------------------------------------------------------


def render_board(board: Board, *, colour: bool, width: int) -> str:
    """Return the board as text: one row a task, then its criteria. Pure."""

    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_PLAIN}" if colour and code else text

    minutes = int(board.elapsed_s // 60)
    lines = [paint(f"Live session, {minutes} min", _BOLD), ""]
    for desk in board.desks:
        lines.append(paint(_headline(desk, board.busy), _BOLD))
        if desk.trouble:
            lines.append(f"  could not be graded: {desk.trouble}"[:width])
        for criterion in desk.graded.grade.criteria if desk.graded else ():
            if criterion.judged_by is JudgedBy.REVIEWER:
                continue
            mark = _MARKS.get(criterion.status, "–")
            points = "–" if criterion.points is None else f"{float(criterion.points):g}"
            row = f"  {mark:<5} {points:>5} / {criterion.max:<3} {criterion.title}"[:width]
            lines.append(paint(row, _COLOURS.get(criterion.status, _DIM)))
        lines.append("")
    return "\n".join(lines)


def _headline(desk: Desk, busy: str) -> str:
    name, minutes = desk.assignment.title, desk.assignment.minutes[desk.level]
    if busy == desk.assignment.id:
        return f"{name} ({minutes} min): grading …"
    if desk.graded is None or desk.graded.grade.auto is None:
        return f"{name} ({minutes} min): not graded yet"
    auto, most = desk.graded.grade.auto, desk.graded.grade.auto_max
    moved = "" if desk.before in (None, auto) else f" ({float(auto - (desk.before or 0)):+g})"
    saves = f", {desk.saves} saves" if desk.saves > 1 else ", 1 save" if desk.saves == 1 else ""
    return f"{name} ({minutes} min): {float(auto):g} of {most}{moved}{saves}"
