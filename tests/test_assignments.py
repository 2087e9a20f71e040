"""What must be true of every assignment's folder; `make validate` proves the rest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grading.catalogue import criterion_counts, load_catalogue
from grading.model import Assignment, JudgedBy
from grading.proofs import drifted_starters
from grading.sandbox.bubblewrap import probe_isolation
from grading.solutions import load_wrong

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = load_catalogue(ROOT / "assignments")
GRADE = """
import sys
from dataclasses import replace
from pathlib import Path
from grading.catalogue import load_assignment
from grading.pipeline import Grader
from grading.submission import load_folder

assignment = load_assignment(Path(sys.argv[1]), proof=False)
honest = load_folder(assignment.reference, assignment)
loud = b"\\nimport sys\\nif 'torch' in sys.modules: raise ImportError('torch is loaded in the worker')\\n"
name = assignment.entry + ".py"
submission = replace(honest, files={**honest.files, name: honest.files[name] + loud})
with Grader() as grader:
    graded = grader.grade(assignment, submission, level=assignment.levels[-1])
lost = [check.name for check in graded.evidence.checks if check.outcome not in ("passed", "not_run")]
print(len(graded.evidence.checks), lost, "torch" in sys.modules)
"""


@pytest.fixture(params=CATALOGUE, ids=lambda assignment: assignment.id)
def assignment(request) -> Assignment:
    return request.param


def test_the_catalogue_is_not_empty():
    assert {"early_stopping", "imbalanced_classification", "timeseries_windows"} <= {a.id for a in CATALOGUE}


def test_starters_are_what_the_reference_gives(assignment):
    assert list(drifted_starters(assignment)) == []


def test_there_are_enough_solutions_of_each_kind(assignment):
    folders = [path for path in assignment.accepted.iterdir() if path.is_dir()]
    cheats = [path for path in (assignment.directory / "solutions" / "cheat").iterdir() if path.is_dir()]
    wrong = list(load_wrong(assignment))
    assert len(folders) >= 3
    assert len(cheats) >= 2
    assert len(wrong) >= 12
    assert [(solution.name, solution.fault) for solution in wrong if solution.fault] == []


def test_every_level_sums_to_100_of_which_15_are_manual(assignment):
    for level in assignment.levels:
        criteria = assignment.rubric.at(level)
        assert sum(c.points[level] for c in criteria) == 100
        assert sum(c.points[level] for c in criteria if c.judged_by is JudgedBy.REVIEWER) == 13
        assert sum(c.points[level] for c in criteria if c.judged_by is JudgedBy.LINT) == 2


def test_every_tested_criterion_has_hidden_checks(assignment):
    for level in assignment.levels:
        counts = criterion_counts(assignment, level)
        tested = [c.id for c in assignment.rubric.at(level) if c.judged_by is JudgedBy.TESTS]
        assert all(counts.get(name, 0) >= 1 for name in tested), counts


def test_the_readme_names_every_entry_point_and_criterion(assignment):
    readme = (assignment.directory / "README.md").read_text()
    for point in assignment.entry_points:
        assert point.name in readme
    for criterion in assignment.rubric.criteria:
        assert all(str(points) in readme for points in criterion.points.values())
    assert re.search(r"python -m grading check", readme)
    assert any(str(minutes) in readme for minutes in assignment.minutes.values())


def test_torch_free_assignments_import_no_torch(assignment):
    if "torch" in assignment.preload:
        pytest.skip("this one is about torch")
    sources = [*assignment.directory.rglob("*.py"), *assignment.directory.rglob("*.patch")]
    pattern = re.compile(r"^\+?\s*(import|from) torch\b", flags=re.MULTILINE)
    assert [str(path) for path in sources if pattern.search(path.read_text())] == []


@pytest.mark.isolation
@pytest.mark.skipif(probe_isolation().isolation == "none", reason="not proven here: what a worker has loaded")
def test_torch_free_assignments_load_torch_neither_in_the_worker_nor_in_the_judge(assignment):
    if "torch" in assignment.preload:
        pytest.skip("this one is about torch")
    command = [sys.executable, "-c", GRADE, str(assignment.directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    checks, lost_and_torch = done.stdout.strip().split(" ", 1)
    assert lost_and_torch == "[] False"
    assert int(checks) > 10


def test_levels_compare(assignment):
    """A criterion has one id at all levels, and most of them are shared."""
    ids = [{c.id for c in assignment.rubric.at(level)} for level in assignment.levels]
    assert len(set.intersection(*ids)) >= len(ids[0]) - 1


def test_inside_code_holds_nothing_of_the_hidden_tests(assignment):
    for path in assignment.inside.rglob("*.py"):
        text = path.read_text()
        assert "oracle" not in re.findall(r"^\s*(?:import|from)\s+(\w+)", text, flags=re.MULTILINE)
        assert "def test_" not in text
