"""Which names travel to the grader and which are left behind, and what a person should be told about them. Pure."""

from __future__ import annotations

import sys
from enum import StrEnum

from grading.model import Assignment

MAX_PATH = 200
MAX_DEPTH = 8

_HANDED_OUT = frozenset({"README.md", "task.toml", "tests", "data"})
_LEFTOVERS = frozenset(
    {
        *("__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".ipynb_checkpoints"),
        *(".DS_Store", ".gitignore", ".gitkeep", ".idea", ".python-version", ".venv", ".vscode", "venv"),
    }
)
_CONFIGURATION = frozenset(
    {
        *("conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", ".pytest.ini", "pyproject.toml"),
        *("setup.cfg", "setup.py", "tox.ini", "noxfile.py", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini"),
        *(".coveragerc", ".flake8", ".pylintrc", ".gitattributes", ".gitmodules", ".gitconfig"),
    }
)
_COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll", ".egg", ".whl")
_LIBRARIES = frozenset({"numpy", "pandas", "scipy", "sklearn", "torch", "pytest", "grading", "inside", "oracle"})


class Fate(StrEnum):
    """What becomes of a name; the values other than travels and silent are kinds of flags."""

    TRAVELS = "travels"
    SILENT = "silent"
    ODD = "odd_name"
    HIDDEN = "hidden_file"
    PLANTED = "planted_configuration"
    COMPILED = "compiled_code"
    IGNORED = "ignored_file"


def fate_of(path: str, assignment: Assignment) -> Fate:
    """Return what becomes of a file of this path, relative to the assignment's folder."""
    parts = path.split("/")
    name = parts[-1].lower()
    if _is_odd(path, parts):
        return Fate.ODD
    if path in assignment.files:
        return Fate.TRAVELS
    if parts[0] in _HANDED_OUT or _LEFTOVERS.intersection(parts):
        return Fate.SILENT
    if name in _CONFIGURATION or name.endswith(".pth"):
        return Fate.PLANTED
    if any(part.startswith(".") for part in parts):
        return Fate.HIDDEN
    if name.endswith(_COMPILED):
        return Fate.COMPILED
    return Fate.TRAVELS if name.endswith(".py") or is_declared(path, assignment) else Fate.IGNORED


def is_declared(path: str, assignment: Assignment) -> bool:
    """Whether a file is one of the assignment's files, or lies in one of its folders."""
    return any(path == name or (name.endswith("/") and path.startswith(name)) for name in assignment.files)


def blocks_declared(path: str, assignment: Assignment) -> bool:
    """Whether something that is no usable file stands where one of the assignment's files belongs."""
    return is_declared(path, assignment) or any(name.startswith(f"{path}/") for name in assignment.files)


def is_entered(folder: str, assignment: Assignment) -> bool:
    """Whether a folder is looked into: not if nothing below it can travel."""
    parts = folder.split("/")
    if any(name.startswith(f"{folder}/") for name in assignment.files):
        return True
    hidden = any(part.startswith(".") for part in parts)
    return not (hidden or _is_odd(folder, parts) or parts[0] in _HANDED_OUT or _LEFTOVERS.intersection(parts))


def shadowed_module(path: str, assignment: Assignment) -> str | None:
    """Return the module whose name a candidate's file or package takes; it is not imported in that one's place."""
    name = path.partition("/")[0].removesuffix(".py")
    if is_declared(path, assignment):
        return None
    known = {*sys.stdlib_module_names, *assignment.preload, *assignment.forbidden, *_LIBRARIES}
    return name if name in known else None


def safe_name(path: str) -> str:
    """Return a path that can be printed: what does not show is escaped, and a long one is cut in the middle."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)
    return shown if len(shown) <= MAX_PATH else f"{shown[: MAX_PATH // 2]}…{shown[-MAX_PATH // 2 :]}"


def _is_odd(path: str, parts: list[str]) -> bool:
    """Whether a path is one that no honest submission needs and that could mean something else elsewhere."""
    if len(path) > MAX_PATH or len(parts) > MAX_DEPTH or {"", ".", ".."} & set(parts):
        return True
    return "\\" in path or ":" in path or not path.isprintable()
