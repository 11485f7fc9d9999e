"""docs/dashboard-api.md is true: every endpoint with what it takes, every code with its status and title."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions.dashboard.api import parameters, rules
from functions.dashboard.api.run_documents import INLINE_BYTES
from functions.dashboard.api.sources import NEXT_FIRES
from functions.dashboard.compression import WORTH_BYTES
from functions.dashboard.endpoints import READS, WRITES
from functions.dashboard.openapi_refusals import NO_OPERATION, refusals_of
from tests.support.api_document import violations
from tests.support.dashboard_document import the_document
from workerflow.domain import dashboard_refusals
from workerflow.domain.bulk import BATCH
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.operation import REMEMBERED_SECONDS
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.refusals import InternalError, OutcomeUnknownError, RefusedError
from workerflow.services.enablement import CACHE_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "dashboard-api.md").read_text()
SENTENCES = " ".join(PAGE.split())
DOCUMENT = the_document()


def table(heading: str, first: str) -> list[list[str]]:
    """Rows of a section's table whose first column is called `first`."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = section.split(f"\n| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows]


def own_refusals() -> list[type[RefusedError]]:
    kinds = [kind for kind in vars(dashboard_refusals).values() if isinstance(kind, type)]
    return [
        one for one in kinds if issubclass(one, RefusedError) and "code" in vars(one) and "dashboard" in one.__module__
    ]


def known() -> set[type[RefusedError]]:
    """Everything that the dashboard can refuse a request with."""
    return {kind for one in (*READS, *WRITES) for kind in refusals_of(one)} | NO_OPERATION | set(own_refusals())


def test_every_read_is_listed_with_the_parameters_that_it_takes() -> None:
    listed = [(row[0].strip("`"), re.findall(r"`(\w+)`", row[1])) for row in table("What there is to read", "request")]
    assert listed == [
        (f"{one.method} {one.template}", [*(["tenant"] if one.of_tenant else []), *one.query]) for one in READS
    ]


def test_every_order_is_listed_with_the_members_that_it_takes() -> None:
    listed = {
        row[0].strip("`"): [(name, bool(mark)) for name, mark in re.findall(r"`(\w+)`(\??)", row[1])]
        for row in table("What there is to order", "request")
    }
    bodies: dict[str, Any] = {}
    for one in WRITES:
        body = DOCUMENT["paths"][one.template]["post"]["requestBody"]["content"]["application/json"]["schema"]
        schema = DOCUMENT["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
        members = [(name, name not in schema["required"]) for name in schema["properties"]]
        bodies[f"POST {one.template}"] = members
    assert listed == bodies


def test_every_code_is_listed_once_with_its_status_and_title() -> None:
    listed = [tuple(row) for row in table("Errors", "code")]
    codes = [
        (f"`{one.code}`", str(one.status), "yes" if one.retryable else "no", one.title)
        for one in sorted(known(), key=lambda one: (one.status, one.code))
    ]
    assert listed == codes


def test_the_order_of_checks_names_every_code_before_the_last_step() -> None:
    named = [code for row in table("Errors", "step") for code in re.findall(r"`(\w+)`", row[2])]
    assert len(set(named)) == len(named)
    anywhere = {InternalError.code, OutcomeUnknownError.code}
    last = {one.code for one in known() if one.status in {404, 409}} | {"payload_invalid", "cursor_invalid"}
    assert set(named) | anywhere | last | {"too_many_sign_ins"} == {one.code for one in known()}


def test_no_two_refusals_of_ingress_and_the_dashboard_share_a_code() -> None:
    codes = [one.code for one in (*all_refusals(), *own_refusals())]
    assert len(set(codes)) == len(codes)


def test_every_example_of_an_order_is_one() -> None:
    bodies = [json.loads(text) for text in re.findall(r"(?<!jq )'(\{.*?\})'", PAGE)]
    assert bodies
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in ("Replay", "Count", "Nothing")]
    for body in bodies:
        assert any(violations(DOCUMENT, schema, body) == [] for schema in schemas), body


def test_the_example_of_an_answer_is_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert violations(DOCUMENT, {"$ref": "#/components/schemas/Operation"}, json.loads(text)) == []


@pytest.mark.parametrize(
    "sentence",
    [
        f"`limit` (1 to {rules.MAX_LIMIT}, {rules.DEFAULT_LIMIT} without it)",
        f"the next fires (0 to {rules.MAX_NEXT_FIRES}, {NEXT_FIRES} without it)",
        f"texts of 1 to {rules.MAX_TEXT_CHARACTERS:,} characters",
        f"up to {parameters.MAX_WINDOW_DAYS} days",
        f"of the last {parameters.DAY_MS // 3_600_000} hours",
        f"output of up to {INLINE_BYTES // 1024} KB",
        f"keeps ({MAX_BODY_BYTES // 1024 // 1024} MiB)",
        f"for {REMEMBERED_SECONDS // 86400} days",
        f"one batch of {BATCH} letters",
        f"within {CACHE_SECONDS} s",
        f"Answers over {WORTH_BYTES // 1024} KB are compressed",
    ],
)
def test_a_number_is_the_codes(sentence: str) -> None:
    assert sentence in SENTENCES
