"""An undisturbed run, to compare with."""

import pytest

from tests.faults.machine import GRADED, Run, grade


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which nothing happens."""
    run = grade(tmp_path_factory.mktemp("clean"))
    assert (run.status, run.auto, run.processes, run.files) == (GRADED, 100, (), ()), run
    return run
