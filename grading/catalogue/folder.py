"""What must lie around an `assignment.toml`, one function per part of the folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grading.errors import Fault
from grading.model import Level


def folder_faults(
    directory: Path, files: Sequence[str], entry: str, levels: Sequence[Level], lent: str = ""
) -> Iterator[Fault]:
    """Find what is missing in an assignment's folder.

    Args:
        directory: the assignment's folder.
        files: the candidate's files; none if `assignment.toml` could not be read.
        entry: the entry's module; "" if it could not be read.
        levels: the levels on offer; none if they could not be read.
        lent: the folder of own tests, which accepted solutions other than the reference may lack.
    """
    yield from _readme(directory)
    yield from _tests(directory, "tests", "visible tests, which fail on the starter")
    yield from _tests(directory, "hidden", "hidden tests, which earn the points")
    yield from _starters(directory, files, levels)
    yield from _solutions(directory, files, entry, lent)


def hidden_folder_faults(directory: Path) -> Iterator[Fault]:
    """Find whether the hidden tests are there, which even a grade without proofs needs."""
    yield from _tests(directory, "hidden", "hidden tests, which earn the points")


def data_faults(directory: Path, data: Sequence[str], root: Path | None) -> Iterator[Fault]:
    """Find declared data that is not there.

    Args:
        data: paths relative to `root`.
        root: the `data` folder above the assignment, or None if there is none.
    """
    for name in data:
        if root is None:
            remedy = "Make data/ beside the folder of the assignments, or delete the path."
            yield Fault(
                f"{directory.name}/assignment.toml", "data", "a data folder above the assignment", "none", remedy
            )
        elif not (root / name).exists():
            shorter = name.removeprefix("data/")
            hint = f'Write "{shorter}": paths start below data/. ' if shorter != name else ""
            remedy = f"{hint}Add the data, or correct the path."
            yield Fault(f"{directory.name}/assignment.toml", "data", f"data/{name}", "nothing there", remedy)


def _readme(directory: Path) -> Iterator[Fault]:
    readme = directory / "README.md"
    if not readme.is_file() or not readme.stat().st_size:
        found = "an empty file" if readme.is_file() else "nothing"
        yield Fault(f"{directory.name}/README.md", "file", "the task's text", found, "Write what the candidate builds.")


def _tests(directory: Path, name: str, what: str) -> Iterator[Fault]:
    if not any((directory / name).glob("test_*.py")):
        found = "no such file" if (directory / name).is_dir() else "no such folder"
        yield Fault(f"{directory.name}/{name}/", "test_*.py", what, found, "Add at least one test file.")


def _starters(directory: Path, files: Sequence[str], levels: Sequence[Level]) -> Iterator[Fault]:
    starter = directory / "starter"
    for level in levels:
        remedy = "Generate the starters from the reference."
        yield from _missing(starter / level, files, f"{directory.name}/starter/{level}/", remedy)
    if not levels and not starter.is_dir():
        yield Fault(f"{directory.name}/starter/", "folder", "a folder per level", "nothing", "Generate the starters.")
    if not levels or not starter.is_dir():
        return
    for folder in _subfolders(starter):
        if folder.name not in levels:
            where = f"{directory.name}/starter/{folder.name}/"
            remedy = "Add the level to minutes, or delete the folder."
            yield Fault(where, "folder", f"a level on offer ({', '.join(levels)})", folder.name, remedy)


def _solutions(directory: Path, files: Sequence[str], entry: str, lent: str) -> Iterator[Fault]:
    accepted = directory / "solutions" / "accepted"
    where = f"{directory.name}/solutions"
    remedy = "Lay it out like what a candidate hands in."
    yield from _missing(accepted / "reference", files, f"{where}/accepted/reference/", "Write the reference solution.")
    for folder in _subfolders(accepted):
        if folder.name != "reference":
            needed = [name for name in files if name != lent]
            yield from _missing(folder, needed, f"{where}/accepted/{folder.name}/", remedy)
    for folder in _subfolders(directory / "solutions" / "cheat"):
        needed = [f"{entry}.py"] if entry else []
        yield from _missing(folder, needed, f"{where}/cheat/{folder.name}/", remedy)


def _missing(folder: Path, files: Sequence[str], where: str, remedy: str) -> Iterator[Fault]:
    if not folder.is_dir():
        expected = f"a folder with {', '.join(files)}" if files else "a folder"
        yield Fault(where, "folder", expected, "nothing", remedy)
        return
    for name in files:
        there = (folder / name).is_dir() if name.endswith("/") else (folder / name).is_file()
        if not there:
            kind = "folder" if name.endswith("/") else "file"
            yield Fault(where, name, f"this {kind}, which assignment.toml lists in files", "nothing", remedy)


def _subfolders(folder: Path) -> list[Path]:
    """Return real subfolders; caches and the like do not count."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
