"""The dashboard's OpenAPI document is valid and complete: the table of endpoints, and nothing else.

That every answer of every test is one that it tells of is checked by the world itself, in `send`.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.dashboard import openapi_refusals
from functions.dashboard.api.rules import PARAMETERS, Rule
from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.openapi_parts import KEY, TENANT, TRACE_ID
from functions.dashboard.pages import PAGES
from tests.integration.dashboard_world import DashboardWorld, dashboard_world
from tests.support.api_document import resolved, violations
from tests.support.dashboard_document import the_document
from workerflow.domain import dashboard_refusals, identity
from workerflow.domain.operation import is_key
from workerflow.domain.refusals import MethodNotAllowedError, RefusedError

DOCUMENT = the_document()
OPERATIONS: dict[tuple[str, str], dict[str, Any]] = {
    (method.upper(), path): one for path, item in DOCUMENT["paths"].items() for method, one in item.items()
}
ENDPOINTS: dict[tuple[str, str], Endpoint] = {(one.method, one.template): one for one in API}
WORDS = {
    "from": ("2026-11-24T16:00:00Z", "2026-11-24T16:00:00.123+01:00"),
    "limit": ("1", "100"),
    "nextFires": ("0", "100"),
    "source": ("route:echo", "schedule:a_b_2"),
    "fingerprint": ("0123456789abcdef",),
    "cursor": ("abc_-",),
}
WRONG = (
    "",
    " ",
    "\x00",
    "ü",
    "-1",
    "101",
    "1.0",
    "true",
    "A",
    "route:",
    "route:A",
    "2026-11-24",
    "2026-13-01T00:00:00Z",
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DashboardWorld]:
    with dashboard_world(monkeypatch, tmp_path) as made:
        yield made


def codes_of(operation: dict[str, Any]) -> dict[str, str]:
    """Codes of an operation, with the status at which each stands."""
    told: dict[str, str] = {}
    for status, found in operation["responses"].items():
        content = resolved(DOCUMENT, found)["content"]
        if "application/problem+json" in content:
            narrowed = content["application/problem+json"]["schema"]["allOf"][1]["properties"]
            told |= dict.fromkeys(narrowed["code"]["enum"], status)
    return told


def test_it_is_valid_openapi_3_1() -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_whoever_has_a_token_gets_it(world: DashboardWorld) -> None:
    answer = world.get("/api/openapi.json", token=world.token("read"))
    assert (answer.status, answer.document) == (200, DOCUMENT)


def test_a_stranger_does_not(world: DashboardWorld) -> None:
    assert world.send(world.event("GET", "/api/openapi.json")).code == "token_missing"


def test_its_operations_are_the_endpoints() -> None:
    assert OPERATIONS.keys() == ENDPOINTS.keys()
    assert {key: one["operationId"] for key, one in OPERATIONS.items()} == {
        key: one.name for key, one in ENDPOINTS.items()
    }
    assert len({one.name for one in API}) == len(API)


def test_no_page_is_an_endpoint_of_the_api() -> None:
    assert [page.template for page in PAGES if page.is_api] == []


@pytest.mark.parametrize("endpoint", [*API, *PAGES], ids=lambda one: one.name)
def test_what_answers_an_endpoint_is_there(endpoint: Endpoint) -> None:
    handler = endpoint.load()
    assert list(inspect.signature(handler).parameters) == ["dashboard", "call"]
    assert handler.__doc__


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_its_parameters_are_those_that_are_read(key: tuple[str, str]) -> None:
    endpoint, parameters = ENDPOINTS[key], OPERATIONS[key]["parameters"]
    told = {place: [one["name"] for one in parameters if one["in"] == place] for place in ("path", "query", "header")}
    assert told["path"] == re.findall(r"\{(\w+)\}", endpoint.template)
    assert told["query"] == [*(["tenant"] if endpoint.of_tenant else []), *endpoint.query]
    assert told["header"] == (["Idempotency-Key"] if endpoint.is_write else [])
    assert ("requestBody" in OPERATIONS[key]) is endpoint.is_write
    assert OPERATIONS[key].get("security") == ([] if endpoint.scope is None else None)


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_it_says_what_everything_means(key: tuple[str, str]) -> None:
    operation = OPERATIONS[key]
    assert operation["summary"].endswith(".")
    assert all(one["description"] for one in operation["parameters"])
    assert all(resolved(DOCUMENT, one)["description"] for one in operation["responses"].values())


def test_every_parameter_that_has_a_rule_is_used_and_the_other_way_round() -> None:
    assert {name for one in API for name in one.query} == PARAMETERS.keys()


@pytest.mark.parametrize(("name", "rule"), PARAMETERS.items(), ids=PARAMETERS)
def test_a_parameters_schema_takes_what_its_rule_takes(name: str, rule: Rule[Any]) -> None:
    right = WORDS.get(name) or rule.schema.get("enum") or WORDS["from"]
    for text in (*right, *WRONG):
        value = int(text) if rule.schema.get("type") == "integer" and text.lstrip("-").isdigit() else text
        by_schema = violations(DOCUMENT, rule.schema, value) == []
        assert by_schema is (rule.read(text) is not None), f"{name}={text!r}"
    assert all(rule.read(text) is not None for text in right)


def test_every_refusal_of_the_dashboard_stands_with_an_operation_at_its_status() -> None:
    told: dict[str, str] = {}
    for operation in OPERATIONS.values():
        told |= codes_of(operation)
    known = {kind.code: kind for key in ENDPOINTS.values() for kind in openapi_refusals.refusals_of(key)}
    assert told == {code: str(kind.status) for code, kind in known.items()}
    assert sorted(known) == DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    of_pages = {"session_missing", "origin_foreign", "form_expired", "too_many_sign_ins"}
    own = {
        kind.code
        for kind in vars(dashboard_refusals).values()
        if isinstance(kind, type)
        and issubclass(kind, RefusedError)
        and "code" in vars(kind)
        and kind.__module__ == dashboard_refusals.__name__
    }
    assert own - known.keys() == of_pages
    assert MethodNotAllowedError.code not in known


def test_the_patterns_are_those_that_are_checked() -> None:
    assert TENANT["pattern"] == f"^{identity._TENANT.pattern.removesuffix(chr(92) + 'Z')}$"
    assert TRACE_ID["pattern"] == f"^{identity._TRACE_ID.pattern.removesuffix(chr(92) + 'Z')}$"
    for character in map(chr, range(130)):
        assert bool(re.fullmatch(KEY["pattern"].strip("^$"), character)) is (is_key(character) and character != ",")


def test_a_cold_start_does_not_pay_for_it() -> None:
    program = (
        "import sys, functions.dashboard.handler; "
        "print([name for name in sys.modules if 'openapi' in name or 'dashboard.api.' in name or 'jinja2' in name])"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "AWS_DEFAULT_REGION": "eu-central-1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout.replace("'", '"')) == []
