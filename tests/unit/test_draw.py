"""Draws: which bugs a seed picks, the starters that hold them, and which checks count."""

import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from grading.catalogue import criterion_counts, load_assignment, run_files
from grading.catalogue.draw import bugs_of_checks, load_pool
from grading.draw import draw_of, idle_checks, possible_starters, starter_files
from grading.errors import FaultsError, UsageError
from grading.export import export_candidate, find_leaks, task_files
from grading.measure import Job, Measured
from grading.model import Level, Submission
from grading.pipeline import Grader
from grading.report.build import Audience
from grading.report.markdown import render_comment
from grading.report.score_json import score_document
from grading.sandbox.tools import read_history
from grading.solutions import Kind, Solution
from grading.submission import load_folder
from grading.validate import _bug_deviations

HUNT = Path(__file__).parent.parent / "fixtures" / "bug_hunt"
SAMPLE = HUNT.parent / "sample"
MID = Level.MID


@pytest.fixture(scope="module")
def hunt():
    return load_assignment(HUNT)


@pytest.fixture(scope="module")
def grader():
    with Grader() as started:
        yield started


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(HUNT, tmp_path / "bug_hunt", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "bug_hunt"


# which bugs -----------------------------------------------------------------------------------------------------------


def test_a_seed_draws_the_same_bugs_each_time_and_so_many_of_each_criterion(hunt):
    criterion = {bug.name: bug.criterion for bug in load_pool(hunt)}
    for seed in range(20):
        drawn = draw_of(hunt, MID, seed)
        assert drawn == draw_of(hunt, MID, seed)
        assert Counter(criterion[name] for name in drawn) == {"data": 2, "training": 2}


def test_seeds_reach_every_choice(hunt):
    assert len({draw_of(hunt, MID, seed) for seed in range(200)}) == 3 * 3
    assert len({draw_of(hunt, MID, seed) for seed in (2**62, -5, 10**30)}) >= 1


def test_a_bug_that_joins_the_pool_changes_only_draws_that_it_comes_up_in(hunt, copy):
    text = (copy / "solutions/bugs/window_lost.patch").read_text()
    (copy / "solutions/bugs/window_short.patch").write_text(text.replace("- window\n", "- window - 1\n"))
    larger = load_assignment(copy, proof=False)
    for seed in range(40):
        drawn = draw_of(larger, MID, seed)
        if "window_short" not in drawn:
            assert drawn == draw_of(hunt, MID, seed)


def test_bugs_that_change_the_same_line_are_never_drawn_together(copy):
    text = (copy / "solutions/bugs/window_lost.patch").read_text()
    (copy / "solutions/bugs/window_short.patch").write_text(text.replace("- window\n", "- window - 1\n"))
    larger = load_assignment(copy, proof=False)
    draws = [draw_of(larger, MID, seed) for seed in range(60)]
    assert any("window_short" in drawn for drawn in draws)
    assert not [drawn for drawn in draws if {"window_short", "window_lost"} <= set(drawn)]
    with pytest.raises(UsageError, match="changes lines that another drawn bug changes too"):
        starter_files(larger, MID, ["window_lost", "window_short"])


def test_a_pool_of_bugs_that_all_clash_is_refused(copy):
    text = (copy / "solutions/bugs/window_lost.patch").read_text()
    for path in (copy / "solutions/bugs").glob("split_*.patch"):
        path.unlink()
    (copy / "solutions/bugs/window_short.patch").write_text(text.replace("- window\n", "- window - 1\n"))
    with pytest.raises(UsageError, match="every choice has bugs that change the same lines"):
        draw_of(load_assignment(copy, proof=False), MID, 1)


def test_without_a_pool_nothing_is_drawn():
    sample = load_assignment(SAMPLE)
    assert draw_of(sample, MID, 5) == ()
    assert idle_checks(sample, MID, 5) == frozenset()
    assert list(possible_starters(sample, MID)) == []
    assert run_files(sample) == ()


# starters and checks --------------------------------------------------------------------------------------------------


def test_every_pair_of_bugs_fits_into_one_starter(hunt):
    right = starter_files(hunt, MID, ())["solution.py"].splitlines()
    for pair in combinations([bug.name for bug in load_pool(hunt)], 2):
        lines = starter_files(hunt, MID, pair)["solution.py"].splitlines()
        assert sum(a != b for a, b in zip(right, lines, strict=True)) == 2, pair


def test_only_the_checks_of_drawn_bugs_count(hunt):
    bug_of = bugs_of_checks(hunt)
    for seed in range(10):
        counted = {bug for name, bug in bug_of.items() if name not in idle_checks(hunt, MID, seed)}
        assert counted == set(draw_of(hunt, MID, seed))
    assert criterion_counts(hunt, MID)["data"] == 3
    assert criterion_counts(hunt, MID, idle_checks(hunt, MID, 4))["data"] == 2


@pytest.mark.parametrize("seed", [0, 3])
def test_a_drawn_starter_earns_nothing_and_mending_one_bug_earns_its_part(hunt, grader, seed):
    drawn = draw_of(hunt, MID, seed)
    assert graded(hunt, grader, seed, drawn).grade.auto == 0
    evidence = graded(hunt, grader, seed, drawn[1:]).evidence
    passed = {bugs_of_checks(hunt)[c.name] for c in evidence.checks if c.name in bugs_of_checks(hunt) and not c.blame}
    assert passed == {drawn[0]}


def test_the_reference_passes_every_draw_and_the_whole_pool(hunt, grader):
    for draw, checks in ((None, 6), (0, 4), (9, 4)):
        result = grader.grade(hunt, load_folder(hunt.reference, hunt), level=MID, draw=draw)
        assert result.grade.auto == 100
        assert len([c for c in result.evidence.checks if c.criterion != "own_tests"]) == checks


def test_interviewers_read_the_draw_and_candidates_do_not(hunt, grader):
    result = graded(hunt, grader, 9, ())
    assert score_document(result)["provenance"]["draw"] == 9
    assert "draw 9" in render_comment(result, audience=Audience.INTERVIEWER)
    assert "draw 9" not in render_comment(result)
    every_check = grader.grade(hunt, load_folder(hunt.reference, hunt), level=MID, draw=None)
    assert score_document(every_check)["provenance"]["draw"] is None


def graded(hunt, grader, seed, bugs):
    files = {name: text.encode() for name, text in starter_files(hunt, MID, bugs).items()}
    return grader.grade(hunt, Submission(files, "test"), level=MID, draw=seed)


def test_validate_names_a_bug_that_passes_its_own_check(hunt):
    (check,) = (name for name, bug in bugs_of_checks(hunt).items() if bug == "bias_stays")
    for kind, name in ((Kind.WRONG, "bias_stays"), (Kind.STARTER, "draw 7")):
        job = Job(HUNT, MID, Solution(kind, name, Submission({}, "test")))
        measured = Measured(job, 0, 0, {}, {}, killed=(), checks=(check,), suite_s=0.0)
        assert list(_bug_deviations(hunt, [measured])) == [
            f"{kind.value}/{name}: has the bug bias_stays and passes its check {check}"
        ]


# export ---------------------------------------------------------------------------------------------------------------


def test_export_hands_out_the_drawn_starter_and_no_seed(hunt, tmp_path):
    seed = next(n for n in range(1, 50) if draw_of(hunt, MID, n) != draw_of(hunt, MID, 0))
    made = export_candidate(
        tmp_path / "c.git",
        candidate="Ada",
        assignments=["bug_hunt"],
        level=MID,
        assignments_root=HUNT.parent,
        draws={"bug_hunt": seed},
    )
    files = task_files(hunt, MID, None, seed)
    text = files["assignments/bug_hunt/solution.py"]
    assert text.decode() == starter_files(hunt, MID, draw_of(hunt, MID, seed))["solution.py"]
    assert text != task_files(hunt, MID, None)["assignments/bug_hunt/solution.py"]
    assert text in {item.data for item in read_history(str(made.path))}
    task = files["assignments/bug_hunt/task.toml"].decode()
    assert "draw" not in task
    assert task.count("hidden = 2") == 2
    assert find_leaks(made.path, [hunt]) == []


def test_a_grader_without_solutions_is_told_what_it_needs(hunt):
    names = {path.relative_to(HUNT).as_posix() for path in run_files(hunt)}
    assert {"solutions/bugs/bias_stays.patch", "solutions/variants/windows_reversed.patch"} <= names
    assert {f"solutions/accepted/{name}/solution.py" for name in ("reference", "generators", "plain_loops")} <= names
    assert not [name for name in names if name.startswith("solutions/wrong/")]


# faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("assignment.toml", "data = 2", "data = 4", "at least 4 bugs in its pool; found 3 at mid"),
        ("assignment.toml", "data = 2", "date = 2", 'Did you mean "data"?'),
        ("hidden/test_bugs.py", 'bug("bias_stays")', 'bug("bias_stay")', 'Did you mean "bias_stays"?'),
        ("hidden/test_bugs.py", '@pytest.mark.bug("bias_stays")\n', "", "one of its own at mid; found none"),
        ("hidden/test_bugs.py", 'bug("bias_stays")', "bug(NAME)", '@pytest.mark.bug("name"), the name as plain text'),
        ("solutions/bugs/bias_stays.patch", '["training"]', '["data"]', 'expected "data", as its bug'),
        ("solutions/bugs/bias_stays.patch", '["training"]', '["style"]', "a criterion that bugs are drawn for"),
        ("solutions/bugs/bias_stays.patch", "provenance", "from", "unknown keys"),
    ],
)
def test_faults_of_a_pool_are_named(copy, file, before, after, expected):
    text = (copy / file).read_text()
    assert text.count(before) == 1
    (copy / file).write_text(text.replace(before, after))
    with pytest.raises(FaultsError) as caught:
        load_assignment(copy)
    assert expected in str(caught.value)
