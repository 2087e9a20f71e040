"""What an untrusted run hands back: read whole or refused, and no number that the run itself did not earn."""

import contextlib
import copy
import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.catalogue import load_assignment, load_catalogue
from grading.catalogue.own_tests import own_checks
from grading.claims import (
    MAX_CLAIMS_BYTES,
    Claims,
    Expected,
    expected_checks,
    merge,
    parse_claims,
    parse_gpu_claims,
    render_claims,
)
from grading.claims.names import is_file_name
from grading.draw import idle_checks
from grading.errors import GraderError
from grading.judge.hooks import JudgePlugin
from grading.judge.run import _run_pytest
from grading.model import (
    Blame,
    CheckResult,
    Coverage,
    Evidence,
    FailureKind,
    Flag,
    Isolation,
    Level,
    LintFinding,
    LoadFault,
    Outcome,
    Status,
    Submission,
    Verdict,
)
from grading.pipeline import Grader
from grading.sandbox.bubblewrap import probe_isolation
from grading.scoring import score_evidence
from grading.submission import load_folder

ROOT = Path(__file__).parent.parent.parent
SAMPLE = load_assignment(ROOT / "tests" / "fixtures" / "sample")
MID = Level.MID
ENVIRONMENT = "ab" * 32
GPU_CHECK = "test_sample.py::test_f1_is_the_same_on_a_machine_with_a_gpu"
FULL = probe_isolation()
needs_full = pytest.mark.skipif(
    FULL.isolation is not Isolation.FULL, reason=f"not proven here: claims of a real run; {FULL.reason}"
)


def result(expected: Expected, **changes) -> CheckResult:
    plain = CheckResult(expected.name, expected.criterion, expected.weight, informational=expected.informational)
    if expected.informational == "gpu":
        plain = dataclasses.replace(plain, outcome=Outcome.NOT_RUN)
    return dataclasses.replace(plain, **changes)


FAILED = {"outcome": Outcome.FAILED, "blame": Blame.CANDIDATE, "kind": FailureKind.WRONG_VALUE, "detail": "no"}


def evidence(**changes) -> Evidence:
    checks = tuple(map(result, expected_checks(SAMPLE, MID).values()))
    return dataclasses.replace(Evidence(checks, Isolation.FULL, seed=7, timings={"tests_s": 0.5}), **changes)


def document(**changes):
    return {**json.loads(render_claims(evidence(), ENVIRONMENT, None)), **changes}


def read(claimed) -> Claims:
    return parse_claims(json.dumps(claimed).encode(), SAMPLE, MID)


def score(claims: Claims):
    return score_evidence(claims.evidence, SAMPLE, MID)


_PLACE = "[0].file"
NO_FILES = {
    **dict.fromkeys(("/etc/passwd", "..", "../solution.py", "own/../../x.py", "a//b.py", "./x.py", "x/"), _PLACE),
    **dict.fromkeys(("a\n::error::b.py", "a\x1b[31m.py", "a\0.py", "a\u202eyp.py", "a\u2028.py"), _PLACE),
    **{"": _PLACE, "x" * 201: "maxLength"},
}


# there and back -------------------------------------------------------------------------------------------------------

SUBMISSIONS = {
    "right": load_folder(SAMPLE.reference, SAMPLE),
    "starter": load_folder(SAMPLE.directory / "starter" / "mid", SAMPLE),
    "cheat": load_folder(SAMPLE.directory / "solutions" / "cheat" / "always_equal", SAMPLE),
    "half": Submission({"solution.py": b"def f1_score(a, b):\n    return 0.0\n"}, "test"),
    "broken": Submission({"solution.py": b"def f1_score(:\n"}, "test"),
    "missing": Submission({}, "test", fault=LoadFault("solution.py", None, "missing file", "it is missing")),
    "loud": Submission({"solution.py": b"print('x' * 99999)\nraise ValueError('\\ud800 [[[[ {{{')\n"}, "test"),
}


@pytest.fixture(scope="module")
def grader():
    with Grader(official=True) as one:
        yield one


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_real_run_keeps_its_score_and_its_facts(grader, name):
    graded = grader.grade(SAMPLE, SUBMISSIONS[name], level=MID)
    text = render_claims(graded.evidence, graded.provenance.environment_sha256, None)
    claims = parse_claims(text.encode(), SAMPLE, MID)
    assert score(claims) == graded.grade
    assert claims.environment_sha256 == graded.provenance.environment_sha256
    assert claims.gpu is None
    assert claims.render() == text
    if name != "loud":  # half a surrogate pair cannot be kept
        assert claims.evidence == graded.evidence
    assert {check.name for check in claims.evidence.checks} == set(expected_checks(SAMPLE, MID))


def test_every_field_comes_back():
    checks = evidence().checks
    full = evidence(
        checks=(
            dataclasses.replace(checks[0], share=Fraction(1, 3), duration_s=1.25, detail="[{"),
            dataclasses.replace(checks[1], **FAILED),
            dataclasses.replace(checks[2], outcome=Outcome.TIMED_OUT, blame=Blame.CANDIDATE, kind=FailureKind.TIMEOUT),
            dataclasses.replace(checks[3], outcome=Outcome.ERRORED, blame=Blame.GRADER),
            dataclasses.replace(checks[4], blame=Blame.GRADER),
        ),
        load_faults=(LoadFault("solution.py", 3, "SyntaxError", "é\n"), LoadFault("solution.py", None, "x", "")),
        lint=(LintFinding("solution.py", 4, "F401", "unused"),),
        lint_error="ruff failed",
        flags=(Flag("gc", "looks", "solution.py", 9), Flag("late", "no file")),
        seed=2**63 - 1,
        output="printed\0\u2028",
        own_coverage=Coverage(passes=False, lines=3, of_lines=9, branches=0, of_branches=4),
    )
    assert parse_claims(render_claims(full, ENVIRONMENT, None).encode(), SAMPLE, MID).evidence == full
    given_up = Evidence((), Isolation.FULL, seed=1, grader_fault="the sandbox is gone")
    claims = parse_claims(render_claims(given_up, ENVIRONMENT, None).encode(), SAMPLE, MID)
    assert claims.evidence == given_up
    assert score(claims).verdict is Verdict.UNGRADED


@pytest.mark.parametrize("file", [*NO_FILES, "x/" * 150, "\ud800" * 90, "a" * 199 + "/b", "\n" * 120, "/", "../" * 70])
def test_no_file_name_keeps_a_grade_from_being_read(file):
    said = evidence(load_faults=(LoadFault(file, 1, "x", "y"),), lint=(LintFinding(file, 1, "F401", "z"),))
    found = parse_claims(render_claims(said, ENVIRONMENT, None).encode(), SAMPLE, MID).evidence
    assert (len(found.load_faults), len(found.lint)) == (1, 1)
    assert is_file_name(found.load_faults[0].file)


@pytest.mark.parametrize("file", ["solution.py", "own_tests/test_own.py", "a b.py", "..py", "\u00e9/x...py", "x" * 200])
def test_a_name_that_a_file_can_have_stays_as_it_is(file):
    said = evidence(load_faults=(LoadFault(file, 1, "x", "y"),), lint=(LintFinding(file, 1, "F401", "z"),))
    assert parse_claims(render_claims(said, ENVIRONMENT, None).encode(), SAMPLE, MID).evidence == said


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1), Fraction(5e-324), Fraction(0.1) / 7, Fraction(1, 3**900)])
def test_shares_stay_exact(share):
    first, *others = evidence().checks
    text = render_claims(evidence(checks=(dataclasses.replace(first, share=share), *others)), ENVIRONMENT, None)
    assert parse_claims(text.encode(), SAMPLE, MID).evidence.checks[0].share == share


def test_a_share_of_too_many_digits_is_brought_down_and_stays_a_share():
    first, *others = evidence().checks
    share = Fraction(10**3000 - 1, 10**3000)
    text = render_claims(evidence(checks=(dataclasses.replace(first, share=share), *others)), ENVIRONMENT, None)
    back = parse_claims(text.encode(), SAMPLE, MID).evidence.checks[0].share
    assert abs(back - share) < Fraction(1, 10**900)


def test_no_submission_can_talk_its_way_out_of_a_grade():
    checks = evidence().checks
    wide = "\U0001f600" * 8000
    found = tuple(LintFinding("f" * 200, i, "F401", wide) for i in range(9000))
    flags = tuple(Flag("gc", wide, "\ud800" * 300, i) for i in range(2000))
    loud = evidence(
        checks=tuple(dataclasses.replace(check, detail=wide) for check in checks),
        lint=found,
        flags=flags,
        load_faults=(LoadFault(wide, 1, wide, wide),) * 50,
        output=wide,
    )
    text = render_claims(loud, ENVIRONMENT, None)
    assert len(text) <= MAX_CLAIMS_BYTES
    assert score(parse_claims(text.encode(), SAMPLE, MID)) == score_evidence(loud, SAMPLE, MID)


def test_the_ledgers_copy_without_output_is_read_as_well():
    assert score(read(document(output=""))).auto == 100


# which checks there must be -------------------------------------------------------------------------------------------


def collected(assignment, level, draw=0):
    """Return what the judge itself would report, without running a test; own tests are run elsewhere."""

    def never():
        raise GraderError("collected")

    plugin = JudgePlugin(assignment, level, 1, never, never)
    plugin.idle = idle_checks(assignment, level, draw)
    _run_pytest(assignment.hidden, plugin)
    assert not plugin.collected.collection_errors
    plans = plugin.collected.plans.values()
    return {p.name: Expected(p.name, p.criterion, p.weight, p.informational) for p in plans}


@pytest.mark.parametrize("assignment", [SAMPLE, *load_catalogue(ROOT / "assignments")], ids=lambda a: a.id)
def test_the_markers_read_give_what_the_judge_reports(assignment):
    for level in assignment.levels:
        for draw in (0, 3) if assignment.draw else (0,):
            own = {name: Expected(name, criterion, 1, None) for name, criterion in own_checks(assignment, level)}
            assert expected_checks(assignment, level, draw) == collected(assignment, level, draw) | own


TRICKY = """
import pytest
from pytest import mark

pytestmark = [mark.criterion("f1", weight=2)]


def test_of_the_module(): ...
@mark.criterion("windows")
def test_of_its_own(): ...
@mark.levels("senior")
def test_of_another_level(): ...


@pytest.mark.criterion("windows", weight=7)
class TestGroup:
    def test_of_the_class(self): ...
    @pytest.mark.extension
    def test_beyond(self): ...

    class TestInner:
        @pytest.mark.parametrize("x", [1, 2])
        async def test_inside(self, x): ...


@pytest.mark.criterion("windows", weight=3)
class TestTwice:
    pytestmark = [mark.criterion("f1", weight=4), mark.criterion("windows", weight=5)]

    def test_the_first_assigned_counts(self): ...
    @mark.criterion("f1")
    @mark.criterion("windows", weight=6)
    def test_the_nearest_counts(self): ...


if True:
    @pytest.mark.gpu
    @pytest.mark.extension
    def test_of_both_kinds(): ...


def helper(): ...
class NoTest:
    def test_nothing(self): ...
"""


@pytest.fixture
def tricky(tmp_path):
    (tmp_path / "hidden" / "inside").mkdir(parents=True)
    (tmp_path / "hidden" / "test_tricky.py").write_text(TRICKY)
    (tmp_path / "hidden" / "inside" / "test_no.py").write_text("def test_no(): ...\n")
    (tmp_path / "hidden" / "oracle.py").write_text("def test_no(): ...\n")
    (tmp_path / "hidden" / "no_test.py").write_text("def test_no(): ...\n")
    return dataclasses.replace(SAMPLE, directory=tmp_path)


def test_markers_are_inherited_as_pytest_inherits_them(tricky):
    found = expected_checks(tricky, MID)
    assert {name.partition("::")[2]: (e.criterion, e.weight, e.informational) for name, e in found.items()} == {
        "test_of_the_module": ("f1", 2, None),
        "test_of_its_own": ("windows", 1, None),
        "TestGroup::test_of_the_class": ("windows", 7, None),
        "TestGroup::test_beyond": (None, 7, "extension"),
        "TestGroup::TestInner::test_inside": ("windows", 7, None),
        "TestTwice::test_the_first_assigned_counts": ("f1", 4, None),
        "TestTwice::test_the_nearest_counts": ("windows", 6, None),
        "test_of_both_kinds": (None, 2, "gpu"),
    }
    assert found == collected(tricky, MID)


@pytest.mark.parametrize(
    ("text", "says"),
    [("def test_a(:\n", "cannot be read"), ("def test_a(): ...\ndef test_a(): ...\n", "two checks are called")],
)
def test_hidden_tests_that_name_no_checks_are_the_graders_fault(tricky, text, says):
    (tricky.hidden / "test_tricky.py").write_text(text)
    with pytest.raises(GraderError, match=says):
        parse_claims(render_claims(evidence(), ENVIRONMENT, None).encode(), tricky, MID)


# lies -----------------------------------------------------------------------------------------------------------------


def change(place, **fields):
    def lie(claimed):
        claimed["checks"][place].update(fields)

    return lie


def swap(claimed):
    first, second = claimed["checks"][0], claimed["checks"][3]
    first["criterion"], second["criterion"] = second["criterion"], first["criterion"]


def but_the_first(claimed):
    del claimed["checks"][0]


def twice(claimed):
    claimed["checks"].append(copy.deepcopy(claimed["checks"][1]))


def one_for_another(claimed):
    claimed["checks"][0] = copy.deepcopy(claimed["checks"][1])


def unknown(claimed):
    claimed["checks"].append({**claimed["checks"][0], "name": "test_sample.py::test_free_points"})


def empty(claimed):
    claimed["checks"] = []


def fault_and_points(claimed):
    claimed["grader_fault"] = "no"


def fault_in(file):
    return lambda claimed: claimed["load_faults"].append({"file": file, "line": 1, "kind": "x", "message": ""})


def finding_in(file):
    return lambda claimed: claimed["lint"].append({"file": file, "line": 1, "rule": "F401", "message": ""})


LIES = {
    "leaves out a check": (but_the_first, "no such check"),
    "no check at all": (empty, "no such check"),
    "a check twice": (twice, "2 times"),
    "one check for another": (one_for_another, "no such check"),
    "a check of its own": (unknown, "test_free_points"),
    "renamed": (change(0, name="test_sample.py::test_x"), "test_x"),
    "another weight": (change(0, weight=100), "weight"),
    "no weight": (change(0, weight=0), "weight"),
    "a true weight": (change(0, weight=True), "weight"),
    "another criterion": (change(0, criterion="windows"), "criterion"),
    "criteria swapped": (swap, "criterion"),
    "carries no points": (change(0, informational="extension", criterion=None), "informational"),
    "carries points": (change(4, informational=None, criterion="f1"), "informational"),
    "passed by blame": (change(0, blame="candidate"), "nobody to blame"),
    "passed with a kind": (change(0, kind="crashed"), "nobody to blame"),
    "failed by nobody": (change(0, outcome="failed"), "candidate to blame"),
    "not run by nobody": (change(0, outcome="not_run"), "grader to blame"),
    "errored by the candidate": (change(0, outcome="errored", blame="candidate"), "grader to blame"),
    "out of time by nobody": (change(0, outcome="timed_out"), "out of time"),
    "GPU checks without a GPU": (change(4, outcome="passed"), "without a GPU"),
    "a share over 1": (change(0, share="3/2"), "from 0 to 1"),
    "a share below 0": (change(0, share="-1/2"), "pattern"),
    "a share by nothing": (change(0, share="1/0"), "pattern"),
    "a share as a number": (change(0, share=0.5), "type"),
    "a share with a line end": (change(0, share="1/2\n"), "from 0 to 1"),
    "a share without end": (change(0, share="1/" + "9" * 1001), "pattern"),
    "a time before it began": (change(0, duration_s=-1), "duration_s"),
    "a time without end": (change(0, duration_s=1e300), "duration_s"),
    "a check with more": (change(0, points=100), "points"),
    "a check as a number": (lambda d: d["checks"].append(1), "checks"),
    "too much text": (change(0, detail="x" * 8001), "maxLength"),
    "half a character": (change(0, detail="\ud800"), "UTF-8"),
    "reduced isolation": (lambda d: d.update(isolation="reduced"), "isolation"),
    "no isolation": (lambda d: d.update(isolation="none"), "isolation"),
    "a fault and points": (fault_and_points, "none beside a grader_fault"),
    "another schema": (lambda d: d.update(schema=2), "schema"),
    "a key too many": (lambda d: d.update(auto=100), "auto"),
    "a key too few": (lambda d: d.pop("lint"), "lint"),
    "a negative seed": (lambda d: d.update(seed=-1), "seed"),
    "a seed as text": (lambda d: d.update(seed="1"), "seed"),
    "an odd environment": (lambda d: d.update(environment_sha256="AB" * 32), "environment_sha256"),
    "an environment with a line end": (lambda d: d.update(environment_sha256=ENVIRONMENT + "\n"), "environment_sha256"),
    "an odd stage": (lambda d: d["timings"].update({"<b>": 1}), "timings"),
    "a negative time": (lambda d: d["timings"].update(x_s=-0.1), "timings"),
    "lint as an object": (lambda d: d.update(lint={}), "lint"),
    "too many findings": (lambda d: d.update(lint=[{"file": "", "line": 1, "rule": "", "message": ""}] * 501), "lint"),
    "a GPU without a name": (lambda d: d.update(gpu=""), "gpu"),
    "a GPU in a run without one": (lambda d: d.update(gpu="Test card"), "this run has no GPU"),
    **{f"the file {name[:20]!a} that did not load": (fault_in(name), place) for name, place in NO_FILES.items()},
    **{f"the file {name[:20]!a} in lint": (finding_in(name), place) for name, place in NO_FILES.items()},
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_and_named(name):
    lie, says = LIES[name]
    claimed = document()
    assert score(read(claimed)).auto == 100
    lie(claimed)
    with pytest.raises(GraderError) as caught:
        read(claimed)
    assert says in str(caught.value)


def test_all_faults_are_told_at_once_and_not_without_end():
    claimed = document(isolation="none")
    del claimed["checks"][0]
    claimed["checks"][0]["weight"] = 3
    with pytest.raises(GraderError) as caught:
        read(claimed)
    for told in ("isolation", "no such check", "weight"):
        assert told in str(caught.value)
    claimed["checks"] = [{} for _ in range(400)]
    with pytest.raises(GraderError) as caught:
        read(claimed)
    assert len(str(caught.value)) < 20_000
    assert str(caught.value).endswith("and more")


def test_what_a_fault_found_stands_on_one_line_in_plain_signs():
    with pytest.raises(GraderError) as caught:
        read(document(isolation="full\n::error::\x1b[31m\u202e" + "x" * 5000))
    lines = str(caught.value).split("\n")
    assert len(lines) == 2
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]
    assert len(lines[1]) < 500


TEXT = json.dumps(document())
BOMBS = {
    "nothing": b"",
    "not JSON": b"PK\3\4",
    "not UTF-8": b'{"schema": "\xff"}',
    "UTF-16": TEXT.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "a byte too many": TEXT.encode() + b" " * (MAX_CLAIMS_BYTES + 1 - len(TEXT)),
    "brackets": b"[" * MAX_CLAIMS_BYTES,
    "closed brackets": b"[" * 9 + b"]" * 9,
    "braces": b'{"a":' * 500_000,
    "a wide list": b"[" + b"0," * 2_000_000 + b"0]",
    "empty objects": b"[" + b"{}," * 1_000_000 + b"{}]",
    "quotes that never end": b'"' + b'\\"' * 2_000_000,
    "quotes": b'"' * MAX_CLAIMS_BYTES,
    "a lone backslash": b'"\\',
    "a long number": b"1" * 5000,
    "a long fraction": b"0." + b"1" * 5000,
    "no number": TEXT.replace('"seed": 7', '"seed": NaN').encode(),
    "an endless number": TEXT.replace('"seed": 7', '"seed": -Infinity').encode(),
    "an endless time": TEXT.replace('"duration_s": 0.0', '"duration_s": 1e999', 1).encode(),
    "a key twice": TEXT.replace('"seed": 7', '"seed": 7, "seed": 8').encode(),
    "a key of a check twice": TEXT.replace('"weight": 1', '"weight": 1, "weight": 1', 1).encode(),
    "a list": b"[]",
    "null": b"null",
    "two documents": TEXT.encode() * 2,
    "many texts": b"[" + b'"",' * 1_000_000 + b'""]',
}


@pytest.mark.parametrize("name", BOMBS)
def test_bytes_that_nobody_honest_writes_are_refused(name):
    for parse in (parse_claims, parse_gpu_claims):
        with pytest.raises(GraderError):
            parse(BOMBS[name], SAMPLE, MID)


def test_signs_of_structure_in_a_text_do_not_count():
    claimed = document()
    claimed["checks"][0]["detail"] = '[{,"\\' * 1500
    assert score(read(claimed)).auto == 100


# anything -------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["full", "passed", "1/2"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(document())), inner),
    max_leaves=20,
)
fuzzed = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def tried(data: bytes) -> None:
    for parse in (parse_claims, parse_gpu_claims):
        with contextlib.suppress(GraderError):
            claims = parse(data, SAMPLE, MID)
            assert isinstance(claims, Claims)
            score(claims)


@given(st.binary())
@fuzzed
def test_no_bytes_raise_anything_but_a_grader_error(data):
    tried(data)


@given(JSON)
@fuzzed
def test_no_document_raises_anything_but_a_grader_error(claimed):
    tried(json.dumps(claimed).encode())


def places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


PLACES = [path for path in places(document()) if path]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | st.just("drop")), min_size=1, max_size=3))
@fuzzed
def test_no_change_to_a_real_document_raises_anything_else_or_makes_up_checks(changes):
    claimed = document()
    for path, value in changes:
        target = claimed
        with contextlib.suppress(LookupError, TypeError):
            for key in path[:-1]:
                target = target[key]
            if value == "drop":
                del target[path[-1]]
            else:
                target[path[-1]] = value
    data = json.dumps(claimed).encode()
    tried(data)
    with contextlib.suppress(GraderError):
        claims = parse_claims(data, SAMPLE, MID)
        wanted = expected_checks(SAMPLE, MID)
        found = {c.name: Expected(c.name, c.criterion, c.weight, c.informational) for c in claims.evidence.checks}
        assert claims.evidence.grader_fault is not None or found == wanted
        assert claims.evidence.isolation is Isolation.FULL


# the GPU --------------------------------------------------------------------------------------------------------------


def gpu_evidence(**changes) -> Evidence:
    check = expected_checks(SAMPLE, MID)[GPU_CHECK]
    return Evidence((result(check, **{"outcome": Outcome.PASSED, **changes}),), Isolation.FULL, seed=3)


def gpu_claims(**changes) -> Claims:
    text = render_claims(gpu_evidence(**changes), ENVIRONMENT, "Test card")
    return parse_gpu_claims(text.encode(), SAMPLE, MID)


def test_a_gpu_run_adds_its_block_and_no_point():
    before = parse_claims(TEXT.encode(), SAMPLE, MID)
    merged = merge(before, gpu_claims())
    assert merged.gpu == "Test card"
    assert [item.status for item in score(before).informational] == [Status.NOT_ASSESSED]
    assert [item.status for item in score(merged).informational] == [Status.PASSED]
    assert dataclasses.replace(score(merged), informational=()) == dataclasses.replace(score(before), informational=())
    assert parse_claims(merged.render().encode(), SAMPLE, MID, merged=True) == merged  # as the ledger keeps it


def test_only_a_copy_of_ours_may_speak_of_a_gpu():
    kept = merge(parse_claims(TEXT.encode(), SAMPLE, MID), gpu_claims()).render().encode()
    with pytest.raises(GraderError) as caught:
        parse_claims(kept, SAMPLE, MID)
    assert "gpu: expected null: this run has no GPU; found 'Test card'" in str(caught.value)
    assert "not_run in a run without a GPU" in str(caught.value)


def test_a_failed_gpu_check_costs_nothing():
    merged = merge(parse_claims(TEXT.encode(), SAMPLE, MID), gpu_claims(**FAILED))
    assert score(merged).auto == 100
    assert [item.status for item in score(merged).informational] == [Status.FAILED]


def test_a_gpu_run_that_gave_up_changes_nothing():
    given_up = Evidence((), Isolation.FULL, grader_fault="no")
    lost = parse_gpu_claims(render_claims(given_up, ENVIRONMENT, "Test card").encode(), SAMPLE, MID)
    before = parse_claims(TEXT.encode(), SAMPLE, MID)
    assert merge(before, lost) == before
    assert merge(lost, gpu_claims()) == lost


@pytest.mark.parametrize(
    ("claimed", "says"),
    [
        (evidence(), "the hidden tests' checks"),
        (gpu_evidence(criterion="f1", informational=None), "informational"),
        (gpu_evidence(weight=9), "weight"),
        (dataclasses.replace(gpu_evidence(), checks=()), "no such check"),
        (dataclasses.replace(gpu_evidence(), isolation=Isolation.REDUCED), "isolation"),
    ],
)
def test_a_gpu_run_speaks_for_its_own_checks_only(claimed, says):
    with pytest.raises(GraderError, match=says):
        parse_gpu_claims(render_claims(claimed, ENVIRONMENT, "Test card").encode(), SAMPLE, MID)
