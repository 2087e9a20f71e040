"""The floor: a warm process with the libraries and an optimizer loaded, one fork a submission, no isolation.

Reads "GRADE count" lines and answers with one JSON line. Arguments: the rendered tests, the submission.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch._dynamo


def warm_up() -> None:
    """Take one step with the optimizer, so that what torch sets up at first use is there."""
    assert np.__version__
    assert pd.__version__
    torch.set_num_threads(1)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 2)).sum().backward()
    optimizer.step()
    gc.collect()
    gc.freeze()


def grade(source: str, tests: str) -> int:
    """Run the twelve tests in this process; return the points."""
    names: dict[str, object] = {}
    exec(compile(source, "solution.py", "exec"), names)  # noqa: S102 - that is what the floor does
    exec(compile(tests, "tests.py", "exec"), names)  # noqa: S102
    points = 0
    for name, worth in names["POINTS"].items():  # type: ignore[attr-defined]
        try:
            names[name]()  # type: ignore[operator]
        except Exception:  # noqa: BLE001, S112 - the candidate's failure
            continue
        points += worth
    return points


def grade_in_fork(source: str, tests: str) -> int:
    """Fork, grade, and take the points from the exit status (100 fit)."""
    pid = os.fork()
    if pid == 0:
        os._exit(grade(source, tests))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> int:
    """Serve until standard input ends."""
    tests, source = (Path(argument).read_text() for argument in sys.argv[1:3])
    warm_up()
    for line in sys.stdin:
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        scores = [grade_in_fork(f"{source}\n# submission {n}\n", tests) for n in range(int(line.split()[1]))]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
        answer = {"wall_s": time.perf_counter() - started, "rusage_cpu_s": used, "scores": scores}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
