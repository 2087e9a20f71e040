"""Lint runs under the candidates' configuration, and nothing in a submission can soften it or be run by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.errors import GraderError, UsageError
from grading.evidence.lint import lint_submission
from grading.model import Submission
from grading.sandbox.tools import format_source, run_ruff

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".github" / "candidate" / "pyproject.toml"


def lint(**files: str) -> list[tuple[str, int, str]]:
    submission = Submission({f"{name}.py": text.encode() for name, text in files.items()}, "test")
    findings, error = lint_submission(submission, CONFIG)
    assert error is None
    return [(finding.file, finding.line, finding.rule) for finding in findings]


def test_clean_code_has_no_finding() -> None:
    assert lint(solution='"""Words."""\n\nimport numpy as np\n\n\ndef f(x):\n    return np.mean(x)\n') == []


def test_findings_name_file_line_and_rule() -> None:
    assert lint(solution="import os\n", helper="x = 1\ny = l = 2\n") == [
        ("helper.py", 2, "E741"),
        ("solution.py", 1, "F401"),
    ]


@pytest.mark.parametrize(
    "text",
    ["# ruff: noqa\nimport os\n", "import os  # noqa\n", "import os  # noqa: F401\n", "# flake8: noqa\nimport os\n"],
)
def test_noqa_buys_nothing(text: str) -> None:
    assert [rule for _, _, rule in lint(solution=text)] == ["F401"]


def test_several_syntax_errors_count_once() -> None:
    assert [rule for _, _, rule in lint(solution="def f(:\n  x = (\n")] == ["invalid-syntax"]


def test_source_that_is_not_text_is_a_finding() -> None:
    findings, error = lint_submission(Submission({"solution.py": b"x = '\xff'\n"}, "test"), CONFIG)
    assert error is None
    assert len(findings) == 1


def test_a_folder_that_ruff_leaves_out_by_default_is_linted_too() -> None:
    assert [file for file, _, _ in lint(**{"build/helper": "import os\n"})] == ["build/helper.py"]


def test_visible_tests_and_other_files_are_not_linted() -> None:
    files = {"tests/test_visible.py": b"import os\n", "notes.toml": b"= [", "solution.py": b"x = 1\n"}
    assert lint_submission(Submission(files, "test"), CONFIG) == ((), None)


def test_the_order_of_imports_does_not_depend_on_what_lies_beside() -> None:
    own_tests = "import numpy as np\nimport pytest\nfrom solution import f\n\nassert f(np, pytest)\n"
    assert lint(test_own=own_tests) == lint(test_own=own_tests, solution="def f(*args):\n    return args\n") == []


def test_nothing_in_the_submission_is_run_or_read_as_configuration(tmp_path: Path) -> None:
    mark = tmp_path / "was_run"
    evil = f"from pathlib import Path\nPath({str(mark)!r}).touch()\n".encode()
    files = {
        "ruff.py": evil,
        "sitecustomize.py": evil,
        "ruff/__init__.py": evil,
        "ruff/__main__.py": evil,
        "solution.py": b"import os\n",
        "ruff.toml": b'exclude = ["*"]\n',
        "pyproject.toml": b'[tool.ruff]\nexclude = ["*"]\n',
    }
    findings, error = lint_submission(Submission(files, "test"), CONFIG)
    assert error is None
    assert any(finding.file == "solution.py" and finding.rule == "F401" for finding in findings)
    assert not mark.exists()


def test_a_path_out_of_the_folder_is_refused() -> None:
    with pytest.raises(GraderError, match="out of its folder"):
        run_ruff({"../evil.py": b"x = 1\n"}, CONFIG)


def test_a_failure_of_ruff_is_ours(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text("[tool.ruff]\nno-such-setting = 1\n")
    findings, error = lint_submission(Submission({"solution.py": b"x = 1\n"}, "test"), config)
    assert findings == ()
    assert error is not None
    assert "ruff failed" in error
    with pytest.raises(GraderError, match="did not end within"):
        run_ruff({"solution.py": b"x = 1\n"}, CONFIG, timeout_s=0.0001)


def test_format_source() -> None:
    assert format_source("x = {  'a':1 }\n") == 'x = {"a": 1}\n'
    with pytest.raises(UsageError, match="cannot format"):
        format_source("def f(:\n")
