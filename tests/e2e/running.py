"""Run the real command line as its users do: a process of its own, real git, real files."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample"


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def score(self) -> dict:
        return json.loads(self.out)

    def points(self) -> dict[str, float]:
        return {c["id"]: c["points"] for c in self.score["criteria"]}


def run_command(*arguments: object, cwd: Path = ROOT, env: dict[str, str] | None = None, timeout: float = 120) -> Ran:
    command = [sys.executable, "-m", "grading", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)
