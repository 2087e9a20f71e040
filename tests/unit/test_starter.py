"""Starters follow from the reference's markers, and a marker that means nothing is named with its line."""

import ast
from textwrap import dedent
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.errors import FaultsError
from grading.model import Level
from grading.starter import render_starter, render_starters


def render(text, level=Level.MID, name="solution.py"):
    return render_starter(dedent(text), level, name=name)


def faults_of(text, level=Level.MID):
    with pytest.raises(FaultsError) as caught:
        render(text, level)
    for fault in caught.value.faults:
        assert fault.where.startswith("solution.py")
        assert all((fault.what, fault.expected, fault.found, fault.remedy))
    return [str(fault) for fault in caught.value.faults]


TASK = '''\
def f(x: int) -> int:
    """Docstring stays."""
    #: task
    #: | raise NotImplementedError("f: return x + 1")
    #: junior | # Hint: one plus one.
    return x + 1
    #: end


TAIL = 1
'''


def test_a_task_is_replaced_by_its_lines():
    assert render(TASK) == (
        'def f(x: int) -> int:\n    """Docstring stays."""\n'
        '    raise NotImplementedError("f: return x + 1")\n\n\nTAIL = 1\n'
    )


def test_lines_of_a_level_stand_in_order_and_only_there():
    text = """\
    def f():
        #: task
        #: junior mid | # Hint.
        #: | x = 1
        #: senior | # Think.
        #: | return x
        return 2
        #: end
    """
    assert render(text, Level.JUNIOR) == "def f():\n    # Hint.\n    x = 1\n    return x\n"
    assert render(text, Level.SENIOR) == "def f():\n    x = 1\n    # Think.\n    return x\n"


def test_a_task_without_lines_raises_not_implemented():
    text = """\
    class A:
        def f(self):
            #: task
            #: junior | # Hint.
            return 2
            #: end
    """
    assert render(text) == "class A:\n    def f(self):\n        raise NotImplementedError\n"
    assert render(text, Level.JUNIOR).endswith("        # Hint.\n        raise NotImplementedError\n")


def test_indentation_after_the_bar_is_kept_and_no_space_is_left_behind():
    text = """\
    def f(x):
        #: task
        #: | if x:
        #: |     return 1
        #: |
        #: | return 2
        return 3
        #: end
    """
    assert render(text) == "def f(x):\n    if x:\n        return 1\n\n    return 2\n"


def test_only_keeps_a_block_for_its_levels():
    text = "#: only mid senior\nA = 1\n#: end\nB = 2\n"

    assert render(text, Level.JUNIOR) == "B = 2\n"
    assert render(text, Level.MID) == render(text, Level.SENIOR) == "A = 1\nB = 2\n"


def test_a_task_and_a_private_block_may_stand_inside_only():
    text = """\
    #: only senior
    def g():
        #: task
        return 1
        #: end
    #: private
    SECRET = 1
    #: end
    #: end
    A = 1
    """
    assert render(text, Level.SENIOR) == "def g():\n    raise NotImplementedError\nA = 1\n"
    assert render(text, Level.MID) == "A = 1\n"


@pytest.mark.parametrize("level", list(Level))
def test_private_is_in_no_starter(level):
    assert render("#: private\nimport secret\n#: end\nA = 1\n", level) == "A = 1\n"


def test_other_files_get_no_stub_and_need_not_be_python():
    text = "[bugs]\n#: private\nline = 12\n#: end\n#: task\n#: | line = 0\nline = 3\n#: end\n"

    assert render(text, name="bugs.toml") == "[bugs]\nline = 0\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("#: task\nx = 1\n", ["solution.py:1", "task", "#: end further down", "end of the file"]),
        ("x = 1\n#: end\n", ["solution.py:2", "an open block"]),
        ("x = 1\n#: tsak\n#: end", ["solution.py:2", "#: tsak", 'Did you mean "task"?']),
        ("#:\n", ["solution.py:1", "a known marker"]),
        ("#: private things\n#: end", ["solution.py:1", "#: private things"]),
        ("#: only\nx = 1\n#: end\n", ["solution.py:1", "one level or more"]),
        ("#: only mid snior\nx = 1\n#: end\n", ["solution.py:1", "snior", 'Did you mean "senior"?']),
        ("#: | x = 1\n", ["solution.py:1", "inside a task only", "one outside"]),
        ("#: private\n#: | x = 1\n#: end\n", ["solution.py:2", "one in private"]),
        ("#: task\n#: easy | x = 1\n#: end\n", ["solution.py:2", "easy", "junior, mid, senior"]),
        ("#: task\n#: only mid\n#: end\n#: end\n", ["solution.py:2", "only inside task (line 1)"]),
        ("#: task\n#: task\n#: end\n#: end\n", ["solution.py:2", "task inside task"]),
        ("#: private\n#: task\n#: end\n#: end\n", ["solution.py:2", "task inside private"]),
        ("#: only mid\n#: only mid\n#: end\n#: end\n", ["solution.py:2", "only inside only"]),
    ],
)
def test_markers_that_mean_nothing_are_named_with_their_line(text, parts):
    faults = faults_of(text)

    for part in parts:
        assert any(part in fault for fault in faults), (part, faults)


def test_every_faulty_marker_is_reported_at_once():
    faults = faults_of("#: end\n#: what\n#: | x\n#: only nobody\n")

    assert [fault.partition(": ")[0] for fault in faults] == [f"solution.py:{line}" for line in (1, 2, 3, 4, 4)]


def test_a_starter_must_be_python():
    (fault,) = faults_of("def f():\n    #: task\n    #: | # Only a comment.\n    return 1\n    #: end\nA = 1\n")

    assert "mid starter" in fault
    assert "A body needs a statement" in fault


def test_markers_in_the_middle_of_a_line_are_code():
    text = 'A = "#: task"  #: note\n'

    assert render(text) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="#"), max_size=80))
def test_a_file_without_markers_comes_back_as_it_is(text):
    assert render_starter(text, Level.MID, name="notes.txt") == text


names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)


@given(
    st.lists(st.tuples(st.sampled_from(["task", "private", "only junior", "only mid", "plain"]), names), max_size=6),
    st.sampled_from(Level),
)
def test_starters_hold_no_marker_no_solution_and_render_to_themselves(blocks, level):
    lines = []
    for kind, name in blocks:
        body = [f"def {name}_():", f"    '''{kind}.'''", "    return 'SOLVED'"]
        if kind == "task":
            body[2:] = ["    #: task", body[2], "    #: end"]
        elif kind != "plain":
            body = [f"#: {kind}", *body[:2], "#: end"]
        else:
            body = body[:2]
        lines += body
    starter = render_starter("\n".join(lines), level)

    assert "#:" not in starter
    assert "SOLVED" not in starter
    assert starter.count("raise NotImplementedError") == sum(kind == "task" for kind, _ in blocks)
    assert ("'''private.'''" in starter) is False
    assert starter.count("'''only mid.'''") == sum(kind == "only mid" for kind, _ in blocks) * (level == "mid")
    assert render_starter(starter, level) == starter
    ast.parse(starter)


def assignment(folder, files=("solution.py",), levels=tuple(Level)):
    return SimpleNamespace(id="demo", reference=folder, files=files, levels=levels)


def test_every_file_of_the_reference_is_rendered_for_every_level(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "solution.pyc").write_bytes(b"\xff")
    (tmp_path / "solution.py").write_text(TASK)
    (tmp_path / "pkg" / "helper.py").write_text("#: only senior\nA = 1\n#: end\n")
    (tmp_path / "pkg" / "__init__.py").write_text("")

    starters = render_starters(assignment(tmp_path))

    assert set(starters) == set(Level)
    assert set(starters[Level.MID]) == {"solution.py", "pkg/__init__.py"}
    assert starters[Level.SENIOR]["pkg/helper.py"] == "A = 1\n"
    assert "# Hint" in starters[Level.JUNIOR]["solution.py"]


def test_faults_of_all_files_come_together_and_once(tmp_path):
    (tmp_path / "a.py").write_text("#: end\n")
    (tmp_path / "b.py").write_text("#: what\n")
    (tmp_path / "c.py").write_bytes(b"x = '\xe9'\n")

    with pytest.raises(FaultsError) as caught:
        render_starters(assignment(tmp_path))

    reference = "demo/solutions/accepted/reference"
    assert [fault.where for fault in caught.value.faults] == [
        f"{reference}/a.py:1",
        f"{reference}/b.py:1",
        f"{reference}/c.py",
    ]
