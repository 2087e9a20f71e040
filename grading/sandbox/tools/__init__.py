"""The only place that runs git, ruff and pytest on the visible tests: few options, none of the user's configuration.

process   one program, with a clock and a cap on its output
git       git in a clean environment; foreign repositories are fetched into a fresh bare one
reading   folders, changes and history of a repository
writing   candidate repositories, patches, the grader's own commit
programs  ruff and pytest
"""

from grading.sandbox.tools.programs import format_source, run_ruff, run_visible_tests
from grading.sandbox.tools.reading import GitObject, GitTree, changed_outside, fetch_tree, read_history
from grading.sandbox.tools.writing import Branch, apply_patch, create_repository, grader_commit

__all__ = [
    "Branch",
    "GitObject",
    "GitTree",
    "apply_patch",
    "changed_outside",
    "create_repository",
    "fetch_tree",
    "format_source",
    "grader_commit",
    "read_history",
    "run_ruff",
    "run_visible_tests",
]
