"""A rubric is read whole or not at all, and every fault in it is named at once."""

import tomllib
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.model import Anchors, Credit, JudgedBy, Level
from grading.rubric import parse_rubric

WHERE = "early_stopping/assignment.toml"
MID = (Level.MID,)

GOOD = """
pass_mark = 70
[[criterion]]
id = "restore"
title = "Best weights come back"
points = 60
floor = 0.1
hint = "Compare the weights with those of the best epoch."
[[criterion]]
id = "curve"
title = "Curve"
points = 30
credit = "measured"
judged_by = "own_tests"
hint = "Write a test for each bug."
[[criterion]]
id = "style"
title = "Style (ruff)"
points = 2
judged_by = "lint"
[[criterion]]
id = "code_quality"
title = "Code quality"
points = 8
judged_by = "reviewer"
anchors = {full = "Reads well.", half = "Reads with effort.", none = "Cannot be read."}
"""


def parse(text, levels=MID):
    return parse_rubric(tomllib.loads(text, parse_float=Decimal), where=WHERE, levels=levels)


def faults_of(text, levels=MID):
    rubric, faults = parse(text, levels)
    assert rubric is None
    assert faults
    for fault in faults:
        assert fault.where.startswith(WHERE)
        assert all((fault.what, fault.expected, fault.found, fault.remedy))
        assert fault.remedy.endswith(".")
    return [str(fault) for fault in faults]


def only_fault(text, levels=MID):
    faults = faults_of(text, levels)
    assert len(faults) == 1, faults
    return faults[0]


def one(extra="", points="points = 100", hint='hint = "Look again."'):
    return f'pass_mark = 70\n[[criterion]]\nid = "a"\ntitle = "A"\n{points}\n{hint}\n{extra}\n'


def test_a_good_rubric_is_read_in_order():
    rubric, faults = parse(GOOD)

    assert faults == []
    assert rubric.pass_mark == 70
    assert [c.id for c in rubric.criteria] == ["restore", "curve", "style", "code_quality"]
    assert [c.points for c in rubric.criteria] == [{Level.MID: n} for n in (60, 30, 2, 8)]
    assert [c.judged_by for c in rubric.criteria] == [
        JudgedBy.TESTS,
        JudgedBy.OWN_TESTS,
        JudgedBy.LINT,
        JudgedBy.REVIEWER,
    ]
    assert [c.credit for c in rubric.criteria][:2] == [Credit.PER_TEST, Credit.MEASURED]
    assert rubric.criteria[3].anchors == Anchors("Reads well.", "Reads with effort.", "Cannot be read.")


def test_a_floor_is_exact():
    rubric, _ = parse(GOOD)

    assert rubric.criteria[0].floor == Fraction(1, 10)
    assert rubric.criteria[1].floor is None


def test_floats_of_an_ordinary_parser_are_taken_as_they_are_written():
    rubric, _ = parse_rubric(tomllib.loads(GOOD), where=WHERE, levels=MID)

    assert rubric.criteria[0].floor == Fraction(1, 10)


def test_points_by_level_leave_levels_out():
    text = one("", "points = {junior = 100, mid = 40}") + (
        '[[criterion]]\nid = "b"\ntitle = "B"\npoints = {mid = 60, senior = 100}\nhint = "Look."\n'
    )
    rubric, faults = parse(text, tuple(Level))

    assert faults == []
    assert [c.id for c in rubric.at(Level.JUNIOR)] == ["a"]
    assert [c.id for c in rubric.at(Level.MID)] == ["a", "b"]
    assert [c.id for c in rubric.at(Level.SENIOR)] == ["b"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (one("pionts = 3"), ["pionts", "a known key", 'Did you mean "points"?']),
        (one("floor = 0"), ["floor", "over 0 and at most 1", "found 0."]),
        (one("floor = 1.5"), ["floor", "at most 1", "found 1.5."]),
        (one("floor = nan"), ["floor", "found NaN."]),
        (one("floor = inf"), ["floor", "found Infinity."]),
        (one("floor = 1e-99999999"), ["floor", "1E-99999999"]),
        (one("floor = true"), ["floor", "found true."]),
        (one('floor = "half"'), ["floor", 'found "half".']),
        (one('judged_by = "test"'), ["judged_by", 'Did you mean "tests"?']),
        (one('credit = "some"'), ["credit", "per_test, all, measured"]),
        (one("judged_by = 3"), ["judged_by", "found 3."]),
        (one(hint=""), ["hint", "text on one line", "found nothing."]),
        (one(hint='hint = "  "'), ["hint", 'found "  ".']),
        (one('judged_by = "own_tests"', hint=""), ["hint", "found nothing."]),
        (one("anchors = {full = 'f', half = 'h', none = 'n'}"), ["anchors", "judged_by is tests", "Delete it"]),
        (one('judged_by = "reviewer"'), ["anchors", "full, half and none", "found nothing."]),
        (one('judged_by = "reviewer"\nanchors = {full = "f", half = "h"}'), ["anchors: none", "found nothing."]),
        (
            one('judged_by = "reviewer"\nanchors = {full="f",half="h",none="n",nome="x"}'),
            ["nome", 'Did you mean "none"?'],
        ),
        (one('judged_by = "lint"\ncredit = "all"'), ["credit", "judged_by is lint", "Delete it."]),
        (one(points="points = 0"), ["points", "an integer ≥ 1", "found 0."]),
        (one(points="points = -5"), ["points", "found -5."]),
        (one(points="points = true"), ["points", "an integer ≥ 1", "found true."]),
        (one(points="points = 100.0"), ["points", "an integer ≥ 1", "found 100.0."]),
        (one(points=""), ["points", "found nothing."]),
        (one(points="points = {}"), ["points", "at least one key", "found an empty table."]),
        (one(points="points = {mid = 0}"), ["points: mid", "found 0."]),
        (one(points="points = {mid = true}"), ["points: mid", "found true."]),
        (one(points="points = {mid = 100, senor = 1}"), ["senor", 'Did you mean "senior"?']),
        (one(points="points = {mid = 100, senior = 100}"), ["points: senior", "minutes offers (mid)", "Add senior"]),
        (one(points="points = 99"), ["points at mid", "a sum of 100", "found 99.", "Add 1."]),
        (one(points="points = 130"), ["points at mid", "found 130.", "Take 30 away."]),
    ],
)
def test_each_fault_of_a_criterion_is_named(text, parts):
    fault = only_fault(text)

    for part in ['criterion "a"' if "points at" not in parts[0] else WHERE, *parts]:
        assert part in fault


@pytest.mark.parametrize("name", ["Restore", "best-weights", "1st", "", "a b", "é", "a\\n"])
def test_ids_that_no_marker_could_carry_are_refused(name):
    assert "id" in only_fault(one().replace('id = "a"', f'id = "{name}"'))


def test_a_criterion_without_an_id_is_found_by_its_number():
    assert "criterion 1: id" in only_fault(one().replace('id = "a"\n', ""))


@pytest.mark.parametrize("mark", ["0", "101", "true", '"70"', "70.0"])
def test_a_pass_mark_out_of_range_is_refused(mark):
    fault = only_fault(one().replace("pass_mark = 70", f"pass_mark = {mark}"))

    assert "pass_mark" in fault
    assert "an integer from 1 to 100" in fault


def test_a_repeated_id_is_refused():
    text = one(points="points = 50")
    fault = only_fault(text + text.partition("\n")[2])

    assert 'criterion "a": id' in fault
    assert "no other criterion" in fault


@pytest.mark.parametrize("text", ["pass_mark = 70", "pass_mark = 70\ncriterion = []", "pass_mark = 70\n[criterion]"])
def test_a_rubric_needs_criteria(text):
    assert "at least one [[criterion]] table" in only_fault(text)


def test_a_criterion_must_be_a_table():
    assert "criterion 1: expected a table; found 3." in only_fault("pass_mark = 70\ncriterion = [3]")


def test_an_offered_level_without_criteria_is_named():
    fault = only_fault(one(points="points = {mid = 100}"), (Level.MID, Level.SENIOR))

    assert "points at senior: expected at least one criterion" in fault


def test_every_fault_is_reported_at_once():
    text = GOOD.replace("pass_mark = 70", "pass_mark = 0").replace("floor = 0.1", "floor = 2\ntypo = 1")
    text = text.replace('id = "curve"', 'id = "Curve"').replace('half = "Reads with effort.", ', "")
    faults = faults_of(text.replace("points = 30", "points = 31"))

    assert len(faults) == 6
    for part in ("pass_mark", "floor", "typo", 'criterion "Curve": id', "anchors: half", "a sum of 100"):
        assert any(part in fault for fault in faults), part


def test_no_sum_is_given_while_points_cannot_be_read():
    faults = faults_of(GOOD.replace("points = 30", 'points = "thirty"'))

    assert not any("sum" in fault for fault in faults)


def test_a_message_reads_as_designed():
    assert only_fault(one(points="points = 0")) == (
        'early_stopping/assignment.toml: criterion "a": points: expected an integer ≥ 1; found 0. '
        "Write points = 1, or what fits."
    )


def rubric_text(points):
    tables = [f'[[criterion]]\nid = "c{n}"\ntitle = "C"\npoints = {p}\nhint = "Look."\n' for n, p in enumerate(points)]
    return "pass_mark = 70\n" + "".join(tables)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_a_level_passes_exactly_when_its_points_sum_to_100(points):
    rubric, faults = parse(rubric_text(points))

    assert (rubric is not None) == (sum(points) == 100)
    assert all(f"found {sum(points)}." in str(fault) for fault in faults)


@given(st.lists(st.integers(1, 99), max_size=6, unique=True))
def test_points_cut_from_100_are_always_accepted(cuts):
    edges = [0, *sorted(cuts), 100]
    points = [high - low for low, high in pairwise(edges)]
    rubric, faults = parse(rubric_text(points))

    assert faults == []
    assert sum(c.points[Level.MID] for c in rubric.at(Level.MID)) == 100


@given(st.integers(1, 10**6), st.integers(0, 6))
def test_floors_equal_the_written_decimal(digits, places):
    exact = Fraction(digits, 10**places)
    written = f"{Decimal(digits).scaleb(-places):f}"
    rubric, faults = parse(one(f"floor = {written}"))

    assert (faults == []) == (exact <= 1)
    if rubric:
        assert rubric.criteria[0].floor == exact


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("id", "title", "points", "judged_by", "credit", "floor", "hint", "anchors")


@given(json_like, st.lists(st.dictionaries(st.sampled_from(KEYS), json_like), max_size=3) | json_like)
def test_no_table_makes_the_reader_fall_over(pass_mark, criteria):
    rubric, faults = parse_rubric({"pass_mark": pass_mark, "criterion": criteria}, where=WHERE, levels=MID)

    assert (rubric is None) == bool(faults)
    assert all(str(fault).startswith(WHERE) for fault in faults)
