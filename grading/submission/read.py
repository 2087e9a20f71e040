"""Turn a folder, a file or the entries of a git tree into a `Submission`."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import UsageError
from grading.model import Assignment, Flag, LoadFault, Submission
from grading.submission.disk import MAX_SEEN, read_file, read_folder
from grading.submission.items import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    Item,
    Kind,
    TreeEntry,
    item_of,
)
from grading.submission.rules import (
    Fate,
    blocks_declared,
    fate_of,
    is_entered,
    safe_name,
    shadowed_module,
)
from grading.submission.text import invisible_characters, text_problem

_MAX_FLAGS_OF_A_KIND = 10
_MIB = 2**20
_NO_FILE = {
    Kind.LINK: ("symbolic_link", "Hand in the file itself."),
    Kind.HARD_LINK: ("hard_link", "Hand in a copy of the file."),
    Kind.SUBMODULE: ("submodule", "Put the files themselves into the repository."),
    Kind.FOLDER: ("folder", "Hand in a file of this name."),
    Kind.SPECIAL: ("special_file", "Hand in a plain file."),
    Kind.UNREADABLE: ("unreadable_file", "Hand it in whole, and allow everyone to read it."),
}
_LEFT_BEHIND = {
    Fate.ODD: "has a name that no submission needs, and was left behind",
    Fate.HIDDEN: "is hidden, and was left behind",
    Fate.PLANTED: "configures tools and not the solution, and was left behind",
    Fate.COMPILED: "is compiled code, which nobody can review, and was left behind",
    Fate.IGNORED: "is none of the assignment's files and no Python source, and was left behind",
}


def load_folder(path: Path, assignment: Assignment) -> Submission:
    """Read a folder that is laid out like `assignments/<id>/`: the candidate's files beside README.md.

    Raises:
        UsageError: there is no such folder, or it cannot be read.
    """
    there = _kind_at(path)
    if there is not Kind.FOLDER:
        found = "nothing" if there is None else "a file"
        raise UsageError(f"submission: expected a folder; found {found} at {path}. {_source_remedy(assignment)}")
    reading = _Reading(assignment)
    try:
        items = read_folder(
            path,
            [name for name in assignment.files if not name.endswith("/")],
            lambda name: is_wanted(name, assignment),
            lambda name: is_entered(name, assignment),
        )
        reading.take_all(items)
    except OSError as error:
        found = f"{error.strerror} at {path}"
        raise UsageError(f"submission: expected a folder that can be read; found {found}. Allow it.") from error
    return reading.submission(source=str(path))


def load_file(path: Path, assignment: Assignment) -> Submission:
    """Read one file as the assignment's entry, whatever its own name.

    Raises:
        UsageError: there is no such file, or it is a folder.
    """
    there = _kind_at(path)
    if there is Kind.FOLDER or there is None:
        found = "a folder" if there is Kind.FOLDER else "nothing"
        raise UsageError(f"submission: expected a file; found {found} at {path}. {_source_remedy(assignment)}")
    reading = _Reading(assignment)
    reading.take_all([read_file(path, f"{assignment.entry}.py")])
    return reading.submission(source=str(path))


def _kind_at(path: Path) -> Kind | None:
    """Return whether a folder or something else is at a path, None for nothing; no file can have an impossible name."""
    try:
        if path.is_dir():
            return Kind.FOLDER
        return Kind.FILE if path.exists() or path.is_symlink() else None
    except (OSError, ValueError):
        return None


def parse_tree(
    entries: Iterable[TreeEntry], assignment: Assignment, *, source: str, commit: str | None, ref: str | None
) -> Submission:
    """Read the entries of a git tree. Pure.

    Args:
        entries: those below the assignment's folder, in any order. Only `is_wanted` ones need data.
        source: where they come from, for the report.
        commit: full hash.
        ref: branch or tag that was asked for.
    """

    def importance(item: Item) -> tuple[bool, bool, str]:
        return not blocks_declared(item.path, assignment), not item.path.endswith(".py"), item.path

    reading = _Reading(assignment)
    reading.take_all(sorted((item_of(entry) for entry in entries), key=importance))
    return reading.submission(source=source, commit=commit, ref=ref)


def is_wanted(path: str, assignment: Assignment) -> bool:
    """Whether the content of a file at this path is needed; all others can stay unread."""
    return fate_of(path, assignment) is Fate.TRAVELS


@dataclass
class _Reading:
    """What has been read so far."""

    assignment: Assignment
    files: dict[str, bytes] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    faults: dict[str, LoadFault] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    total: int = 0

    def take_all(self, items: Iterable[Item]) -> None:
        """Take items until there are more than an honest submission has."""
        for item in items:
            if item.path in self.seen:
                continue
            if len(self.seen) >= MAX_SEEN or (len(self.files) >= MAX_FILES and is_wanted(item.path, self.assignment)):
                reason = f"more than {MAX_FILES} source files, or {MAX_SEEN} files in all; the rest was left behind"
                self.flags.append(Flag("too_many_files", f"The submission holds {reason}."))
                return
            self.seen.add(item.path)
            self._take(item)

    def submission(self, *, source: str, commit: str | None = None, ref: str | None = None) -> Submission:
        """Return all that was read, with the most important fault if there is one."""
        for name in self.assignment.files:
            if not name.endswith("/") and name not in self.files and name not in self.faults:
                self._missing(name)
        # Of several faults the entry's comes first: nothing else matters as long as it stands.
        order = [f"{self.assignment.entry}.py", *self.assignment.files, *sorted(self.faults)]
        fault = next((self.faults[name] for name in order if name in self.faults), None)
        return Submission(dict(sorted(self.files.items())), source, commit, ref, _limited(self.flags), fault)

    def _take(self, item: Item) -> None:
        fate = fate_of(item.path, self.assignment)
        blocking = blocks_declared(item.path, self.assignment)
        if item.kind is Kind.FOLDER:
            # What lies in it comes by itself, unless it is not looked into.
            if item.path in self.assignment.files:
                self._no_file(item, item.kind)
            elif fate in (Fate.HIDDEN, Fate.ODD, Fate.PLANTED):
                self._left(item.path, fate)
        elif item.kind is not Kind.FILE and (blocking or fate is not Fate.SILENT):
            self._no_file(item, item.kind)
        elif fate is Fate.TRAVELS:
            self._take_file(item)
        elif fate is not Fate.SILENT:
            self._left(item.path, fate)

    def _take_file(self, item: Item) -> None:
        """Keep a file if it is small enough and text."""
        data = item.data
        if item.size > MAX_FILE_BYTES:
            found = f"is {item.size / _MIB:.1f} MiB; at most {MAX_FILE_BYTES // _MIB} MiB are read"
            return self._problem(item, "too_large", None, found, "Take data and output out of it.")
        if data is None:
            return self._no_file(item, Kind.UNREADABLE)
        if self.total + len(data) > MAX_TOTAL_BYTES:
            found = f"goes over the {MAX_TOTAL_BYTES // _MIB} MiB that are read of a submission in all"
            return self._problem(item, "too_large_in_all", None, found, "Take data and output out of the files.")
        python = item.path.lower().endswith(".py")
        problem = text_problem(data, python=python)
        if problem is not None:
            line, found = problem
            return self._problem(item, "unreadable_text", line, found, "Then push again.")
        self.files[item.path] = data
        self.total += len(data)
        return self._look_at(item.path, data)

    def _look_at(self, path: str, data: bytes) -> None:
        """Flag what a person should see in a file that travels."""
        invisible = invisible_characters(data)
        if invisible is not None:
            line, found = invisible
            self.flags.append(Flag("invisible_characters", f"{path} {found}.", path, line))
        module = shadowed_module(path, self.assignment)
        if module is not None:
            found = f"has the name of the module {module}, which is imported in its place"
            self.flags.append(Flag("shadowed_module", f"{path} {found}.", path))

    def _no_file(self, item: Item, found: Kind) -> None:
        kind, remedy = _NO_FILE[found]
        what = "cannot be read" if found is Kind.UNREADABLE else f"is a {found}"
        self._problem(item, kind, None, what, remedy)

    def _problem(self, item: Item, kind: str, line: int | None, found: str, remedy: str) -> None:
        """Flag a file that could not be taken; if it is one of the assignment's, it is the submission's fault."""
        name = safe_name(item.path)
        message = f"{name} {found}. {remedy}"
        self.flags.append(Flag(kind, message, name, line))
        if blocks_declared(item.path, self.assignment):
            self.faults[item.path] = LoadFault(name, line, kind.replace("_", " "), message)

    def _left(self, path: str, fate: Fate) -> None:
        # One flag for a hidden folder, however much lies in it.
        parts = path.split("/")
        if fate is Fate.HIDDEN:
            depth = next(place for place, part in enumerate(parts) if part.startswith("."))
            path = "/".join(parts[: depth + 1])
            if path in self.hidden:
                return
            self.hidden.add(path)
        name = safe_name(path)
        self.flags.append(Flag(fate.value, f"{name} {_LEFT_BEHIND[fate]}.", name))

    def _missing(self, name: str) -> None:
        """Say that a declared file is not there; without the entry, nothing can be graded."""
        if any(blocker != name and name.startswith(f"{blocker}/") for blocker in self.faults):
            return
        hint = _similar(name, self.seen)
        message = f"{name} is missing. {hint}Hand it in beside the assignment's README.md, under this name."
        self.flags.append(Flag("missing_file", message, name))
        if name == f"{self.assignment.entry}.py":
            self.faults[name] = LoadFault(name, None, "missing file", message)


def _similar(name: str, paths: Iterable[str]) -> str:
    """Return where the missing file may be: the same name in another folder, or nearly the same name."""
    python = sorted(path for path in paths if path.endswith(".py") and not path.startswith("tests/"))
    wanted = name.rpartition("/")[2]
    moved = [path for path in python if path.rpartition("/")[2].lower() == wanted.lower()]
    close = moved or difflib.get_close_matches(name, python, n=1)
    return f"Found instead: {safe_name(close[0])}. " if close else ""


def _limited(flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """Keep the first flags of each kind and count the rest, so that ten thousand files fill no report."""
    kept, counts = [], Counter[str]()
    for flag in flags:
        counts[flag.kind] += 1
        if counts[flag.kind] <= _MAX_FLAGS_OF_A_KIND:
            kept.append(flag)
    for kind, number in counts.items():
        if number > _MAX_FLAGS_OF_A_KIND:
            kept.append(Flag(kind, f"There are {number - _MAX_FLAGS_OF_A_KIND} more of this kind."))
    return tuple(kept)


def _source_remedy(assignment: Assignment) -> str:
    return f"Name a folder with {assignment.entry}.py in it, or the file itself."
