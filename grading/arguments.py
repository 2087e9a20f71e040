"""The arguments of the command line and their help; `cli` reads them."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path

from grading.github_arguments import add_github_commands

LEVELS = ("junior", "mid", "senior")
_DESCRIPTION = """\
Grade take-home assignments for ML engineers.

  candidate    python -m grading check                      your visible tests and lint, as CI runs them
  interviewer  python -m grading grade REPO@solve/ID        score a branch in the sandbox
  interviewer  python -m grading regrade SOURCES --out DIR  score many, here or on a cluster
  author       python -m grading validate ID                prove an assignment against its solutions
  interviewer  python -m grading export DEST --candidate NAME --assignments ID
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; each command stands in `command`."""
    parser = argparse.ArgumentParser(
        prog="python -m grading", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("check", help="run the visible tests and lint of the task in this folder", add_help=False)

    grade = commands.add_parser(
        "grade",
        help="score a submission in the sandbox",
        description="Score a submission: hidden tests in the sandbox, lint, integrity. Prints a scorecard.",
    )
    grade.add_argument("source", metavar="SOURCE", help="a folder, a file, or REPO@REF (e.g. candidate.git@solve/ID)")
    grade.add_argument("--assignment", metavar="ID", help="which assignment; default: from the branch or the folder")
    grade.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie, or one assignment")
    grade.add_argument("--level", choices=LEVELS, help="as exported; default: mid")
    grade.add_argument("--official", action="store_true", help="refuse to grade without full isolation")
    grade.add_argument("--seed", type=int, metavar="N", help="repeat the random inputs of an earlier run")
    grade.add_argument("--draw", type=int, metavar="N", help="as exported, where starters draw bugs; default: 0")
    grade.add_argument("--out", type=Path, metavar="DIR", help="write score.json, comment.md and report.html here")
    grade.add_argument("--json", metavar="FILE", help="write score.json to FILE; - prints it alone on standard output")
    grade.add_argument(
        "--private", action="store_true", help="also print what hidden tests said; never show candidates"
    )
    grade.set_defaults(command="grade")

    _add_regrade(commands)

    validate = commands.add_parser(
        "validate",
        help="prove assignments against their solutions",
        description="Grade every accepted, wrong and cheating solution; report what deviates. Exit 1 on a deviation.",
    )
    validate.add_argument("ids", metavar="ID", nargs="*", help="which assignments; default: all")
    validate.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie, or one assignment")
    validate.add_argument("--jobs", type=int, metavar="N", default=os.cpu_count() or 1, help="gradings at a time")
    validate.add_argument(
        "--level", choices=[*LEVELS, "all"], help="this level, or all of them; default: each assignment's highest"
    )
    effort = validate.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="no repeats, two wrong solutions for each criterion")
    effort.add_argument("--soak", action="store_true", help="20 repeats, random order, five hash seeds, all levels")
    validate.add_argument("--matrix", action="store_true", help="also print points per solution and criterion")
    validate.add_argument("--json", metavar="FILE", help="write the result to FILE; - prints it alone")
    validate.set_defaults(command="validate")

    export = commands.add_parser(
        "export",
        help="make a candidate's repository",
        description="Make a candidate's repository, ready to push: main, and a branch task/ID for each assignment.",
    )
    export.add_argument("dest", metavar="DEST", type=Path, help="where to; a name that ends in .git is made bare")
    export.add_argument("--candidate", required=True, metavar="NAME", help="how the README greets them")
    export.add_argument("--assignments", required=True, metavar="A,B", help="ids, separated by commas")
    export.add_argument("--level", choices=LEVELS, default="mid", help="default: mid")
    export.add_argument("--due", metavar="DATE", type=_date, help="deadline, e.g. 2026-12-31")
    export.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie")
    export.add_argument("--draw", type=int, metavar="N", default=0, help="which bugs starters draw, if they do")
    export.set_defaults(command="export")

    add_github_commands(commands)
    _add_live(commands)
    starters = commands.add_parser(
        "starters",
        help="write the starters from the references",
        description="Write starter/<level>/ of each assignment from the marked regions of its reference.",
    )
    starters.add_argument("ids", metavar="ID", nargs="*", help="which assignments; default: all")
    starters.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie, or one assignment")
    starters.set_defaults(command="starters")
    return parser


def _add_live(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    live = commands.add_parser(
        "live",
        help="put the tasks of a live session into one folder and show a board that follows the saves",
        description="Put tasks into FOLDER and grade each again when its files are saved. Run again to go on. "
        "Keep the board to yourself: the candidate works in FOLDER, which holds no hidden test.",
    )
    live.add_argument("folder", metavar="FOLDER", type=Path, help="where the candidate works")
    live.add_argument("--candidate", default="there", metavar="NAME", help="how the README greets them")
    live.add_argument("--assignments", metavar="A,B", help="ids; default: the four of the live session")
    live.add_argument("--level", choices=LEVELS, default="mid", help="default: mid")
    live.add_argument("--draw", type=int, metavar="N", default=0, help="which bugs starters draw, if they do")
    live.add_argument("--out", type=Path, metavar="DIR", help="keep each task's newest score.json here, not in FOLDER")
    live.add_argument("--once", action="store_true", help="grade what is there, print the board, and end")
    live.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie")
    live.set_defaults(command="live")


def _add_regrade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    regrade = commands.add_parser(
        "regrade",
        help="grade many submissions with one seed; start again to go on",
        description="Grade many submissions into DIR/<key>/ and DIR/index.csv. What is there is not graded again.",
    )
    regrade.add_argument("sources", metavar="SOURCE", nargs="*", help="a folder, a file, or REPO@REF")
    regrade.add_argument(
        "--from",
        dest="listed",
        metavar="FILE",
        action="append",
        default=[],
        help="one source a line, after it its draw if it has one (and a tab between); - reads them here",
    )
    regrade.add_argument("--out", type=Path, metavar="DIR", required=True, help="where results are and will be")
    regrade.add_argument("--assignment", metavar="ID", help="which assignment; default: from each branch or folder")
    regrade.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie, or one assignment")
    regrade.add_argument("--level", choices=LEVELS, default="mid", help="default: mid")
    regrade.add_argument("--official", action="store_true", help="refuse to grade without full isolation")
    regrade.add_argument("--seed", type=int, metavar="N", help="for all; default: DIR's own, drawn once")
    regrade.add_argument(
        "--draw", type=int, metavar="N", default=0, help="which bugs starters drew, if they do and FILE names no other"
    )
    regrade.add_argument("--jobs", type=int, metavar="N", default=os.cpu_count() or 1, help="gradings at a time here")
    regrade.add_argument("--scheduler", metavar="ADDRESS", help="grade on a Dask cluster, e.g. tcp://10.0.0.1:8786")
    regrade.add_argument(
        "--retry-ungraded", action="store_true", help="at the end, try once more what we failed to grade"
    )
    regrade.set_defaults(command="regrade")


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-12-31") from None
