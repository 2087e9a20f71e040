"""Fuzz the borders with coverage as a guide: `python -m tests.fuzz.run --seconds 300`. Exit 1 when one breaks.

The targets are the property tests beside this file; atheris (libFuzzer) chooses their inputs by the code they reach. An
input that breaks one is kept below `build/fuzz`, and hypothesis prints it in full.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "fuzz"
TARGETS = ("codec bytes", "codec trees", "codec values", "submission folders", "submission texts", "reports")
_GRACE_S = 120


def write_seeds(folder: Path) -> None:
    """Write one honest frame of every kind of value, from which the fuzzer of raw bytes goes on."""
    import numpy as np
    import pandas as pd
    import torch

    from grading.sandbox import codec

    times = pd.date_range("2024-01-01", periods=3, tz="UTC")
    values: list[object] = [None, True, -7, 1.5, "text", b"bytes", [1, (2, {"a": {3}})], slice(1, 9, 2), 2j]
    values += [np.arange(6.0).reshape(2, 3), np.array([True]), np.array(["2024-01-01"], dtype="M8[ns]")]
    values += [torch.ones(2, 2), torch.arange(3), torch.float32, torch.Size([2]), pd.Timestamp("2024-01-01", tz="UTC")]
    values += [pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]}, index=times), pd.Series([1.0], name="s"), times]
    for number, value in enumerate(values):
        (folder / f"{number:02}").write_bytes(codec.pack(value))


def fuzz(name: str, seconds: int) -> tuple[int, bool, str]:
    """Fuzz one target in a process and a folder of its own; return executions, whether it broke, what it said last."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        if name == "codec bytes":
            write_seeds(corpus)
        return _fuzz(name, seconds, corpus, {**os.environ, "TMPDIR": folder})


def _fuzz(name: str, seconds: int, corpus: Path, environment: Mapping[str, str]) -> tuple[int, bool, str]:
    prefix = KEPT / f"{name.replace(' ', '-')}-"
    command = [sys.executable, "-m", "tests.fuzz.atheris_targets", name, f"-max_total_time={seconds}"]
    command += ["-timeout=60", "-rss_limit_mb=4096", f"-artifact_prefix={prefix}", str(corpus)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + _GRACE_S,
        check=False,
    )
    said = done.stdout + done.stderr
    runs = [int(number) for number in re.findall(r"(?:Done |^#)(\d+)", said, re.MULTILINE)]
    return max(runs, default=0), done.returncode != 0 or not runs, said[-3000:]


def main() -> int:
    """Fuzz each target for its share of the time and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for all targets together (default: 300)")
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    names = [options.target] if options.target else list(TARGETS)
    broken = 0
    for name in names:
        runs, broke, said = fuzz(name, max(1, options.seconds // len(names)))
        broken += broke
        print(f"{name:<20} {runs:>9,} executions  {'BROKE, see ' + str(KEPT) if broke else 'no crash'}", flush=True)
        if broke:
            print(said)
    return int(broken > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
