"""git in a clean environment.

git reads foreign repositories and never runs inside a submission: what is wanted is fetched into a fresh bare
repository, where no hook, filter or configuration of the other side has a say. Listings are capped, because a few
hundred bytes of git tree can describe a billion files.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import GraderError, UsageError
from grading.sandbox.tools.process import Done, run_program

_FETCH_S = 120.0
_LOCAL_S = 60.0
_LISTING_BYTES = 16 << 20
_CONTENT_BYTES = 512 << 20
_GIT_CONFIG = """\
[core]
    hooksPath = /dev/null
    fsmonitor = false
    autocrlf = false
    quotePath = false
[safe]
    directory = *
[gc]
    auto = 0
[maintenance]
    auto = false
[advice]
    detachedHead = false
[user]
    name = Hiring team
    email = hiring@example.invalid
"""


@dataclass(frozen=True)
class Access:
    """A token for the repositories of one server; git sees it in a file that nobody else can read.

    Attributes:
        server: address without a path, e.g. https://github.com. The token is sent nowhere else.
    """

    server: str
    token: str = field(repr=False)

    def configuration(self) -> str:
        """Return what git's configuration needs.

        Raises:
            UsageError: the address or the token is not one.
        """
        parts = urllib.parse.urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.netloc or not self.server.isprintable():
            raise UsageError(f"server {self.server!r}: expected an address such as https://github.com")
        if not self.token.isalnum() and not self.token.replace("_", "").replace("-", "").replace(".", "").isalnum():
            raise UsageError("token: expected letters, digits, - _ and .; found something else. Check the secret.")
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        place = f"{parts.scheme}://{parts.netloc}/".replace("\\", "").replace('"', "")
        return f'[http "{place}"]\n    extraHeader = Authorization: Basic {basic}\n    followRedirects = false\n'


class Git:
    """Runs git in one folder with one clean home."""

    def __init__(self, folder: Path, home: Path, access: Access | None = None) -> None:
        self.folder = folder
        self.home = home
        configuration = home / "gitconfig"
        configuration.touch(mode=0o600)
        configuration.write_text(_GIT_CONFIG + (access.configuration() if access else ""))

    def run(self, *arguments: str, stdin: bytes = b"", timeout_s: float = _LOCAL_S, most: int = _CONTENT_BYTES) -> Done:
        """Run git and return how it ended, whatever its status.

        Raises:
            UsageError: it took too long; most often that is the network.
            GraderError: there is no git.
        """
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            # A file, not `-c`: git drops `-c` on the way to the process that serves a local repository.
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_CEILING_DIRECTORIES": str(self.folder.resolve().parent),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        }
        program = shutil.which("git")
        if program is None:
            raise GraderError("git is not installed; install it (for example `apt install git`) and try again")
        try:
            return run_program([program, *arguments], self.folder, environment, stdin, timeout_s, most)
        except TimeoutError as error:
            raise UsageError(f"{error}; check the network and the repository's size, then try again") from error

    def __call__(self, *arguments: str, stdin: bytes = b"", cut: bool = False) -> bytes:
        """Return git's output; `cut` ends it silently where a listing grows beyond all bounds."""
        done = self.run(*arguments, stdin=stdin, most=_LISTING_BYTES if cut else _CONTENT_BYTES)
        if done.status != 0 and not (cut and done.cut):
            raise GraderError(f"git {arguments[0]} failed: {done.complaint}")
        return done.output


@contextmanager
def git_at(folder: Path, access: Access | None = None) -> Iterator[Git]:
    """Yield git in a folder of our own, with a clean environment."""
    with tempfile.TemporaryDirectory(prefix="take-home-git-") as home:
        yield Git(folder, Path(home), access)


@contextmanager
def fresh_repository(access: Access | None = None) -> Iterator[Git]:
    """Yield git in an empty bare repository that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="take-home-git-") as folder:
        home, bare = Path(folder, "home"), Path(folder, "fetched.git")
        home.mkdir()
        bare.mkdir()
        git = Git(bare, home, access)
        git("init", "--quiet", "--bare", "--template=", ".")
        yield git


@contextmanager
def fetched(
    repo: str, refs: Mapping[str, str] | None, access: Access | None = None
) -> Iterator[tuple[Git, dict[str, str]]]:
    """Fetch refs (all if None) under refs/fetched/ into a fresh bare repository; yield git there and name → commit."""
    source = repository_address(repo)
    with fresh_repository(access) as git:
        wanted = ["+refs/*:refs/fetched/*"] if refs is None else []
        for name, ref in (refs or {}).items():
            if not ref or ref.startswith(("-", "+", "^")) or any(c in ref for c in ":*?[\\~") or not ref.isprintable():
                raise UsageError(f"{repo}@{ref}: {ref!r} cannot be a ref; name a branch, a tag or a full commit hash")
            wanted.append(f"+{ref}:refs/fetched/{name}")
        depth = [] if refs is None else ["--depth=1"]
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance", *depth)
        done = git.run("fetch", *options, "--", source, *wanted, timeout_s=_FETCH_S)
        if done.status != 0:
            raise UsageError(_fetch_problem(git, repo, source, done.complaint, refs))
        commits = {}
        for name, ref in (refs or {}).items():
            resolved = git.run("rev-parse", "--verify", "--quiet", f"refs/fetched/{name}^{{commit}}")
            if resolved.status != 0:
                raise UsageError(f"{repo}@{ref}: is not a commit; name a branch, a tag or a full commit hash")
            commits[name] = resolved.output.decode().strip()
        yield git, commits


def repository_address(repo: str) -> str:
    """Return what git can be given for a path or a URL.

    Raises:
        UsageError: it is neither.
    """
    path = Path(repo)
    if path.exists():
        return str(path.resolve())
    if repo.startswith("-") or not ("://" in repo or ("@" in repo and ":" in repo)):
        raise UsageError(f"{repo}: no such folder, and not a URL; name a git repository")
    return repo


def _fetch_problem(git: Git, repo: str, source: str, complaint: str, refs: Mapping[str, str] | None) -> str:
    """Say why a fetch failed, in the caller's words."""
    heads = git.run("ls-remote", "--quiet", "--heads", "--", source, timeout_s=_LOCAL_S, most=_LISTING_BYTES)
    if heads.status != 0:
        return f"{repo}: not a git repository that can be read ({heads.complaint}). Check the path or URL, and access."
    known = [line.split("refs/heads/", 1)[1] for line in heads.output.decode(errors="replace").splitlines()]
    if not known:
        return f"{repo}: the repository has no branches yet. Commit and push something first."
    if refs is not None and "couldn't find remote ref" in complaint:
        missing = next((ref for ref in refs.values() if complaint.endswith(f" {ref}")), ", ".join(refs.values()))
        return f"{repo}: there is no ref {missing!r}; the branches are {', '.join(sorted(known)[:30])}"
    return f"{repo}: git could not fetch {', '.join((refs or {}).values()) or 'all refs'}: {complaint}"
