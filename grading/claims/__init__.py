"""Evidence as the untrusted run hands it over, and read back as hostile data.

    writing   Evidence → evidence.json
    reading   evidence.json → Claims, or every fault of it
    hostile   bytes → JSON that is small, shallow and unambiguous
    expected  which checks there must be, by the trusted hidden tests

A claim is the run's word: which checks exist and what they weigh is not, nor under which isolation an official grade
may be made.
"""

from grading.claims.expected import Expected, expected_checks
from grading.claims.reading import Claims, merge, parse_claims, parse_gpu_claims
from grading.claims.writing import MAX_CLAIMS_BYTES, render_claims

__all__ = [
    "MAX_CLAIMS_BYTES",
    "Claims",
    "Expected",
    "expected_checks",
    "merge",
    "parse_claims",
    "parse_gpu_claims",
    "render_claims",
]
