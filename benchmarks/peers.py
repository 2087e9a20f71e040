"""The peers: how each is set up, how it grades one submission, and where it writes the points."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import render
from benchmarks.environments import peer_python, version_in
from benchmarks.places import BUILD

_CLASSROOM_RUNNER = '''\
"""One pytest process with a reporter that adds the points up and writes results.json."""
import json
import sys

import pytest


class Reporter:
    def __init__(self):
        self.points, self.earned = {}, {}

    def pytest_configure(self, config):
        config.addinivalue_line("markers", "points(n): what the test is worth")

    def pytest_collection_modifyitems(self, items):
        self.points = {item.nodeid: item.get_closest_marker("points").args[0] for item in items}

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.earned[report.nodeid] = self.points[report.nodeid] if report.passed else 0


reporter = Reporter()
pytest.main(["-s", "--tb=no", "-p", "no:cacheprovider", sys.argv[1]], plugins=[reporter])
with open(sys.argv[2], "w") as file:
    json.dump({"score": sum(reporter.earned.values()), "tests": reporter.earned}, file)
'''
_GRADESCOPE_RUNNER = '''\
"""The usual run_tests.py: discover, run, write results.json."""
import sys
import unittest

from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

with open(sys.argv[1], "w") as file:
    JSONTestRunner(visibility="visible", stream=file).run(unittest.defaultTestLoader.discover("tests"))
'''


@dataclass(frozen=True)
class Peer:
    """One grader to compare with.

    Attributes:
        pins: what pip installs.
        package: whose version names the peer.
        title: what the tables call it.
        prepare: writes what a run needs into an empty folder, given the interpreter.
        command: the command for a folder, given the interpreter.
        read: a folder after the run → points.
    """

    name: str
    title: str
    package: str
    pins: tuple[str, ...]
    prepare: Callable[[Path, Path], None]
    command: Callable[[Path, Path], list[str]]
    read: Callable[[Path], float]

    @property
    def python(self) -> Path:
        """The interpreter of its environment, made at first use."""
        return peer_python(self.name, self.pins)

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version_in(self.python, self.package)

    def stage(self, submission: str) -> Path:
        """Lay out one submission with the tests; return the folder."""
        parent = BUILD / "runs"
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=parent))
        template = BUILD / self.name / "template"
        if not template.is_dir():
            template.mkdir(parents=True)
            self.prepare(template, self.python)
        shutil.copytree(template, folder, dirs_exist_ok=True)
        (folder / "solution.py").write_text(submission)
        return folder


def peer_environment() -> dict[str, str]:
    """Return the environment of a peer's process: one thread, as ours has, and no plugin but its own."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**keep, **threads, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUNBUFFERED": "1"}


def _prepare_classroom(folder: Path, _: Path) -> None:
    (folder / "run.py").write_text(_CLASSROOM_RUNNER)
    (folder / "solution_test.py").write_text(render.classroom_tests())
    (folder / "pytest.ini").write_text("[pytest]\npython_files = *_test.py\n")


def _read_score(folder: Path) -> float:
    return float(json.loads((folder / "results.json").read_text())["score"])


def _prepare_gradescope(folder: Path, _: Path) -> None:
    (folder / "run_tests.py").write_text(_GRADESCOPE_RUNNER)
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()
    (folder / "tests" / "test_solution.py").write_text(render.gradescope_tests())


def _read_tests(folder: Path) -> float:
    return sum(float(test.get("score", 0)) for test in json.loads((folder / "results.json").read_text())["tests"])


def _prepare_otter(folder: Path, python: Path) -> None:
    source = folder / "source"
    (source / "tests").mkdir(parents=True)
    for name, text in render.otter_tests().items():
        (source / "tests" / name).write_text(text)
    command = [str(python), "-m", "otter", "generate", "-t", "tests", "-o", str(folder / "autograder.zip")]
    subprocess.run(  # noqa: S603 - our own command
        [*command, "--no-requirements", "--no-environment"], cwd=source, check=True, capture_output=True
    )


PEERS = (
    Peer(
        "classroom",
        "GitHub Classroom's way",
        "pytest",
        ("pytest==7.2.*", "timeout-decorator==0.5.0"),
        _prepare_classroom,
        lambda python, folder: [str(python), "run.py", "solution_test.py", str(folder / "results.json")],
        _read_score,
    ),
    Peer(
        "gradescope",
        "gradescope-utils",
        "gradescope-utils",
        ("gradescope-utils==0.5.0",),
        _prepare_gradescope,
        lambda python, folder: [str(python), "run_tests.py", str(folder / "results.json")],
        _read_tests,
    ),
    Peer(
        "otter",
        "otter-grader",
        "otter-grader",
        ("otter-grader==7.0.0", "ipykernel==7.4.0"),
        _prepare_otter,
        lambda python, _: [str(python), "-m", "otter", "run", "--no-logo", "-a", "autograder.zip", "solution.py"],
        _read_tests,
    ),
)
