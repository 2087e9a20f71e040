"""Colours, progress and tables of the command line."""

import io

from grading import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert console.wants_colour(Terminal())
    assert not console.wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not console.wants_colour(Terminal())


def test_a_table_is_aligned_and_has_no_trailing_blanks():
    text = console.table([["name", "n"], ["a", "10"], ["long name", "1"]], right=[1])
    assert text.splitlines() == ["name        n", "─────────  ──", "a          10", "long name   1"]


def test_progress_is_a_line_that_goes_away_on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with console.progress("Grading", "checks") as bar:
        bar(1, 2)
    assert "1 of 2 checks" in stream.getvalue()
    assert stream.getvalue().endswith("\r\033[K")


def test_progress_elsewhere_is_plain_lines(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with console.progress("Grading", "checks") as bar:
        bar(1, 2)
        bar(2, 2)
    assert stream.getvalue() == "Grading: 2 of 2 checks\n"
