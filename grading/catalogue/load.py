"""Load assignments from the disk and find them by their ids."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from grading.catalogue.draw import draw_faults, draw_files
from grading.catalogue.folder import data_faults, folder_faults, hidden_folder_faults
from grading.catalogue.hidden import hidden_faults
from grading.catalogue.manifest import is_relative, parse_manifest
from grading.catalogue.own_tests import own_tests_faults, own_tests_files
from grading.errors import Fault, FaultsError, UsageError
from grading.model import Assignment, Level
from grading.tables import suggest

MANIFEST = "assignment.toml"
_TOML_PLACE = re.compile(r"(.*) \(at (.*)\)", re.DOTALL)


def load_assignment(directory: Path, *, proof: bool = True) -> Assignment:
    """Load and check one assignment folder.

    Args:
        directory: the folder; its name is the assignment's id.
        proof: whether all that proves the assignment must be there and fit together: README, starters, visible tests,
            solutions, hidden tests with their markers. Without it `assignment.toml` and some hidden test are enough.

    Raises:
        FaultsError: all faults of the folder and of `assignment.toml` together.
    """
    directory = directory.resolve()
    data, faults = _read_manifest(directory)
    assignment = None
    if data is not None:
        assignment, manifest_faults = parse_manifest(data, directory)
        faults += manifest_faults
        declared = assignment.data if assignment else _paths(data, "data")
        faults += data_faults(directory, declared, data_folder(directory))
    if proof and directory.is_dir():
        faults += _proof_faults(directory, data or {}, assignment)
    elif directory.is_dir():
        faults += hidden_folder_faults(directory)
    if faults or assignment is None:
        raise FaultsError(faults)
    return assignment


def load_catalogue(root: Path) -> tuple[Assignment, ...]:
    """Load every assignment of a folder, sorted by id.

    Raises:
        UsageError: there is no such folder.
        FaultsError: all faults of all assignments.
    """
    folders = assignment_folders([root])
    faults: list[Fault] = []
    assignments = []
    if not (root / MANIFEST).is_file():
        # A folder of files without a manifest is an assignment that nobody would miss: say so.
        folders = {path.name: path for path in root.iterdir() if _holds_files(path)} | folders
    for name in sorted(folders):
        try:
            assignments.append(load_assignment(folders[name]))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(faults)
    return tuple(assignments)


def find_assignment(identity: str, roots: Iterable[Path], *, proof: bool = True) -> Assignment:
    """Load one assignment by its id; of two with the same id the first root's counts.

    Args:
        roots: folders of assignments, or assignment folders themselves.

    Raises:
        UsageError: no root has this id; the message lists those that there are. Or a root does not exist.
        FaultsError: the assignment has faults.
    """
    places = list(roots)
    folders = assignment_folders(places)
    if identity not in folders:
        known = ", ".join(sorted(folders)) or "none"
        hint = suggest(identity, folders) or "Choose one of them, or name another folder of assignments. "
        where = ", ".join(str(place) for place in places) or "no folder"
        raise UsageError(f'assignment: expected one of {known} (in {where}); found "{identity}". {hint.strip()}')
    return load_assignment(folders[identity], proof=proof)


def check_level(assignment: Assignment, level: Level) -> None:
    """Refuse a level that an assignment does not offer.

    Raises:
        UsageError: it has no such level.
    """
    if level not in assignment.levels:
        raise UsageError(f"{assignment.id} has no level {level}; it has {', '.join(assignment.levels)}")


def assignment_folders(roots: Iterable[Path]) -> dict[str, Path]:
    """Return id → folder, sorted, without reading what is in the folders.

    Args:
        roots: folders of assignments, or assignment folders themselves; the first one that has an id counts.

    Raises:
        UsageError: a root does not exist.
    """
    found: dict[str, Path] = {}
    for root in roots:
        if not root.is_dir():
            remedy = "Correct the path, or run the command from the repository's root."
            raise UsageError(f"assignments: expected a folder of assignments; found nothing at {root}. {remedy}")
        folders = [root] if (root / MANIFEST).is_file() else sorted(root.iterdir())
        for folder in folders:
            if (folder / MANIFEST).is_file():
                found.setdefault(folder.resolve().name, folder)
    return dict(sorted(found.items()))


def data_folder(directory: Path) -> Path | None:
    """Return the nearest `data` folder above an assignment: what the paths in its `data` key start from."""
    return next((parent / "data" for parent in directory.resolve().parents if (parent / "data").is_dir()), None)


def run_files(assignment: Assignment) -> tuple[Path, ...]:
    """Return all files of solutions/ that a grade needs: for candidates' own tests, and to know what was drawn.

    Whoever packs a grader for a machine without the rest of solutions/ takes these along.
    """
    return tuple(sorted({*own_tests_files(assignment), *draw_files(assignment)}))


def hidden_sha256(assignment: Assignment) -> str:
    """Hash the names and contents of everything below `hidden/`, caches aside, and of what `run_files` names."""
    digest = hashlib.sha256()
    for path in run_files(assignment):
        name = path.relative_to(assignment.directory).as_posix()
        for part in (name.encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    for path in sorted(assignment.hidden.rglob("*")):
        name = path.relative_to(assignment.hidden).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not any(p.startswith(".") for p in name.split("/")):
            for part in (name.encode(), path.read_bytes()):
                digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def rubric_sha256(assignment: Assignment) -> str:
    """Hash the rubric in a form that does not change with the layout of the TOML file."""
    criteria = [
        {
            "id": c.id,
            "title": c.title,
            "points": dict(c.points),
            "judged_by": c.judged_by,
            "credit": c.credit,
            "floor": None if c.floor is None else str(c.floor),
            "hint": c.hint,
            "anchors": None if c.anchors is None else [c.anchors.full, c.anchors.half, c.anchors.none],
        }
        for c in assignment.rubric.criteria
    ]
    rubric: dict[str, object] = {"pass_mark": assignment.rubric.pass_mark, "criteria": criteria}
    if assignment.own_tests is not None:
        rubric["own_tests"] = asdict(assignment.own_tests)
    return hashlib.sha256(json.dumps(rubric, sort_keys=True).encode()).hexdigest()


def _read_manifest(directory: Path) -> tuple[Mapping[str, object] | None, list[Fault]]:
    """Parse `assignment.toml`; decimals stay exact."""
    where = f"{directory.name}/{MANIFEST}"
    try:
        text = (directory / MANIFEST).read_bytes().decode()
        return tomllib.loads(text, parse_float=Decimal), []
    except OSError as error:
        found = f"{error.strerror} in {directory}"
        return None, [Fault(where, "file", "a file that can be read", found, "Add it, or name another folder.")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        found = f"byte {error.object[error.start]:#04x}"
        return None, [Fault(where, f"line {line}", "UTF-8 text", found, "Save the file as UTF-8.")]
    except ValueError as error:  # TOMLDecodeError, or a number too long for Python
        match = _TOML_PLACE.fullmatch(str(error))
        message, place = match.groups() if match else (str(error), "syntax")
        return None, [Fault(where, place, "valid TOML", message, "Mend this place; what follows was not read.")]


def _proof_faults(directory: Path, data: Mapping[str, object], assignment: Assignment | None) -> list[Fault]:
    """Check the folder, as far as a faulty manifest can be understood."""
    if assignment is not None:
        lent = assignment.own_tests.folder if assignment.own_tests is not None else ""
        faults = list(folder_faults(directory, assignment.files, assignment.entry, assignment.levels, lent))
        faults += own_tests_faults(assignment)
        faults += draw_faults(assignment)
        return faults + list(hidden_faults(assignment.hidden, assignment.rubric, assignment.levels))
    minutes = data.get("minutes")
    levels = [level for level in Level if isinstance(minutes, Mapping) and level in minutes]
    files = [name for name in _paths(data, "files") if name != "README.md"]
    entry = data.get("entry")
    known = entry if isinstance(entry, str) and f"{entry}.py" in files else ""
    return list(folder_faults(directory, files, known, levels))


def _paths(data: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return the usable paths in a list of a manifest whose faults are reported elsewhere."""
    value = data.get(key)
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str) and is_relative(item))


def _holds_files(folder: Path) -> bool:
    """Whether a folder holds more than what is left behind by caches when a branch is switched."""
    if not folder.is_dir() or folder.name.startswith((".", "_")):
        return False
    return any(path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts) for path in folder.rglob("*"))
