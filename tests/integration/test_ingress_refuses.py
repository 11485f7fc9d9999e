"""Bad input: each kind has its code, writes nothing, and leaves no exception in the logs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ingress_world import (
    EVENT,
    SECRET_NAME,
    SIGNING_SECRET,
    TOKEN,
    Answer,
    Context,
    IngressWorld,
    clients,
    ingress_world,
)
from tests.support.aws import physical
from workerflow.adapters.dynamodb.attributes import pack
from workerflow.adapters.dynamodb.items import state as codec
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.failure_limit import BURST
from workerflow.domain.signature import SignedCall, sign
from workerflow.domain.tenants import RateLimit, TenantPolicy
from workerflow.tables import CURSOR_STATE, RATE_LIMITS, REFUSED_CALLS

BEARER = {"authorization": f"Bearer {TOKEN}"}
ECHO = "/api/webhook_echo"
LIMIT = 4 * 1024 * 1024
ERRORS_PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()

type Send = Callable[[IngressWorld], Answer]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def post(path: str = ECHO, body: bytes = b"{}", **headers: str) -> Send:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda world: world.send(world.event("POST", path, body, named))


def with_token(path: str = ECHO, body: bytes = b"{}", **headers: str) -> Send:
    return post(path, body, authorization=f"Bearer {TOKEN}", **headers)


def request(method: str, path: str, **options: Any) -> Send:
    return lambda world: world.send(world.event(method, path, headers=BEARER, **options))


def signed(path: str = ECHO, body: bytes = b"{}", **options: Any) -> Send:
    return lambda world: world.signed(path, body, **options)


def altered(**headers: str) -> Send:
    """A signed call of which a header was replaced on the way."""
    return signed(changes={name.replace("_", "-"): value for name, value in headers.items()})


def moved(**changes: Any) -> Send:
    """A captured signed call that is sent again, changed."""

    def send(world: IngressWorld) -> Answer:
        timestamp = str(int(time.time()))
        call = SignedCall(timestamp, "POST", ECHO, "", "default", "k", b"{}")
        headers = {
            "x-signature": sign(SIGNING_SECRET, call),
            "x-signature-timestamp": timestamp,
            "idempotency-key": "k",
        }
        options: dict[str, Any] = {"method": "POST", "path": ECHO, "body": b"{}", "headers": headers} | changes
        options["headers"] = headers | changes.get("headers", {})
        return world.send(world.event(**options))

    return send


def moved_later(world: IngressWorld, seconds: int) -> Answer:
    """A captured signed call with a later timestamp: later than now, whenever that is."""
    return moved(headers={"x-signature-timestamp": str(int(time.time()) + seconds)})(world)


BODY_64K_KEYS = b"{" + b",".join(b'"%d":1' % number for number in range(5000)) + b',"7":2}'

REFUSED: dict[str, tuple[Send, int, str]] = {
    # paths and methods
    "an empty path": (request("POST", ""), 404, "path_not_found"),
    "the root": (request("GET", "/"), 404, "path_not_found"),
    "no route": (request("POST", "/api"), 404, "path_not_found"),
    "a trailing slash": (with_token("/api/webhook_echo/"), 404, "path_not_found"),
    "a double slash": (with_token("/api//webhook_echo"), 404, "path_not_found"),
    "a leading double slash": (with_token("//api/webhook_echo"), 404, "path_not_found"),
    "encoded dots": (with_token("/api/%2e%2e/webhook_echo"), 404, "path_not_found"),
    "dots": (with_token("/api/../api/webhook_echo"), 404, "path_not_found"),
    "a dot segment": (with_token("/api/."), 404, "path_not_found"),
    "an encoded letter": (with_token("/api/%77ebhook_echo"), 404, "path_not_found"),
    "an encoded slash": (with_token("/api/webhook_echo%2f"), 404, "path_not_found"),
    "unicode": (with_token("/api/wébhook_echo"), 404, "path_not_found"),
    "a lookalike letter": (with_token("/api/webhook_\u0435cho"), 404, "path_not_found"),
    "a line feed": (with_token("/api/webhook_echo\n"), 404, "path_not_found"),
    "a null character": (with_token("/api/webhook_echo\0"), 404, "path_not_found"),
    "a backslash": (with_token("/api\\webhook_echo"), 404, "path_not_found"),
    "upper case": (with_token("/API/webhook_echo"), 404, "path_not_found"),
    "a path parameter": (with_token("/api/webhook_echo;a=1"), 404, "path_not_found"),
    "a segment too many": (with_token("/api/webhook_echo/more"), 404, "path_not_found"),
    "a very long segment": (with_token("/api/" + "a" * 5000), 404, "path_not_found"),
    "a route read": (request("GET", ECHO), 405, "method_not_allowed"),
    "a run written": (request("POST", "/api/runs/" + "0" * 44), 405, "method_not_allowed"),
    "health written": (request("POST", "/api/health"), 405, "method_not_allowed"),
    "a method in lower case": (request("post", ECHO), 405, "method_not_allowed"),
    "options": (request("OPTIONS", ECHO), 405, "method_not_allowed"),
    "head": (request("HEAD", "/api/health"), 405, "method_not_allowed"),
    "an invented method": (request("BREW", ECHO), 405, "method_not_allowed"),
    # unknown routes
    "an unknown route": (with_token("/api/nothing"), 404, "route_not_found"),
    "constructor": (with_token("/api/constructor"), 404, "route_not_found"),
    "__class__": (with_token("/api/__class__"), 404, "route_not_found"),
    "__proto__": (with_token("/api/__proto__"), 404, "route_not_found"),
    "runs as a route": (with_token("/api/runs"), 404, "route_not_found"),
    "t as a route": (with_token("/api/t"), 404, "route_not_found"),
    "an unknown route, unknown to strangers": (post("/api/nothing"), 401, "credentials_missing"),
    # header syntax
    "a signature twice": (altered(x_signature="v1=" + "0" * 64 + ",v1=" + "0" * 64), 400, "header_repeated"),
    "a timestamp twice": (altered(x_signature_timestamp="1764000000, 1764000000"), 400, "header_repeated"),
    "a token twice": (post(authorization=f"Bearer {TOKEN}, Bearer {TOKEN}"), 400, "header_repeated"),
    "a tenant twice": (with_token(x_tenant_id="default,default"), 400, "header_repeated"),
    "a key twice": (altered(idempotency_key="a,a"), 400, "header_repeated"),
    "a control character in a token": (post(authorization=f"Bearer {TOKEN}\x00"), 400, "header_malformed"),
    "a signature beyond ASCII": (altered(x_signature="v1=" + "é" * 64), 400, "header_malformed"),
    "a token of 10,000 characters": (post(authorization="Bearer " + "a" * 10_000), 400, "header_malformed"),
    "a key of 10,000 characters": (with_token(idempotency_key="k" * 10_000), 400, "key_malformed"),
    "a key of 256 characters": (with_token(idempotency_key="k" * 256), 400, "key_malformed"),
    "an empty key": (with_token(idempotency_key=""), 400, "key_malformed"),
    "a key with a space": (with_token(idempotency_key="a b"), 400, "key_malformed"),
    "a key with a control character": (with_token(idempotency_key="a\x7f"), 400, "key_malformed"),
    "a key with a line feed": (with_token(idempotency_key="a\n"), 400, "key_malformed"),
    "a key beyond ASCII": (with_token(idempotency_key="ä"), 400, "key_malformed"),
    "a tenant in upper case": (with_token(x_tenant_id="Default"), 400, "tenant_malformed"),
    "an empty tenant": (with_token(x_tenant_id=""), 400, "tenant_malformed"),
    "a tenant of 64 characters": (with_token(x_tenant_id="a" * 64), 400, "tenant_malformed"),
    "a malformed tenant in the path": (with_token("/api/t/-a/webhook_echo"), 400, "tenant_malformed"),
    "two tenants": (with_token("/api/t/default/webhook_echo", x_tenant_id="other"), 400, "tenant_ambiguous"),
    # size and query
    "a body over the limit": (with_token(body=b'"' + b"x" * (LIMIT - 1) + b'"'), 413, "body_too_large"),
    "a body over the limit, of a stranger": (post(body=b"x" * (LIMIT + 1)), 413, "body_too_large"),
    "a query on a signed call": (signed(query="a=1"), 400, "query_not_allowed"),
    "a query added to a signed call": (moved(query="a=1"), 400, "query_not_allowed"),
    # credentials
    "no credentials": (post(), 401, "credentials_missing"),
    "a wrong token": (post(authorization="Bearer " + TOKEN[:-1] + "0"), 401, "token_mismatch"),
    "a token in lower case": (post(authorization="Bearer " + TOKEN.upper()), 401, "token_mismatch"),
    "another scheme": (post(authorization="Basic dXNlcjpwYXNz"), 401, "token_malformed"),
    "no scheme": (post(authorization=TOKEN), 401, "token_malformed"),
    "an empty authorization": (post(authorization=""), 401, "token_malformed"),
    "a scheme alone": (post(authorization="Bearer "), 401, "token_malformed"),
    "a wrong signature": (signed(secret="another-secret-0123456789"), 401, "signature_mismatch"),
    "a garbled signature": (altered(x_signature="v1=garbled"), 401, "signature_malformed"),
    "an empty signature": (altered(x_signature=""), 401, "signature_malformed"),
    "another version": (altered(x_signature="v2=" + "0" * 64), 401, "signature_malformed"),
    "a timestamp alone": (post(x_signature_timestamp="1764000000"), 401, "signature_missing"),
    "a signature alone": (post(x_signature="v1=" + "0" * 64), 401, "signature_timestamp_malformed"),
    "a garbled timestamp": (altered(x_signature_timestamp="now"), 401, "signature_timestamp_malformed"),
    "an old signature": (signed(age_seconds=302), 401, "signature_timestamp_skew"),
    "a future signature": (signed(age_seconds=-302), 401, "signature_timestamp_skew"),
    "a captured call with a new key": (moved(headers={"idempotency-key": "k2"}), 401, "signature_mismatch"),
    "a captured call on another route": (moved(path="/api/only_signed"), 401, "signature_mismatch"),
    "a captured call on the tenant's path": (moved(path="/api/t/default/webhook_echo"), 401, "signature_mismatch"),
    "a captured call with another body": (moved(body=b"[]"), 401, "signature_mismatch"),
    "a captured call for another tenant": (moved(headers={"x-tenant-id": "other"}), 401, "signature_mismatch"),
    "a captured call with a later timestamp": (
        lambda world: moved_later(world, seconds=60),
        401,
        "signature_mismatch",
    ),
    "an unknown tenant with a token": (with_token(x_tenant_id="other"), 401, "token_mismatch"),
    "an unknown tenant with a signature": (altered(x_tenant_id="other"), 401, "signature_mismatch"),
    "an unknown tenant in the path": (with_token("/api/t/other/webhook_echo"), 401, "token_mismatch"),
    "a valid signature with a wrong token": (altered(authorization="Bearer wrong"), 401, "token_mismatch"),
    "a run without credentials": (
        lambda world: world.send(world.event("GET", "/api/runs/" + "0" * 44)),
        401,
        "credentials_missing",
    ),
    "a token where a signature is required": (with_token("/api/only_signed"), 403, "signature_required"),
    "a signature where a token is required": (signed("/api/only_token"), 403, "token_required"),
    # key and enablement
    "a signed call without a key": (signed(key=None), 400, "key_required"),
    "a disabled route": (with_token("/api/switched_off"), 409, "route_disabled"),
    # bodies
    "no body": (with_token(body=b""), 400, "body_empty"),
    "no JSON": (with_token(body=b"a=1&b=2"), 400, "body_not_json"),
    "NaN": (with_token(body=b'{"a":NaN}'), 400, "body_not_json"),
    "100,000 nested brackets": (with_token(body=b"[" * 100_000 + b"]" * 100_000), 400, "body_too_deep"),
    "a huge integer": (with_token(body=b'{"a":1' + b"0" * 10_000 + b"}"), 400, "body_number_out_of_range"),
    "duplicate keys": (with_token(body=BODY_64K_KEYS), 400, "body_duplicate_key"),
    "half a surrogate pair": (with_token(body=rb'"\ud83d"'), 400, "body_not_utf8"),
    "bytes that are no UTF-8": (signed(body=b'{"a":"\xff"}', in_base64=True), 400, "body_not_utf8"),
    "a payload that violates its schema": (with_token("/api/order_created", b'{"id":"7"}'), 422, "payload_invalid"),
    # runs
    "an unknown run": (request("GET", "/api/runs/" + "0" * 44), 404, "run_not_found"),
    # events
    "an empty event": (lambda world: world.send({}), 400, "request_malformed"),
    "no event": (lambda world: world.send(None), 400, "request_malformed"),
    "an event of payload format 1.0": (
        lambda world: world.send({"version": "1.0", "path": ECHO, "httpMethod": "POST", "requestContext": {}}),
        400,
        "request_malformed",
    ),
    "a body that is no base64": (
        lambda world: world.send(EVENT | {"isBase64Encoded": True, "body": "!"}),
        400,
        "request_malformed",
    ),
}


@pytest.mark.parametrize(("send", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_with_its_code_and_leaves_no_trace(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], send: Send, status: int, code: str
) -> None:
    answer = send(world)
    assert (answer.status, answer.code) == (status, code)
    assert world.nothing_was_written()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if "_aws" not in line]
    assert [(line["level"], line["status"], line["code"]) for line in told] == [("INFO", status, code)]
    assert [line["reason"] for line in lines if "_aws" in line] == [code]


@pytest.mark.parametrize("send", [with_token(), signed(), signed(key="x" * 255), altered(authorization="Bearer wrong")])
def test_no_log_line_repeats_what_the_caller_sent(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], send: Send
) -> None:
    send(world)
    out = capsys.readouterr().out
    assert out
    for secret in (TOKEN, SIGNING_SECRET, "v1=", "wrong", "x" * 255):
        assert secret not in out


def test_every_method_but_the_right_one_is_refused_and_the_right_one_is_named(world: IngressWorld) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"):
        answer = world.send(world.event(method, ECHO, headers=BEARER))
        assert (answer.code, answer.headers["allow"]) == ("method_not_allowed", "POST")


def test_refusals_of_credentials_carry_a_challenge(world: IngressWorld) -> None:
    assert post()(world).headers["www-authenticate"] == 'Bearer realm="workerflow"'


def test_an_unknown_tenant_cannot_be_told_from_a_wrong_secret(world: IngressWorld) -> None:
    unknown, wrong = with_token(x_tenant_id="other")(world), post(authorization="Bearer wrong")(world)
    assert (unknown.status, unknown.headers, unknown.document) == (wrong.status, wrong.headers, wrong.document)


def test_an_unknown_route_is_named_to_whoever_proved_who_they_are(world: IngressWorld) -> None:
    detail = with_token("/api/webhook_ecko")(world).document["detail"]
    assert detail == "no deployed handler declares the route `webhook_ecko`"


def test_a_disabled_route_tells_why(world: IngressWorld) -> None:
    assert with_token("/api/switched_off")(world).document["detail"] == "replaced by webhook_echo"


def test_all_violations_of_a_schema_are_told_by_pointer(world: IngressWorld) -> None:
    assert with_token("/api/order_created", b"{}")(world).document["errors"] == [
        {"pointer": "", "message": '"id" is a required property'}
    ]
    assert with_token("/api/order_created", b'{"id":"a-secret"}')(world).document["errors"] == [
        {"pointer": "/id", "message": 'the value is not of type "integer"'}
    ]


def test_a_tenant_without_credentials_lets_nobody_in(world: IngressWorld) -> None:
    clients().secrets().delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)
    assert with_token()(world).code == "token_mismatch"
    assert signed()(world).code == "signature_mismatch"
    assert signed(secret="")(world).code == "signature_mismatch"


def test_failed_credentials_are_limited_per_source_before_anything_is_compared(world: IngressWorld) -> None:
    for _ in range(BURST):
        assert post(authorization="Bearer wrong")(world).status == 401
    limited = with_token()(world)
    assert (limited.status, limited.code) == (429, "too_many_failures")
    assert int(limited.headers["retry-after"]) >= 1
    pretended = with_token(x_forwarded_for="198.51.100.1")(world)
    assert pretended.status == 429
    world.source_ip = "198.51.100.1"
    assert with_token()(world).status == 202


def test_calls_without_credentials_do_not_count_as_guesses(world: IngressWorld) -> None:
    for _ in range(BURST + 1):
        assert post()(world).status == 401
    assert with_token()(world).status == 202


# Switches and stores ------------------------------------------------------------------------------------------------


def switch(state: Enablement, route: str) -> None:
    made = Switch("default", f"route:{route}", state, "maintenance", "operator", 1, 1, "n")
    clients().dynamodb().put_item(TableName=physical(CURSOR_STATE), Item=pack(codec.switch_to_item(made)))


def test_a_route_that_an_operator_disabled_refuses_calls(world: IngressWorld) -> None:
    switch(Enablement.DISABLED, "webhook_echo")
    answer = with_token()(world)
    assert (answer.status, answer.code) == (409, "route_disabled")
    assert "maintenance" not in str(answer.document)


def test_a_paused_async_route_accepts_and_a_paused_sync_route_does_not(world: IngressWorld) -> None:
    switch(Enablement.PAUSED, "webhook_echo")
    switch(Enablement.PAUSED, "payload_hash")
    assert with_token()(world).status == 202
    answer = with_token("/api/payload_hash")(world)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "route_paused", "60")
    assert len(world.items("idempotency_keys")) == 1


@pytest.mark.parametrize("operation", ["PutItem", "GetSecretValue", "Query"])
def test_a_store_that_does_not_answer_is_a_503_that_says_unknown_and_when_to_ask_again(
    world: IngressWorld, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.refuse.add(operation)
    answer = signed()(world)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert b"Throttling" not in answer.body
    assert "ThrottlingException" in capsys.readouterr().out
    assert world.nothing_was_written()
    world.refuse.clear()
    assert signed()(world).status == 202


def test_what_nobody_foresaw_is_a_500_with_the_requests_id_and_without_its_text(
    world: IngressWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    def unforeseen(_event: object) -> None:
        raise LookupError("a secret in an exception")

    world.execute = unforeseen
    answer = signed("/api/payload_hash")(world)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.document["requestId"] == Context().aws_request_id
    out = capsys.readouterr().out
    assert "a secret in an exception" not in out + answer.body.decode()
    failure = next(line for line in map(json.loads, out.splitlines()) if line.get("message") == "uncaught")
    assert (failure["level"], failure["request_id"]) == ("ERROR", Context().aws_request_id)
    assert failure["error_class"] == "builtins.LookupError"
    assert any("unforeseen" in frame for frame in failure["stack"])


header_texts = st.text(max_size=30) | st.sampled_from(["", ",", "Bearer x", "v1=" + "0" * 64, "1764000000", "default"])
header_names = st.sampled_from(
    ["authorization", "x-signature", "x-signature-timestamp", "x-tenant-id", "idempotency-key", "traceparent"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    method=st.sampled_from(["POST", "GET"]) | st.text(max_size=8),
    path=st.sampled_from([ECHO, "/api/runs/" + "0" * 44, "/api/t/x/webhook_echo"]) | st.text(max_size=30),
    query=st.text(max_size=10),
    headers=st.dictionaries(header_names, header_texts),
    body=st.text(max_size=20),
)
def test_no_request_whatever_is_in_it_gets_in_or_is_our_fault(
    world: IngressWorld, method: str, path: str, query: str, headers: dict[str, str], body: str
) -> None:
    event = world.event(method, path, headers=headers, query=query) | {"body": body}
    answer = world.send(event)
    assert 400 <= answer.status < 500
    assert answer.code
    assert world.nothing_was_written()


def test_of_several_faults_the_documented_order_decides_which_one_is_told(world: IngressWorld) -> None:
    order = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| \d+ \|.*\|(.*)\|$", ERRORS_PAGE, re.MULTILINE)))
    steps: list[tuple[str, dict[str, Any]]] = [
        ("path_not_found", {"method": "GET", "path": "/api/nothing/"}),
        ("method_not_allowed", {"path": "/api/t/default/nothing"}),
        ("header_repeated", {"method": "POST"}),
        ("tenant_malformed", {"authorization": "nonsense"}),
        ("key_malformed", {"x-tenant-id": "other"}),
        ("tenant_ambiguous", {"idempotency-key": None}),
        ("body_too_large", {"x-tenant-id": None}),
        ("query_not_allowed", {"body": b"x"}),
        ("token_malformed", {"query": ""}),
        ("signature_missing", {"authorization": "Bearer wrong"}),
        ("signature_malformed", {"x-signature": "nonsense"}),
        ("signature_timestamp_malformed", {"x-signature": "v1=" + "0" * 64}),
        ("signature_timestamp_skew", {"x-signature-timestamp": "1000000000"}),
        ("signature_mismatch", {"x-signature-timestamp": "now"}),
        ("token_mismatch", {"x-signature": "sign"}),
        ("route_not_found", {"authorization": f"Bearer {TOKEN}"}),
        ("key_required", {"path": "/api/t/default/switched_off"}),
        ("rate_limited", {"idempotency-key": "k"}),
        ("route_disabled", {"source_ip": "198.51.100.1"}),
        ("body_not_json", {"path": "/api/t/default/order_created"}),
        ("payload_invalid", {"body": b"{}"}),
    ]
    fields: dict[str, Any] = {
        "authorization": "a,b",
        "x-signature-timestamp": "nonsense",
        "x-tenant-id": "OTHER",
        "idempotency-key": " ",
        "body": b"x" * (LIMIT + 1),
        "query": "a=1",
        "source_ip": world.source_ip,
    }
    world.declare(default=TenantPolicy(rate_limits=(RateLimit(4, 3600, per="client"),)))
    assert [with_token("/api/switched_off")(world).code for _ in range(5)] == ["route_disabled"] * 4 + ["rate_limited"]
    told = []
    for _, change in steps:
        fields |= change
        world.source_ip = fields["source_ip"]
        told.append(world.send(whole_event(world, fields)).code)
    assert told == [code for code, _ in steps]
    positions = [order.index(code) for code in told]
    assert positions == sorted(positions)
    assert world.nothing_was_written_beside(REFUSED_CALLS, CURSOR_STATE, RATE_LIMITS)


def whole_event(world: IngressWorld, fields: dict[str, Any]) -> dict[str, Any]:
    names = ("authorization", "x-signature", "x-signature-timestamp", "x-tenant-id", "idempotency-key")
    headers = {name: fields[name] for name in names if fields.get(name) is not None}
    if headers.get("x-signature-timestamp") == "now":
        headers["x-signature-timestamp"] = str(int(time.time()))
    if headers.get("x-signature") == "sign":
        call = SignedCall(
            timestamp=headers["x-signature-timestamp"],
            method=fields["method"],
            path=fields["path"],
            query=fields["query"],
            tenant="default",
            key=headers.get("idempotency-key", ""),
            body=fields["body"],
        )
        headers["x-signature"] = sign(SIGNING_SECRET, call)
    return world.event(fields["method"], fields["path"], fields["body"], headers, query=fields["query"])
