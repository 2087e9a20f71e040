"""The three files of a bundle: written by the trusted side, read by the run."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.catalogue import data_folder, run_files
from grading.claims.hostile import OddJsonError, read_json, schema_faults, show
from grading.errors import Fault, FaultsError, UsageError
from grading.model import Assignment, Flag, Level, LoadFault, Submission
from grading.submission import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES

GRADER, SUBMISSION, REQUEST = "grader.tar.gz", "submission.json", "request.json"
_SCHEMA = 1
_MOST_BYTES = {SUBMISSION: 16 << 20, REQUEST: 4 << 10}
_MOST_VALUES = 20_000
_MOST_FLAGS = 1000
_AUTHORS_ONLY = frozenset({"solutions", "GUIDE.md", "NOTES.md"})
_FILES = {"type": "object", "maxProperties": MAX_FILES, "additionalProperties": {"type": "string"}}
_TEXT_OR_NULL = {"type": ["string", "null"], "maxLength": 1000}
_PLACE = {
    "file": _TEXT_OR_NULL,
    "line": {"type": ["integer", "null"], "minimum": 0, "maximum": 10**9},
    "kind": {"type": "string", "maxLength": 200},
    "message": {"type": "string", "maxLength": 2000},
}


def _exactly(properties: Mapping[str, object]) -> dict[str, object]:
    required = list(properties)
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_SCHEMAS = {
    REQUEST: _exactly(
        {
            "schema": {"const": _SCHEMA},
            "assignment": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$", "maxLength": 80},
            "level": {"enum": [level.value for level in Level]},
            "draw": {"type": "integer", "minimum": 0, "maximum": 10**9},
        }
    ),
    SUBMISSION: _exactly(
        {
            "schema": {"const": _SCHEMA},
            "source": {"type": "string", "maxLength": 1000},
            "commit": {"type": ["string", "null"], "pattern": "^(?:[0-9a-f]{40}|[0-9a-f]{64})$", "maxLength": 64},
            "ref": _TEXT_OR_NULL,
            "flags": {"type": "array", "maxItems": _MOST_FLAGS, "items": _exactly(_PLACE)},
            "fault": {"anyOf": [_exactly({**_PLACE, "file": {"type": "string", "maxLength": 1000}}), {"type": "null"}]},
            "files": _FILES,
        }
    ),
}
_REMEDY = "Make the bundle anew with `python -m grading fetch`."


@dataclass(frozen=True)
class RunRequest:
    """What a run is to grade.

    Attributes:
        draw: the seed of the starter's bugs, where the assignment draws them.
    """

    assignment: str
    level: Level
    draw: int = 0


# made by the trusted side ---------------------------------------------------------------------------------------------


def write_bundle(folder: Path, submission: Submission, assignment: Assignment, request: RunRequest, root: Path) -> None:
    """Make a bundle, whole or not at all; equal inputs give equal bytes.

    Args:
        folder: where to; it must not exist yet, or be empty.
        root: this repository.

    Raises:
        UsageError: the folder holds something or cannot be written, or root is not this repository.
        FaultsError: the submission is larger than a run may be handed.
    """
    documents = {SUBMISSION: _submission_text(submission), REQUEST: _request_text(request)}
    _parse_submission(documents[SUBMISSION])  # what leaves must arrive
    _parse_request(documents[REQUEST])
    files = {**documents, GRADER: _pack(_grader_files(assignment, root))}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            building.chmod(0o755)
            for name, data in files.items():
                (building / name).write_bytes(data)
            building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); name a new or empty folder") from None


def _grader_files(assignment: Assignment, root: Path) -> Mapping[str, bytes]:
    """Return what a run needs of us, path → content: of assignments this one, of data what it names.

    Of its solutions it takes those along that judge candidates' own tests and tell what was drawn.
    """
    if not (root / "grading" / "pipeline.py").is_file():
        raise UsageError(f"{root}: expected this repository; found no grading/pipeline.py there. Correct the path.")
    files = {f"grading/{name}": path for name, path in _plain_files(root / "grading")}
    for path in (root / ".github" / "candidate" / "pyproject.toml", *sorted(root.glob("requirements*.txt"))):
        files[path.relative_to(root).as_posix()] = path
    for name, path in _plain_files(assignment.directory):
        if name.split("/")[0] not in _AUTHORS_ONLY:
            files[f"assignments/{assignment.id}/{name}"] = path
    for path in run_files(assignment):
        files[f"assignments/{assignment.id}/{path.relative_to(assignment.directory).as_posix()}"] = path
    data = data_folder(assignment.directory)
    for wanted in assignment.data if data is not None else ():
        place = Path(data or "", wanted)
        found = _plain_files(place) if place.is_dir() else [("", place)]
        files |= {f"data/{Path(wanted, name).as_posix()}": path for name, path in found}
    return {name: files[name].read_bytes() for name in sorted(files)}


def _plain_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder with their paths in it; caches and hidden files stay behind."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield "/".join(parts), path


def _pack(files: Mapping[str, bytes]) -> bytes:
    """Return a compressed archive in which nothing tells when, by whom or in which order it was made."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(name)  # owner 0, no names, time 0
            entry.size, entry.mode = len(files[name]), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return packed.getvalue()


def _request_text(request: RunRequest) -> bytes:
    return _text(
        {"schema": _SCHEMA, "assignment": request.assignment, "level": request.level.value, "draw": request.draw}
    )


def _submission_text(submission: Submission) -> bytes:
    return _text(
        {
            "schema": _SCHEMA,
            "source": _clipped(submission.source, 1000),
            "commit": submission.commit,
            "ref": _clipped(submission.ref, 1000),
            "flags": [_row(flag) for flag in submission.flags[:_MOST_FLAGS]],
            "fault": None if submission.fault is None else _row(submission.fault),
            "files": {name: base64.b64encode(data).decode() for name, data in sorted(submission.files.items())},
        }
    )


def _row(said: Flag | LoadFault) -> dict[str, object]:
    file, kind, message = _clipped(said.file, 1000), _clipped(said.kind, 200), _clipped(said.message, 2000)
    return {"file": file, "line": said.line, "kind": kind, "message": message}


def _clipped(text: str | None, most: int) -> str | None:
    """Return a text that fits; names come from the candidate's tree and may be of any length and no UTF-8."""
    return None if text is None else text[:most].encode("utf-8", "replace").decode()


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode()


# read by the run -------------------------------------------------------------------------------------------


def read_bundle(folder: Path) -> tuple[Submission, RunRequest]:
    """Read what to grade.

    Raises:
        FaultsError: a file is missing, or not what `write_bundle` writes; the faults of that file at once.
    """
    return _parse_submission(_read(folder, SUBMISSION)), _parse_request(_read(folder, REQUEST))


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file():
            raise FaultsError([Fault(str(path), "file", "a plain file", "none", _REMEDY)])
        with path.open("rb") as stream:
            return stream.read(_MOST_BYTES[name] + 1)
    except OSError as error:
        raise FaultsError([Fault(str(path), "file", "a readable file", str(error.strerror), _REMEDY)]) from None


def _document(name: str, data: bytes) -> Any:
    try:
        document = read_json(data, most_bytes=_MOST_BYTES[name], most_values=_MOST_VALUES)
    except OddJsonError as error:
        raise FaultsError([Fault(name, "document", "one that `fetch` writes", str(error), _REMEDY)]) from None
    faults = schema_faults(document, _SCHEMAS[name], name)
    if faults:
        raise FaultsError(faults)
    return document


def _parse_request(data: bytes) -> RunRequest:
    document = _document(REQUEST, data)
    return RunRequest(document["assignment"], Level(document["level"]), int(document["draw"]))


def _parse_submission(data: bytes) -> Submission:
    document = _document(SUBMISSION, data)
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    for name, text in document["files"].items():
        if not _is_relative(name):
            expected = "a relative path without . and .."
            faults.append(Fault(SUBMISSION, "files", expected, show(name), _REMEDY))
            continue
        try:
            files[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            faults.append(Fault(SUBMISSION, f"files.{name}", "base64", show(text), _REMEDY))
            continue
        if len(files[name]) > MAX_FILE_BYTES:
            expected = f"at most {MAX_FILE_BYTES} bytes"
            faults.append(Fault(SUBMISSION, f"files.{name}", expected, str(len(files[name])), _REMEDY))
    total = sum(map(len, files.values()))
    if total > MAX_TOTAL_BYTES:
        faults.append(Fault(SUBMISSION, "files", f"at most {MAX_TOTAL_BYTES} bytes together", str(total), _REMEDY))
    if faults:
        raise FaultsError(faults)
    return Submission(
        files=files,
        source=document["source"],
        commit=document["commit"],
        ref=document["ref"],
        flags=tuple(Flag(**row) for row in document["flags"]),
        fault=None if document["fault"] is None else LoadFault(**document["fault"]),
    )


def _is_relative(name: str) -> bool:
    parts = name.split("/")
    return len(name) <= 300 and name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(parts)
