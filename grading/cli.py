"""The command line: the only module that reads arguments and prints.

Exit status: 0 the command did its work, whatever the score; 1 `validate` found a deviation; 2 the caller's mistake;
3 the grader's fault; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grading.arguments import make_parser
from grading.console import progress, table, wants_colour, width
from grading.errors import FaultsError, GraderError, UsageError
from grading.output import check_writable, write_whole

if TYPE_CHECKING:
    from grading.model import Assignment, Graded, Submission
    from grading.validate import Validation

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"
EXIT_OK, EXIT_DEVIATION, EXIT_USAGE, EXIT_GRADER, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
_MOST_TROUBLES = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before any library reads it: the judge's arithmetic must repeat
    options = list(sys.argv[1:] if arguments is None else arguments)
    if options[:1] == ["check"]:
        from grading.check.__main__ import main as check

        return check(options[1:])
    parsed = make_parser().parse_args(options)
    commands = {"grade": _grade, "regrade": _regrade, "validate": _validate, "export": _export, "starters": _starters}
    commands["live"] = _live
    try:
        if parsed.command not in commands:
            from grading.github_commands import COMMANDS

            return COMMANDS[parsed.command](parsed)
        return commands[parsed.command](parsed)
    except FaultsError as error:
        _complain(f"{len(error.faults)} faults:" if len(error.faults) > 1 else "1 fault:", *map(str, error.faults))
        return EXIT_USAGE
    except UsageError as error:
        _complain(str(error))
        return EXIT_USAGE
    except GraderError as error:
        _complain(f"the grader failed, and says nothing about the work: {error}")
        return EXIT_GRADER
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; nobody is left to complain to
        return EXIT_OK
    except OSError as error:
        _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
        return EXIT_GRADER
    except KeyboardInterrupt:
        _complain("interrupted; nothing was written")
        return EXIT_INTERRUPTED


def _complain(*lines: str) -> None:
    colour = wants_colour(sys.stderr)
    red, plain = ("\033[31m", "\033[0m") if colour else ("", "")
    print(f"{red}error:{plain} " + "\n  ".join(lines), file=sys.stderr)


# grade ----------------------------------------------------------------------------------------------------------------


def _grade(options: argparse.Namespace) -> int:
    from grading.model import Level, Verdict
    from grading.pipeline import Grader
    from grading.source import level_for

    with Grader(official=options.official) as grader:
        submission, assignment = _load(options)
        level = level_for(submission, assignment, Level(options.level) if options.level else None)
        if assignment.draw and options.draw is None:
            ask = "Was it exported with --draw? Then give the same number here"
            print(f"note: {assignment.id} draws its bugs, and is graded as draw 0. {ask}", file=sys.stderr)
        check_writable(options.out)
        if submission.fault is None:
            grader.prepare(assignment)
        with progress(f"Grading {assignment.id} ({level.value})", "cases") as bar:
            graded = grader.grade(
                assignment, submission, level=level, seed=options.seed, on_progress=bar, draw=options.draw or 0
            )
        _report(graded, options)
    if graded.grade.verdict is Verdict.UNGRADED:
        why = graded.evidence.grader_fault or "--private shows the check that did"
        _complain(f"something failed by the grader's own fault, so there is no score; grade again. {why}")
        return EXIT_GRADER
    return EXIT_OK


def _load(options: argparse.Namespace) -> tuple[Submission, Assignment]:
    from grading.source import load_source

    return load_source(options.source, assignment_id=options.assignment, root=options.assignment_dir or ASSIGNMENTS)


def _report(graded: Graded, options: argparse.Namespace) -> None:
    from grading.report.build import Audience
    from grading.report.html import render_html
    from grading.report.markdown import render_comment
    from grading.report.score_json import render_score
    from grading.report.terminal import render_terminal

    document = render_score(graded)
    if options.out is not None:
        written = {"score.json": document, "comment.md": render_comment(graded), "report.html": render_html(graded)}
        for name, text in written.items():
            write_whole(options.out / name, text)
    if options.json == "-":
        sys.stdout.write(document)
    else:
        if options.json is not None:
            write_whole(Path(options.json), document)
        audience = Audience.INTERVIEWER if options.private else Audience.CANDIDATE
        print(render_terminal(graded, colour=wants_colour(sys.stdout), width=width(), audience=audience))
        if options.private:
            print(f"Seed: {graded.evidence.seed}")
        if options.out is not None:
            print(f"\nWritten to {options.out}: score.json, comment.md, report.html")


# regrade --------------------------------------------------------------------------------------------------------------


def _regrade(options: argparse.Namespace) -> int:
    from grading.model import Level
    from grading.regrade import Request, read_sources, regrade

    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: expected at least 1")
    request = Request(
        sources=read_sources(options.sources, options.listed),
        out=options.out,
        root=options.assignment_dir or ASSIGNMENTS,
        level=Level(options.level),
        assignment_id=options.assignment,
        seed=options.seed,
        official=options.official,
        jobs=options.jobs,
        scheduler=options.scheduler,
        retry_ungraded=options.retry_ungraded,
        draw=options.draw,
    )
    with progress("Grading", "submissions") as bar:
        summary = regrade(request, on_progress=bar)
    troubles = [f"{row.source}: {row.error}" for row in summary.rows if row.error] if not summary.interrupted else []
    if troubles:
        more = [f"and {len(troubles) - _MOST_TROUBLES} more, in {options.out / 'index.csv'}"]
        _complain("without a grade:", *troubles[:_MOST_TROUBLES], *(more if len(troubles) > _MOST_TROUBLES else []))
    parts = {"graded": summary.graded, "graded before": summary.kept, "same as another": summary.shared}
    parts |= {"ungraded by the grader's fault": summary.ungraded, "not readable": summary.bad}
    counts = ", ".join(f"{count} {what}" for what, count in parts.items() if count) or "nothing done"
    print(f"{len(summary.rows)} sources: {counts}. Written to {options.out}: index.csv and a folder for each grade")
    if summary.interrupted:
        _complain(f"interrupted: {len(summary.rows) - summary.left} done, start again to go on")
        return EXIT_INTERRUPTED
    if summary.ungraded:
        return EXIT_GRADER
    return EXIT_USAGE if summary.bad else EXIT_OK


# validate, export, starters -------------------------------------------------------------------------------------------


def _chosen(options: argparse.Namespace, *, proof: bool = True) -> list[Assignment]:
    from grading.catalogue import assignment_folders, find_assignment, load_assignment, load_catalogue

    root = options.assignment_dir or ASSIGNMENTS
    if options.ids:
        return [find_assignment(name, [root], proof=proof) for name in dict.fromkeys(options.ids)]
    folders = assignment_folders([root])
    if not folders:
        raise UsageError(f"{root}: expected assignments, one folder each with an assignment.toml; found none")
    if proof:
        return list(load_catalogue(root))
    return [load_assignment(folder, proof=False) for _, folder in sorted(folders.items())]


def _validate(options: argparse.Namespace) -> int:
    from grading.model import Level
    from grading.validate import Effort, validate

    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: expected at least 1")
    assignments = _chosen(options)
    named = (Level(options.level),) if options.level not in (None, "all") else ()
    levels = tuple(Level) if options.level == "all" else named
    started = time.monotonic()
    with progress("Validating", "gradings") as bar:
        effort = Effort.SOAK if options.soak else Effort.QUICK if options.quick else Effort.FULL
        result = validate(assignments, levels=levels, effort=effort, jobs=options.jobs, on_progress=bar)
    if not result.rows:
        raise UsageError(f"no assignment has the level {options.level}")
    if options.json is not None:
        text = (
            json.dumps({**_validation_document(result), "wall_s": round(time.monotonic() - started, 1)}, indent=2)
            + "\n"
        )
        if options.json == "-":
            sys.stdout.write(text)
        else:
            write_whole(Path(options.json), text)
    if options.json != "-":
        _print_validation(result, matrix=options.matrix)
    return EXIT_DEVIATION if result.deviations else EXIT_OK


def _print_validation(result: Validation, *, matrix: bool) -> None:
    from grading.solutions import Kind

    header = ["assignment", "level", "checks", *(kind.value for kind in Kind), "median s", "deviations"]
    rows = [header]
    for row in result.rows:
        counts = [str(row.counts.get(kind, 0)) for kind in Kind]
        rows.append(
            [row.assignment, row.level.value, str(row.checks), *counts, f"{row.median_s:.2f}", str(len(row.deviations))]
        )
    print(table(rows, right=range(2, len(header))))
    if matrix:
        for measured in result.matrix:
            points = " ".join(f"{c}={float(p):g}/{measured.maxima[c]}" for c, p in measured.points.items())
            solution = measured.job.solution
            print(f"{measured.job.directory.name} {solution.kind.value}/{solution.name}: {points}")
            print(f"    not passed: {', '.join(measured.killed) or 'none'}")
    for row in result.rows:
        for deviation in row.deviations:
            print(f"{row.assignment} ({row.level.value}): {deviation}")
    plural = "" if len(result.rows) == 1 else "s"
    print(f"{len(result.rows)} assignment{plural}, {result.gradings} gradings, {result.deviations} deviations")


def _validation_document(result: Validation) -> dict[str, object]:
    rows = [
        {
            "assignment": row.assignment,
            "level": row.level.value,
            "checks": row.checks,
            "solutions": {kind.value: count for kind, count in row.counts.items()},
            "median_s": round(row.median_s, 3),
            "deviations": list(row.deviations),
        }
        for row in result.rows
    ]
    return {"assignments": rows, "gradings": result.gradings, "deviations": result.deviations}


def _export(options: argparse.Namespace) -> int:
    from grading.export import export_candidate
    from grading.model import Level

    names = [name for name in options.assignments.split(",") if name]
    exported = export_candidate(
        options.dest,
        candidate=options.candidate,
        assignments=names,
        draws=dict.fromkeys(names, options.draw),
        level=Level(options.level),
        due=options.due,
        assignments_root=options.assignment_dir or ASSIGNMENTS,
    )
    print(table([["branch", "commit"], *([name, commit[:12]] for name, commit in exported.branches.items())]))
    print(f"\nMade {options.dest}. Push all branches to the candidate's repository:")
    print(f"  git -C {options.dest} push --all REMOTE")
    return EXIT_OK


def _live(options: argparse.Namespace) -> int:
    from grading import live
    from grading.model import Level
    from grading.pipeline import Grader

    level = Level(options.level)
    names = [name for name in options.assignments.split(",") if name] if options.assignments else live.SESSION
    chosen = live.choose(names, level, options.assignment_dir or ASSIGNMENTS)
    if options.out is not None and options.out.resolve().is_relative_to(options.folder.resolve()):
        raise UsageError(f"--out {options.out}: lies in the candidate's folder; scores are not theirs to read yet")
    check_writable(options.out)
    made = live.set_up(options.folder, options.candidate, chosen, level, options.draw)
    print(f"{'Made' if made else 'Going on in'} {options.folder}: {', '.join(a.id for a in chosen)}")
    on_terminal = sys.stdout.isatty() and not options.once

    def show(board: live.Board) -> None:
        if on_terminal:
            text = live.render_board(board, colour=wants_colour(sys.stdout), width=width())
            print(f"\033[2J\033[H{text}\nCtrl-C ends the session.", flush=True)
        elif not board.busy and not options.once:
            print(live.render_board(board, colour=False, width=width()), flush=True)

    with Grader() as grader:
        for assignment in chosen:
            grader.prepare(assignment)
        session = live.start(options.folder, chosen, level, grader, keep=options.out, show=show, draw=options.draw)
        try:
            if options.once:
                session.look()
            else:
                session.watch()
        except KeyboardInterrupt:
            print("\nThe session is over. Run the same command to go on.")
    print(live.render_board(session.board, colour=wants_colour(sys.stdout), width=width()))
    return EXIT_OK


def _starters(options: argparse.Namespace) -> int:
    from grading.proofs import write_starters

    for assignment in _chosen(options, proof=False):
        for path in write_starters(assignment):
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return EXIT_OK
