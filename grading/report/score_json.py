"""Render a grade as `score.json`, the private record that machines read (`score.schema.json` describes it)."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

from grading.model import CriterionGrade, Flag, Graded

SCHEMA_VERSION = 1


def score_document(graded: Graded) -> dict[str, Any]:
    """Return the document of one graded submission; equal grades give equal documents, keys in a fixed order."""
    grade, made, submission = graded.grade, graded.provenance, graded.submission
    flags = dict.fromkeys((*submission.flags, *graded.evidence.flags))
    return {
        "schema": SCHEMA_VERSION,
        "assignment": grade.assignment,
        "version": grade.version,
        "level": grade.level.value,
        "submission": {"commit": submission.commit, "sha256": submission.sha256},
        "provenance": {
            "hidden_sha256": made.hidden_sha256,
            "rubric_sha256": made.rubric_sha256,
            "grader_commit": made.grader_commit,
            "environment_sha256": made.environment_sha256,
            "draw": made.draw,
        },
        "isolation": graded.evidence.isolation.value,
        "official": graded.official,
        "auto": _number(grade.auto),
        "auto_max": float(grade.auto_max),
        "manual": _number(grade.manual),
        "manual_max": float(grade.manual_max),
        "total": _number(grade.total),
        "pass_mark": float(grade.pass_mark),
        "verdict": grade.verdict.value,
        "criteria": [_criterion(criterion) for criterion in grade.criteria],
        "informational": [
            {"name": item.name, "kind": item.kind, "status": item.status.value} for item in grade.informational
        ],
        "flags": [_flag(flag) for flag in sorted(flags, key=_flag_order)],
        "timings": {name: round(graded.evidence.timings[name], 3) for name in sorted(graded.evidence.timings)},
    }


def render_score(graded: Graded) -> str:
    r"""Return the document as text. Only ASCII, and no row that a workflow log could take for a command."""
    text = json.dumps(score_document(graded), indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("##[", "#\\u0023[") + "\n"


@cache
def score_schema() -> dict[str, Any]:
    """Return the published JSON Schema (draft 2020-12) of `score.json`."""
    text = resources.files("grading.report").joinpath("score.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _criterion(criterion: CriterionGrade) -> dict[str, Any]:
    return {
        "id": criterion.id,
        "title": criterion.title,
        "points": _number(criterion.points),
        "max": float(criterion.max),
        "status": criterion.status.value,
        "hint": criterion.hint,
    }


def _flag(flag: Flag) -> dict[str, Any]:
    return {"kind": flag.kind, "message": flag.message, "file": flag.file, "line": flag.line}


def _flag_order(flag: Flag) -> tuple[str, str, int, str]:
    return (flag.kind, flag.file or "", flag.line or 0, flag.message)


def _number(points: Fraction | None) -> float | None:
    return None if points is None else float(points)
