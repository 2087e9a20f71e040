"""Run ruff on a submission, and pytest on the visible tests of our own solutions."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grading.errors import GraderError, UsageError
from grading.model import LintFinding
from grading.sandbox.tools.process import Done, run_program

ROOT = Path(__file__).resolve().parents[3]
_OUTPUT_BYTES = 64 << 20


def run_ruff(files: Mapping[str, bytes], config: Path, timeout_s: float = 30.0) -> tuple[LintFinding, ...]:
    """Lint Python files under our configuration; `noqa` comments count for nothing, or they would buy points.

    Args:
        files: relative path → content; only names that end in .py are looked at.

    Returns: findings by file and line; of several syntax errors in a file only the first.

    Raises:
        GraderError: ruff failed or took too long.
    """
    names = sorted(name for name in files if name.endswith(".py"))
    if not names:
        return ()
    with tempfile.TemporaryDirectory(prefix="take-home-lint-") as temporary:
        folder = Path(temporary).resolve()
        for name in names:
            path = folder / name
            if not path.resolve().is_relative_to(folder):
                raise GraderError(f"{name!r} points out of its folder; a submission's paths are relative")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        options = ["check", "--config", str(config.resolve()), "--no-cache", "--ignore-noqa", "--no-fix", "--exit-zero"]
        done = _ruff([*options, "--output-format=json", "--", *names], folder, b"", timeout_s)
        try:
            found = json.loads(done.output) if done.status == 0 else None
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise GraderError(f"ruff failed (status {done.status}): {done.complaint}")
        findings = [_finding(item, folder) for item in found]
    return tuple(_one_syntax_error_each(findings))


def format_source(text: str) -> str:
    """Format Python source as the repository does (line length 120).

    Raises:
        UsageError: the source does not parse.
    """
    with tempfile.TemporaryDirectory(prefix="take-home-lint-") as folder:
        options = ["format", "--isolated", "--no-cache", "--line-length=120", "--target-version=py311", "-"]
        done = _ruff(options, Path(folder), text.encode(), 30.0)
    if done.status != 0:
        raise UsageError(f"ruff cannot format this source: {done.complaint}")
    return done.output.decode()


def run_visible_tests(folder: Path, timeout_s: float = 300.0) -> dict[str, str]:
    """Run the visible tests of a folder laid out as in a candidate's repository. For our own code: no sandbox.

    Args:
        folder: `.../assignments/<id>` with the solution's files and `tests/`.

    Returns: test → passed, failed or skipped; a file that cannot be imported → not collected.

    Raises:
        GraderError: pytest itself failed or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="take-home-tests-") as temporary:
        events = Path(temporary, "events.jsonl")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "grading.check.plugin", "-p", "pytest_timeout"]
        command += ["-p", "no:cacheprovider", "--tb=no", "--timeout=10", "--continue-on-collection-errors"]
        command += [f"--rootdir={folder}", "-c", os.devnull, f"--check-events={events}", str(folder / "tests")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        done = _run(command, Path(temporary), environment, b"", timeout_s)
        lines = events.read_text(encoding="utf-8").splitlines() if events.is_file() else []
    outcomes = {}
    for event in map(json.loads, lines):
        if event["event"] == "result":
            outcomes[event["id"].split("::", 1)[-1]] = event["outcome"]
        elif event["event"] == "broken":
            outcomes[event["id"]] = "not collected"
    if done.status not in (0, 1, 2, 5):
        raise GraderError(f"pytest failed (status {done.status}): {done.complaint or done.output.decode()[-300:]}")
    return outcomes


def _finding(item: Mapping[str, object], folder: Path) -> LintFinding:
    location, name = item["location"], Path(str(item["filename"]))
    line = location["row"] if isinstance(location, dict) else 1
    file = name.relative_to(folder).as_posix() if name.is_relative_to(folder) else name.name
    return LintFinding(file, line, str(item.get("code") or "invalid-syntax"), str(item["message"]))


def _one_syntax_error_each(findings: Sequence[LintFinding]) -> Iterator[LintFinding]:
    broken = set()
    for finding in sorted(findings, key=lambda f: (f.file, f.line, f.rule)):
        if finding.rule == "invalid-syntax":
            if finding.file in broken:
                continue
            broken.add(finding.file)
        yield finding


def _ruff(arguments: Sequence[str], folder: Path, stdin: bytes, timeout_s: float) -> Done:
    # The program itself, not `python -m ruff`: that would import a file ruff.py from the folder it is started in.
    program = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if program is None:
        raise GraderError("ruff is not installed; run `python -m pip install -r requirements.txt`")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
    return _run([program, *arguments], folder, environment, stdin, timeout_s)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes, timeout_s: float) -> Done:
    try:
        return run_program(command, folder, environment, stdin, timeout_s, _OUTPUT_BYTES)
    except TimeoutError as error:
        raise GraderError(str(error)) from error
