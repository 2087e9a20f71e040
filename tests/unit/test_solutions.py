"""Front matter and stubs of the solutions that prove an assignment."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from grading.catalogue import load_assignment
from grading.errors import UsageError
from grading.model import Criterion, JudgedBy, Level
from grading.solutions import Kind, load_solutions, parse_patch

SAMPLE = load_assignment(Path(__file__).resolve().parents[1] / "fixtures" / "sample")
DIFF = "--- a/solution.py\n+++ b/solution.py\n"


def test_a_patch_splits_into_front_matter_and_diff():
    matter, diff = parse_patch('title = "T"\nprovenance = "own"\nloses = ["f1"]\n' + DIFF, where="x.patch")
    assert matter["loses"] == ["f1"]
    assert diff == DIFF


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('title = "T"\n', "no diff"),
        ("title = T\n" + DIFF, "not TOML"),
        ('title = "T"\nloses = []\n' + DIFF, "`provenance` is missing"),
        ('title = "T"\nprovenance = "own"\nloses = "f1"\n' + DIFF, "lists of names"),
        ('title = "T"\nprovenance = "own"\nloses = []\nlooses = []\n' + DIFF, "looses"),
    ],
)
def test_a_broken_patch_says_where_and_what(text, says):
    with pytest.raises(UsageError, match=r"x\.patch") as caught:
        parse_patch(text, where="x.patch")
    assert says in str(caught.value)


def test_the_samples_solutions_are_all_usable():
    solutions = load_solutions(SAMPLE, Level.MID)
    assert {solution.kind for solution in solutions} == set(Kind)
    assert [(s.name, s.fault) for s in solutions if s.fault] == []


def test_stubs_define_every_entry_point():
    stubs = {s.name: s for s in load_solutions(SAMPLE, Level.MID) if s.kind is Kind.STUB}
    assert {"empty", "returns-none", "returns-its-input", "swallows-everything", "exits"} == set(stubs)
    for name in ("returns-none", "returns-its-input", "swallows-everything"):
        scope: dict[str, object] = {}
        exec(stubs[name].submission.files["solution.py"], scope)  # noqa: S102 - made by us
        assert callable(scope["f1_score"])
        assert callable(scope["make_windows"])


def test_what_only_other_levels_have_cannot_be_lost(tmp_path):
    """A patch stands for all levels; a typing error in it stays a fault everywhere."""
    folder = shutil.copytree(SAMPLE.directory, tmp_path / "sample")
    patch = sorted((folder / "solutions" / "wrong").glob("*.patch"))[0]
    matter, diff = patch.read_text().split("--- a/", 1)
    head = "".join(line for line in matter.splitlines(keepends=True) if not line.startswith("may_also_lose"))
    patch.write_text(f'{head}may_also_lose = ["f1", "typo", "later"]\n--- a/{diff}')
    assignment = load_assignment(folder)
    later = Criterion("later", "Later", {Level.SENIOR: 5}, JudgedBy.TESTS, hint="x")
    rubric = replace(assignment.rubric, criteria=(*assignment.rubric.criteria, later))
    found = {s.name: s for s in load_solutions(replace(assignment, rubric=rubric), Level.MID)}
    assert found[patch.stem].may_also_lose == ("f1", "typo")


def test_a_solution_without_own_tests_is_lent_those_of_the_reference(tmp_path):
    folder = shutil.copytree(SAMPLE.directory.parent / "bug_hunt", tmp_path / "bug_hunt")
    own = folder / "solutions" / "accepted" / "plain_loops" / "own_tests" / "test_own.py"
    own.write_text("def test_nothing(): pass\n")
    lent = (folder / "solutions" / "accepted" / "reference" / "own_tests" / "test_own.py").read_bytes()
    found = {s.name: s for s in load_solutions(load_assignment(folder), Level.MID) if s.kind is Kind.ACCEPTED}
    tests = {name: s.submission.files["own_tests/test_own.py"] for name, s in found.items()}
    assert tests == {"reference": lent, "generators": lent, "plain_loops": own.read_bytes()}
