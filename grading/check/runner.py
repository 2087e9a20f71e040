"""Run a task's visible tests in one pytest process and ruff beside it, and collect what they say."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grading.check import CheckerError, Finding, Problem, Result, Task, Visible

TEST_S = 10.0
STUCK = "nothing happened"
_LOADS_PER_TEST = 3.0
_GRACE_S = 5.0
_LINT_S = 60.0
_NOT_LINTED = ("tests/", ".venv/", "venv/")


def run_task(task: Task, root: Path, test_s: float = TEST_S) -> Result:
    """Run visible tests and ruff for one task.

    Args:
        test_s: seconds that one test may take; importing one file may take three times as long.

    Raises:
        CheckerError: pytest or ruff did not work.
    """
    started = time.monotonic()
    sources = _sources(root / task.folder)
    faults = tuple(_faults(task, root, sources))
    with tempfile.TemporaryDirectory(prefix="check-") as temporary, contextlib.ExitStack() as running:
        ruff = running.enter_context(_started(_ruff_command(root, sources), root))
        tests: tuple[Visible, ...] = ()
        problems: tuple[Problem, ...] = faults
        if not faults:
            events = Path(temporary, "events.jsonl")
            pytest = running.enter_context(_started(_pytest_command(task, root, events, test_s), root))
            note = _wait(pytest, events, test_s)
            found, trouble = _read_events(task, _events(events), pytest.returncode, note)
            tests, problems = tuple(found), tuple(trouble)
        findings = _findings(ruff, root, {(fault.file, fault.line) for fault in faults})
    return Result(task, tests, problems, findings, time.monotonic() - started)


def _sources(folder: Path) -> list[Path]:
    """Return the candidate's Python files."""
    found = sorted(folder.rglob("*.py"))
    return [path for path in found if not path.relative_to(folder).as_posix().startswith(_NOT_LINTED)]


def _faults(task: Task, root: Path, sources: Sequence[Path]) -> Iterator[Problem]:
    """Find what keeps every test from running: missing files and syntax errors."""
    for name in task.files:
        path = f"{task.folder}/{name}"
        if not (root / path).exists():
            remedy = f"Get the starter back: git checkout origin/task/{task.id} -- {path}"
            yield Problem("missing file", f"{path} is missing. {remedy}", file=path)
    if not (root / task.folder / "tests").is_dir():
        remedy = f"Get them back: git checkout origin/task/{task.id} -- {task.folder}/tests"
        yield Problem("no tests", f"{task.folder}/tests is missing. {remedy}")
    for source in sources:
        name = source.relative_to(root).as_posix()
        try:
            ast.parse(source.read_bytes(), name)
        except SyntaxError as error:
            text = (error.text or "").strip()
            yield Problem("syntax error", f"SyntaxError: {error.msg}", file=name, line=error.lineno or 1, source=text)
        except (ValueError, RecursionError, MemoryError) as error:
            yield Problem("syntax error", f"{type(error).__name__}: {error}", file=name, line=1)


# processes ------------------------------------------------------------------------------------------------------------


def _pytest_command(task: Task, root: Path, events: Path, test_s: float) -> list[str]:
    command = [sys.executable, "-m", "pytest", f"{task.folder}/tests", "-q", "--tb=no", "--no-header", "--no-summary"]
    command += ["-p", "grading.check.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider", f"--rootdir={root}"]
    command += ["--continue-on-collection-errors", f"--timeout={test_s:g}", f"--check-events={events}"]
    command += [f"--check-load-limit={test_s * _LOADS_PER_TEST:g}", "-o", "addopts=--import-mode=importlib"]
    return [*command, "-c", str(root / "pyproject.toml")] if (root / "pyproject.toml").is_file() else command


def _ruff_command(root: Path, sources: Sequence[Path]) -> list[str]:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--ignore-noqa", "--exit-zero", "--no-fix"]
    command += ["--output-format=json", "--quiet"]
    if (root / "pyproject.toml").is_file():
        command += ["--config", str(root / "pyproject.toml")]
    return [*command, "--", *map(str, sources)] if sources else [sys.executable, "-c", "print('[]')"]


@contextlib.contextmanager
def _started(command: Sequence[str], root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that does not outlive the block, nor do the processes that it starts."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    paths = [str(Path(__file__).resolve().parents[2]), environment.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _kill(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _wait(process: subprocess.Popen[bytes], events: Path, test_s: float) -> str:
    """Wait until pytest ends; stop it when nothing has happened for too long. Returns what it printed, or why."""
    seen, since = -1, time.monotonic()
    while True:
        try:
            output, _ = process.communicate(timeout=0.5)
            return output.decode(errors="replace")
        except subprocess.TimeoutExpired:
            size = events.stat().st_size if events.is_file() else 0
            if size != seen:
                seen, since = size, time.monotonic()
                continue
            last = _events(events)[-1:]
            importing = not last or last[0]["event"] == "load"
            limit = (test_s * _LOADS_PER_TEST if importing else test_s) + _GRACE_S
            if time.monotonic() - since > limit:
                _kill(process)
                process.communicate()
                return f"{STUCK} for {limit:g} s, so Python was stopped"


def _findings(
    process: subprocess.Popen[bytes], root: Path, known: set[tuple[str | None, int | None]]
) -> tuple[Finding, ...]:
    """Read ruff's findings, without the syntax errors that are reported already."""
    output = b""
    try:
        output, _ = process.communicate(timeout=_LINT_S)
        found = json.loads(output)
    except subprocess.TimeoutExpired:
        raise CheckerError(f"ruff did not end within {_LINT_S:g} s") from None
    except ValueError:
        raise CheckerError(f"ruff failed: {output.decode(errors='replace').strip()[-500:]}") from None
    findings = []
    broken = {file for file, _ in known}
    for item in found:
        path = Path(item["filename"])
        file = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        rule = item["code"] or "invalid-syntax"
        if rule != "invalid-syntax" or file not in broken:
            findings.append(Finding(file, item["location"]["row"], rule, item["message"]))
    return tuple(sorted(findings, key=lambda finding: (finding.file, finding.line, finding.rule)))


# events ---------------------------------------------------------------------------------------------------------------


def _events(path: Path) -> list[dict[str, Any]]:
    """Return the events so far; a half-written last line is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def _read_events(
    task: Task, events: list[dict[str, Any]], status: int, note: str
) -> tuple[list[Visible], list[Problem]]:
    """Turn events into outcomes by test function, and problems in the order in which they happened.

    Args:
        status: how pytest's process ended; negative for a signal.
        note: what pytest printed, or why it was stopped.
    """
    items: list[dict[str, Any]] = next((event["tests"] for event in events if event["event"] == "collected"), [])
    results = {event["id"]: event for event in events if event["event"] == "result"}
    ended = [event["failure"] for event in events if event["event"] == "ended"]
    ours = [failure for failure in ended if failure["kind"] != "SystemExit" and "file" not in failure]
    if ours or not events or (status in (3, 4) and not ended):
        detail = ours[0]["message"] if ours else note.strip()[-800:] or f"it ended with status {status}"
        raise CheckerError(f"pytest did not work: {detail}")
    problems = [_problem(event["failure"]) for event in events if event["event"] in ("broken", "ended")]
    by_function: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        by_function.setdefault(item["function"], []).append(item)
    tests = []
    for function, members in by_function.items():
        outcomes = [results[item["id"]]["outcome"] if item["id"] in results else "not run" for item in members]
        worst = next((name for name in ("failed", "not run", "passed") if name in outcomes), "skipped")
        tests.append(Visible(function, members[0]["criterion"], worst))
        failures = [results[i["id"]]["failure"] for i, o in zip(members, outcomes, strict=True) if o == "failed"]
        if failures:
            problem = _problem(failures[0] or {"kind": "failed", "message": "the test failed"})
            problems.append(replace(problem, test=function, criterion=members[0]["criterion"], more=len(failures) - 1))
    if not any(event["event"] == "done" for event in events):
        problems.append(_broke_off(events, items, status, note))
    elif not tests and not problems:
        remedy = f"Get them back: git checkout origin/task/{task.id} -- {task.folder}/tests"
        problems.append(Problem("no tests", f"{task.folder}/tests holds no test. {remedy}"))
    elif any(test.outcome == "not run" for test in tests) and not problems:
        problems.append(Problem("stopped", "pytest stopped before every test had run"))
    return tests, problems


def _problem(failure: dict[str, Any]) -> Problem:
    return Problem(
        kind="timeout" if failure.get("timeout") else failure["kind"],
        message=failure["message"],
        file=failure.get("file"),
        line=failure.get("line"),
        function=failure.get("function", ""),
        source=failure.get("source", ""),
    )


def _broke_off(events: list[dict[str, Any]], items: list[dict[str, Any]], status: int, note: str) -> Problem:
    """Say where Python was when it died or was stopped."""
    if note.startswith(STUCK):
        how, kind = note, "timeout"
    elif status < 0:
        how, kind = f"Python was ended by {signal.Signals(-status).name}", "crash"
    else:
        how, kind = f"Python ended with status {status} (an os._exit?)", "crash"
    last = events[-1]
    if last["event"] == "start":
        item = next((item for item in items if item["id"] == last["id"]), {"function": last["id"], "criterion": None})
        return Problem(kind, f"{how} in the middle of this test", test=item["function"], criterion=item["criterion"])
    return Problem(kind, f"{how} while {last['id']} was imported" if last["event"] == "load" else how)
