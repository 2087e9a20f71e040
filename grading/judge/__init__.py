"""What hidden tests import. They run in the trusted process and reach the candidate's code through `solution`."""

from grading.judge.expect import (
    WrongType,
    expect_array,
    expect_bool,
    expect_close,
    expect_float,
    expect_int,
    expect_keys,
    expect_str,
    expect_tensor,
)
from grading.judge.remote import CandidateError, Handle, Record, fetch

__all__ = [
    "CandidateError",
    "Handle",
    "Record",
    "WrongType",
    "expect_array",
    "expect_bool",
    "expect_close",
    "expect_float",
    "expect_int",
    "expect_keys",
    "expect_str",
    "expect_tensor",
    "fetch",
]
