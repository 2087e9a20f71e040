"""What candidates' own tests run against: right solutions and planted bugs, as code without source.

A target goes to the sandbox compiled. Its code objects carry no path, no line, no docstring that tell one from another,
and a few idle assignments, drawn anew for each run, keep the bytes of two runs of one target from being equal. Bytecode
can still be taken apart by `dis` or `marshal`; what a candidate could carry home from that are the counts in a report.
"""

from __future__ import annotations

import ast
import marshal
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.catalogue.own_tests import load_variants, right_folders
from grading.errors import GraderError, UsageError
from grading.model import Assignment, Level, Submission
from grading.sandbox.tools import apply_patch
from grading.submission import load_folder

_FOLDER = "/submission"
_IDLE_SHARE = 0.5
"""Part of the functions that get an idle assignment."""


@dataclass(frozen=True)
class Target:
    """A solution that own tests run against.

    Attributes:
        right: whether it is an accepted solution; else it holds a planted bug.
        sources: path → Python source.
    """

    name: str
    right: bool
    sources: Mapping[str, bytes]


def load_targets(assignment: Assignment, level: Level) -> tuple[Target, ...]:
    """Return the right solutions and the planted bugs of a level.

    Raises:
        GraderError: a patch does not apply.
    """
    rights = [Target(f.name, True, _sources(assignment, load_folder(f, assignment))) for f in right_folders(assignment)]
    bugs = []
    for variant in load_variants(assignment):
        if level in variant.levels:
            try:
                patched = patched_reference(assignment, variant.diff)
            except UsageError as error:
                raise GraderError(f"{assignment.id}: planted bug {variant.name}: {error}") from error
            bugs.append(Target(variant.name, False, _sources(assignment, patched)))
    return (*rights, *bugs)


def patched_reference(assignment: Assignment, diff: str) -> Submission:
    """Return the reference with a diff applied.

    Raises:
        UsageError: the diff does not apply.
    """
    with tempfile.TemporaryDirectory(prefix="take-home-") as folder:
        copy = Path(folder)
        for name, data in load_folder(assignment.reference, assignment).files.items():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        apply_patch(copy, diff)
        return load_folder(copy, assignment)


def _sources(assignment: Assignment, submission: Submission) -> dict[str, bytes]:
    files = submission.files.items()
    return {name: data for name, data in files if name.endswith(".py") and not assignment.is_own_test(name)}


def compile_target(target: Target, rng: random.Random) -> dict[str, list[object]]:
    """Compile a target for one run.

    Returns: module name → marshalled code, path, and whether it is a package.

    Raises:
        GraderError: it is no valid Python.
    """
    modules: dict[str, list[object]] = {}
    for path, data in target.sources.items():
        parts = path.removesuffix(".py").split("/")
        package = parts[-1] == "__init__"
        try:
            tree = ast.parse(data)
            code = compile(_disguise(tree, rng), f"{_FOLDER}/{path}", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise GraderError(f"own tests: {target.name}/{path} does not compile: {error}") from error
        name = ".".join(parts[:-1] if package else parts)
        modules[name] = [marshal.dumps(code), f"{_FOLDER}/{path}", package]
    return modules


def _disguise(tree: ast.Module, rng: random.Random) -> ast.Module:
    """Take away what tells where code came from: docstrings and lines; add what differs between two runs."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                node.body[0:1] = [ast.Pass()] if len(node.body) == 1 else []
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and rng.random() < _IDLE_SHARE:
                idle = ast.Name(f"_{rng.getrandbits(32):08x}", ast.Store())
                node.body.insert(rng.randrange(len(node.body) + 1), ast.Assign([idle], ast.Constant(None)))
    for node in ast.walk(tree):
        if "lineno" in node._attributes:
            for name, value in (("lineno", 1), ("end_lineno", 1), ("col_offset", 0), ("end_col_offset", 0)):
                setattr(node, name, value)
    return tree
