"""Keep files as actions/upload-artifact does: no empty folder, no hidden file unless asked, no name twice."""

import glob
import os
import shutil
import sys
from pathlib import Path


def found(patterns: list[str], hidden: bool) -> list[tuple[Path, Path]]:
    """Return (file, name in the artifact); names count from the deepest folder that holds everything."""
    roots = [Path(hit).absolute() for pattern in patterns for hit in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - patterns may be absolute
    if not roots:
        return []
    base = Path(os.path.commonpath([root.parent if root.is_file() else root for root in roots]))
    names = set()
    for root in roots:
        walked = os.walk(root, followlinks=True)
        files = [root] if root.is_file() else [Path(top, name) for top, _, some in walked for name in some]
        names |= {file for file in files if hidden or not _is_hidden(file.relative_to(base))}
    return [(file, file.relative_to(base)) for file in sorted(names)]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def main() -> None:
    target = Path(os.environ["OFFLINE_ARTIFACTS"], os.environ["IN_NAME"])
    if target.exists():
        if os.environ["IN_OVERWRITE"] != "true":
            sys.exit(f"::error::Failed to CreateArtifact: an artifact with the name {target.name} already exists (409)")
        shutil.rmtree(target)
    patterns = [line.strip() for line in os.environ["IN_PATH"].splitlines() if line.strip()]
    files = found(patterns, os.environ["IN_HIDDEN"] == "true")
    if not files:
        missing = os.environ["IN_MISSING"]
        text = f"No files were found with the provided path: {', '.join(patterns)}. No artifacts will be uploaded."
        print(f"::{'error' if missing == 'error' else 'warning'}::{text}")
        sys.exit(missing == "error")
    for file, name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / name)
    print(f"Artifact {target.name}: {len(files)} files")


main()
