"""The candidate's command: `python -m grading check [ID]`. Also runs as `python -m grading.check [ID]`.

Exit status: 0 the check did its work, whatever it found (with --strict 1 if something fails); 2 it was called wrongly,
or something is not installed; 3 the checker itself failed; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_OK, EXIT_FAILING, EXIT_CALLER, EXIT_CHECKER, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
_OLDEST = (3, 11)
_NEEDED = {"pytest": "pytest", "pytest_timeout": "pytest-timeout", "ruff": "ruff"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = list(sys.argv[1:] if arguments is None else arguments)
    parsed = _parser().parse_args(options[1:] if options[:1] == ["check"] else options)
    problem = _environment_problem()
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return EXIT_CALLER
    from grading.check import CallerError, CheckerError

    try:
        return _check(parsed)
    except CallerError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CALLER
    except CheckerError as error:
        print(f"error: the checker failed, and says nothing about your work: {error}", file=sys.stderr)
        return EXIT_CHECKER
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away
        return EXIT_OK
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grading check",
        description="Run the visible tests of the task on this branch, criterion by criterion, and ruff.",
        epilog="Exit status: 0 done, 1 something fails (only with --strict), 2 called wrongly, 3 the checker failed.",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="which task; default: every task on this branch")
    parser.add_argument("--json", metavar="FILE", help="also write the result to FILE; - prints it alone")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a visible test fails or ruff has a finding")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="seconds that one test may take; default: 10")
    parser.add_argument(
        "--github",
        action="store_true",
        default=os.environ.get("GITHUB_ACTIONS") == "true",
        help="write GitHub's job summary and annotations; on by itself in GitHub Actions",
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text) if text.replace(".", "", 1).isdigit() else 0.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _environment_problem() -> str | None:
    """Say what is missing on this machine before anything needs it."""
    if sys.version_info < _OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        return f"Python {found} is too old; make the virtual environment with Python 3.11 or newer"
    missing = [name for module, name in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        where = "" if sys.prefix != sys.base_prefix else " Is the virtual environment active?"
        return f"{', '.join(missing)} not installed; run: python -m pip install -r requirements.txt.{where}"
    return None


def _check(parsed: argparse.Namespace) -> int:
    from grading.check import load_tasks
    from grading.check.runner import TEST_S, run_task
    from grading.check.show import render_annotations, render_summary, render_text, to_json

    alone = parsed.json == "-"
    out = sys.stderr if alone else sys.stdout
    if hasattr(out, "reconfigure"):
        out.reconfigure(errors="replace")  # a terminal that lacks ✗ shows ? and goes on
    colour = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    root = Path.cwd()
    results = []
    for task in load_tasks(root, parsed.id):
        result = run_task(task, root, parsed.timeout or TEST_S)
        results.append(result)
        text = render_text(result, colour=colour)
        if parsed.github:  # nothing that a test says may look like a command to the runner
            mark = secrets.token_hex(16)
            text = f"::stop-commands::{mark}\n{text}\n::{mark}::"
        print(text, file=out, flush=True)
    document = json.dumps(to_json(results), indent=2) + "\n"
    if alone:
        sys.stdout.write(document)
    elif parsed.json is not None:
        _write(Path(parsed.json), document)
    if parsed.github:
        for line in render_annotations(results):
            print(line, file=out)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            _write(Path(summary), "\n".join(map(render_summary, results)), mode="a")
    return EXIT_FAILING if parsed.strict and not all(result.clean for result in results) else EXIT_OK


def _write(path: Path, text: str, mode: str = "w") -> None:
    from grading.check import CallerError

    try:
        with path.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise CallerError(f"{path} cannot be written ({error.strerror}); name another file") from error


if __name__ == "__main__":
    sys.exit(main())
