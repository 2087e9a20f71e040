"""Start and steer the offline GitHub API (`simulator/`): a Node.js process behind one URL."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from tests.e2e.github import node

START_TIMEOUT_S = 120
END_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 30


class ApiServer:
    """The offline GitHub API, until the block ends.

    Args:
        app: id, slug, public_key (PEM) and permissions of the one GitHub App.
        root: folder of the bare repositories, for creating them and for looking up branches and commits.
        git_url: where these are served.
    """

    def __init__(self, app: Mapping[str, object], root: Path, git_url: str) -> None:
        self._configuration = {"app": dict(app), "root": str(root), "git": git_url}
        self._cleanup = contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.installation = 0

    @property
    def pid(self) -> int:
        """The one process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        packages = node.install()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offline-github-")))
        for source in node.SOURCES.glob("*.mjs"):
            shutil.copyfile(source, folder / source.name)
        (folder / "node_modules").symlink_to(packages / "node_modules", target_is_directory=True)
        errors = stack.enter_context((folder / "stderr").open("w+"))
        # A group of its own: an interrupt at the terminal must not end the server before the test has cleaned up.
        process = subprocess.Popen(
            [node.find_node(), "main.mjs"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "NODE_ENV": "production"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        self._process = process
        stack.callback(_end, process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(self._configuration) + "\n")
        process.stdin.flush()
        said = _first_line(process.stdout, START_TIMEOUT_S)
        if not said:
            errors.seek(0)
            raise RuntimeError(f"the offline GitHub did not start within {START_TIMEOUT_S} s:\n{errors.read()[-4000:]}")
        answer = json.loads(said)
        self.url = answer["url"]
        self.installation = answer["installation"]

    def state(self) -> dict[str, Any]:
        """Return everything that this GitHub knows: repositories, tokens, calls, violations, dispatches, faults."""
        with urllib.request.urlopen(f"{self.url}/_state", timeout=REQUEST_TIMEOUT_S) as answer:  # noqa: S310
            state: dict[str, Any] = json.load(answer)
            return state

    def order(self, order: str, **what: object) -> Any:
        """Change something behind GitHub's back; `simulator/control.mjs` lists the orders.

        Raises:
            ValueError: no such order, repository or comment.
        """
        body = json.dumps({"order": order, **what}).encode()
        request = urllib.request.Request(f"{self.url}/_state", data=body, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(f"order {order!r}: {error.read().decode(errors='replace')}") from error


def _first_line(stream: IO[str], timeout_s: float) -> str:
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        return lines.get(timeout=timeout_s)
    except queue.Empty:
        return ""


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()  # it ends by itself when nobody holds its standard input
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
