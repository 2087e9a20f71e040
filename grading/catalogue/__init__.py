"""Assignments as they lie on the disk: read, checked, found.

    load      one folder, all of them, or one by its id
    manifest  `assignment.toml` → `Assignment`; pure
    folder    the files that an assignment needs around it
    hidden    hidden tests and their markers, parsed but never imported

Every fault of a folder is reported at once.
"""

from grading.catalogue.hidden import criterion_counts
from grading.catalogue.load import (
    assignment_folders,
    check_level,
    data_folder,
    find_assignment,
    hidden_sha256,
    load_assignment,
    load_catalogue,
    rubric_sha256,
    run_files,
)

__all__ = [
    "assignment_folders",
    "check_level",
    "criterion_counts",
    "data_folder",
    "find_assignment",
    "hidden_sha256",
    "load_assignment",
    "load_catalogue",
    "rubric_sha256",
    "run_files",
]
