"""The main job, end to end: make a candidate's repository, solve a task in it, push, grade the commit, show the score.

Everything is real: git, the export, the sandbox. Run it with `make demo`; what it makes lies in out/demo.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "demo"
TASK = "early_stopping"
SOLUTION = ROOT / "tools" / "demo_solution.py"
REPOSITORY, WORK = OUT / "candidate.git", OUT / "work"
COMMITS = (
    ("Add the stop rule", ("EarlyStopping",)),
    ("Evaluate in eval mode, without gradients", ("evaluate",)),
    ("Train with early stopping", ("TrainResult", "train")),
)


def say(text: str) -> None:
    """Print a step as it begins."""
    print(f"\n▸ {text}", flush=True)


def run(*command: str, cwd: Path = ROOT, shown: bool = True) -> int:
    """Run a command, showing it as a user would type it; return its exit status."""
    words = ["python" if word == sys.executable else word.replace(f"{ROOT}/", "") for word in command]
    if shown:
        print("  $ " + " ".join(words), flush=True)
    return subprocess.run(command, cwd=cwd, check=False).returncode  # noqa: S603 - our own commands


def must(*command: str, cwd: Path = ROOT, shown: bool = True) -> None:
    """Run a command that has to succeed."""
    status = run(*command, cwd=cwd, shown=shown)
    if status != 0:
        sys.exit(f"demo: `{' '.join(command)}` ended with status {status}")


def definitions(source: str) -> dict[str, tuple[int, int]]:
    """Return the top-level functions and classes of a source: name → first and last line, from 0, last excluded."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return {
        node.name: (min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1, node.end_lineno or node.lineno)
        for node in nodes
    }


def with_definition(source: str, name: str, solution: str) -> str:
    """Return a source whose definition of `name` is the solution's."""
    lines, wanted = source.splitlines(), solution.splitlines()
    start, end = definitions(source)[name]
    first, last = definitions(solution)[name]
    return "\n".join([*lines[:start], *wanted[first:last], *lines[end:]]) + "\n"


def solve() -> None:
    """Work as a candidate would: a branch, a few commits, a push."""
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
    must("git", "clone", "--quiet", str(REPOSITORY), str(WORK))
    must(*git, "checkout", "--quiet", "-b", f"solve/{TASK}", f"origin/task/{TASK}", cwd=WORK, shown=False)
    file = WORK / "assignments" / TASK / "solution.py"
    for message, names in COMMITS:
        source = file.read_text(encoding="utf-8")
        for name in names:
            source = with_definition(source, name, SOLUTION.read_text(encoding="utf-8"))
        file.write_text(source, encoding="utf-8")
        must(*git, "commit", "--quiet", "--all", "--message", message, cwd=WORK, shown=False)
        print(f"  committed: {message}", flush=True)
    must("git", "push", "--quiet", "origin", f"solve/{TASK}", cwd=WORK)


def main() -> int:
    """Run the demo; exit status of the grade."""
    started = time.monotonic()
    if OUT.exists():
        shutil.rmtree(OUT)
    OUT.mkdir(parents=True)
    python = (sys.executable, "-m", "grading")

    say("An interviewer makes a candidate's repository")
    must(*python, "export", str(REPOSITORY), "--candidate", "Ada", "--assignments", TASK, "--level", "mid")
    say("The candidate clones it, solves the task in a few commits, and pushes")
    solve()
    say("The grader fetches the pushed commit and grades it in the sandbox")
    grade = (*python, "grade", f"{REPOSITORY}@solve/{TASK}", "--out", str(OUT))
    status = run(*grade, "--official")
    if status == 3:
        print("  This machine cannot grade officially (see above); here is the same as a practice grade.", flush=True)
        status = run(*grade)
    if status == 0:
        print(f"\nDone in {time.monotonic() - started:.1f} s. Open out/demo/report.html, or read out/demo/comment.md.")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
