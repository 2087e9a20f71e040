"""Assignment folders: a whole one loads, a faulty one names every fault at once."""

import shutil
from pathlib import Path

import pytest

from grading.catalogue import (
    assignment_folders,
    criterion_counts,
    data_folder,
    find_assignment,
    hidden_sha256,
    load_assignment,
    load_catalogue,
    rubric_sha256,
)
from grading.errors import FaultsError, UsageError
from grading.model import EntryPoint, Level, Limits

SAMPLE = Path(__file__).parents[1] / "fixtures" / "sample"
MANIFEST = """\
id = "demo"
version = 2
title = "Demo"
minutes = {mid = 60}
pass_mark = 70
files = ["solution.py"]
entry = "solution"
preload = ["numpy"]
forbidden = ["sklearn"]
exceptions = ["ShapeError"]
data = ["sales"]
[entry_points]
f = "(x, *, epochs=1)"
Loop = "(model, /, *steps, **options)"
[dataclasses]
Result = ["history", "best_epoch"]
[limits]
test_s = 0.5
memory_mib = 512
loopback = true
[[criterion]]
id = "first"
title = "First"
points = 90
hint = "Look at the first value."
[[criterion]]
id = "style"
title = "Style"
points = 2
judged_by = "lint"
[[criterion]]
id = "talk"
title = "Talk"
points = 8
judged_by = "reviewer"
anchors = {full = "Names all.", half = "Names some.", none = "Names none."}
"""
HIDDEN = 'import pytest\n\n\n@pytest.mark.criterion("first")\ndef test_first(solution): ...\n'


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def demo(tmp_path):
    """Return a folder of an assignment without faults."""
    folder = tmp_path / "assignments" / "demo"
    write(tmp_path / "data" / "sales" / "README.md", "Sales.")
    write(folder / "assignment.toml", MANIFEST)
    write(folder / "README.md", "Build f.")
    write(folder / "tests" / "test_visible.py", "def test_f(): ...\n")
    write(folder / "hidden" / "test_demo.py", HIDDEN)
    for place in ("starter/mid", "solutions/accepted/reference", "solutions/cheat/nothing"):
        write(folder / place / "solution.py", "def f(x, *, epochs=1): ...\n")
    return folder


def faults_of(folder, **options):
    with pytest.raises(FaultsError) as caught:
        load_assignment(folder, **options)
    for fault in caught.value.faults:
        assert fault.where.startswith(f"{folder.name}/")
        assert all((fault.what, fault.expected, fault.found, fault.remedy))
        assert fault.remedy.endswith(".")
    return [str(fault) for fault in caught.value.faults]


def only_fault(folder, **options):
    faults = faults_of(folder, **options)
    assert len(faults) == 1, faults
    return faults[0]


def edit(folder, old, new):
    text = (folder / "assignment.toml").read_text(encoding="utf-8")
    assert old in text
    write(folder / "assignment.toml", text.replace(old, new))


def remove(path):
    for child in path.iterdir() if path.is_dir() else ():
        remove(child)
    path.rmdir() if path.is_dir() else path.unlink()


def test_a_whole_folder_loads(demo):
    assignment = load_assignment(demo)

    assert (assignment.id, assignment.version, assignment.title) == ("demo", 2, "Demo")
    assert assignment.directory == demo.resolve()
    assert assignment.minutes == {Level.MID: 60}
    assert assignment.levels == (Level.MID,)
    assert (assignment.files, assignment.entry) == (("solution.py",), "solution")
    assert assignment.entry_points == (
        EntryPoint("f", "(x, *, epochs=1)"),
        EntryPoint("Loop", "(model, /, *steps, **options)"),
    )
    assert assignment.dataclasses == {"Result": ("history", "best_epoch")}
    assert (assignment.exceptions, assignment.preload, assignment.forbidden) == (
        ("ShapeError",),
        ("numpy",),
        ("sklearn",),
    )
    assert assignment.limits == Limits(test_s=0.5, memory_mib=512, loopback=True)
    assert [c.id for c in assignment.rubric.criteria] == ["first", "style", "talk"]


def test_data_paths_start_below_the_nearest_data_folder(demo):
    assert load_assignment(demo).data == ("sales",)
    assert data_folder(demo) == demo.parents[1].resolve() / "data"


def test_the_sample_assignment_has_no_fault():
    sample = load_assignment(SAMPLE)

    assert sample.id == "sample"
    assert set(criterion_counts(sample, Level.MID)) == {"f1", "windows"}
    assert all(criterion_counts(sample, Level.MID).values())


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("version = 2", "version = 0", ["version", "an integer ≥ 1", "found 0."]),
        ("version = 2", "version = true", ["version", "found true."]),
        ("version = 2", "vresion = 2\nversion = 1", ["vresion", 'Did you mean "version"?']),
        ('id = "demo"', 'id = "other"', ["id", "the folder's name", '"other"', "Rename one of the two."]),
        ('id = "demo"', "", ["id", "found nothing."]),
        ('title = "Demo"', "", ["title", "found nothing."]),
        ("minutes = {mid = 60}", "minutes = {mid = 0}", ["minutes: mid", "1 to 1440", "found 0."]),
        ('files = ["solution.py"]', "files = []", ["files", "at least one", "found []."]),
        ('files = ["solution.py"]', 'files = ["solution.py", "solution.py"]', ["files", "each text once"]),
        ('files = ["solution.py"]', 'files = ["solution.py", "../x.py"]', ["files", "relative paths", "../x.py"]),
        ('files = ["solution.py"]', 'files = ["solution.py", "/x.py"]', ["files", "relative paths", "/x.py"]),
        ('files = ["solution.py"]', 'files = ["solution.py", "README.md"]', ["files", "the candidate changes"]),
        ('files = ["solution.py"]', 'files = ["solution.py", 3]', ["files", "not blank", "found 3."]),
        ('entry = "solution"', 'entry = "solutions"', ["entry", "solution.py", 'Did you mean "solution"?']),
        ('entry = "solution"', 'entry = "solution.py"', ["entry", "a Python name", '"solution.py"']),
        ('entry = "solution"', 'entry = "class"', ["entry", "a Python name"]),
        ('["numpy"]', '["scikit-learn"]', ["preload", 'Did you mean "sklearn"?']),
        ('["numpy"]', '["jax"]', ["preload", "numpy, pandas, scipy, sklearn, torch", '"jax"']),
        ('["numpy"]', '["sklearn"]', ["forbidden", "not in preload", '"sklearn"']),
        ('["sklearn"]', '["scikit-learn"]', ["forbidden", "a Python name"]),
        ('["ShapeError"]', '["Shape Error"]', ["exceptions", "a Python name"]),
        ('["ShapeError"]', '"ShapeError"', ["exceptions", "a list of texts"]),
        ('data = ["sales"]', 'data = ["sale"]', ["data", "data/sale", "nothing there"]),
        ('data = ["sales"]', 'data = ["data/sales"]', ["data", 'Write "sales"']),
        ('data = ["sales"]', 'data = ["../data"]', ["data", "relative paths"]),
        ('"(x, *, epochs=1)"', '"x, epochs"', ["entry_points: f", "parameters in brackets", "does not parse"]),
        ('"(x, *, epochs=1)"', '"(x"', ["entry_points: f", "does not parse"]),
        ('"(x, *, epochs=1)"', '"(x) -> int"', ["entry_points: f", "carries types"]),
        ('"(x, *, epochs=1)"', '"(x: int)"', ["entry_points: f", "carries types"]),
        ('"(x, *, epochs=1)"', '"(x=np.nan)"', ["entry_points: f", "no literal (np.nan)"]),
        ('"(x, *, epochs=1)"', '"(x): import os #"', ["entry_points: f"]),
        ('"(x, *, epochs=1)"', "3", ["entry_points: f", "found 3."]),
        ('Result = ["history", "best_epoch"]', "Result = []", ["dataclasses: Result", "at least one"]),
        ('Result = ["history", "best_epoch"]', 'Result = ["1st"]', ["dataclasses: Result", "a Python name"]),
        ("test_s = 0.5", "test_s = 0", ["limits: test_s", "over 0 and at most 600", "found 0."]),
        ("test_s = 0.5", "test_s = 601", ["limits: test_s", "found 601."]),
        ("test_s = 0.5", 'test_s = "1 s"', ["limits: test_s", '"1 s"']),
        ("memory_mib = 512", "memory_mib = 1", ["limits: memory_mib", "from 64 to 65536"]),
        ("memory_mib = 512", "processes = 0", ["limits: processes", "from 1 to 4096"]),
        ("memory_mib = 512", "memory = 512", ["limits: memory", 'Did you mean "memory_mib"?']),
        ("loopback = true", "loopback = 1", ["limits: loopback", "true or false"]),
        ("points = 90", "points = 91", ["points at mid", "a sum of 100", "found 101."]),
    ],
)
def test_each_fault_of_the_manifest_is_named(demo, old, new, parts):
    edit(demo, old, new)
    fault = only_fault(demo)

    for part in ["demo/assignment.toml", *parts]:
        assert part in fault


def test_unknown_levels_in_minutes_are_named(demo):
    edit(demo, "minutes = {mid = 60}", "minutes = {mid = 60, expert = 90}")

    assert "minutes: expert: expected a known key (junior, mid, senior)" in only_fault(demo)


@pytest.mark.parametrize("minutes", ["minutes = {}", "minutes = 60", ""])
def test_minutes_offer_at_least_one_level(demo, minutes):
    edit(demo, "minutes = {mid = 60}", minutes)

    assert "minutes: expected a table with at least one key" in only_fault(demo)


def test_an_entry_point_may_belong_to_some_levels(demo):
    edit(demo, "minutes = {mid = 60}", "minutes = {mid = 60, senior = 90}")
    edit(demo, 'f = "(x, *, epochs=1)"', 'f = {signature = "(x, *, epochs=1)", levels = ["senior"]}')
    for kind in ("starter", "solutions"):
        for folder in (demo / kind).glob("mid"):
            shutil.copytree(folder, folder.with_name("senior"))
    assert load_assignment(demo).entry_points[0] == EntryPoint("f", "(x, *, epochs=1)", (Level.SENIOR,))


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ('{signature = "(x)", levels = ["expert"]}', "levels on offer (mid)"),
        ('{signature = "(x)", levels = []}', "levels: expected a list of texts with at least one"),
        ('{signature = "(x)"}', "levels"),
        ('{levels = ["mid"]}', "signature"),
        ('{signature = "(x", levels = ["mid"]}', "does not parse"),
        ('{signature = "(x)", levels = ["mid"], level = "mid"}', 'Did you mean "levels"?'),
    ],
)
def test_faults_of_an_entry_point_of_some_levels_are_named(demo, value, part):
    edit(demo, 'f = "(x, *, epochs=1)"', f"f = {value}")
    fault = only_fault(demo)
    assert "entry_points: f" in fault
    assert part in fault


def test_entry_points_are_needed(demo):
    edit(demo, '[entry_points]\nf = "(x, *, epochs=1)"\nLoop = "(model, /, *steps, **options)"\n', "")

    assert "entry_points: expected a table with at least one key; found nothing." in only_fault(demo)


def test_broken_toml_says_where(demo):
    edit(demo, 'title = "Demo"', "title = Demo")

    fault = only_fault(demo)
    assert fault.startswith("demo/assignment.toml: line 3, column 9: expected valid TOML; found Invalid value.")


def test_broken_toml_hides_no_fault_of_the_folder(demo):
    edit(demo, 'title = "Demo"', "title = ")
    remove(demo / "README.md")
    remove(demo / "hidden" / "test_demo.py")

    faults = faults_of(demo)
    assert [fault.partition(": ")[0] for fault in faults] == [
        "demo/assignment.toml",
        "demo/README.md",
        "demo/hidden/",
    ]


def test_a_manifest_that_is_not_utf_8_says_where(demo):
    (demo / "assignment.toml").write_bytes(MANIFEST.replace("Demo", "D\xe9mo").encode("latin-1"))

    assert "demo/assignment.toml: line 3: expected UTF-8 text; found byte 0xe9." in only_fault(demo)


def test_a_folder_without_a_manifest_says_so(demo):
    remove(demo / "assignment.toml")

    assert "demo/assignment.toml: file: expected a file that can be read" in only_fault(demo)


@pytest.mark.parametrize(
    ("path", "where", "found"),
    [
        ("README.md", "demo/README.md", "nothing"),
        ("tests", "demo/tests/", "no such folder"),
        ("tests/test_visible.py", "demo/tests/", "no such file"),
        ("hidden", "demo/hidden/", "no such folder"),
        ("starter", "demo/starter/mid/", "nothing"),
        ("starter/mid/solution.py", "demo/starter/mid/: solution.py", "nothing"),
        ("solutions", "demo/solutions/accepted/reference/", "nothing"),
        ("solutions/accepted/reference/solution.py", "demo/solutions/accepted/reference/: solution.py", "nothing"),
        ("solutions/cheat/nothing/solution.py", "demo/solutions/cheat/nothing/: solution.py", "nothing"),
    ],
)
def test_each_missing_part_of_the_folder_is_named(demo, path, where, found):
    remove(demo / path)
    fault = only_fault(demo)

    assert fault.startswith(where)
    assert f"found {found}." in fault


def test_every_accepted_solution_is_laid_out_like_a_submission(demo):
    write(demo / "solutions" / "accepted" / "other" / "main.py", "")

    assert "demo/solutions/accepted/other/: solution.py" in only_fault(demo)


def test_a_starter_of_a_level_that_is_not_offered_is_named(demo):
    write(demo / "starter" / "senior" / "solution.py", "")

    assert "demo/starter/senior/: folder: expected a level on offer (mid)" in only_fault(demo)


def test_a_declared_folder_must_be_there(demo):
    edit(demo, 'files = ["solution.py"]', 'files = ["solution.py", "own_tests/"]')
    write(demo / "starter" / "mid" / "own_tests" / "test_own.py", "")

    assert "reference/: own_tests/: expected this folder" in only_fault(demo)


def test_all_faults_of_folder_and_manifest_come_together(demo):
    edit(demo, "version = 2", "version = 0\nfoo = 1")
    edit(demo, "points = 90", "points = 80")
    edit(demo, 'data = ["sales"]', 'data = ["nowhere"]')
    remove(demo / "README.md")
    remove(demo / "starter")

    faults = faults_of(demo)
    for part in ("version: exp", "foo", "a sum of 100", "data/nowhere", "demo/README.md", "demo/starter/mid/"):
        assert sum(part in fault for fault in faults) == 1, part
    assert len(faults) == 6


def test_without_proof_the_manifest_and_hidden_tests_are_enough(demo):
    for path in ("README.md", "tests", "starter", "solutions"):
        remove(demo / path)
    write(demo / "hidden" / "test_demo.py", "def test_not_marked_yet(): ...\n")

    assert load_assignment(demo, proof=False).id == "demo"
    remove(demo / "hidden")
    assert "demo/hidden/: test_*.py" in only_fault(demo, proof=False)


def hidden(demo, text, name="test_demo.py"):
    write(demo / "hidden" / name, "import pytest\nfrom pytest import mark\n\n" + text)


def test_checks_are_counted_at_their_levels_without_importing_them(demo):
    edit(demo, "minutes = {mid = 60}", "minutes = {mid = 60, senior = 90}")
    write(demo / "starter" / "senior" / "solution.py", "")
    hidden(
        demo,
        """\
raise SystemExit("imported")

@pytest.mark.criterion("first", weight=3)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_check_however_many_parameters(solution, n): ...

@mark.criterion("first")
@pytest.mark.levels("senior")
async def test_senior_only(solution): ...

@pytest.mark.gpu
def test_on_a_gpu(solution): ...

if True:
    @pytest.mark.criterion("first")
    def test_under_a_condition(solution): ...

def helper(): ...

@pytest.mark.criterion("first")
class TestGroup:
    def test_inherits(self, solution): ...

    @pytest.mark.levels("mid")
    def test_mid(self, solution):
        def test_nested(): ...

    @pytest.mark.extension
    class TestMore:
        pass

class Helper:
    def test_not_collected(self): ...
""",
    )
    write(demo / "hidden" / "inside" / "test_model.py", "def test_is_no_check(): ...\n")
    hidden(demo, 'pytestmark = [pytest.mark.criterion("first")]\n\ndef test_by_module(): ...\n', "test_more.py")
    assignment = load_assignment(demo)

    assert criterion_counts(assignment, Level.MID) == {"first": 5}
    assert criterion_counts(assignment, Level.SENIOR) == {"first": 5}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("def test_x(): ...", ["test_demo.py:9", "test_x: criterion", "found no such marker"]),
        ('@mark.criterion("frist")\ndef test_x(): ...', ["test_demo.py:10", '"frist"', 'Did you mean "first"?']),
        ('@mark.criterion("talk")\ndef test_x(): ...', ['"talk", which is judged by reviewer']),
        ('@mark.gpu\n@mark.criterion("first")\ndef test_x(): ...', ["no criterion on a test marked gpu"]),
        ("@mark.criterion(FIRST)\ndef test_x(): ...", ["the id as plain text", "found @mark.criterion(FIRST)."]),
        ("@mark.criterion\ndef test_x(): ...", ["found @mark.criterion."]),
        ('@mark.criterion("first", weight=0)\ndef test_x(): ...', ["weight, an integer ≥ 1"]),
        ('@mark.criterion("first", wieght=2)\ndef test_x(): ...', ["no other argument than weight"]),
        ('@mark.criterion("first")\n@mark.levels("expert")\ndef test_x(): ...', ["levels", "junior, mid, senior"]),
        ('@mark.criterion("first")\n@mark.levels()\ndef test_x(): ...', ["levels", "found @mark.levels()."]),
    ],
)
def test_each_faulty_marker_is_named_with_its_line(demo, text, parts):
    hidden(demo, f'@mark.criterion("first")\ndef test_first():\n    ...\n\n\n{text}\n')
    fault = only_fault(demo)

    for part in ["demo/hidden/test_demo.py", *parts]:
        assert part in fault


@pytest.mark.parametrize("name", ["demo_test.py", "more/demo_test.py", "_test.py"])
def test_a_file_that_pytest_alone_would_take_for_tests_is_named(demo, name):
    hidden(demo, '@mark.criterion("first")\ndef test_never_run(): ...\n', name)
    fault = only_fault(demo)

    assert f"demo/hidden/{name}: file name: expected test_*.py" in fault
    assert "for example to test_" in fault
    assert criterion_counts(load_assignment(demo, proof=False), Level.MID) == {"first": 1}


@pytest.mark.parametrize("name", ["test_more_test.py", "inside/slow_test.py", ".copies/demo_test.py"])
def test_a_file_that_ends_alike_but_is_run_or_is_no_test_is_no_fault(demo, name):
    hidden(demo, '@mark.criterion("first")\ndef test_more(): ...\n', name)

    assert load_assignment(demo, proof=False) == load_assignment(demo)


def test_a_criterion_without_a_check_is_named_with_its_levels(demo):
    edit(demo, "minutes = {mid = 60}", "minutes = {mid = 60, senior = 90}")
    write(demo / "starter" / "senior" / "solution.py", "")
    hidden(demo, '@mark.levels("mid")\n@mark.criterion("first")\ndef test_first(): ...\n')

    assert 'demo/hidden/: criterion "first" at senior: expected at least one hidden test' in only_fault(demo)


def test_a_check_without_points_does_not_stand_for_a_criterion(demo):
    hidden(demo, "@mark.gpu\ndef test_first(): ...\n")

    assert 'criterion "first" at mid' in only_fault(demo)


@pytest.mark.parametrize("name", ["test_demo.py", "oracle.py", "inside/__init__.py"])
def test_hidden_code_that_does_not_parse_is_named(demo, name):
    write(demo / "hidden" / name, "x = (\n")

    assert f"demo/hidden/{name}:1: syntax: expected valid Python" in only_fault(demo)


def test_counts_of_tests_that_cannot_be_read_are_refused(demo):
    assignment = load_assignment(demo)
    write(demo / "hidden" / "test_demo.py", "def (\n")

    with pytest.raises(FaultsError, match=r"test_demo\.py:1: syntax"):
        criterion_counts(assignment, Level.MID)


def test_a_catalogue_is_sorted_and_skips_what_caches_leave_behind(demo):
    root = demo.parent
    for name in ("zeta", "alpha"):
        copy = root / name
        for path in demo.rglob("*"):
            if path.is_file():
                write(copy / path.relative_to(demo), path.read_text(encoding="utf-8").replace('"demo"', f'"{name}"'))
    write(root / "old" / "__pycache__" / "x.pyc", "")
    write(root / ".cache" / "x", "")
    write(root / "README.md", "All assignments.")

    assert [assignment.id for assignment in load_catalogue(root)] == ["alpha", "demo", "zeta"]


def test_a_catalogue_reports_the_faults_of_all_assignments(demo):
    write(demo.parent / "broken" / "README.md", "No manifest here.")
    edit(demo, "version = 2", "version = 0")

    with pytest.raises(FaultsError) as caught:
        load_catalogue(demo.parent)
    assert {fault.where.partition("/")[0] for fault in caught.value.faults} == {"broken", "demo"}


def test_an_assignment_is_found_in_a_folder_of_assignments_or_is_the_folder(demo):
    assert find_assignment("demo", [demo.parent]).id == "demo"
    assert find_assignment("demo", [demo]).id == "demo"
    assert find_assignment("sample", [demo.parent, SAMPLE]).id == "sample"
    assert list(assignment_folders([demo.parent, SAMPLE])) == ["demo", "sample"]


def test_the_first_root_that_has_an_id_counts(demo, tmp_path):
    other = tmp_path / "private" / "demo"
    write(other / "assignment.toml", MANIFEST.replace("version = 2", "version = 9"))
    write(other / "hidden" / "test_demo.py", HIDDEN)

    assert find_assignment("demo", [other.parent, demo.parent], proof=False).version == 9
    assert find_assignment("demo", [demo.parent, other.parent], proof=False).version == 2


def test_an_unknown_id_lists_the_known_ones(demo):
    with pytest.raises(UsageError) as caught:
        find_assignment("dmeo", [demo.parent, SAMPLE])

    message = str(caught.value)
    for part in ("expected one of demo, sample", 'found "dmeo"', 'Did you mean "demo"?', str(demo.parent)):
        assert part in message


def test_an_id_unlike_any_other_says_what_to_do(demo):
    with pytest.raises(UsageError, match="Choose one of them, or name another folder of assignments"):
        find_assignment("xyz", [demo.parent])


def test_a_root_that_does_not_exist_is_the_callers_mistake(tmp_path):
    for call in (lambda: load_catalogue(tmp_path / "no"), lambda: find_assignment("demo", [tmp_path / "no"])):
        with pytest.raises(UsageError, match="expected a folder of assignments; found nothing at"):
            call()


def test_the_hidden_hash_follows_names_and_contents_and_no_cache(demo):
    assignment = load_assignment(demo)
    first = hidden_sha256(assignment)
    write(demo / "hidden" / "__pycache__" / "test_demo.pyc", "cache")
    assert hidden_sha256(assignment) == first

    write(demo / "hidden" / "inside" / "__init__.py", "")
    second = hidden_sha256(assignment)
    write(demo / "hidden" / "inside" / "__init__.py", "A = 1\n")
    third = hidden_sha256(assignment)
    (demo / "hidden" / "inside" / "__init__.py").rename(demo / "hidden" / "inside" / "a.py")
    assert len({first, second, third, hidden_sha256(assignment)}) == 4


def test_the_rubric_hash_follows_the_rubric_and_not_its_layout(demo):
    first = rubric_sha256(load_assignment(demo))
    edit(demo, "points = 90\n", "# Most of it.\npoints   =   {mid = 90}\n")
    edit(demo, 'title = "Demo"', 'title = "Another title"')
    assert rubric_sha256(load_assignment(demo)) == first

    edit(demo, "{mid = 90}", "{mid = 90}\nfloor = 0.5")
    assert rubric_sha256(load_assignment(demo)) != first
