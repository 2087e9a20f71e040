"""Make starters from the reference solution by its markers. Rendering is pure; formatting is the caller's.

A marker is a comment line of its own:

    #: task                 from here to `#: end` the code is taken out ...
    #: | return None        ... and these lines stand in its place; without any: `raise NotImplementedError`
    #: junior | # Hint: x   ... this one only in the junior starter
    #: end
    #: only mid senior      from here to `#: end` the code stays, but only in these levels' starters
    #: private              from here to `#: end` the code is in no starter
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grading.errors import Fault, FaultsError
from grading.model import Assignment, Level
from grading.tables import suggest

_MARK = "#:"
_STUB = "raise NotImplementedError"
_HOW_TO_MARK = "Use task, only LEVEL..., private, end, | TEXT or LEVEL... | TEXT."


class _Kind(StrEnum):
    TASK = "task"
    ONLY = "only"
    PRIVATE = "private"


@dataclass
class _Block:
    """An open block.

    Attributes:
        kept: whether its lines stay in this starter.
        stubbed: whether a line that stands in its place at every level was seen.
    """

    kind: _Kind
    line: int
    indent: str
    kept: bool
    stubbed: bool = False


@dataclass
class _Renderer:
    """Renders one file for one level, line by line."""

    name: str
    level: Level
    lines: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    number: int = 0

    @property
    def _kept(self) -> bool:
        return all(block.kept for block in self.blocks)

    def read(self, line: str) -> None:
        """Take one line of the reference."""
        self.number += 1
        text = line.strip()
        if not text.startswith(_MARK):
            if self._kept:
                self.lines.append(line)
            return
        indent = line[: len(line) - len(line.lstrip())]
        head, bar, stub = text.removeprefix(_MARK).partition("|")
        words = head.split()
        if bar:
            self._stub(indent, words, stub.removeprefix(" "))
        elif words == ["end"]:
            self._end()
        elif words in (["task"], ["private"]):
            self._open(_Kind(words[0]), indent, kept=False)
        elif words[:1] == ["only"]:
            levels = self._levels(words[1:])
            if not words[1:]:
                self._fault("only", "one level or more after it", "none", "Name the levels that keep the block.")
            self._open(_Kind.ONLY, indent, kept=self.level in levels)
        else:
            hint = suggest(words[0], ["task", "only", "private", "end"]) if words else ""
            self._fault("marker", "a known marker", text, f"{hint}{_HOW_TO_MARK}")

    def finish(self) -> str:
        """Return the starter; call it once, after the last line."""
        for block in self.blocks:
            self.number = block.line
            self._fault(block.kind, "#: end further down", "the end of the file", "Close the block.")
        source = "\n".join(self.lines)
        if not self.faults and self.name.endswith(".py"):
            self._verify(source)
        return source

    def _open(self, kind: _Kind, indent: str, *, kept: bool) -> None:
        outer = self.blocks[-1] if self.blocks else None
        if outer is not None and (outer.kind is not _Kind.ONLY or kind is _Kind.ONLY):
            found = f"{kind} inside {outer.kind} (line {outer.line})"
            remedy = "Close that block first, or merge the two."
            self._fault("nesting", "blocks side by side, or task or private inside only", found, remedy)
        self.blocks.append(_Block(kind, self.number, indent, kept))

    def _end(self) -> None:
        if not self.blocks:
            self._fault("end", "an open block", "none", "Delete it, or add the marker that it ends.")
            return
        block = self.blocks.pop()
        if block.kind is _Kind.TASK and not block.stubbed and self._kept and self.name.endswith(".py"):
            self.lines.append(f"{block.indent}{_STUB}")

    def _stub(self, indent: str, words: list[str], text: str) -> None:
        """Put a line in the place of the task that it stands in."""
        levels = self._levels(words)
        block = self.blocks[-1] if self.blocks else None
        if block is None or block.kind is not _Kind.TASK:
            found = f"one in {block.kind}" if block else "one outside"
            self._fault("|", "such lines inside a task only", found, "Move it between #: task and #: end.")
            return
        block.stubbed = block.stubbed or not words
        wanted = not words or self.level in levels
        if wanted and all(outer.kept for outer in self.blocks[:-1]):
            self.lines.append(f"{indent}{text}".rstrip())

    def _levels(self, words: list[str]) -> list[Level]:
        for word in words:
            if word not in list(Level):
                hint = suggest(word, Level)
                self._fault(
                    "level", f"one of {', '.join(Level)}", word, f"{hint}Correct it, or see the markers: {_HOW_TO_MARK}"
                )
        return [level for level in Level if level in words]

    def _verify(self, source: str) -> None:
        try:
            ast.parse(source)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 0
            shown = self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""
            found = f'{getattr(error, "msg", error)} near "{shown}"'
            remedy = "A body needs a statement: give the task a line that is more than a comment."
            fault = Fault(self.name, f"{self.level} starter", "valid Python after rendering", found, remedy)
            self.faults.append(fault)

    def _fault(self, what: str, expected: str, found: str, remedy: str) -> None:
        self.faults.append(Fault(f"{self.name}:{self.number}", what, expected, found, remedy))


def render_starter(source: str, level: Level, *, name: str = "solution.py") -> str:
    """Render one file of the reference for one level.

    Args:
        source: the file's text. Without markers it comes back as it is.
        level: whose starter it is.
        name: the file's name, for messages. Only `.py` files get a stub of their own and are parsed at the end.

    Returns: the starter, not yet formatted.

    Raises:
        FaultsError: markers that are unknown, unbalanced or nested in a way that means nothing, each with its line; or
            a starter that is no valid Python.
    """
    renderer = _Renderer(name, level)
    # Not splitlines: it also breaks lines at characters that may stand in a string.
    for line in source.split("\n"):
        renderer.read(line)
    starter = renderer.finish()
    if renderer.faults:
        raise FaultsError(renderer.faults)
    return starter


def render_starters(assignment: Assignment, changed: Mapping[str, bytes] | None = None) -> dict[Level, dict[str, str]]:
    """Render every file of the reference for every level on offer.

    Args:
        changed: path → content that takes the place of the reference's.

    Returns: level → path relative to the starter → text, not yet formatted. A file of which a level keeps nothing is
        left out, unless the assignment declares it.

    Raises:
        FaultsError: all faults of all files, each once.
    """
    reference = assignment.reference
    starters: dict[Level, dict[str, str]] = {level: {} for level in assignment.levels}
    faults: dict[str, Fault] = {}
    for path in sorted(reference.rglob("*")):
        name = path.relative_to(reference).as_posix()
        if not path.is_file() or any(part.startswith((".", "__pycache__")) for part in name.split("/")):
            continue
        where = f"{assignment.id}/solutions/accepted/reference/{name}"
        try:
            source = (changed or {}).get(name, path.read_bytes()).decode()
        except UnicodeDecodeError as error:
            remedy = "Save it as UTF-8, or delete it."
            faults[where] = Fault(where, "encoding", "UTF-8 text", f"byte {error.object[error.start]:#04x}", remedy)
            continue
        for level in assignment.levels:
            try:
                text = render_starter(source, level, name=where)
            except FaultsError as error:
                faults |= {str(fault): fault for fault in error.faults}
                continue
            if text.strip() or name in assignment.files or not source.strip():
                starters[level][name] = text
    if faults:
        raise FaultsError(tuple(faults.values()))
    return starters
