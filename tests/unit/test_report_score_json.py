"""`score.json`: exactly the published keys, valid against the published schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from grading.model import Flag, Status, Verdict
from grading.report.score_json import render_score, score_document, score_schema
from tests.golden.examples import EXAMPLES, SEED
from tests.golden.hostile import TEXT, hostile

KEYS = [
    *("schema", "assignment", "version", "level", "submission", "provenance", "isolation", "official"),
    *("auto", "auto_max", "manual", "manual_max", "total", "pass_mark", "verdict"),
    *("criteria", "informational", "flags", "timings"),
]


def valid(document: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(score_schema()).is_valid(document)


def test_the_schema_is_a_schema_that_closes_every_object() -> None:
    jsonschema.Draft202012Validator.check_schema(score_schema())
    pending: list[Any] = [score_schema()]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert "additionalProperties" in node
                assert set(node.get("required", ())) == set(node.get("properties", ()))
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def test_the_schema_and_the_model_know_the_same_words() -> None:
    properties = score_schema()["properties"]
    assert properties["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert score_schema()["$defs"]["status"]["enum"] == [status.value for status in Status]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_valid_with_its_keys_in_order(name: str) -> None:
    document = json.loads(render_score(EXAMPLES[name]))
    assert valid(document)
    assert list(document) == KEYS
    assert list(document["submission"]) == ["commit", "sha256"]
    assert str(SEED) not in render_score(EXAMPLES[name])


@given(TEXT)
@settings(deadline=None)
def test_hostile_text_is_carried_safely(text: str) -> None:
    rendered = render_score(hostile(text))
    assert rendered.isascii()
    assert "##[" not in rendered
    document = json.loads(rendered)
    assert document["flags"][0]["message"] == text
    assert valid(document)


def test_unknown_is_null_and_never_zero() -> None:
    ungraded = score_document(EXAMPLES["ungraded"])
    assert (ungraded["auto"], ungraded["total"], ungraded["verdict"]) == (None, None, "ungraded")
    pending = score_document(EXAMPLES["full"])
    assert (pending["auto"], pending["manual"], pending["total"]) == (92.0, None, None)


def test_points_are_numbers_with_one_decimal() -> None:
    rendered = render_score(EXAMPLES["reviewed"])
    assert '"total": 91.1,' in rendered
    assert '"manual": 6.0,' in rendered
    assert '"pass_mark": 70.0,' in rendered


def test_flags_of_both_sources_are_listed_once_in_a_fixed_order() -> None:
    base = EXAMPLES["full"]
    twice = replace(base.evidence, flags=(*base.submission.flags, Flag("a", "first"), *base.evidence.flags))
    kinds = [flag["kind"] for flag in score_document(replace(base, evidence=twice))["flags"]]
    assert kinds == ["a", "extra_file", "late"]


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"auto": None},
        {"auto": "92"},
        {"auto": 101.0},
        {"verdict": "rejected"},
        {"verdict": "ungraded"},
        {"schema": 2},
        {"submission": {"commit": "main", "sha256": "0" * 64}},
    ],
)
def test_the_schema_refuses_what_is_wrong(change: dict[str, Any]) -> None:
    document = score_document(EXAMPLES["full"])
    assert valid(document)
    assert not valid({**document, **change})


def test_the_schema_refuses_points_that_nobody_gave() -> None:
    document = score_document(EXAMPLES["full"])
    document["criteria"][-1]["points"] = 8.0
    assert not valid(document)
