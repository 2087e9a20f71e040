"""What a score says it was made with must not depend on what else the process has loaded."""

import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.metadata import MetadataPathFinder
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.pipeline import _environment_sha256, provenance_of

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """The hash is remembered for the whole process; other tests must not meet one that was made here."""
    yield
    _environment_sha256.cache_clear()


def environment() -> str:
    _environment_sha256.cache_clear()
    return provenance_of(load_assignment(SAMPLE)).environment_sha256


def package(folder: Path) -> None:
    made = folder / "vendored-1.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: vendored\nVersion: 1.0\n")


def test_a_second_finder_and_a_longer_path_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As importlib_metadata and setuptools do when another thread imports them during the walk.
    before = environment()
    package(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, MetadataPathFinder()])
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    names = [found.metadata["Name"] for found in importlib.metadata.distributions()]
    assert names.count("pytest") > 1
    assert "vendored" in names
    assert environment() == before


def test_what_is_installed_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment()
    package(tmp_path)
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    assert environment() != before
