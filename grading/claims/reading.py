"""`evidence.json` → claims, or every fault of it. It is hostile: foreign code ran where it was written."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

from grading.claims.expected import Expected, expected_checks
from grading.claims.hostile import MAX_FAULTS, OddJsonError, read_json, schema_faults, show
from grading.claims.names import is_file_name
from grading.claims.writing import MAX_CLAIMS_BYTES, render_claims
from grading.errors import Fault, GraderError
from grading.model import (
    Assignment,
    Blame,
    CheckResult,
    Coverage,
    Evidence,
    FailureKind,
    Flag,
    Isolation,
    Level,
    LintFinding,
    LoadFault,
    Outcome,
)

MAX_VALUES = 20_000
FILE, GPU_FILE = "evidence.json", "evidence-gpu.json"
GPU = "gpu"
_SHARE = re.compile(r"(0|[1-9][0-9]{0,999})/([1-9][0-9]{0,999})")
_NOTHING_COUNTS = "Nothing of it counts."


@dataclass(frozen=True)
class Claims:
    """What a run claims, and nothing else that it may have written.

    Attributes:
        environment_sha256: what was installed where it ran; the run's word.
        gpu: the GPU's model, None for a run without one.
    """

    evidence: Evidence
    environment_sha256: str
    gpu: str | None = None

    def render(self) -> str:
        """Return the document that these claims are read from."""
        return render_claims(self.evidence, self.environment_sha256, self.gpu)


def parse_claims(data: bytes, assignment: Assignment, level: Level, *, draw: int = 0, merged: bool = False) -> Claims:
    """Read what an official run left behind.

    Its checks must be exactly those of the assignment's hidden tests at this level: each once, with its criterion,
    weight and kind. The judge reports all of them, even where the submission did not load; only a run that gave up by
    the grader's own fault reports none.

    Args:
        data: any bytes.
        draw: the seed of the starter's bugs, where the assignment draws them.
        merged: whether it is a copy of ours, kept after `merge`. Fresh claims come from a run without a GPU: none is
            named there, and no check that needs one assessed.

    Raises:
        GraderError: anything but what a run of ours writes; all faults at once.
    """
    return _parse(data, FILE, list(expected_checks(assignment, level, draw).values()), may_have_gpu=merged)


def parse_gpu_claims(data: bytes, assignment: Assignment, level: Level, *, draw: int = 0) -> Claims:
    """Read what a run with `--gpu` left behind: the checks marked gpu, each once, and no other.

    Raises:
        GraderError: anything but what such a run of ours writes; all faults at once.
    """
    wanted = [check for check in expected_checks(assignment, level, draw).values() if check.informational == GPU]
    return _parse(data, GPU_FILE, wanted, may_have_gpu=True)


def merge(claims: Claims, gpu: Claims) -> Claims:
    """Return claims with the GPU run's word on the checks that need one. Nothing that carries points changes."""
    if claims.evidence.grader_fault is not None or gpu.evidence.grader_fault is not None:
        return claims
    there = {check.name: check for check in gpu.evidence.checks if check.informational == GPU}
    checks = tuple(there.get(c.name, c) if c.informational == GPU else c for c in claims.evidence.checks)
    return Claims(dataclasses.replace(claims.evidence, checks=checks), claims.environment_sha256, gpu.gpu)


def _parse(data: bytes, where: str, wanted: Sequence[Expected], *, may_have_gpu: bool) -> Claims:
    try:
        document = read_json(data, most_bytes=MAX_CLAIMS_BYTES, most_values=MAX_VALUES)
    except OddJsonError as error:
        raise GraderError(f"{where}: {error}. {_NOTHING_COUNTS}") from None
    faults = schema_faults(document, _schema(), where)
    if not faults:
        faults = list(_faults(document, where, wanted, may_have_gpu=may_have_gpu))
    if faults:
        listed = [*map(str, faults[:MAX_FAULTS]), *(["and more"] if len(faults) >= MAX_FAULTS else [])]
        raise GraderError(f"{where}: not what a run of ours leaves behind:\n" + "\n".join(listed))
    return _claims(document)


@cache
def _schema() -> Mapping[str, Any]:
    text = resources.files("grading.claims").joinpath("evidence.schema.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


def _faults(
    document: Mapping[str, Any], where: str, wanted: Sequence[Expected], *, may_have_gpu: bool
) -> Iterator[Fault]:
    """Find what the schema cannot say."""
    isolation = document["isolation"]
    if isolation != Isolation.FULL:
        yield Fault(where, "isolation", Isolation.FULL.value, isolation, "Grade where the sandbox isolates fully.")
    if document["grader_fault"] is not None:
        if document["checks"]:
            yield Fault(where, "checks", "none beside a grader_fault", show(document["checks"]), _NOTHING_COUNTS)
    else:
        yield from _set_faults(document["checks"], where, wanted)
    gpu = document["gpu"] if may_have_gpu else None
    if gpu != document["gpu"]:
        yield Fault(where, "gpu", "null: this run has no GPU", show(document["gpu"]), _NOTHING_COUNTS)
    for i, check in enumerate(document["checks"]):
        yield from _check_faults(check, f"checks[{i}] ({show(check['name'])})", where, gpu)
    for key in ("load_faults", "lint"):
        for i, row in enumerate(document[key]):
            if not is_file_name(row["file"]):
                expected = "a name that a file of a submission can have"
                yield Fault(where, f"{key}[{i}].file", expected, show(row["file"]), _NOTHING_COUNTS)


def _set_faults(checks: Sequence[Mapping[str, Any]], where: str, wanted: Sequence[Expected]) -> Iterator[Fault]:
    """Find checks that are missing, unknown, there twice, or not what their markers say."""
    times = Counter(check["name"] for check in checks)
    known = {expected.name: expected for expected in wanted}
    for name in known:
        if name not in times:
            yield Fault(where, "checks", f"the check {name}", "no such check", _NOTHING_COUNTS)
    for name, number in times.items():
        if name not in known:
            yield Fault(where, "checks", "the hidden tests' checks at this level", show(name), _NOTHING_COUNTS)
        elif number > 1:
            yield Fault(where, "checks", f"the check {name} once", f"{number} times", _NOTHING_COUNTS)
    for check in checks:
        expected = known.get(check["name"])
        for field in ("criterion", "weight", "informational") if expected is not None else ():
            marked = getattr(expected, field)
            if check[field] != marked:
                place = f"check {check['name']}: {field}"
                yield Fault(where, place, show(marked), show(check[field]), _NOTHING_COUNTS)


_ENDINGS: Mapping[Outcome, tuple[Blame | None, Callable[[FailureKind | None], bool], str]] = {
    Outcome.PASSED: (None, lambda kind: kind is None, "nobody to blame, no kind"),
    Outcome.FAILED: (
        Blame.CANDIDATE,
        lambda kind: kind not in (None, FailureKind.TIMEOUT),
        "the candidate to blame, a kind other than out of time",
    ),
    Outcome.TIMED_OUT: (
        Blame.CANDIDATE,
        lambda kind: kind is FailureKind.TIMEOUT,
        "the candidate to blame, out of time",
    ),
    Outcome.ERRORED: (Blame.GRADER, lambda kind: kind is None, "the grader to blame, no kind"),
    Outcome.NOT_RUN: (Blame.GRADER, lambda kind: kind is None, "the grader to blame (nobody for gpu checks), no kind"),
}
"""Outcome → whose doing it is and which kinds there are, as the judge rules."""


def _check_faults(check: Mapping[str, Any], place: str, where: str, gpu: str | None) -> Iterator[Fault]:
    outcome, kind = Outcome(check["outcome"]), None if check["kind"] is None else FailureKind(check["kind"])
    blame, fits, expected = _ENDINGS[outcome]
    not_assessed = outcome is Outcome.NOT_RUN and check["informational"] == GPU and check["blame"] is None
    if (check["blame"] != blame and not not_assessed) or not fits(kind):
        found = f"{outcome.value}, {show(check['blame'])}, {show(check['kind'])}"
        yield Fault(where, place, f"with {outcome.value}: {expected}", found, _NOTHING_COUNTS)
    if check["informational"] == GPU and gpu is None and outcome is not Outcome.NOT_RUN:
        yield Fault(where, place, "not_run in a run without a GPU", outcome.value, _NOTHING_COUNTS)
    if check["share"] is not None and _share(check["share"]) is None:
        yield Fault(where, f"{place}: share", "a fraction from 0 to 1", show(check["share"]), _NOTHING_COUNTS)


def _share(text: str) -> Fraction | None:
    match = _SHARE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        return None
    return Fraction(int(match[1]), int(match[2]))


def _claims(document: Mapping[str, Any]) -> Claims:
    """Return what a document without faults says. Whole numbers may stand there as 1.0, and become 1."""
    evidence = Evidence(
        checks=tuple(
            CheckResult(
                name=check["name"],
                criterion=check["criterion"],
                weight=int(check["weight"]),
                outcome=Outcome(check["outcome"]),
                blame=None if check["blame"] is None else Blame(check["blame"]),
                kind=None if check["kind"] is None else FailureKind(check["kind"]),
                informational=check["informational"],
                share=None if check["share"] is None else _share(check["share"]),
                detail=check["detail"],
                duration_s=float(check["duration_s"]),
            )
            for check in document["checks"]
        ),
        isolation=Isolation(document["isolation"]),
        load_faults=tuple(LoadFault(**{**row, "line": _line(row["line"])}) for row in document["load_faults"]),
        lint=tuple(LintFinding(**{**row, "line": int(row["line"])}) for row in document["lint"]),
        lint_error=document["lint_error"],
        flags=tuple(Flag(**{**row, "line": _line(row["line"])}) for row in document["flags"]),
        seed=int(document["seed"]),
        timings={name: float(seconds) for name, seconds in document["timings"].items()},
        output=document["output"],
        grader_fault=document["grader_fault"],
        own_coverage=_coverage(document.get("own_coverage")),
    )
    return Claims(evidence, document["environment_sha256"], document["gpu"])


def _coverage(row: Mapping[str, Any] | None) -> Coverage | None:
    if row is None:
        return None
    return Coverage(row["passes"], *(int(row[name]) for name in ("lines", "of_lines", "branches", "of_branches")))


def _line(number: float | None) -> int | None:
    return None if number is None else int(number)
