"""A whole GitHub for one test: git over HTTP, the API, one App, and the candidates' pull requests."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.e2e.github.act import Place
from tests.e2e.github.api_server import ApiServer
from tests.e2e.github.facts import Call, Comment, Dispatch, Violation, make_app_key
from tests.e2e.github.githttp import GitServer

PERMISSIONS = {
    "actions": "read",
    "administration": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
}
WORKFLOW_PERMISSIONS = {"actions": "write", "contents": "write", "metadata": "read"}
ADMIN = "ghp_offline_test_admin"
SECONDS = "%Y-%m-%dT%H:%M:%SZ"


class GithubWorld:
    """GitHub, offline, until the block ends.

    Attributes:
        key: the App.
        repositories: folder of the bare repositories, <owner>/<name>.git.
        api, git: the two servers.
    """

    def __init__(self, permissions: Mapping[str, str] = PERMISSIONS) -> None:
        self.key = make_app_key()
        self._permissions = dict(permissions)
        self._cleanup = contextlib.ExitStack()
        self._seen = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.repositories = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offline-repositories-")))
            self.git = stack.enter_context(GitServer(self.repositories, self._permit))
            app = {
                "id": self.key.id,
                "slug": self.key.slug,
                "public_key": self.key.public_key,
                "permissions": self._permissions,
            }
            self.api = stack.enter_context(ApiServer(app, self.repositories, self.git.url))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def api_url(self) -> str:
        """What a workflow finds in GITHUB_API_URL."""
        return self.api.url

    @property
    def server_url(self) -> str:
        """What a workflow finds in GITHUB_SERVER_URL."""
        return self.git.url

    def _permit(self, token: str, repository: str, write: bool) -> bool:
        """Ask the API: a token opens the repositories that it was made for, in git as there."""
        if token == ADMIN:
            return True
        for known in self.api.state()["tokens"]:
            if known["token"] == token and known["expires"] > 1000 * dt.datetime.now(dt.UTC).timestamp():
                level = known["permissions"].get("contents")
                listed = known["repositories"] is None or repository in known["repositories"]
                return listed and level in (("write",) if write else ("read", "write"))
        return False

    # Repositories and people

    def add_repository(self, full_name: str, bare: Path | None = None, **facts: object) -> Path:
        """Put a repository on GitHub: a copy of a bare one, or an empty one. Returns where it lies."""
        target = self.repositories / f"{full_name}.git"
        target.parent.mkdir(parents=True, exist_ok=True)
        if bare is None:
            _git("init", "-q", "--bare", "-b", "main", str(target))
        else:
            shutil.copytree(bare, target, symlinks=True)
        self.api.order("repository", fields={"full_name": full_name, **facts})
        return target

    def clone_url(self, full_name: str, token: str = ADMIN) -> str:
        """Return an address that git can clone from and push to without asking."""
        return f"{self.git.url.replace('://', f'://x-access-token:{token}@')}/{full_name}.git"

    def make_token(self, repository: str, permissions: Mapping[str, str] = WORKFLOW_PERMISSIONS) -> str:
        """Return a token like a workflow's github.token: for its own repository, with the permissions it declares."""
        fields = {"kind": "workflow", "permissions": dict(permissions), "repositories": [repository]}
        return str(self.api.order("token", fields=fields)["token"])

    def make_person_token(self, repository: str) -> str:
        """Return a token with which a candidate pushes to a repository and does nothing else."""
        return self.make_token(repository, {"contents": "write"})

    def place(
        self,
        token: str,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        labels: Sequence[str] = (),
    ) -> Place:
        """Return where a workflow runs that finds its GitHub here (`act.run_workflow`)."""
        return Place(self.api_url, self.server_url, token, self.repositories, secrets or {}, variables or {}, labels)

    # Pull requests

    def head(self, repository: str, revision: str) -> str:
        """Return the commit that a branch or another name stands for now."""
        bare = self.repositories / f"{repository}.git"
        return _git("--git-dir", str(bare), "rev-parse", "--verify", "-q", f"{revision}^{{commit}}")

    def open_pull(
        self,
        repository: str,
        number: int,
        head_branch: str,
        base_branch: str,
        author: str,
        *,
        at: dt.datetime | None = None,
        head_repository: str | None = None,
    ) -> str:
        """Open a pull request for a branch that was pushed, as if pushed and opened `at`; returns its head commit."""
        return self._put_pull(repository, number, head_branch, base_branch, author, at, head_repository or repository)

    def move_pull(self, repository: str, number: int, *, at: dt.datetime | None = None, forced: bool = False) -> str:
        """Let a pull request follow its branch after a push; returns its new head commit."""
        pull = self.pull(repository, number)
        names = (pull["head_ref"], pull["base_ref"], pull["author"])
        return self._put_pull(repository, number, *names, at, pull["head_repo"], forced=forced)

    def _put_pull(
        self,
        repository: str,
        number: int,
        head_branch: str,
        base_branch: str,
        author: str,
        at: dt.datetime | None,
        source: str,
        *,
        forced: bool = False,
    ) -> str:
        moment = (at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).strftime(SECONDS)
        sha = self.head(source, f"refs/heads/{head_branch}")
        target = self.repositories / f"{repository}.git"
        if source != repository:  # GitHub has the commits of a fork at hand
            fork = self.repositories / f"{source}.git"
            _git("--git-dir", str(target), "fetch", "-q", str(fork), f"refs/heads/{head_branch}")
        _git("--git-dir", str(target), "update-ref", f"refs/pull/{number}/head", sha)
        known = self.api.state()["repositories"][repository]["pulls"].get(str(number))
        fields = {
            "number": number,
            "head_ref": head_branch,
            "head_sha": sha,
            "head_repo": source,
            "base_ref": base_branch,
            "base_sha": self.head(repository, f"refs/heads/{base_branch}"),
            "author": author,
            "updated_at": moment,
            **({} if known else {"created_at": moment}),
        }
        self.api.order("pull", repository=repository, fields=fields)
        before = known["head_sha"] if known else "0" * 40
        kind = "force_push" if forced else "push" if known else "branch_creation"
        push = {
            "sha": sha,
            "before": before,
            "ref": f"refs/heads/{head_branch}",
            "at": moment,
            "actor": author,
            "type": kind,
        }
        self.api.order("activity", repository=source, fields=push)
        return sha

    def change_pull(self, repository: str, number: int, **fields: object) -> None:
        """Change facts of a pull request, such as state="closed" or head_repo=None."""
        self.api.order("pull", repository=repository, fields={"number": number, **fields})

    def pull(self, repository: str, number: int) -> dict[str, Any]:
        """Return what GitHub knows of a pull request."""
        pull: dict[str, Any] = self.api.state()["repositories"][repository]["pulls"][str(number)]
        return pull

    # Looking behind the API

    def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """Return a pull request's comments, oldest first."""
        found = self.api.state()["repositories"][repository]["comments"]
        return tuple(Comment(c["id"], c["author"], c["body"], c["edits"]) for c in found if c["number"] == number)

    def labels(self, repository: str, number: int) -> tuple[str, ...]:
        """Return a pull request's labels."""
        return tuple(self.api.state()["repositories"][repository]["labels"].get(str(number), ()))

    def checks(self, repository: str) -> tuple[dict[str, Any], ...]:
        """Return a repository's check runs with all their annotations."""
        return tuple(self.api.state()["repositories"][repository]["checks"])

    def dispatches(self) -> tuple[Dispatch, ...]:
        """Return the workflows that were started since this was last asked."""
        found = self.api.state()["dispatches"]
        new, self._seen = found[self._seen :], len(found)
        return tuple(Dispatch(d["repository"], d["workflow"], d["ref"], d["inputs"], d["by"]) for d in new)

    def violations(self) -> tuple[Violation, ...]:
        """Return every exchange that broke GitHub's description, and every call that this GitHub does not know."""
        found = self.api.state()["violations"]
        return tuple(Violation(v["kind"], v["method"], v["path"], v["message"]) for v in found)

    def calls(self) -> tuple[Call, ...]:
        """Return every call of the API, in order of arrival."""
        found = self.api.state()["calls"]
        return tuple(Call(c["method"], c["path"], c["query"], c["status"], c.get("fault")) for c in found)

    def minted(self) -> tuple[dict[str, Any], ...]:
        """Return the tokens that the App got: permissions, repositories (None = all)."""
        return tuple(token for token in self.api.state()["tokens"] if token["kind"] == "installation")

    # Trouble

    def inject(self, match: str, status: int | None = None, **fault: object) -> None:
        """Order a fault for the next calls whose "METHOD /path?query" matches; `fault` as in simulator/gateway.mjs.

        headers, body; times (1); delay_s before anything else happens; drop=True breaks the connection; after=True lets
        the call take effect and then spoils the answer.
        """
        fields = {"match": match, **({} if status is None else {"status": status}), **fault}
        self.api.order("fault", fields=fields)


def _git(*arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.returncode}")
    return done.stdout.strip()
