"""Lint a submission under the configuration that candidates are given."""

from __future__ import annotations

from pathlib import Path

from grading.errors import GraderError
from grading.model import LintFinding, Submission
from grading.sandbox.tools import run_ruff

_OURS = ("tests/",)


def lint_submission(submission: Submission, config: Path) -> tuple[tuple[LintFinding, ...], str | None]:
    """Run ruff over a submission's Python files.

    Args:
        config: the pyproject.toml that candidates get.

    Returns: the findings, and None or why there are none to rely on. A failure of ruff is ours, not the candidate's.
    """
    files = {name: data for name, data in submission.files.items() if not name.startswith(_OURS)}
    try:
        return run_ruff(files, config), None
    except (GraderError, OSError) as error:
        return (), str(error)
