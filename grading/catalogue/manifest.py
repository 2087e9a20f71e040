"""Turn a parsed `assignment.toml` into an `Assignment`, with every fault at once. Pure."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path, PurePosixPath

from grading.catalogue.own_tests import parse_own_tests
from grading.errors import Fault
from grading.model import Assignment, EntryPoint, JudgedBy, Level, Limits, Rubric
from grading.rubric import parse_rubric
from grading.tables import ABSENT, Table, suggest

PRELOADABLE = ("numpy", "pandas", "scipy", "sklearn", "torch")
"""Libraries that the zygote can import before the candidate's code runs."""

_KEYS = (
    *("id", "version", "title", "minutes", "pass_mark", "files", "entry", "preload", "forbidden", "exceptions", "data"),
    *("entry_points", "dataclasses", "limits", "criterion", "own_tests", "draw"),
)
_LIMITS = tuple(field.name for field in fields(Limits))
_ID = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST_MINUTES = 24 * 60
_LONGEST_S = 600
_MEMORY_MIB = (64, 65_536)
_PROCESSES = (1, 4_096)
_MOST_BUGS = 50


def parse_manifest(data: Mapping[str, object], directory: Path) -> tuple[Assignment | None, list[Fault]]:
    """Read an assignment from the parsed TOML.

    Args:
        data: as `tomllib` parsed it, with `parse_float=Decimal`.
        directory: the assignment's folder; only its name is looked at.

    Returns: the assignment, or None if there are faults; and all faults.
    """
    where = f"{directory.name}/assignment.toml"
    faults: list[Fault] = []
    top = Table(data, where, faults, _KEYS)
    identity = _identity(top, directory.name)
    version, title = top.integer("version", 1), top.text("title")
    minutes = _minutes(top)
    files = _files(top)
    entry = _entry(top, files)
    preload, forbidden = _libraries(top)
    exceptions = _identifiers(top, "exceptions", top.texts("exceptions"))
    points, classes = _entry_points(top, tuple(minutes)), _dataclasses(top)
    limits = _limits(top)
    paths = tuple(path for path in top.texts("data") if _is_relative(top, "data", path))
    rubric, rubric_faults = parse_rubric(data, where=where, levels=tuple(minutes))
    faults += rubric_faults
    own_tests = parse_own_tests(top, files, rubric)
    draw = _draw(top, rubric)
    if faults or rubric is None:
        return None, faults
    assignment = Assignment(
        id=identity,
        version=version,
        title=title,
        directory=directory,
        minutes=minutes,
        files=files,
        entry=entry,
        entry_points=points,
        rubric=rubric,
        dataclasses=classes,
        exceptions=exceptions,
        preload=preload,
        forbidden=forbidden,
        data=paths,
        limits=limits,
        own_tests=own_tests,
        draw=draw,
    )
    return assignment, faults


def _identity(top: Table, folder: str) -> str:
    identity = top.text("id")
    if identity and not _ID.fullmatch(identity):
        top.fault("id", "small letters, digits and _, a letter first", identity, "Rename it and the folder.")
    elif identity and identity != folder:
        top.fault("id", f'the folder\'s name, "{folder}"', identity, "Rename one of the two.")
    return identity


def _minutes(top: Table) -> dict[Level, int]:
    """Return minutes by level, easiest first: the levels that the assignment is offered at."""
    table = top.table("minutes", known=Level, required=True)
    return {level: table.integer(level, 1, _LONGEST_MINUTES) for level in Level if level in table.data}


def _files(top: Table) -> tuple[str, ...]:
    """Return the candidate's files; a name that ends in / is a folder."""
    files = top.texts("files", required=True)
    for name in files:
        if _is_relative(top, "files", name) and (name == "README.md" or name.startswith("tests/")):
            top.fault("files", "files that the candidate changes", name, "Delete it here; it is handed out anyway.")
    return files


def is_relative(name: str) -> bool:
    """Whether a path stays below its folder and is written the one way that we compare."""
    plain = name.removesuffix("/")
    odd = "\\" in name or {"", ".", ".."} & set(plain.split("/"))
    return not odd and PurePosixPath(plain).as_posix() == plain


def _is_relative(top: Table, key: str, name: str) -> bool:
    if is_relative(name):
        return True
    top.fault(key, "relative paths with / and without . or ..", name, "Write it from the folder that it lies in.")
    return False


def _entry(top: Table, files: tuple[str, ...]) -> str:
    entry = top.text("entry")
    if not entry or not _identifiers(top, "entry", (entry,)):
        return entry
    if files and f"{entry}.py" not in files:
        hint = suggest(f"{entry}.py", files).replace(".py", "")
        remedy = f'{hint}Add "{entry}.py" to files, or name another module.'
        top.fault("entry", f"a module whose file is in files ({', '.join(files)})", entry, remedy)
    return entry


def _libraries(top: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    preload, forbidden = top.texts("preload"), _identifiers(top, "forbidden", top.texts("forbidden"))
    for name in preload:
        if name not in PRELOADABLE:
            hint = suggest({"scikit-learn": "sklearn"}.get(name, name), PRELOADABLE)
            remedy = f"{hint}Libraries that are not preloaded can be imported all the same."
            top.fault("preload", f"some of {', '.join(PRELOADABLE)}", name, remedy)
        if name in forbidden:
            top.fault("forbidden", "libraries that are not in preload", name, "Delete it from one of the two.")
    return preload, forbidden


def _identifiers(top: Table, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names if all of them are Python names, else nothing."""
    wrong = [name for name in names if not name.isidentifier() or keyword.iskeyword(name)]
    for name in wrong:
        top.fault(key, "a Python name", name, "Write it as it stands in the code.")
    return () if wrong else names


def _entry_points(top: Table, offered: Sequence[Level]) -> tuple[EntryPoint, ...]:
    """Read `name = "(x)"`, or `name = {signature = "(x)", levels = ["senior"]}` for what only some levels ask."""
    table = top.table("entry_points", required=True)
    points = []
    for name, value in table.data.items():
        levels: tuple[Level, ...] = ()
        if isinstance(value, Mapping):
            row = table.table(name, known=("signature", "levels"))
            signature, levels = row.text("signature"), _some_levels(row, offered)
        else:
            signature = table.text(name)
        if not signature or not _identifiers(table, name, (name,)):
            continue
        problem = _signature_problem(signature)
        if problem is not None:
            expected = 'parameters in brackets, like "(x, *, epochs=1)"'
            table.fault(name, expected, signature, f"It {problem}. Write what the README promises.")
        points.append(EntryPoint(name, signature, levels))
    return tuple(points)


def _some_levels(row: Table, offered: Sequence[Level]) -> tuple[Level, ...]:
    known = [level.value for level in offered]
    names = row.texts("levels", required=True)
    for name in names:
        if known and name not in known:
            row.fault("levels", f"levels on offer ({', '.join(known)})", name, "Correct it, or add it to minutes.")
    return tuple(level for level in offered if level.value in names)


def _signature_problem(signature: str) -> str | None:
    """Return why a text is not the signature of a function, or None."""
    try:
        body = ast.parse(f"def promised{signature}: ...").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"does not parse ({error.msg if isinstance(error, SyntaxError) else error})"
    function = body[0]
    if not signature.startswith("(") or len(body) != 1 or not isinstance(function, ast.FunctionDef):
        return "is more than parameters"
    if [ast.unparse(statement) for statement in function.body] != ["..."]:
        return "is more than parameters"
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    if function.returns is not None or any(p is not None and p.annotation is not None for p in parameters):
        return "carries types, which are not compared"
    for default in [*arguments.defaults, *arguments.kw_defaults]:
        try:
            _ = default is None or ast.literal_eval(default)
        except (ValueError, TypeError):
            return f"has a default that is no literal ({ast.unparse(default) if default else ''})"
    return None


def _dataclasses(top: Table) -> dict[str, tuple[str, ...]]:
    table = top.table("dataclasses")
    classes = {}
    for name in table.data:
        _identifiers(table, name, (name,))
        classes[name] = _identifiers(table, name, table.texts(name, required=True))
    return classes


def _draw(top: Table, rubric: Rubric | None) -> dict[str, int]:
    """Return how many bugs of each criterion's pool a starter holds."""
    if top.get("draw") is ABSENT:
        return {}
    table = top.table("draw", known=("count",), required=True).table("count", required=True)
    known = [c.id for c in rubric.criteria if c.judged_by is JudgedBy.TESTS] if rubric is not None else []
    for name in table.data:
        if rubric is not None and name not in known:
            remedy = f"{suggest(name, known)}Correct or delete it."
            table.fault(name, f"a criterion judged by tests ({', '.join(known)})", name, remedy)
    return {name: table.integer(name, 1, _MOST_BUGS) for name in table.data}


def _limits(top: Table) -> Limits:
    table = top.table("limits", known=_LIMITS)
    usual = Limits()
    times = {key: table.number(key, _LONGEST_S) or Fraction(getattr(usual, key)) for key in ("test_s", "load_s")}
    return Limits(
        test_s=float(times["test_s"]),
        load_s=float(times["load_s"]),
        memory_mib=table.integer("memory_mib", *_MEMORY_MIB, default=usual.memory_mib),
        processes=table.integer("processes", *_PROCESSES, default=usual.processes),
        loopback=table.boolean("loopback", default=usual.loopback),
        share_worker=table.boolean("share_worker", default=usual.share_worker),
    )
