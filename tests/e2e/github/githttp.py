"""Serve bare repositories the way github.com does: git's smart HTTP, at <owner>/<name> or <owner>/<name>.git."""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
REQUEST = re.compile(
    r"/(?P<name>[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*?)(?:\.git)?/(?P<verb>info/refs|git-upload-pack|git-receive-pack)"
)
LIKE_GITHUB = {
    "uploadpack.allowAnySHA1InWant": "true",  # a commit can be fetched by its name, as actions/checkout does
    "receive.hideRefs": "refs/pull",  # nobody pushes to a pull request's head but GitHub
}

Permit = Callable[[str, str, bool], bool]
"""(token, owner/name, to write?) → may this token do it?"""


class GitServer:
    """Smart HTTP over `git http-backend` on a free port of this machine, until the block ends.

    Args:
        root: folder with <owner>/<name>.git.
        permit: asked for every request that brings a token; without a token nothing is served.
    """

    def __init__(self, root: Path, permit: Permit) -> None:
        self.root = root
        self.permit = permit
        self.requests: list[tuple[str, str, int]] = []  # method, path, status
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def token_of(header: str) -> str:
    """Return the token of an Authorization header: Basic with any user name, or Bearer; empty when there is none."""
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return ""


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            body = self._body()
            asked = REQUEST.fullmatch(path)
            token = token_of(self.headers.get("Authorization", ""))
            if not token:
                return self._refuse(401, "Authentication required", {"WWW-Authenticate": 'Basic realm="GitHub"'})
            if asked is None or not (server.root / f"{asked['name']}.git").is_dir():
                return self._refuse(404, "Not Found")
            writes = "git-receive-pack" in (asked["verb"], query.removeprefix("service="))
            if not server.permit(token, asked["name"], False):
                return self._refuse(404, "Not Found")
            if writes and not server.permit(token, asked["name"], True):
                return self._refuse(403, "Write access to repository not granted.")
            return self._serve(f"/{asked['name']}.git/{asked['verb']}", query, body)

        do_GET = do_POST = answer

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _refuse(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
            self._send(status, {"Content-Type": "text/plain", **(headers or {})}, text.encode())

        def _serve(self, path: str, query: str, body: bytes) -> None:
            settings = {"GIT_CONFIG_COUNT": str(len(LIKE_GITHUB))}
            for number, (key, value) in enumerate(LIKE_GITHUB.items()):
                settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "x-access-token",  # git serves pushes only to somebody
                "REMOTE_ADDR": HOST,
                "GIT_CONFIG_NOSYSTEM": "1",
                "HOME": str(server.root),
                **settings,
            }
            # Repositories may belong to another user than the one who runs the tests; these are ours.
            command = ["git", "-c", "safe.directory=*", "http-backend"]
            done = subprocess.run(command, input=body, env=environment, capture_output=True, check=False)
            head, _, data = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
            status = int(headers.pop("Status", "200").split()[0])
            if done.returncode != 0 and not done.stdout:
                return self._refuse(500, done.stderr.decode(errors="replace"))
            return self._send(status, headers, data)

        def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
            server.requests.append((self.command, self.path, status))
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: `requests` has it all."""

    return Handler
