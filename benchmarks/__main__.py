"""`python -m benchmarks`: time this grader beside others, on one assignment, in one run."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from benchmarks.machine import describe_machine
from benchmarks.measure import Bench, Plan, Samples, WrongScoreError
from benchmarks.peers import PEERS
from benchmarks.places import BUILD, HERE, OUR_PYTHON, ROOT
from benchmarks.results import Validation, compare, render_json, render_markdown, render_text

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time this grader beside GitHub Classroom's way, gradescope-utils, otter-grader and the floor. "
        "Writes RESULTS.md and results.json. A full run takes about 20 minutes on two idle cores.",
    )
    parser.add_argument("--submissions", type=_positive, default=500, metavar="N", help="ours in bulk (500)")
    parser.add_argument("--peer-submissions", type=_positive, default=20, metavar="N", help="each peer's in bulk (20)")
    parser.add_argument("--cold", type=_positive, default=9, metavar="N", help="cold runs of each, and of check (9)")
    parser.add_argument("--linear", action="store_true", help="go on to 5,000 of ours: does the cost stay the same?")
    parser.add_argument("--quick", action="store_true", help="few runs, to try it; the figures mean little")
    validate = parser.add_mutually_exclusive_group()
    validate.add_argument(
        "--validate", type=Path, metavar="FILE", help="take validate's time from an earlier run's file"
    )
    validate.add_argument("--measure-validate", action="store_true", help="run validate (minutes) and keep its file")
    parser.add_argument(
        "--add-to", type=Path, metavar="RESULTS", help="measure nothing but validate, and add it to these results"
    )
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where the results go (benchmarks)")
    return parser


def main() -> int:
    """Measure, print, write."""
    options = make_parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    plan = Plan(options.submissions, options.peer_submissions, options.cold, options.linear)
    if options.quick:
        plan = Plan(submissions=16, peer_submissions=4, cold=2)
    try:
        validation = _read_validation(options.validate) if options.validate else None
        if options.add_to is not None:
            return _add(options.add_to, options.out, validation or _run_validate())
        machine = describe_machine()
        _say("setting the peers up")
        peers = {peer.title: peer.version for peer in PEERS}
        if options.measure_validate:
            validation = _run_validate()
        samples = Bench(plan, _say).run()
    except KeyboardInterrupt:
        _say("interrupted; nothing was written")
        return EXIT_INTERRUPTED
    except (OSError, ValueError, RuntimeError, WrongScoreError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or ""
        _say(f"error: {error}\n{detail}".strip())
        return EXIT_USAGE if isinstance(error, ValueError) else EXIT_FAILED
    bars = compare(samples, validation)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(render_json(bars, samples, plan, machine, peers))
    (options.out / "RESULTS.md").write_text(render_markdown(bars, samples, plan, machine, peers))
    print(render_text(bars, samples))
    print(f"\nWritten to {options.out}: RESULTS.md, results.json")
    return 0


def _add(results: Path, out: Path, validation: Validation) -> int:
    """Put validate's time beside what an earlier run measured."""
    document = json.loads(results.read_text())
    samples, plan = Samples(**document["samples"]), Plan(**document["plan"])
    bars = compare(samples, validation)
    machine, peers = document["machine"], document["peers"]
    (out / "results.json").write_text(render_json(bars, samples, plan, machine, peers))
    (out / "RESULTS.md").write_text(render_markdown(bars, samples, plan, machine, peers))
    print(render_text(bars, samples))
    return 0


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _interrupt(number: int, _: FrameType | None) -> None:
    """Raise once; while we clean up, further signals are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least 1")
    return int(text)


def _read_validation(path: Path) -> Validation:
    document = json.loads(path.read_text())
    if "wall_s" not in document:
        raise ValueError(f"{path}: expected wall_s, the run's seconds; found none. Make it with --measure-validate")
    return Validation(float(document["wall_s"]), len({row["assignment"] for row in document["assignments"]}))


def _run_validate() -> Validation:
    """Time `validate` over all assignments; keep its result, with the time, below build/bench."""
    _say("validate: all assignments")
    started = time.perf_counter()
    command = [str(OUR_PYTHON), "-m", "grading", "validate", "--json", "-", "--jobs", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            out, _ = process.communicate()
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise RuntimeError(f"validate: exit status {process.returncode}; expected 0. Run it alone to see why")
    kept = BUILD / "validate.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"wall_s": time.perf_counter() - started, **json.loads(out)}, indent=1) + "\n")
    return _read_validation(kept)


if __name__ == "__main__":
    sys.exit(main())
