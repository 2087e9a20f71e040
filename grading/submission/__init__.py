"""Read what a candidate handed in, as bytes; nothing of it is run, and git never runs in its folder.

    read    from a folder, a file or the entries of a git tree → `Submission`
    items   one entry of a submission, and the caps on size and number
    disk    bytes from the disk that no link and no device can turn into something else
    rules   which names travel to the grader and which are left behind, with what flag
    text    source encodings, and characters that do not show

A candidate's mistake never raises: it becomes a flag, or the fault that keeps the submission from being graded.
"""

from grading.submission.disk import read_file
from grading.submission.items import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, TreeEntry
from grading.submission.read import is_wanted, load_file, load_folder, parse_tree

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_TOTAL_BYTES",
    "TreeEntry",
    "is_wanted",
    "load_file",
    "load_folder",
    "parse_tree",
    "read_file",
]
