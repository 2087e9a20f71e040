"""What the untrusted run is handed, and what it leaves: a folder in, `evidence.json` out.

The run has no checkout, no secret and no network. `grader.tar.gz` holds the grader, the pins and one assignment with
its hidden tests; `submission.json` holds the candidate's files; `request.json` says what to grade. A run that has been
taken over can therefore tell what it likes about this one submission, and nothing about another.

    files  write_bundle, read_bundle
    run    run_bundle
"""

from grading.bundle.files import GRADER, REQUEST, SUBMISSION, RunRequest, read_bundle, write_bundle
from grading.bundle.run import EVIDENCE, GPU_EVIDENCE, run_bundle

__all__ = [
    "EVIDENCE",
    "GPU_EVIDENCE",
    "GRADER",
    "REQUEST",
    "SUBMISSION",
    "RunRequest",
    "read_bundle",
    "run_bundle",
    "write_bundle",
]
