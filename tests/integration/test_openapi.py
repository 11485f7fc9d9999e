"""The OpenAPI document is valid, complete and true, and for callers only.

That every answer of every test of ingress is one that it tells of is checked by the world itself, in `send`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.ingress import call_headers, openapi_senders
from functions.ingress.answers import run_document
from functions.ingress.openapi_schemas import KEY, SIGNATURE_TIMESTAMP, TENANT, TRACE_ID
from functions.ingress.paths import CallPath, match_path
from tests.integration.ingress_world import ROUTES, SENDER_ROUTES, IngressWorld, ingress_world
from tests.support.api_document import document_of, resolved, schema_faults, violations
from tests.support.tasks import a_route
from workerflow.domain import identity, sender_call, signature
from workerflow.domain.manifest import Manifest
from workerflow.domain.output import HandlerOutput
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.refusals import MethodNotAllowedError, RefusedError
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.senders import SENDERS
from workerflow.services.read_run import RunView

PATH = "/api/openapi.json"
TRACE = "0" * 44
ORDER = next(route for route in ROUTES if route.name == "order_created")
TREE = {"$defs": {"node": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}}}, "$ref": "#/$defs/node"}
RUN = Run(
    tenant="default",
    trace_id=TRACE,
    source="route:webhook_echo",
    kind="http_route",
    mode="async",
    state=RunState.QUEUED,
    version=1,
    nonce="n",
    deadline_ms=1_764_000_000_000,
    expires_at_s=1_764_000_000,
    updated_at_ms=1_764_000_000_001,
)
ENDED = replace(RUN, finished_at_ms=1_764_000_000_002, attempt=1, history=(Attempt(1, 1, 2, AttemptResult.SUCCEEDED),))
RUNS = {
    "queued": RunView(RUN, 1, None, None),
    "waiting": RunView(replace(RUN, not_before_ms=5, error="ValueError: text"), 1, None, None),
    "failed": RunView(replace(RUN, letter_class=LetterClass.CRASH), 1, None, None),
    "succeeded": RunView(ENDED, 1, None, HandlerOutput("document", b'{"a":1}').encode()),
    "answered raw": RunView(ENDED, 1, None, HandlerOutput("response", b"x", 418, {"a": "b"}).encode()),
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(Manifest.build([*ROUTES, a_route("tree", schema=TREE, mode="sync")]))


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method.upper(), path): one for path, item in document["paths"].items() for method, one in item.items()}


def codes_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, str]:
    """Codes of an operation, with the status at which each stands."""
    responses = {status: resolved(document, found) for status, found in operation["responses"].items()}
    problems = {
        status: response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
        for status, response in responses.items()
        if "application/problem+json" in response["content"]
    }
    return {code: status for status, narrowed in problems.items() for code in narrowed["code"]["enum"]}


# Who gets it --------------------------------------------------------------------------------------------------------


def test_a_caller_with_a_signature_gets_the_document_of_the_deployed_routes(world: IngressWorld) -> None:
    answer = world.signed(PATH, b"", key=None, method="GET")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.document == document_of(Manifest.build(ROUTES))


def test_a_caller_with_a_token_gets_it_without_a_call_to_any_table_once_the_tenants_are_known(
    world: IngressWorld,
) -> None:
    token = {"authorization": "Bearer token-0123456789abcdef"}
    assert world.send(world.event("GET", PATH, headers=token)).status == 200
    world.refuse |= {"GetItem", "Query", "PutItem", "UpdateItem", "TransactWriteItems", "SendMessage"}
    assert world.send(world.event("GET", PATH, headers=token)).status == 200


@pytest.mark.parametrize(("token", "code"), [(None, "credentials_missing"), ("Bearer wrong", "token_mismatch")])
def test_a_stranger_learns_nothing_of_the_routes(world: IngressWorld, token: str | None, code: str) -> None:
    headers = {} if token is None else {"authorization": token}
    answer = world.send(world.event("GET", PATH, headers=headers))
    assert (answer.status, answer.code) == (401, code)
    assert b"webhook_echo" not in answer.body


def test_the_document_is_only_read(world: IngressWorld) -> None:
    answer = world.with_token(PATH)
    assert (answer.code, answer.headers["allow"]) == ("method_not_allowed", "GET")


def test_a_cold_start_does_not_pay_for_it() -> None:
    program = "import sys, functions.ingress.handler; print([name for name in sys.modules if 'openapi' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert done.stdout.strip() == "[]"


ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path), "AWS_DEFAULT_REGION": "eu-central-1"}

# What it says -------------------------------------------------------------------------------------------------------


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert len({one["operationId"] for one in operations(document).values()}) == len(operations(document))


def test_its_paths_are_those_that_are_matched_and_the_routes_those_of_the_manifest(document: dict[str, Any]) -> None:
    matched = {
        (method, path): match_path(method, path.replace("{tenant}", "default").replace("{traceId}", TRACE))
        for method, path in operations(document)
    }
    names = {route.name for route in ROUTES} | {"tree"}
    calls = [path for path in matched.values() if isinstance(path, CallPath)]
    assert sorted(map(str, calls)) == sorted(
        str(CallPath(name, tenant)) for name in names for tenant in (None, "default")
    )
    page = sys.modules["functions.ingress.paths"].__doc__ or ""
    told = set(re.findall(r"(POST|GET) +(/\S+)", page))
    any_route = re.compile(rf"/(?:{'|'.join(names)})$")
    assert {(method, any_route.sub("/{route}", path)) for method, path in matched} == told


def test_a_schema_stands_in_it_as_it_was_declared(document: dict[str, Any]) -> None:
    for path in ("/api/order_created", "/api/t/{tenant}/order_created"):
        body = document["paths"][path]["post"]["requestBody"]
        assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/payload_order_created"}
    assert document["components"]["schemas"]["payload_order_created"] == ORDER.schema
    assert document["components"]["schemas"]["payload_webhook_echo"] == {}


def test_a_schema_that_refers_to_its_own_parts_still_finds_them(document: dict[str, Any]) -> None:
    place = "#/components/schemas/payload_tree"
    placed = json.loads(json.dumps(TREE).replace("#/", f"{place}/"))
    assert document["components"]["schemas"]["payload_tree"] == placed
    assert violations(document, {"$ref": place}, {"a": {"b": {}}}) == []
    assert violations(document, {"$ref": place}, {"a": {"b": 1}}) != []


def test_every_refusal_but_that_of_another_method_stands_with_an_operation_at_its_status(
    document: dict[str, Any],
) -> None:
    told: dict[str, str] = {}
    for operation in operations(document).values():
        told |= codes_of(document, operation)
    known: dict[str, type[RefusedError]] = {kind.code: kind for kind in all_refusals()}
    assert told == {code: str(kind.status) for code, kind in known.items() if kind is not MethodNotAllowedError}
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(known)


def test_what_an_operation_can_answer_follows_the_documented_order_of_checks(document: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", page, re.MULTILINE)
    steps = {int(number): set(re.findall(r"`(\w+)`", cell)) for number, cell in rows}
    everywhere = {"internal_error", "store_unavailable"}
    proven = steps[1] | set().union(*(steps[number] for number in range(4, 11))) - {"tenant_ambiguous"} | everywhere
    found = {key: set(codes_of(document, operation)) for key, operation in operations(document).items()}
    assert found["GET", "/api/health"] == {"request_malformed", "internal_error"}
    assert found["GET", PATH] == proven
    assert found["GET", "/api/runs/{traceId}"] == proven | {"path_not_found", "run_not_found"}
    from_route_on = {"route_not_found", *steps[13], *steps[14], "route_disabled", *steps[16], *steps[17]}
    any_call = proven | from_route_on | {"sender_not_taken"}
    call = any_call - {"payload_invalid", "event_id_malformed"}
    assert found["POST", "/api/webhook_echo"] == call
    assert found["POST", "/api/t/{tenant}/webhook_echo"] == call | {"path_not_found", "tenant_ambiguous"}
    assert found["POST", "/api/order_created"] == call | {"payload_invalid"}
    assert found["POST", "/api/only_token"] == call | {"token_required"}
    assert found["POST", "/api/only_signed"] == call | {"signature_required"}
    assert found["POST", "/api/payload_hash"] == call | {"route_paused"} | steps[18]
    of_sender = call - {"key_required", "key_reused"} | {"sender_required"}
    assert found["POST", "/api/from_github"] == of_sender
    assert found["POST", "/api/from_stripe"] == of_sender | {"event_id_malformed"}


def test_the_mode_decides_about_the_answers(document: dict[str, Any]) -> None:
    later, now = (document["paths"][f"/api/{name}"]["post"] for name in ("webhook_echo", "payload_hash"))
    assert (later["x-workerflow-mode"], now["x-workerflow-mode"]) == ("async", "sync")
    assert [status for status in later["responses"] if status < "4"] == ["202"]
    assert [status for status in now["responses"] if status < "4" or status == "default"] == ["200", "202", "default"]
    assert later["responses"]["202"]["headers"]["location"]["required"] is True


def test_the_credentials_that_a_route_takes_are_told(document: dict[str, Any]) -> None:
    def told(path: str) -> tuple[list[str], bool]:
        post = document["paths"][path]["post"]
        (key,) = [one for one in post["parameters"] if one["name"] == "Idempotency-Key"]
        return [name for one in post["security"] for name in one], key["required"]

    assert told("/api/webhook_echo") == (["token", "signature"], False)
    assert told("/api/only_token") == (["token"], False)
    assert told("/api/only_signed") == (["signature"], True)


@pytest.mark.parametrize("name", SENDERS)
def test_a_route_for_a_sender_takes_its_signature_with_the_headers_that_it_signs(
    document: dict[str, Any], name: str
) -> None:
    sender = SENDERS[name]
    post = document["paths"][f"/api/{SENDER_ROUTES[name]}"]["post"]
    assert post["security"] == [{name: []}]
    assert document["components"]["securitySchemes"][name]["name"] == sender.signature_header
    headers = {one["name"] for one in post["parameters"] if one["in"] == "header"}
    assert headers == {"x-tenant-id", *sender.unsigned_alone}
    assert ("200" in post["responses"]) is (sender.handshake is not None)


@pytest.mark.parametrize("view", RUNS.values(), ids=RUNS.keys())
def test_a_run_in_every_shape_is_as_described(document: dict[str, Any], view: RunView) -> None:
    found = json.loads(json.dumps(run_document(view)))
    assert schema_faults(document, {"$ref": "#/components/schemas/Run"}, found) == []
    assert set(document["components"]["schemas"]["Run"]["required"]) == set(found)


def test_the_patterns_are_those_that_are_checked() -> None:
    def pattern(checked: re.Pattern[str]) -> str:
        return f"^{checked.pattern.removesuffix(chr(92) + 'Z')}$"

    assert TENANT["pattern"] == pattern(identity._TENANT)
    assert TRACE_ID["pattern"] == pattern(identity._TRACE_ID)
    assert SIGNATURE_TIMESTAMP["pattern"] == pattern(signature._TIMESTAMP)
    for character in map(chr, range(130)):
        allowed = bool(call_headers._KEY.match(character)) and character != ","
        assert bool(re.fullmatch(KEY["pattern"].strip("^$"), character)) is allowed
        signed = bool(sender_call._SIGNED_ID.match(character)) and character != ","
        assert bool(re.fullmatch(openapi_senders._SIGNED_ID["pattern"].strip("^$"), character)) is signed
