"""Evidence → `evidence.json`, which always fits through the door at the other end. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from grading.claims.names import file_name
from grading.errors import GraderError
from grading.model import Evidence

SCHEMA = 1
MAX_CLAIMS_BYTES = 4 << 20
_MOST_LINT, _MOST_FLAGS, _MOST_LOAD_FAULTS = 500, 300, 100
_TEXT_LIMITS = (8000, 4000, 2000, 1000, 500, 250, 100, 0)
"""Characters that a free text may have; the first that lets the whole document fit counts."""
_MOST_DIGITS = 1000


def render_claims(evidence: Evidence, environment_sha256: str, gpu: str | None) -> str:
    """Return evidence as `evidence.json`, at most 4 MiB of ASCII.

    What a candidate's code said is shortened until it fits, so that no submission can talk its way out of a grade; of
    lint findings the first 500 stay. No number depends on either.

    Raises:
        GraderError: it does not fit without any text; no evidence of ours is like that.
    """
    text = ""
    for limit in _TEXT_LIMITS:
        document = _document(evidence, environment_sha256, gpu, limit)
        text = json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
        if len(text) <= MAX_CLAIMS_BYTES:
            return text
    raise GraderError(f"evidence: expected at most {MAX_CLAIMS_BYTES} bytes; found {len(text)} without any text")


def _document(evidence: Evidence, environment_sha256: str, gpu: str | None, limit: int) -> dict[str, Any]:
    def cut(text: str, most: int) -> str:
        # Half a surrogate pair can come from a candidate's message, and could be written nowhere.
        return text[: min(most, limit)].encode("utf-8", "replace").decode()

    def name(text: str, most: int) -> str:
        return text[:most].encode("utf-8", "replace").decode()

    def name_or_none(text: str | None, most: int) -> str | None:
        return None if text is None else name(text, most)

    return {
        "schema": SCHEMA,
        "isolation": evidence.isolation.value,
        "checks": [
            {
                "name": check.name,
                "criterion": check.criterion,
                "weight": check.weight,
                "outcome": check.outcome.value,
                "blame": None if check.blame is None else check.blame.value,
                "kind": None if check.kind is None else check.kind.value,
                "informational": check.informational,
                "share": None if check.share is None else _share_text(check.share),
                "detail": cut(check.detail, 8000),
                "duration_s": check.duration_s,
            }
            for check in evidence.checks
        ],
        "load_faults": [
            {
                "file": file_name(fault.file),
                "line": fault.line,
                "kind": name(fault.kind, 100),
                "message": cut(fault.message, 2000),
            }
            for fault in evidence.load_faults[:_MOST_LOAD_FAULTS]
        ],
        "lint": [
            {
                "file": file_name(found.file),
                "line": found.line,
                "rule": name(found.rule, 100),
                "message": cut(found.message, 500),
            }
            for found in evidence.lint[:_MOST_LINT]
        ],
        "lint_error": None if evidence.lint_error is None else cut(evidence.lint_error, 2000),
        "flags": [
            {
                "kind": name(flag.kind, 100),
                "message": cut(flag.message, 1000),
                "file": name_or_none(flag.file, 300),
                "line": flag.line,
            }
            for flag in evidence.flags[:_MOST_FLAGS]
        ],
        "seed": evidence.seed,
        "timings": dict(evidence.timings),
        "output": cut(evidence.output[-limit:] if limit else "", 8000),
        "grader_fault": None if evidence.grader_fault is None else cut(evidence.grader_fault, 8000),
        **({} if evidence.own_coverage is None else {"own_coverage": asdict(evidence.own_coverage)}),
        "environment_sha256": environment_sha256,
        "gpu": name_or_none(gpu, 100),
    }


def _share_text(share: Fraction) -> str:
    """Return an exact fraction; one of more digits than any float has is brought down to those that are read."""
    exact = share if share.denominator < 10**_MOST_DIGITS else share.limit_denominator(10 ** (_MOST_DIGITS - 1))
    return f"{exact.numerator}/{exact.denominator}"
