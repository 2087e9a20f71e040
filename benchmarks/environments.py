"""A virtual environment for each peer, with its own pins and with the torch, numpy and pandas that we have."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.places import BUILD

_SHARED_ROOTS = ("torch", "numpy", "pandas")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--quiet", "install")


def peer_python(name: str, pins: tuple[str, ...]) -> Path:
    """Return the interpreter of a peer's environment; make the environment at first use.

    What the assignment needs is linked from our environment, so that every grader imports the same files. Nothing else
    of ours is visible to the peer.

    Raises:
        subprocess.CalledProcessError: pip could not install a pin.
    """
    home = BUILD / name / "venv"
    python = home / "bin" / "python"
    ready = home / "pins.txt"
    wanted = "\n".join(pins) + "\n"
    if ready.is_file() and ready.read_text() == wanted:
        return python
    venv.create(home, with_pip=True, clear=True, symlinks=True)
    site = next((home / "lib").glob("python3*/site-packages"))
    (site / "shared.pth").write_text(f"{link_shared_libraries()}\n")
    subprocess.run([str(python), *_PIP, *pins], check=True)  # noqa: S603 - our own command
    ready.write_text(wanted)
    return python


def link_shared_libraries() -> Path:
    """Make a folder with links to torch, numpy, pandas and what they need, and to nothing else of ours."""
    folder = BUILD / "shared"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(_closure(_SHARED_ROOTS)):
        found = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            link, target = folder / top, Path(str(found.locate_file(top)))
            if target.exists() and not link.exists():
                link.symlink_to(target)
    return folder


def _closure(roots: tuple[str, ...]) -> set[str]:
    """Return the distributions that are installed here and that the roots need, extras aside."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            required = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        plain = (line for line in required if "extra ==" not in line)
        waiting += [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in plain]
    return found


def version_in(python: Path, distribution: str) -> str:
    """Return the version of a distribution in a peer's environment."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    return done.stdout.strip()


if __name__ == "__main__":
    print(link_shared_libraries(), *sorted(_closure(_SHARED_ROOTS)), file=sys.stderr)
