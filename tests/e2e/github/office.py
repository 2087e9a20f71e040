"""The hiring team's side of an offline GitHub: a grading repository, the App, and what its people and workflows do."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from grading.bundle import RunRequest, write_bundle
from grading.catalogue import find_assignment
from grading.export import export_candidate
from grading.github.client import Client
from grading.github.invite import Invitation, Outcome, invite
from grading.github.poll import Polled, poll
from grading.github.publish import Published, publish
from grading.github.score import Recorded, Request, record
from grading.github.settings import Identity, Settings, read_settings
from grading.github.work import fetch_submission, find_work
from grading.ledger.store import Store
from grading.model import Level
from grading.sandbox.tools import Access, add_files
from tests.e2e.github.world import GithubWorld

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures"
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "safe.directory=*")
READ = {"metadata": "read", "contents": "read", "pull_requests": "read"}
EVERYTHING = {
    "metadata": "read",
    "administration": "write",
    "contents": "write",
    "pull_requests": "write",
    "checks": "write",
    "workflows": "write",
}


class Office:
    """A team with an empty ledger. Many may share one world: their repositories begin with different names.

    Args:
        name: begins the names of all its repositories.
        root, task: the folder of assignments, and the one that is handed out; the sample by default.
    """

    def __init__(
        self, world: GithubWorld, folder: Path, name: str = "take-home", root: Path = FIXTURES, task: str = "sample"
    ) -> None:
        self.world = world
        self.folder = folder
        self.root = root
        self.task = task
        self.name = name
        self.home = f"acme/{name}"
        world.add_repository(self.home, collaborators={"rob": "write", "rae": "write"})
        workflows = {
            f".github/workflows/{path.name}": path.read_bytes() for path in (ROOT / ".github" / "workflows").iterdir()
        }
        add_files(str(world.repositories / f"{self.home}.git"), "main", workflows, "The workflows")
        self.token = world.make_token(self.home)

    def repository(self, name: str) -> str:
        """Return the full name of somebody's repository."""
        return f"{self.home}-{name}"

    @property
    def ada(self) -> str:
        """Ada's repository."""
        return self.repository("ada")

    @property
    def environment(self) -> dict[str, str]:
        """What a workflow or a person's shell has set."""
        return {
            "GITHUB_REPOSITORY": self.home,
            "GITHUB_TOKEN": self.token,
            "GITHUB_API_URL": self.world.api_url,
            "GITHUB_SERVER_URL": self.world.server_url,
            "APP_ID": str(self.world.key.id),
            "APP_PRIVATE_KEY": self.world.key.private_key,
        }

    def settings(self, changes: Mapping[str, str] | None = None) -> Settings:
        """Return the settings, some of them changed."""
        return read_settings(self.environment | dict(changes or {}))

    @property
    def store(self) -> Store:
        """The ledger and the people store."""
        return self.settings().store()

    def app(self, permissions: Mapping[str, str] = EVERYTHING) -> Client:
        """Return a client that sees candidate repositories."""
        return self.settings().app_client(permissions)

    def invite(self, name: str, *assignments: str, now: dt.datetime | None = None, **changes: object) -> Outcome:
        """Invite somebody to a repository of their own."""
        fields = {
            "repository": self.repository(name),
            "candidate": name.title(),
            "login": name,
            "assignments": assignments or (self.task,),
            "level": Level.MID,
        }
        invitation = Invitation(**(fields | changes))
        workspace = self.folder / f"invite-{len(list(self.folder.iterdir()))}"
        workspace.mkdir()

        def export(dest: Path, at: dt.datetime, draws: Mapping[str, int]) -> Mapping[str, str]:
            made = export_candidate(
                dest,
                candidate=invitation.candidate,
                assignments=invitation.assignments,
                level=invitation.level,
                due=invitation.due,
                assignments_root=self.root,
                at=at,
                draws=draws,
            )
            return made.branches

        forge = self.app()
        return invite(
            forge,
            self.store,
            invitation,
            export=export,
            workspace=workspace,
            address=self.settings().address(invitation.repository),
            access=Access(self.world.server_url, forge.token),
            now=now or dt.datetime.now(dt.UTC),
            say=lambda text: None,
        )

    def poll(
        self, now: dt.datetime | None = None, *, known: tuple[str, ...] | None = None, **options: object
    ) -> Polled:
        """Poll as poll.yml does."""
        return poll(
            self.app(READ),
            self.settings().own_client(),
            self.store,
            home=self.home,
            now=now or dt.datetime.now(dt.UTC),
            known=((self.task,) if known is None else known).__contains__,
            **options,
        )

    def push(self, name: str, solution: str, *, branch: str | None = None) -> str:
        """Push a solution to solve/TASK of somebody's repository, as they would; return the commit."""
        repository = self.repository(name)
        url = self.world.clone_url(repository, self.world.make_person_token(repository))
        return self.push_to(url, name, solution, branch=branch)

    def push_to(self, url: str, name: str, solution: str, *, branch: str | None = None) -> str:
        """Push a solution to any repository."""
        task = self.task
        branch = branch or f"solve/{task}"
        work = self.folder / f"work-{name}-{task}"
        if not work.exists():
            _run("clone", "--quiet", url, str(work))
            _run("checkout", "--quiet", "-b", branch, f"origin/task/{task}", cwd=work)
        _run("remote", "set-url", "origin", url, cwd=work)
        (work / "assignments" / task / "solution.py").write_text(solution, encoding="utf-8")
        _run("commit", "--quiet", "--all", "--allow-empty", "--message", "Solve", cwd=work)
        _run("push", "--quiet", "origin", branch, cwd=work)
        return _run("rev-parse", "HEAD", cwd=work)

    def fetch(self, identity: Identity, bundle: Path) -> None:
        """Fetch a head as grade.yml's first job does."""
        forge = self.app(READ)
        work = find_work(forge, self.store, identity, self.root)
        address = self.settings().address(work.repository.full_name)
        submission = fetch_submission(work, address, Access(self.world.server_url, forge.token))
        request = RunRequest(work.assignment.id, work.level, work.task.draw)
        write_bundle(bundle, submission, work.assignment, request, ROOT)

    def run(self, bundle: Path, claims: Path) -> None:
        """Grade a bundle as the untrusted job does: from what it holds, in a process of its own."""
        grader = bundle.parent / "grader"
        grader.mkdir(exist_ok=True)
        subprocess.run(["tar", "-xzf", str(bundle / "grader.tar.gz"), "-C", str(grader)], check=True, timeout=60)
        command = [sys.executable, "-m", "grading", "run", str(bundle), "--out", str(claims)]
        done = subprocess.run(command, cwd=grader, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr

    def publish(self, identity: Identity, claims: Path, now: dt.datetime | None = None) -> Published:
        """Publish as the last job does."""
        forge = self.app(EVERYTHING)
        return publish(
            forge,
            self.store,
            identity,
            address=self.settings().address,
            access=Access(self.world.server_url, forge.token),
            claims=claims,
            gpu_claims=None,
            root=self.root,
            now=now or dt.datetime.now(dt.UTC),
        )

    def score(self, **changes: object) -> Recorded:
        """Give points as score.yml does."""
        fields = {"candidate": "ada", "rater": "rob", "reason": "clear names"} | changes
        return record(
            self.app(EVERYTHING),
            self.settings().own_client(),
            self.store,
            find_assignment(self.task, [self.root], proof=False),
            Request(**fields),
            home=self.home,
            now=dt.datetime.now(dt.UTC),
        )


def _run(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
