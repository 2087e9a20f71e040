"""Fixtures that grade with the sample assignment through the command line."""

import pytest

from tests.e2e.running import SAMPLE, Ran, run_command


@pytest.fixture
def grade():
    """Grade a source with the sample assignment and return what the command printed as JSON."""

    def run(source: object, *options: object, **kwargs: object) -> Ran:
        return run_command("grade", source, "--assignment-dir", SAMPLE, "--json", "-", *options, **kwargs)

    return run


@pytest.fixture
def submit(tmp_path, grade):
    """Write files into a folder of their own and grade it."""

    def run(files: dict[str, str | bytes], *options: object, **kwargs: object) -> Ran:
        folder = tmp_path / "submission"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        folder.mkdir(exist_ok=True)
        return grade(folder, *options, **kwargs)

    return run
