"""Write what the caller asked for: whole or not at all."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from grading.errors import UsageError


def check_writable(folder: Path | None) -> None:
    """Find out before the work, not after it, that its result cannot be kept."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be written to ({error.strerror}); name another folder") from None


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8", delete=False
        ) as stream:
            temporary = Path(stream.name)
            stream.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise UsageError(f"{path}: cannot be written ({error.strerror}); the score was not kept") from None
