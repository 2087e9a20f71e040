"""Bring artifacts back as actions/download-artifact does: one by name, or several into folders of their own."""

import fnmatch
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    name, pattern = os.environ["IN_NAME"], os.environ["IN_PATTERN"] or "*"
    store, target = Path(os.environ["OFFLINE_ARTIFACTS"]), Path(os.environ["IN_PATH"] or ".")
    kept = sorted(path for path in store.iterdir() if path.is_dir())
    wanted = [path for path in kept if (path.name == name if name else fnmatch.fnmatchcase(path.name, pattern))]
    if name and not wanted:
        sys.exit(f"::error::Unable to download artifact(s): Artifact not found for name: {name}")
    for path in wanted:
        together = bool(name) or os.environ["IN_MERGE"] == "true"
        shutil.copytree(path, target if together else target / path.name, dirs_exist_ok=True)
        print(f"Artifact {path.name} downloaded")


main()
