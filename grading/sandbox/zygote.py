"""Preloads the libraries once, then forks one worker for each request. Never runs candidate code itself.

Started as ``python -I zygote.py SOCKET_FD MODE MODULES`` where MODE is an isolation level and MODULES a comma-separated
list to import. The control socket carries one JSON datagram a message:

    judge → zygote   {"spawn": {limits}} with the worker's socket and output pipe attached;  {"kill": pid}
    zygote → judge   {"ready": true};  {"pid": pid};  {"exit": pid, "code": n | null, "signal": n | null}
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

if __name__ == "__main__":  # -I leaves this folder's package root off the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from grading.sandbox import namespaces
from grading.sandbox.stream import serve

# Imported lazily by the libraries at first use; a worker would pay for each of them in every test.
_COMPANIONS = {
    "torch": (
        "torch._dynamo",
        "torch.utils.data",
        "torch.optim",
        "grading.sandbox.codec_torch",
        "grading.sandbox.fake_gpu",
    ),
    "numpy": ("numpy.random", "grading.sandbox.codec_numpy"),
    "pandas": ("grading.sandbox.codec_pandas",),
    "scipy": ("scipy.stats", "scipy.optimize"),
    "sklearn": (
        "sklearn.linear_model",
        "sklearn.metrics",
        "sklearn.preprocessing",
        "sklearn.model_selection",
        "sklearn.ensemble",
        "sklearn.pipeline",
    ),
}
_COMM_FD = 3
_SIGNALLED = 128
_SPAWN_FAILED = 120
SUBMISSION = "/submission"
MIB = 1 << 20


def preload(modules: list[str]) -> None:
    """Import libraries and what they would import later; leave this process with a single thread."""
    gc.disable()  # what an import makes stays; looking through it again and again takes a tenth of the time
    for name in modules:
        importlib.import_module(name)
        for companion in _COMPANIONS.get(name, ()):
            importlib.import_module(companion)
    if "torch" in sys.modules:
        _warm_up(sys.modules["torch"])
    tasks = Path("/proc/self/task")
    if tasks.exists() and len(list(tasks.iterdir())) != 1:
        raise RuntimeError("the zygote has more than one thread: its children would hang")
    gc.freeze()  # so that a child's garbage collection does not copy our pages
    gc.enable()


def _warm_up(torch: ModuleType) -> None:
    """Train one step: what torch sets up at first use would otherwise be set up again in every test."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    x, y = torch.zeros(2, 2), torch.zeros(2, 1)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=2)
    for optimizer in (torch.optim.SGD(model.parameters()), torch.optim.Adam(model.parameters())):
        for x, y in loader:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    model.load_state_dict(model.state_dict())


class Zygote:
    """Answers the judge on a control socket, and forks.

    Args:
        control: SOCK_SEQPACKET socket to the judge.
        mode: "full", "reduced" or "none".
    """

    def __init__(self, control: socket.socket, mode: str) -> None:
        self._control = control
        self._mode = mode
        self._children: dict[int, int] = {}

    def run(self) -> None:
        """Serve until the judge hangs up; then kill every worker."""
        if sys.platform == "linux":
            namespaces.adopt_orphans()
            namespaces.hide_from_peers(True)
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, _ignore)
        self._tell({"ready": True})
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == wake_read:
                        os.read(wake_read, 4096)
                        self._reap()
                    elif not self._handle((wake_read, wake_write)):
                        return

    def _tell(self, message: dict[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())

    def _handle(self, own: tuple[int, int]) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, 65536, 2)
        if not data:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)
            return False
        message = json.loads(data)
        if "kill" in message:
            if message["kill"] in self._children:
                os.kill(message["kill"], signal.SIGKILL)
            return True
        try:
            pid = os.fork()
        except OSError as error:  # another worker has used up the machine's processes, and is about to be killed
            for fd in fds:
                os.close(fd)
            self._tell({"refused": f"no new process: {error.strerror}"})
            return True
        if pid == 0:
            status = _SPAWN_FAILED
            try:
                for fd in own:
                    os.close(fd)
                self._become_worker(fds[0], fds[1], message["spawn"])
                status = 0
            except BaseException as error:  # noqa: BLE001 - the child must end here, whatever happens
                os.write(2, f"worker: {type(error).__name__}: {error}\n".encode()[:500])
            finally:
                os._exit(status)
        for fd in fds:
            os.close(fd)
        self._children[pid] = pid
        self._tell({"pid": pid})
        return True

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._children.pop(pid, None) is None:
                continue
            self._kill_orphans()
            code = os.waitstatus_to_exitcode(status)
            number = -code if code < 0 else code - _SIGNALLED if code > _SIGNALLED else None
            self._tell({"exit": pid, "code": None if number else code, "signal": number})

    def _kill_orphans(self) -> None:
        """Kill what a worker left behind.

        With a process namespace that is its first process, where it has told the kernel not to let it die with its
        parent; the kernel then kills all others. Without one, orphans cannot be told from those of a living worker.
        """
        listing = Path(f"/proc/self/task/{os.getpid()}/children")
        if (self._mode != "full" and self._children) or not listing.exists():
            return
        for _ in range(200):
            left = [pid for pid in map(int, listing.read_text().split()) if pid not in self._children]
            if not left:
                return
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    continue

    def _become_worker(self, comm: int, output: int, limits: dict[str, Any]) -> None:
        """Give up every right, then serve the judge. Runs in the forked child and never returns to the loop."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the judge's business
        self._control.close()
        comm, output = os.dup(comm), os.dup(output)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(comm, _COMM_FD)
        os.closerange(_COMM_FD + 1, 4096)
        os.umask(0o077)
        os.setsid()
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is killed, not ended
        directory = limits["directory"]
        if sys.platform == "linux":
            namespaces.hide_from_peers(False)
            namespaces.die_with_parent()
            mapped = namespaces.mapped_bytes()  # the new /proc may be empty
            if self._mode == "full":
                _enter_namespaces()
                if limits["loopback"]:
                    namespaces.raise_loopback()
                namespaces.drop_capabilities()
            namespaces.forbid_new_privileges()
            namespaces.die_with_parent()
            namespaces.limit_resources(
                # CUDA reserves far more addresses than it uses; where a GPU is shown, the watchdog alone bounds memory.
                address_space=None if mapped is None or _sees_gpu() else mapped + limits["memory_mib"] * MIB,
                processes=limits["processes"] if self._mode == "full" else None,
                file_size=64 * MIB,
                open_files=256,
                cpu_s=int(limits["cpu_s"]),
            )
            namespaces.install_seccomp(loopback=limits["loopback"])
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(
            PATH="/usr/bin:/bin", HOME=directory, TMPDIR=limits["tmp"], LANG="C.UTF-8", OMP_NUM_THREADS="1"
        )
        serve(_COMM_FD, Path(directory))


def _sees_gpu() -> bool:
    """Whether this sandbox was started to show a GPU."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _enter_namespaces() -> None:
    """Enter fresh namespaces with private, size-limited folders; return as process 1 of a new process namespace."""
    uid, gid = os.getuid(), os.getgid()
    namespaces.unshare(namespaces.EVERY_NAMESPACE)
    namespaces.map_to_nobody(uid, gid)
    namespaces.mount("none", "/", None, namespaces.MS_REC | namespaces.MS_PRIVATE)
    # The interpreter may live below /tmp; keep a hold of it, or the fresh /tmp would cover it.
    prefixes = [p for p in dict.fromkeys([sys.prefix, sys.base_prefix]) if p.startswith("/tmp/")]  # noqa: S108
    held = [(path, os.open(path, os.O_PATH)) for path in prefixes]
    flags = namespaces.MS_NOSUID | namespaces.MS_NODEV
    for path, size in (("/tmp", 64), ("/dev/shm", 64), (SUBMISSION, 16)):  # noqa: S108 - our own private mounts
        namespaces.mount("tmpfs", path, "tmpfs", flags, f"size={size * MIB},nr_inodes=4096,mode=0700")
    for path, fd in held:
        Path(path).mkdir(parents=True)
        namespaces.mount(f"/proc/self/fd/{fd}", path, None, namespaces.MS_BIND | namespaces.MS_REC)
        os.close(fd)
    pid = os.fork()
    if pid:
        os.close(_COMM_FD)
        namespaces.drop_capabilities()
        namespaces.forbid_new_privileges()
        namespaces.die_with_parent()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(_SIGNALLED - code if code < 0 else min(code, _SPAWN_FAILED))
    os.setsid()  # or kill(0) would reach the keeper
    namespaces.die_with_parent()
    try:
        flags = namespaces.MS_NOSUID | namespaces.MS_NODEV | namespaces.MS_NOEXEC
        namespaces.mount("proc", "/proc", "proc", flags)
    except OSError:  # refused where the outer /proc is masked; an empty one gives less away
        namespaces.mount("tmpfs", "/proc", "tmpfs", namespaces.MS_RDONLY | namespaces.MS_NOSUID, "size=4096")


def _ignore(_: int, __: FrameType | None) -> None:
    """Let the wake-up descriptor do the work."""


def main() -> None:
    """Preload, then serve the judge on the control socket given on the command line."""
    control = socket.socket(fileno=int(sys.argv[1]))
    if sys.argv[2] == "full":
        namespaces.become_nobody()
    preload([name for name in sys.argv[3].split(",") if name])
    Zygote(control, sys.argv[2]).run()
    os._exit(0)  # taking the libraries down in order would take as long as a small grade


if __name__ == "__main__":
    main()
