"""`[own_tests]` of an `assignment.toml`: how candidates' own tests are judged, and against what.

[own_tests]
folder = "own_tests/"                     # one of `files`
variants = ["no_zero_grad", "..."]        # patches of solutions/variants/, bugs/ or wrong/
need = 6                                  # caught for all points; default: all of them
run_s = 20                                # seconds for the tests on one solution
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.catalogue.patches import parse_patch
from grading.errors import Fault, GraderError, UsageError
from grading.model import Assignment, JudgedBy, Level, OwnTests, Rubric
from grading.tables import ABSENT, Table, suggest

RIGHT, CATCHES = "own_tests::right", "own_tests::catches"
"""How a check is called before the solution's or the planted bug's name in brackets."""

_KEYS = ("folder", "variants", "need", "run_s")
_PLACES = ("variants", "bugs", "wrong")
_LONGEST_S = 300


@dataclass(frozen=True)
class Variant:
    """A planted bug: a diff of the reference, and the levels that it stands at."""

    name: str
    diff: str
    levels: tuple[Level, ...]


def parse_own_tests(top: Table, files: tuple[str, ...], rubric: Rubric | None) -> OwnTests | None:
    """Read the table; None if there is none, or with faults."""
    if top.get("own_tests") is ABSENT:
        return None
    before = len(top.faults)
    table = top.table("own_tests", known=_KEYS, required=True)
    folder = table.text("folder", default="own_tests/")
    if files and (folder not in files or not folder.endswith("/")):
        table.fault(
            "folder", f"a folder in files ({', '.join(files)})", folder, 'Add it to files, with a "/" at its end.'
        )
    variants = table.texts("variants", required=True)
    need = table.integer("need", 1, max(len(variants), 1), default=max(len(variants), 1))
    run_s = table.number("run_s", _LONGEST_S)
    judged = [c.id for c in rubric.criteria if c.judged_by is JudgedBy.OWN_TESTS] if rubric is not None else [""]
    if len(judged) != 1:
        found = ", ".join(judged) or "none"
        table.fault("criterion", 'one criterion with judged_by = "own_tests"', found, "Add it, or merge them.")
    if len(top.faults) > before:
        return None
    usual = OwnTests(folder, variants, need)
    return usual if run_s is None else OwnTests(folder, variants, need, float(run_s))


def own_tests_faults(assignment: Assignment) -> Iterator[Fault]:
    """Find planted bugs that are not there, and hidden tests' rivals for the same points."""
    if assignment.own_tests is None:
        return
    where = f"{assignment.id}/assignment.toml: own_tests"
    known = {path.stem for place in _PLACES for path in _folder(assignment, place).glob("*.patch")}
    for name in assignment.own_tests.variants:
        if name not in known:
            remedy = f"{suggest(name, known)}Write solutions/variants/{name}.patch, or delete the name."
            yield Fault(where, "variants", "names of patches in solutions/variants, bugs or wrong", name, remedy)
    if len(known.intersection(assignment.own_tests.variants)) < len(assignment.own_tests.variants):
        return
    try:
        variants = load_variants(assignment)
    except GraderError as error:
        yield Fault(where, "variants", "patches that can be read", str(error), "Mend the patch.")
        return
    for level in assignment.levels:
        count = sum(level in variant.levels for variant in variants)
        if own_criterion(assignment, level) is not None and count < assignment.own_tests.need:
            found = f"{count} at {level.value}"
            remedy = "Lower need, or plant more bugs at this level."
            yield Fault(where, "need", "at most as many as there are variants", found, remedy)


def own_criterion(assignment: Assignment, level: Level) -> str | None:
    """Return the criterion that own tests earn points for at a level; None if there is none."""
    if assignment.own_tests is None:
        return None
    return next((c.id for c in assignment.rubric.at(level) if c.judged_by is JudgedBy.OWN_TESTS), None)


def own_checks(assignment: Assignment, level: Level) -> tuple[tuple[str, str], ...]:
    """Return name and criterion of each check that own tests give: right solutions first, then planted bugs.

    Raises:
        GraderError: a patch of a planted bug cannot be read.
    """
    criterion = own_criterion(assignment, level)
    if criterion is None:
        return ()
    rights = [f"{RIGHT}[{folder.name}]" for folder in right_folders(assignment)]
    bugs = [f"{CATCHES}[{variant.name}]" for variant in load_variants(assignment) if level in variant.levels]
    return tuple((name, criterion) for name in (*rights, *bugs))


def right_folders(assignment: Assignment) -> tuple[Path, ...]:
    """Return the folders of the accepted solutions.

    Raises:
        GraderError: there is no such folder, as on a machine that was given no solutions.
    """
    root = assignment.accepted
    if not root.is_dir():
        raise GraderError(f"{assignment.id}: own tests need solutions/accepted/; found none. Take run_files along.")
    return tuple(sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))))


def load_variants(assignment: Assignment) -> tuple[Variant, ...]:
    """Return the planted bugs of all levels, in the order of the manifest.

    Raises:
        GraderError: a patch is not there or cannot be read.
    """
    variants = []
    for name in assignment.own_tests.variants if assignment.own_tests is not None else ():
        path = _patch(assignment, name)
        try:
            matter, diff = parse_patch(path.read_text(encoding="utf-8"), where=f"{assignment.id}/{path.name}")
            levels = tuple(Level(level) for level in matter.get("levels", ())) or tuple(Level)
        except (UsageError, OSError, ValueError) as error:
            raise GraderError(f"{assignment.id}: planted bug {name}: {error}") from error
        variants.append(Variant(name, diff, levels))
    return tuple(variants)


def own_tests_files(assignment: Assignment) -> tuple[Path, ...]:
    """Return all files that judging own tests needs besides the hidden tests."""
    if assignment.own_tests is None:
        return ()
    sources = [path for folder in right_folders(assignment) for path in folder.rglob("*.py")]
    patches = [_patch(assignment, name) for name in assignment.own_tests.variants]
    return tuple(path for path in sorted({*sources, *patches}) if path.is_file() and "__pycache__" not in path.parts)


def _folder(assignment: Assignment, place: str) -> Path:
    return assignment.directory / "solutions" / place


def _patch(assignment: Assignment, name: str) -> Path:
    paths = [_folder(assignment, place) / f"{name}.patch" for place in _PLACES]
    return next((path for path in paths if path.is_file()), paths[0])
