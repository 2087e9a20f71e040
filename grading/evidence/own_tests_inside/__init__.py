"""Runs beside candidates' own tests: puts a solution without source into the import system, and starts pytest.

Like all that lives in a worker it is a convenience and not a border: tests that lie about what they found gain nothing,
because they cannot know which solution they face.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import marshal
import os
import secrets
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path

import pytest

from . import shutter

# Not "debugging": without its options pytest runs no unittest.TestCase.
_UNUSED = ("cacheprovider", "faulthandler", "junitxml", "pastebin", "doctest", "stepwise", "setuponly")
_MAX_NAMES = 40
_BALLAST: list[list[None]] = []


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules that there is no file of."""

    def __init__(self, modules: dict[str, list[object]]) -> None:
        self._modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of one of our modules, else None."""
        del path, target
        if name not in self._modules:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=bool(self._modules[name][2]))

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's code, which is forgotten here."""
        code, path, package = self._modules.pop(module.__name__)
        module.__file__ = str(path)
        if package:
            module.__path__ = [str(Path(str(path)).parent)]
        exec(marshal.loads(code), module.__dict__)  # type: ignore[arg-type] # noqa: S102, S302 - our own solution


class _Watcher:
    """Counts what became of the tests."""

    def __init__(self, namespaces: list[dict[str, object]]) -> None:
        self._namespaces = namespaces
        self.passed = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: object) -> None:
        """Note a test that passed, or that failed at any stage."""
        outcome, when = getattr(report, "outcome", ""), getattr(report, "when", "")
        if outcome == "failed":
            self._note(report)
        elif outcome == "passed" and when == "call" and not hasattr(report, "wasxfail"):
            self.passed += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Take the solution's frames out of a traceback before pytest reads their code, which it may not."""
        if call.excinfo is None or not self._namespaces:
            return
        error = call.excinfo.value
        error.__cause__ = error.__context__ = None
        traceback = shutter.without(error.__traceback__, self._namespaces)
        error.__traceback__ = traceback
        if traceback is not None:
            call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, traceback))

    def pytest_collectreport(self, report: object) -> None:
        """Note a file that could not be imported."""
        if getattr(report, "outcome", "") == "failed":
            self._note(report)

    def _note(self, report: object) -> None:
        lines = str(getattr(report, "longrepr", "")).strip().splitlines()
        self.failed.append(f"{getattr(report, 'nodeid', '')} ({lines[-1] if lines else ''})"[:200])


def run(modules: dict[str, list[object]], folder: str) -> dict[str, object]:
    """Run the tests of a folder against modules without source.

    Args:
        modules: module name → marshalled code, path, and whether it is a package.
        folder: where the tests lie, relative to the submission.
    """
    names = list(modules)
    # Forks of one process put the same objects at the same addresses; nobody shall know a solution by them.
    _BALLAST.extend([None] * secrets.randbelow(64) for _ in range(secrets.randbelow(8000)))
    sys.meta_path.insert(0, _Finder(modules))
    try:
        loaded = [importlib.import_module(name) for name in names]
    except BaseException as error:  # noqa: BLE001 - a planted bug may be one that ends the import
        return {"status": 1, "passed": 0, "failed": [f"the solution does not load ({type(error).__name__})"]}
    shutter.close(loaded)
    return _run_pytest(folder, [vars(module) for module in loaded])


def measure(entry: str, folder: str, files: list[str]) -> dict[str, object]:
    """Run the tests against the candidate's own files, and count which lines and branches of theirs ran.

    Args:
        entry: the module that the tests import.
        files: the files to count in, relative to the submission.
    """
    import coverage

    sys.modules.pop(entry, None)
    sys.path.append(str(Path.cwd()))
    include = [str(Path.cwd() / name) for name in files]
    meter = coverage.Coverage(data_file=None, branch=True, config_file=False, include=include)
    meter.start()
    try:
        found = _run_pytest(folder, [])
    finally:
        meter.stop()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "coverage.json")
        try:
            meter.json_report(outfile=str(report))
            totals = json.loads(report.read_text())["totals"]
        except coverage.exceptions.NoDataError:
            totals = {}
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    return {**found, "totals": [int(totals.get(name, 0)) for name in names]}


def _run_pytest(folder: str, namespaces: list[dict[str, object]]) -> dict[str, object]:
    settings = Path(__file__).with_name("own_tests.ini")
    settings.write_text("[pytest]\n", encoding="utf-8")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    watcher = _Watcher(namespaces)
    options = [folder, "-q", "--tb=short", "--noconftest", "-c", str(settings), f"--rootdir={Path.cwd()}"]
    options += ["--import-mode=importlib", "-p", "pytest_timeout"]
    options += [part for name in _UNUSED for part in ("-p", f"no:{name}")]
    status = pytest.main(options, plugins=[watcher])
    return {"status": int(status), "passed": watcher.passed, "failed": watcher.failed[:_MAX_NAMES]}
