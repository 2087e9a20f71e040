"""Keys, the folder of results and the loop of `regrade`, with backends that answer at once."""

import csv
import json
import os
import shutil
import signal
from concurrent.futures import CancelledError, Future
from dataclasses import replace

import pytest

from grading.catalogue import load_assignment
from grading.errors import GraderError, UsageError
from grading.model import Flag, Level, Submission
from grading.regrade import Request, Row, Source, loop, read_sources, regrade
from grading.regrade.backends import Cluster
from grading.regrade.store import Store
from grading.regrade.task import Order, Result, fingerprint_of, make_task
from grading.regrade.work import grade_task
from tests.e2e.running import SAMPLE

ORDER = Order(Level.MID, seed=7, official=False)
SUBMISSION = Submission({"solution.py": b"x = 1\n"}, "here")


def files(auto: float = 60.0) -> dict[str, str]:
    document = {"auto": auto, "total": None, "verdict": "review"}
    return {"score.json": json.dumps(document), "comment.md": "words", "report.html": "<p>"}


class Dead(Exception):
    """Stands for the end of a process."""


class Scripted:
    """A backend that gives each task the next answer of a script, and notes what it was given."""

    deaths = (Dead,)

    def __init__(self, *answers, capacity=2):
        self.answers = list(answers)
        self.capacity = capacity
        self.given = []
        self.draws = []
        self.closed = None

    def submit(self, task):
        self.given.append(task.submission.files["solution.py"])
        self.draws.append(task.order.draw)
        answer = self.answers.pop(0) if self.answers else Result(files())
        future = Future()
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future

    def close(self, *, now):
        self.closed = now


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Regrade sources of the given contents with a scripted backend; return summary and backend."""

    def go(contents, *answers, draws=(), **options):
        names = []
        for number, content in enumerate(contents):
            path = tmp_path / f"work{number}.py"
            if content is not None:
                path.write_text(content)
            names.append(Source(str(path), dict(enumerate(draws)).get(number)))
        backend = Scripted(*answers)
        monkeypatch.setattr(loop, "Processes", lambda jobs: backend)
        request = Request(tuple(names), tmp_path / "out", SAMPLE, **options)
        return regrade(request), backend

    return go


def index(tmp_path):
    with (tmp_path / "out" / "index.csv").open() as stream:
        return list(csv.DictReader(stream))


def results(tmp_path):
    return sorted(path.parent.name for path in (tmp_path / "out").glob("*/score.json"))


# sources --------------------------------------------------------------------------------------------------------------


def test_sources_come_from_arguments_and_lists(tmp_path):
    listed = tmp_path / "list"
    listed.write_bytes(b"\xef\xbb\xbf# candidates\na.git@solve/x\n\n  folder #1  \r\n")
    assert read_sources(["first"], [str(listed)]) == tuple(map(Source, ("first", "a.git@solve/x", "folder #1")))


def test_a_listed_source_may_have_a_draw_of_its_own(tmp_path):
    listed = tmp_path / "list"
    listed.write_text("ada.git@solve/x\t7\nbob \t 12\ncyd\n")
    assert read_sources([], [str(listed)]) == (Source("ada.git@solve/x", 7), Source("bob", 12), Source("cyd"))
    listed.write_text("# ada has none\nada\tseven\n")
    with pytest.raises(UsageError, match=r"line 2: expected the number of a draw after the tab; found 'seven'"):
        read_sources([], [str(listed)])


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"# nothing\n"])
def test_a_list_without_sources_is_the_callers_mistake(tmp_path, content):
    listed = tmp_path / "list"
    if content is not None:
        listed.write_bytes(content)
    with pytest.raises(UsageError):
        read_sources([], [str(listed)])


# keys -----------------------------------------------------------------------------------------------------------------


def key_of(submission=SUBMISSION, order=ORDER, fingerprint="f"):
    return make_task(load_assignment(SAMPLE), submission, order, fingerprint).key


def test_equal_work_has_an_equal_key_wherever_it_lies():
    assert key_of() == key_of(replace(SUBMISSION, source="elsewhere"))


DIFFERENT = {
    "content": {"submission": replace(SUBMISSION, files={"solution.py": b"x = 2\n"})},
    "commit": {"submission": replace(SUBMISSION, commit="1" * 40)},
    "flags": {"submission": replace(SUBMISSION, flags=(Flag("planted_configuration", "look"),))},
    "seed": {"order": replace(ORDER, seed=8)},
    "level": {"order": replace(ORDER, level=Level.SENIOR)},
    "official": {"order": replace(ORDER, official=True)},
    "assignment": {"fingerprint": "g"},
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_may_change_a_result_changes_the_key(name):
    assert key_of() != key_of(**DIFFERENT[name])


CHANGES = {
    "version": ("assignment.toml", "version = 1", "version = 2", True),
    "limits": ("assignment.toml", "test_s = 3.0", "test_s = 4.0", True),
    "rubric": ("assignment.toml", "pass_mark = 70", "pass_mark = 71", True),
    "hidden tests": ("hidden/test_sample.py", "import", "import sys\nimport", True),
    "title": ("assignment.toml", "F1 and windows", "Windows and F1", False),
    "readme": ("README.md", "e", "ee", False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_fingerprint_follows_what_may_change_a_grade(tmp_path, name):
    file, old, new, matters = CHANGES[name]
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLE, folder)
    before = fingerprint_of(load_assignment(folder, proof=False))
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    assert (fingerprint_of(load_assignment(folder, proof=False)) != before) is matters


def test_a_worker_with_another_assignment_refuses():
    task = make_task(load_assignment(SAMPLE), SUBMISSION, ORDER, "0" * 64)
    result = grade_task(task)
    assert result.files == {}
    assert "fingerprint" in result.refusal
    missing = grade_task(replace(task, place="assignments/nowhere"))
    assert "nowhere" in missing.refusal


# the folder -----------------------------------------------------------------------------------------------------------


def test_a_result_is_there_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    with Store(tmp_path / "out") as store:
        store.keep("k1", files())
        assert store.find("k1")["auto"] == 60

        def fail(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            store.keep("k2", files())
        assert store.find("k2") is None
    assert results(tmp_path) == ["k1"]
    assert not (tmp_path / "out" / ".new").exists()


def test_what_a_killed_run_left_behind_is_swept_away(tmp_path):
    left = tmp_path / "out" / ".new" / "k1"
    left.mkdir(parents=True)
    (left / "score.json").write_text('{"auto": 1')
    with Store(tmp_path / "out") as store:
        assert not left.exists()
        assert store.find("k1") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"auto": null}', '{"auto": "60"}'])
def test_a_damaged_result_is_no_result_and_is_replaced(tmp_path, text):
    with Store(tmp_path / "out") as store:
        store.keep("k", files())
        (store.folder / "k" / "score.json").write_text(text)
        assert store.find("k") is None
        store.keep("k", files(70.0))
        assert store.find("k")["auto"] == 70


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with Store(tmp_path / "out"), pytest.raises(UsageError, match="another regrade"):
        Store(tmp_path / "out")
    Store(tmp_path / "out").close()


def test_a_folder_has_one_seed(tmp_path):
    with Store(tmp_path / "out") as store:
        seed = store.seed(None)
        assert store.seed(None) == store.seed(seed) == seed
        with pytest.raises(UsageError, match="--seed"):
            store.seed(seed + 1)
        (store.folder / "regrade.json").write_text("{}")
        with pytest.raises(UsageError, match=r"regrade\.json"):
            store.seed(None)


def test_no_cell_of_the_index_is_a_formula(tmp_path):
    with Store(tmp_path / "out") as store:
        store.write_index([Row("=1+1", error='@x "quoted", and more')])
    assert index(tmp_path)[0]["source"] == "'=1+1"
    assert index(tmp_path)[0]["error"] == '\'@x "quoted", and more'


# the loop -------------------------------------------------------------------------------------------------------------


def test_sources_of_the_same_content_share_one_grading(run, tmp_path):
    summary, backend = run(["a", "b", "a", "a"])
    assert sorted(backend.given) == [b"a", b"b"]
    assert (summary.graded, summary.shared) == (2, 2)
    rows = index(tmp_path)
    assert rows[0]["key"] == rows[2]["key"] != rows[1]["key"]
    assert results(tmp_path) == sorted({row["key"] for row in rows})
    assert rows[0] | {"source": "", "key": ""} == {
        **{"source": "", "key": "", "auto": "60.0", "total": "", "verdict": "review", "error": ""}
    }


def test_a_second_run_grades_only_what_is_new(run):
    run(["a", "b"])
    summary, backend = run(["a", "b", "c"])
    assert backend.given == [b"c"]
    assert (summary.kept, summary.graded) == (2, 1)


def test_a_bad_source_is_a_line_and_not_the_end(run, tmp_path):
    summary, _ = run([None, "a"])
    assert (summary.bad, summary.graded) == (1, 1)
    assert "expected a folder" in index(tmp_path)[0]["error"]


def test_a_level_that_is_not_offered_is_a_bad_source(run):
    summary, backend = run(["a"], level=Level.SENIOR)
    assert backend.given == []
    assert "has no level senior" in summary.rows[0].error


def test_ungraded_is_told_but_not_kept(run, tmp_path):
    summary, _ = run(["a", "a", "b"], Result({}, ungraded="the sandbox is gone"), Result({}, ungraded="again"))
    assert summary.ungraded == 3
    assert results(tmp_path) == []
    assert {row["verdict"] for row in index(tmp_path)} == {"ungraded"}
    summary, _ = run(["a", "a", "b"])
    assert (summary.graded, summary.shared) == (2, 1)


def test_ungraded_is_tried_once_more_on_demand(run):
    summary, backend = run(["a"], Result({}, ungraded="the sandbox is gone"), retry_ungraded=True)
    assert backend.given == [b"a", b"a"]
    assert (summary.graded, summary.ungraded) == (1, 0)


def test_a_process_that_dies_costs_one_more_try(run):
    summary, backend = run(["a"], Dead())
    assert backend.given == [b"a", b"a"]
    assert summary.graded == 1


def test_a_second_death_is_ungraded(run):
    summary, _ = run(["a"], Dead(), Dead())
    assert summary.ungraded == 1
    assert "died" in summary.rows[0].error


def test_an_error_of_ours_is_ungraded(run):
    summary, _ = run(["a"], ValueError("odd"))
    assert summary.rows[0].error == "ValueError: odd"


ENDS = {
    "refusal": (Result({}, refusal="host: another version"), "host: another version"),
    "no scheduler": (CancelledError(), "scheduler is gone"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_would_fail_for_all_ends_the_run(run, tmp_path, name):
    answer, says = ENDS[name]
    with pytest.raises(GraderError, match=says):
        run(["a"], answer)
    assert "not reached" in index(tmp_path)[0]["error"]


def test_a_full_disk_ends_the_run(run, tmp_path, monkeypatch):
    def fail(self, key, files):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "keep", fail)
    with pytest.raises(OSError, match="No space"):
        run(["a"])
    assert results(tmp_path) == []


def test_ctrl_c_ends_with_what_is_done(run, tmp_path):
    class Interrupted(Result):
        """Its first look interrupts the loop."""

        @property
        def refusal(self):
            raise KeyboardInterrupt

    bad = object.__new__(Interrupted)
    summary, backend = run(["a"], bad)
    assert backend.closed is True
    assert summary.interrupted
    assert summary.left == 1
    assert run(["a"])[0].graded == 1


def test_ctrl_c_in_the_middle_of_an_event_loses_no_result(run, tmp_path, monkeypatch):
    count = loop._Run._written

    def interrupted(self, key, future):
        if not self.how:
            signal.raise_signal(signal.SIGINT)
        count(self, key, future)

    monkeypatch.setattr(loop._Run, "_written", interrupted)
    summary, _ = run(["a", "b", "c", "d"])
    assert summary.graded == len(results(tmp_path)) > 0


def test_each_source_is_judged_by_its_own_draw(run, tmp_path):
    summary, backend = run(["same", "same", "same"], draws=(7, None, 9), draw=3)
    assert sorted(backend.draws) == [3, 7, 9]
    assert summary.graded == 3
    assert run(["same", "same", "same"], draws=(7, 9, 9), draw=3)[0].kept == 3


def test_an_unknown_assignment_is_found_out_before_the_work(tmp_path):
    with pytest.raises(UsageError, match="nothing at"):
        regrade(Request((Source("x"),), tmp_path / "out", tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="sample"):
        regrade(Request((Source("x"),), tmp_path / "out", SAMPLE.parent, assignment_id="simple"))


def test_a_cluster_without_distributed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UsageError, match="pip install"):
        Cluster("tcp://127.0.0.1:1")
