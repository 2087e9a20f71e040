"""The only place that runs git, ruff and pytest on the visible tests: few options, none of the user's configuration.

process   one program, with a clock and a cap on its output
git       git in a clean environment; foreign repositories are fetched into a fresh bare one
reading   folders, changes and history of a repository
writing   candidate repositories, patches, the grader's own commit
pushing   files onto a branch of a remote repository, whatever happens there meanwhile
programs  ruff and pytest
"""

from grading.sandbox.tools.git import Access
from grading.sandbox.tools.programs import format_source, run_ruff, run_visible_tests
from grading.sandbox.tools.pushing import add_files, list_branches, push_branches, read_branch, replace_files
from grading.sandbox.tools.reading import GitObject, GitTree, changed_outside, fetch_tree, read_history
from grading.sandbox.tools.writing import Branch, apply_patch, create_repository, grader_commit

__all__ = [
    "Access",
    "Branch",
    "GitObject",
    "GitTree",
    "add_files",
    "apply_patch",
    "changed_outside",
    "create_repository",
    "fetch_tree",
    "format_source",
    "grader_commit",
    "list_branches",
    "push_branches",
    "read_branch",
    "read_history",
    "replace_files",
    "run_ruff",
    "run_visible_tests",
]
