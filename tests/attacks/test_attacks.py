"""Every cheat of the corpus earns nothing, learns nothing and leaves nothing behind."""

import os
from pathlib import Path

import pytest

from grading.model import Isolation, Level
from grading.pipeline import Grader
from grading.sandbox.bubblewrap import probe_isolation
from grading.submission import load_folder
from tests.attacks.arena import ASSIGNMENT, SAMPLE, attempt, corpus

CHEATS = corpus()
MAX_S = 40
MAX_GROWTH_MIB = 200

pytestmark = pytest.mark.isolation


@pytest.fixture(scope="module")
def grader():
    capability = probe_isolation()
    if capability.isolation is not Isolation.FULL:
        reason = f"not proven here: that {len(CHEATS)} cheats earn nothing; {capability.reason}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Grader(official=True) as one:
        yield one


def resident_mib() -> float:
    fields = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


def test_the_corpus_is_wide():
    assert len(CHEATS) >= 150
    kinds = {"exit", "runner", "comparator", "report", "secrets", "resources", "special-casing", "white-box"}
    assert {cheat.kind for cheat in CHEATS} == kinds


def test_an_honest_solution_is_not_hurt_by_the_short_limits(grader):
    honest = load_folder(SAMPLE / "solutions" / "accepted" / "reference", ASSIGNMENT)
    assert grader.grade(ASSIGNMENT, honest, level=Level.MID).grade.auto == 100


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.path.stem)
def test_a_cheat_gains_nothing(grader, cheat):
    before = resident_mib()
    result = attempt(grader, cheat)
    assert result.gained == {}
    assert not result.ungraded, "a cheat must not look like the grader's fault"
    assert result.leaks == ()
    assert result.survivors == ()
    assert result.seconds < MAX_S
    assert resident_mib() - before < MAX_GROWTH_MIB


def test_an_honest_solution_keeps_its_points_after_all_of_them(grader):
    honest = load_folder(SAMPLE / "solutions" / "accepted" / "reference", ASSIGNMENT)
    assert grader.grade(ASSIGNMENT, honest, level=Level.MID).grade.auto == 100
