"""What the untrusted run is handed, that it grades from that alone, and which devices its sandbox shows."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from grading import bundle
from grading.bundle import EVIDENCE, GPU_EVIDENCE, GRADER, REQUEST, SUBMISSION, RunRequest, read_bundle, write_bundle
from grading.catalogue import load_assignment, run_files
from grading.claims import expected_checks, merge, parse_claims, parse_gpu_claims
from grading.errors import FaultsError, IsolationError, UsageError
from grading.judge.run import run_hidden_tests
from grading.model import Flag, Isolation, Level, Limits, LoadFault, Outcome, Status, Submission, Verdict
from grading.pipeline import Grader
from grading.sandbox.bubblewrap import OVERRIDE, find_gpu, outer_command, probe_isolation, showing
from grading.sandbox.host import Zygote, ZygoteKey
from grading.scoring import score_evidence
from grading.submission import MAX_FILE_BYTES, load_folder

ROOT = Path(__file__).parent.parent.parent
SAMPLE = load_assignment(ROOT / "tests" / "fixtures" / "sample")
MID = Level.MID
REQUESTED = RunRequest("sample", MID)
REFERENCE = load_folder(SAMPLE.reference, SAMPLE)
GPU_CHECK = "test_sample.py::test_f1_is_the_same_on_a_machine_with_a_gpu"
FULL = probe_isolation()
needs_full = pytest.mark.skipif(
    FULL.isolation is not Isolation.FULL, reason=f"not proven here: runs of a bundle; {FULL.reason}"
)
ODD = Submission(
    files={"solution.py": bytes(range(256)), "a/b.py": b"", "é.py": "é".encode()},
    source="org/candidate",
    commit="a" * 40,
    ref="solve/sample",
    flags=(Flag("gc", "looks\n", "solution.py", 3), Flag("late", "no file")),
    fault=LoadFault("solution.py", None, "binary", "is binary"),
)
SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python before 3.11.4 has none


def made(folder: Path, submission: Submission = REFERENCE, assignment=SAMPLE, request=REQUESTED) -> Path:
    write_bundle(folder, submission, assignment, request, ROOT)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    with tarfile.open(folder / GRADER) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


# what is in it --------------------------------------------------------------------------------------------------------


def test_a_bundle_comes_back_as_it_was(tmp_path):
    assert read_bundle(made(tmp_path / "bundle", ODD)) == (ODD, REQUESTED)
    assert read_bundle(tmp_path / "bundle")[0].sha256 == ODD.sha256
    assert sorted(path.name for path in (tmp_path / "bundle").iterdir()) == sorted([GRADER, REQUEST, SUBMISSION])


def test_equal_inputs_give_equal_bytes_without_owner_and_time(tmp_path):
    first = made(tmp_path / "first")
    time.sleep(1.1)  # gzip would note the second
    second = made(tmp_path / "second")
    for name in (GRADER, REQUEST, SUBMISSION):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    with tarfile.open(first / GRADER) as archive:
        entries = archive.getmembers()
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname, e.mode, e.isreg()) for e in entries} == {
        (0, 0, 0, "", "", 0o644, True)
    }
    assert [e.name for e in entries] == sorted(e.name for e in entries)


def test_the_run_gets_one_assignment_without_what_only_authors_need(tmp_path):
    assignment = load_assignment(ROOT / "assignments" / "timeseries_windows")
    reference = load_folder(assignment.reference, assignment)
    names = contents(made(tmp_path / "bundle", reference, assignment, RunRequest(assignment.id, MID)))
    home = f"assignments/{assignment.id}/"
    assert {name.split("/")[0] for name in names} <= {"grading", ".github", "assignments", "data"} | {
        path.name for path in ROOT.glob("requirements*.txt")
    }
    assert {f"{home}assignment.toml", f"{home}README.md", "requirements.txt", ".github/candidate/pyproject.toml"} <= {
        *names
    }
    assert all(name.startswith(home) for name in names if name.startswith("assignments/"))
    assert {path.name for path in assignment.hidden.glob("*.py")} <= {Path(name).name for name in names}
    needed = {home + path.relative_to(assignment.directory).as_posix() for path in run_files(assignment)}
    private = ("solutions", "GUIDE.md", "NOTES.md")
    assert {name for name in names if name.startswith(tuple(home + part for part in private))} == needed
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert {name for name in names if name.startswith("data/")} == {
        f"data/timeseries_windows/{path.name}" for path in (ROOT / "data" / "timeseries_windows").iterdir()
        if path.is_file()
    }  # fmt: skip


def test_another_assignments_data_stays_behind(tmp_path):
    assert not [name for name in contents(made(tmp_path / "bundle")) if name.startswith("data/")]
    whole = b"".join(contents(tmp_path / "bundle").values())
    assert b"HIDDEN-CANARY-sample" in whole
    assert whole.count(b"HIDDEN-CANARY") == 1


@pytest.mark.parametrize("there", ["nothing", "an empty folder"])
def test_a_bundle_is_made_where_nothing_is(tmp_path, there):
    if there == "an empty folder":
        (tmp_path / "bundle").mkdir()
    made(tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_bundle_covers_nothing_up(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="empty folder"):
        made(tmp_path / "bundle")
    assert [path.name for path in tmp_path.rglob("*")] == ["bundle", "mine.txt"]
    with pytest.raises(UsageError, match="expected this repository"):
        write_bundle(tmp_path / "other", REFERENCE, SAMPLE, REQUESTED, tmp_path)


def test_names_from_a_hostile_tree_do_not_keep_a_bundle_from_being_made(tmp_path):
    flags = tuple(Flag("outside_assignment", "x" * 9000, "\udcff" * 4000, 1) for _ in range(3000))
    loud = dataclasses.replace(REFERENCE, flags=flags, ref="r" * 5000)
    found, _ = read_bundle(made(tmp_path / "bundle", loud))
    assert found.files == REFERENCE.files
    assert 0 < len(found.flags) <= 1000


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"big.py": b"x" * (MAX_FILE_BYTES + 1)}, "at most 2097152 bytes"),
        ({f"{i}.py": b"x" * MAX_FILE_BYTES for i in range(5)}, "together"),
        ({f"{i}.py": b"" for i in range(201)}, "maxProperties"),
        ({"../grading/cli.py": b""}, "relative path"),
        ({"/etc/passwd": b""}, "relative path"),
        ({"a//b.py": b""}, "relative path"),
    ],
)
def test_what_a_run_may_not_be_handed_is_refused_before_it_is_written(tmp_path, files, says):
    with pytest.raises(FaultsError, match=says):
        made(tmp_path / "bundle", Submission(files, "test"))
    assert list(tmp_path.iterdir()) == []


def broken(name, **changes):
    def spoil(folder):
        document = json.loads((folder / name).read_text())
        for key, value in changes.items():
            document[key] = value
        (folder / name).write_text(json.dumps(document))

    return spoil


def to_a_link(folder):
    (folder / REQUEST).rename(folder / "elsewhere.json")
    (folder / REQUEST).symlink_to(folder / "elsewhere.json")


SPOILED = {
    "no request": (lambda f: (f / REQUEST).unlink(), "plain file"),
    "a link": (to_a_link, "plain file"),
    "no submission": (lambda f: (f / SUBMISSION).unlink(), "plain file"),
    "not JSON": (lambda f: (f / SUBMISSION).write_text("{"), "JSON"),
    "a large request": (lambda f: (f / REQUEST).write_text(" " * 5000), "at most 4096 bytes"),
    "brackets": (lambda f: (f / SUBMISSION).write_text("[" * 10**6), "levels"),
    "another schema": (broken(REQUEST, schema=2), "schema"),
    "an odd assignment": (broken(REQUEST, assignment="../early_stopping"), "pattern"),
    "an odd level": (broken(REQUEST, level="chief"), "enum"),
    "an odd commit": (broken(SUBMISSION, commit="HEAD"), "pattern"),
    "no base64": (broken(SUBMISSION, files={"solution.py": "§"}), "base64"),
    "files as a list": (broken(SUBMISSION, files=[]), "object"),
    "a fault without words": (broken(SUBMISSION, fault={"file": "x"}), "fault"),
    "a key too many": (broken(SUBMISSION, points=100), "points"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_bundle_is_named_for_what_it_is(tmp_path, name):
    spoil, says = SPOILED[name]
    folder = made(tmp_path / "bundle")
    spoil(folder)
    with pytest.raises(FaultsError, match=says) as caught:
        read_bundle(folder)
    assert "expected" in str(caught.value)


# the run --------------------------------------------------------------------------------------------------------------


@needs_full
@pytest.mark.isolation
def test_a_run_grades_from_the_unpacked_bundle_alone(tmp_path):
    folder, out = made(tmp_path / "bundle"), tmp_path / "out"
    with tarfile.open(folder / GRADER) as archive:
        archive.extractall(tmp_path / "tree", **SAFELY)  # noqa: S202 - we have just made it
    code = "import sys; from pathlib import Path; from grading.bundle import run_bundle, run\n"
    code += "print(run.ROOT, run_bundle(Path(sys.argv[1]), Path(sys.argv[2]), gpu=len(sys.argv) > 3))"
    for arguments in ([], ["--gpu"]):
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(out), *arguments],
            cwd=tmp_path / "tree", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[0] == str((tmp_path / "tree").resolve())
    claims = parse_claims((out / EVIDENCE).read_bytes(), SAMPLE, MID)
    assert score_evidence(claims.evidence, SAMPLE, MID).auto == 100
    gpu = parse_gpu_claims((out / GPU_EVIDENCE).read_bytes(), SAMPLE, MID)
    if find_gpu() is None:
        assert [check.outcome for check in gpu.evidence.checks] == [Outcome.NOT_RUN]
        merged = score_evidence(merge(claims, gpu).evidence, SAMPLE, MID)
        assert [item.status for item in merged.informational] == [Status.NOT_ASSESSED]


@pytest.fixture
def unpacked(tmp_path, monkeypatch):
    """A tree with the sample among its assignments, as if this process ran from it."""
    tree = tmp_path / "tree"
    shutil.copytree(SAMPLE.directory, tree / "assignments" / "sample")
    monkeypatch.setattr(bundle.run, "ROOT", tree)
    return tree


def run(folder: Path, out: Path, **options):
    return bundle.run_bundle(folder, out, **options)


@needs_full
@pytest.mark.isolation
@pytest.mark.usefixtures("unpacked")
def test_each_run_draws_a_seed_and_tells_it(tmp_path):
    folder, told = made(tmp_path / "bundle"), []
    paths = [
        run(folder, tmp_path / f"out{i}", on_progress=lambda done, total: told.append((done, total))) for i in "ab"
    ]
    seeds = {parse_claims(path.read_bytes(), SAMPLE, MID).evidence.seed for path in paths}
    assert len(seeds) == 2
    assert told[-1][0] == told[-1][1]
    assert [path.name for path in paths] == [EVIDENCE] * 2


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize(("gpu", "parse"), [(False, parse_claims), (True, parse_gpu_claims)])
def test_a_fault_of_the_grader_is_evidence_without_a_number(tmp_path, unpacked, gpu, parse):
    hidden = unpacked / "assignments" / "sample" / "hidden" / "test_sample.py"
    hidden.write_text(hidden.read_text() + "\nraise RuntimeError('broken by its author')\n")
    path = run(made(tmp_path / "bundle"), tmp_path / "out", gpu=gpu)
    claims = parse(path.read_bytes(), SAMPLE, MID)
    assert "broken by its author" in claims.evidence.grader_fault
    assert score_evidence(claims.evidence, SAMPLE, MID).verdict is Verdict.UNGRADED


@pytest.mark.usefixtures("unpacked")
def test_without_isolation_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv(OVERRIDE, "/nonexistent")
    for gpu in (False, True):
        with pytest.raises(IsolationError):
            run(made(tmp_path / f"bundle{gpu}"), tmp_path / "out", gpu=gpu)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize(
    ("request_", "says"),
    [(RunRequest("sample", Level.SENIOR), "level"), (RunRequest("early_stopping", MID), "early_stopping")],
)
def test_what_is_not_in_the_tree_is_not_graded(tmp_path, request_, says):
    with pytest.raises(UsageError, match=says):
        run(made(tmp_path / "bundle", request=request_), tmp_path / "out")


# the GPU --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def card(tmp_path):
    """Stands in for a GPU, which no test here has: devices of its names that give zeros."""
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia0x"):
        (tmp_path / "dev" / name).symlink_to("/dev/zero")
    (tmp_path / "dev" / "nvidia-caps").mkdir()
    for i in "01":
        (tmp_path / "driver" / "gpus" / i).mkdir(parents=True)
        (tmp_path / "driver" / "gpus" / i / "information").write_text("Model: \t Test \x1bcard\nIRQ: 1\n")
    return find_gpu(tmp_path / "dev", tmp_path / "driver")


def test_a_gpu_is_found_with_the_devices_that_computing_needs(card, tmp_path):
    assert [path.name for path in card.devices] == ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"]
    assert card.model == "Test card"
    assert find_gpu(tmp_path / "dev", tmp_path / "nowhere").model == "NVIDIA GPU"
    (tmp_path / "dev" / "nvidia-uvm").unlink()
    (tmp_path / "dev" / "nvidia1").unlink()
    (tmp_path / "dev" / "nvidia1").write_text("no device")
    assert [path.name for path in find_gpu(tmp_path / "dev").devices] == ["nvidia0", "nvidiactl"]
    (tmp_path / "dev" / "nvidia0").unlink()
    assert find_gpu(tmp_path / "dev") is None
    assert find_gpu(tmp_path / "nowhere") is None


def test_the_sandbox_shows_the_devices_and_changes_nothing_else(card):
    plain = outer_command("bwrap", forbidden=())
    with showing(card.devices):
        shown = outer_command("bwrap", forbidden=())
    assert outer_command("bwrap", forbidden=()) == plain
    assert not any("nvidia" in word for word in plain)
    words = [word for path in card.devices for word in ("--dev-bind", str(path), f"/dev/{path.name}")]
    start = shown.index("--dev-bind")
    assert shown[start : start + len(words)] == words
    assert shown[:start] + shown[start + len(words) :] == plain
    assert plain[start - 2 : start] == ["--dev", "/dev"]
    assert "--remount-ro" in shown[start:]


LOOK = """
def look():
    try:
        with open("/dev/nvidia0", "rb") as stream:
            return stream.read(2)
    except OSError as error:
        return type(error).__name__
"""


def ask(zygote):
    worker = zygote.spawn({"spy.py": LOOK.encode()}, {}, Limits())
    try:
        load = {"op": "load", "args": [{"entry": "spy", "dataclasses": {}, "entry_points": {}, "seed": 1}]}
        value = None
        for request in (load, {"op": "getattr", "target": 1, "args": ["look"]}, {"op": "call", "args": [[], {}]}):
            asked = {**request, "target": value} if request["op"] == "call" else request
            reply = worker.request(asked, time.monotonic() + 10, special={"h": lambda decoder, node, depth: node[1]})
            assert reply["ok"], reply
            value = reply["value"]
        return value
    finally:
        worker.close()


@needs_full
@pytest.mark.isolation
def test_a_worker_opens_the_devices_that_are_shown_and_another_sandbox_does_not(card):
    with showing(card.devices):
        showing_one = Zygote(FULL, ZygoteKey((), ()))
    with showing_one, Zygote(FULL, ZygoteKey((), ())) as plain:
        assert ask(showing_one) == b"\0\0"
        assert ask(plain) == "FileNotFoundError"


@needs_full
@pytest.mark.isolation
@pytest.mark.usefixtures("unpacked")
def test_a_run_with_a_gpu_adds_its_block_and_no_point(tmp_path, card, monkeypatch):
    monkeypatch.setattr(bundle.run, "find_gpu", lambda: card)
    folder = made(tmp_path / "bundle")
    before = parse_claims(run(folder, tmp_path / "out").read_bytes(), SAMPLE, MID)
    assert before.gpu is None
    gpu = parse_gpu_claims(run(folder, tmp_path / "out", gpu=True).read_bytes(), SAMPLE, MID)
    assert gpu.gpu == "Test card"
    assert [(check.name, check.outcome) for check in gpu.evidence.checks] == [(GPU_CHECK, Outcome.PASSED)]
    plain, merged = (score_evidence(c.evidence, SAMPLE, MID) for c in (before, merge(before, gpu)))
    assert [item.status for item in plain.informational] == [Status.NOT_ASSESSED]
    assert [item.status for item in merged.informational] == [Status.PASSED]
    assert dataclasses.replace(merged, informational=()) == dataclasses.replace(plain, informational=())


@needs_full
@pytest.mark.isolation
@pytest.mark.parametrize(
    ("only", "has_gpu", "ran"),
    [(None, False, 4), (None, True, 5), ("gpu", False, 0), ("gpu", True, 1), ("extension", True, 0)],
)
def test_the_judge_runs_the_checks_that_are_asked_for(only, has_gpu, ran):
    with Grader() as grader:
        zygote = grader.prepare(SAMPLE)
        found = run_hidden_tests(SAMPLE, REFERENCE, level=MID, zygote=zygote, seed=1, only=only, has_gpu=has_gpu)
    assert sum(check.outcome is Outcome.PASSED for check in found.checks) == ran
    assert all(check.outcome in (Outcome.PASSED, Outcome.NOT_RUN) and check.blame is None for check in found.checks)
    expected = [check.name for check in expected_checks(SAMPLE, MID).values() if only in (None, check.informational)]
    assert [check.name for check in found.checks] == expected


def test_an_archive_needs_no_tool_but_tar(tmp_path):
    data = (made(tmp_path / "bundle") / GRADER).read_bytes()
    (tmp_path / "tree").mkdir()
    done = subprocess.run(["tar", "-xz", "-C", str(tmp_path / "tree")], input=data, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert {p.relative_to(tmp_path / "tree").as_posix() for p in (tmp_path / "tree").rglob("*") if p.is_file()} == {
            *archive.getnames()
        }
