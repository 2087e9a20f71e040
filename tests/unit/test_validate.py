"""What counts as a deviation: told of measured gradings, and of a real assignment that is broken on purpose."""

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.measure import Job, Measured
from grading.model import Level, Submission
from grading.solutions import Kind, Solution
from grading.validate import Effort, deviations_of, validate

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "sample"


def measured(kind: Kind, points: dict[str, int], *, loses=(), may=(), error=None) -> Measured:
    solution = Solution(kind, "some", Submission({}, "some"), loses=tuple(loses), may_also_lose=tuple(may))
    exact = {name: Fraction(value) for name, value in points.items()}
    maxima = dict.fromkeys(points, 50)
    auto = sum(exact.values(), Fraction(0))
    job = Job(SAMPLE, Level.MID, solution)
    return Measured(job, auto, 50 * len(points), exact, maxima, ("test_a",), ("test_a", "test_b"), 0.1, error)


RIGHT = {
    "starter": measured(Kind.STARTER, {"f1": 0, "windows": 0}),
    "stub": measured(Kind.STUB, {"f1": 5, "windows": 0}),
    "accepted": measured(Kind.ACCEPTED, {"f1": 50, "windows": 50}),
    "wrong": measured(Kind.WRONG, {"f1": 10, "windows": 50}, loses=["f1"]),
    "wrong, with a loss it may have": measured(Kind.WRONG, {"f1": 0, "windows": 1}, loses=["f1"], may=["windows"]),
    "cheat": measured(Kind.CHEAT, {"f1": 0, "windows": 0}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_should_be_is_no_deviation(name):
    assert list(deviations_of(RIGHT[name])) == []


DEVIATIONS = {
    "starter with points": (measured(Kind.STARTER, {"f1": 1, "windows": 0}), "no automatic point"),
    "generous stub": (measured(Kind.STUB, {"f1": 6, "windows": 0}), "at most 5"),
    "accepted loses": (measured(Kind.ACCEPTED, {"f1": 49, "windows": 50}), "test_a"),
    "wrong keeps all": (measured(Kind.WRONG, {"f1": 50, "windows": 50}, loses=["f1"]), "expected a loss in f1"),
    "wrong loses more": (measured(Kind.WRONG, {"f1": 0, "windows": 0}, loses=["f1"]), "windows without saying so"),
    "wrong names nothing": (measured(Kind.WRONG, {"f1": 0, "windows": 50}), "at least one criterion"),
    "wrong names unknown": (measured(Kind.WRONG, {"f1": 0, "windows": 50}, loses=["f1", "f2"]), "f2"),
    "cheat gains": (measured(Kind.CHEAT, {"f1": 0, "windows": 1}), "no automatic point"),
    "ungraded": (measured(Kind.ACCEPTED, {}, error="the sandbox is gone"), "the sandbox is gone"),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_each_deviation_is_told(name):
    case, says = DEVIATIONS[name]
    found = list(deviations_of(case))
    assert len(found) >= 1
    assert says in " ".join(found)


@pytest.mark.slow
def test_a_broken_assignment_shows_every_kind_of_deviation(tmp_path):
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLE, folder)
    reference = folder / "solutions" / "accepted" / "reference" / "solution.py"
    (folder / "starter" / "mid" / "solution.py").write_text(reference.read_text())
    (folder / "solutions" / "wrong" / "target_only.patch").write_text(
        'title = "No longer applies"\nprovenance = "own"\nloses = ["windows"]\n'
        "--- a/solution.py\n+++ b/solution.py\n@@ -1,1 +1,1 @@\n-no such line\n+nothing\n"
    )
    shutil.rmtree(folder / "solutions" / "cheat")
    shutil.copytree(folder / "solutions" / "accepted" / "loops", folder / "solutions" / "cheat" / "honest")
    hidden = folder / "hidden" / "test_sample.py"
    hidden.write_text(
        hidden.read_text()
        + '\n\n@pytest.mark.criterion("f1")\ndef test_nothing(solution):\n    solution.f1_score([1], [1])\n'
    )
    result = validate([load_assignment(folder)], jobs=2)
    text = "\n".join(result.rows[0].deviations)
    assert "starter/mid: expected no automatic point" in text
    assert "starter/mid/solution.py: differs" in text
    assert "wrong/target_only" in text
    assert "cheat/honest: expected no automatic point" in text
    assert "hidden test test_sample.py::test_nothing: catches no wrong solution" in text
    assert "visible test" in text
    assert result.deviations == len(result.rows[0].deviations)


def test_a_quick_look_grades_two_wrong_solutions_for_each_criterion():
    quick = validate([load_assignment(SAMPLE)], effort=Effort.QUICK, jobs=2)
    full = validate([load_assignment(SAMPLE)], jobs=2)
    assert quick.deviations == full.deviations == 0
    kinds = {kind: quick.rows[0].counts[kind] for kind in Kind}
    assert kinds == {**full.rows[0].counts, Kind.WRONG: kinds[Kind.WRONG]}
    losses = [
        criterion for m in quick.matrix if m.job.solution.kind is Kind.WRONG for criterion in m.job.solution.loses
    ]
    assert min(losses.count(criterion) for criterion in ("f1", "windows")) == 2
    assert quick.gradings < full.gradings
