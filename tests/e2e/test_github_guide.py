"""The set-up guide's own lines, run against the offline GitHub: only addresses and credentials are exchanged."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from grading.arguments import make_parser
from grading.ledger.events import Invited
from tests.e2e.github.office import EVERYTHING, Office
from tests.e2e.github.world import GithubWorld
from tests.e2e.running import ROOT

GUIDE = (ROOT / "INTERVIEWER.md").read_text(encoding="utf-8")
SEND = GUIDE.partition("## Send")[2].partition("## Grade")[0]
INVITES = [shlex.split(line) for line in SEND.splitlines() if line.startswith("python -m grading invite")]


def test_the_guides_invitation_works_as_it_stands(tmp_path):
    exported = next(line for line in SEND.splitlines() if line.startswith("export "))
    told = dict(word.split("=", 1) for word in shlex.split(exported)[1:])
    with GithubWorld(EVERYTHING) as world:
        office = Office(world, tmp_path / "office", told["GITHUB_REPOSITORY"].partition("/")[2], ROOT / "assignments")
        assert office.home == told["GITHUB_REPOSITORY"]
        given = office.environment
        (tmp_path / "app.pem").write_text(given["APP_PRIVATE_KEY"])
        assert told["APP_PRIVATE_KEY"] == "@app.pem"
        clean = {name: v for name, v in os.environ.items() if not name.startswith(("GITHUB_", "APP_", "TAKEHOME_"))}
        environment = clean | given | {"APP_PRIVATE_KEY": "@app.pem", "PYTHONPATH": str(ROOT)}

        def run(words: list[str]) -> str:
            command = [sys.executable, *words[1:]]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
            return done.stdout

        assert "0 repositories" in run(["python", "-m", "grading", "poll"])  # step 5, before anybody is invited
        rehearsal, first, *later = INVITES
        calls = len(world.calls())
        assert "Nothing was changed" in run(rehearsal)
        assert len(world.calls()) == calls
        run(first)
        options = make_parser().parse_args(first[3:])
        tasks = [f"task/{name}" for name in options.assignments.split(",")]
        known = world.api.state()["repositories"][options.repository]
        assert known["private"]
        assert set(known["protections"]) == {"main", *tasks}
        assert [one["login"] for one in known["invitations"]] == [options.login]
        assert [(e.due, e.by) for e in office.store.events() if isinstance(e, Invited)] == [(options.due, "")]
        heads = {branch: world.head(options.repository, f"refs/heads/{branch}") for branch in ("main", *tasks)}
        run(first)  # "Run it again: it finishes, and doubles nothing"
        assert len(office.store.events()) == 1
        for line in later:  # a later deadline
            run(line)
            assert office.store.events()[-1].due == make_parser().parse_args(line[3:]).due
        assert len(office.store.events()) == 1 + len(later) == 2
        assert heads == {branch: world.head(options.repository, f"refs/heads/{branch}") for branch in heads}
        assert "1 repositories, 0 runs started" in run(["python", "-m", "grading", "poll"])
        assert not [violation for violation in world.violations() if violation.kind == "request"]
