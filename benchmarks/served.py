"""Our warm processes, and the environment that ours run in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.places import ROOT
from benchmarks.processes import Group

LIMIT_S = 600.0


class Served:
    """A warm process that answers one JSON line to each line that it is sent."""

    def __init__(self, group: Group, command: list[str], log: Path) -> None:
        self._log = log
        words = ["/bin/sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "serve", str(log), *command]
        self._process = group.start(words, cwd=ROOT, env=our_environment())

    def send(self, line: str) -> None:
        """Send a request."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            raise RuntimeError(f"a warm grader ended: {self._log.read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(text)
        return answer


def our_environment() -> dict[str, str]:
    """Return our processes' environment: as it is, with one thread for arithmetic."""
    return {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}


def ask(served: list[Served], lines: list[str]) -> list[dict[str, Any]]:
    """Send each process its line, then wait for all answers."""
    for process, line in zip(served, lines, strict=True):
        process.send(line)
    return [process.answer() for process in served]
