"""For authors: run hidden tests under plain pytest, in this process, with a debugger.

    python -m pytest -p grading.judge.plugin assignments/ID/hidden --solution FOLDER

`--sandbox` runs the candidate's code in the sandbox instead, as grading does.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.judge.hooks import JudgePlugin
from grading.judge.nursery import Loaded, load_in
from grading.judge.run import key_of, open_worker
from grading.model import Level
from grading.sandbox.bubblewrap import find_gpu, probe_isolation
from grading.sandbox.host import Zygote, read_package
from grading.sandbox.local import LocalWorker
from grading.submission import load_folder

_ZYGOTE = pytest.StashKey[Zygote]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name the submission."""
    group = parser.getgroup("judge")
    group.addoption("--solution", metavar="FOLDER", help="folder with the candidate's files")
    group.addoption("--sandbox", action="store_true", help="run them in the sandbox, not in this process")
    group.addoption("--level", default="mid", choices=[level.value for level in Level])
    group.addoption("--judge-seed", type=int, default=None, help="repeat a run's random inputs")


class _Debugging(JudgePlugin):
    """The judge's fixtures under pytest's own reporting."""

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        return None  # type: ignore[return-value] # pytest's own protocol


def pytest_configure(config: pytest.Config) -> None:
    """Register markers and the fixtures for the assignment whose hidden folder is given."""
    for line in ("criterion(id, weight=1)", "levels(*names)", "bug(name)", "limit(test_s)", "gpu", "extension"):
        config.addinivalue_line("markers", line)
    folder = config.getoption("--solution")
    if folder is None:
        return
    # A library that warns about the candidate's code fails no check, whatever the caller makes of warnings.
    config.addinivalue_line("filterwarnings", "default")
    hidden = _hidden_folder(config.args)
    if hidden is None:
        raise pytest.UsageError("name an assignment's hidden folder, or a test in it")
    assignment = load_assignment(hidden.parent, proof=False)
    level, seed = Level(config.getoption("--level")), config.getoption("--judge-seed")
    seed = secrets.randbits(63) if seed is None else seed
    if config.getoption("--sandbox"):
        zygote = Zygote(probe_isolation(), key_of(assignment))
        config.stash[_ZYGOTE] = zygote
        submission = load_folder(Path(folder), assignment)
        package = read_package(assignment.inside)

        def take() -> Loaded:
            return load_in(open_worker(zygote, submission, package, assignment), assignment, level, seed)
    else:

        def take() -> Loaded:
            return load_in(LocalWorker(Path(folder), assignment.inside), assignment, level, seed)

    plugin = _Debugging(assignment, level, seed, take)
    plugin.has_gpu = find_gpu() is not None and not config.getoption("--sandbox")
    config.pluginmanager.register(plugin, "judge")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the sandbox."""
    zygote = config.stash.get(_ZYGOTE, None)
    if zygote is not None:
        zygote.close()


def _hidden_folder(arguments: list[str]) -> Path | None:
    """Return the hidden folder that the arguments name or lie in."""
    for argument in arguments:
        path = Path(argument.partition("::")[0]).resolve()
        for folder in (path, *path.parents):
            if folder.name == "hidden":
                return folder
    return None
