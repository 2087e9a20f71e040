"""A machine that behaves badly: its clock jumps, its network is gone, its processes are many."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from grading.catalogue import load_assignment
from grading.model import Level
from grading.pipeline import Grader
from grading.submission import load_folder
from tests.e2e.running import ROOT, SAMPLE

REFERENCE = SAMPLE / "solutions" / "accepted" / "reference"
GRADE = [sys.executable, "-m", "grading", "grade", str(REFERENCE), "--assignment-dir", str(SAMPLE), "--json", "-"]


def test_a_clock_that_jumps_by_days_changes_nothing(monkeypatch):
    day = 24 * 3600
    jumps = itertools.cycle([0, day, -day, 30 * day])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    assignment = load_assignment(SAMPLE)
    with Grader() as grader:
        graded = grader.grade(assignment, load_folder(REFERENCE, assignment), level=Level.MID)
    assert graded.grade.auto == 100


def test_no_network_is_needed():
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("not proven here: that grading needs no network; it takes root and `unshare`")
    done = subprocess.run([unshare, "--net", *GRADE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["auto"] == 100, done.stderr


def test_a_thousand_other_processes_do_not_matter():
    others = subprocess.Popen(
        ["/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do sleep 60 & i=$((i+1)); done; echo up; wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert others.stdout is not None
        assert others.stdout.readline() == b"up\n"
        done = subprocess.run(GRADE, cwd=ROOT, capture_output=True, text=True, check=False)
        assert json.loads(done.stdout)["auto"] == 100, done.stderr
    finally:
        os.killpg(others.pid, 9)
        others.communicate()
