"""Whatever comes in over HTTP is answered by us: who may, who may not, and what is not there."""

from __future__ import annotations

import pytest

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from tools.local import Answer, LocalStack
from tools.sign import signed_headers
from workerflow.domain.identity import TraceId, acceptance_hash

BODY = b'{"amount": 1}'
PATH = "/api/webhook_echo"


def problem_of(answer: Answer, status: int) -> str:
    """The code of a problem document."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    code: str = problem["code"]
    return code


def test_health_needs_no_credentials(stack: LocalStack) -> None:
    answer = stack.send("GET", "/api/health")

    assert (answer.status, answer.json()) == (200, {"status": "ok", "environment": "local"})


def test_a_token_alone_lets_a_call_in(stack: LocalStack, api: Api) -> None:
    headers = {"authorization": f"Bearer {stack.credentials.token}", "content-type": "application/json"}
    first, second = (stack.send("POST", PATH, body=BODY, headers=headers) for _ in range(2))

    assert first.status == second.status == 202
    assert first.json()["traceId"] != second.json()["traceId"]  # no key: each call is a task of its own
    assert api.ended(first.json()["traceId"])["state"] == "succeeded"


def test_a_signature_covers_the_raw_bytes_of_a_body_that_comes_in_base64(stack: LocalStack, api: Api) -> None:
    body = '{"naïve": "☂"}'.encode()
    answer = stack.post_signed(PATH, body, "binary", {"content-type": "application/octet-stream"})

    assert answer.status == 202
    output = api.ended(answer.json()["traceId"])["output"]["document"]
    assert (output["size"], output["contentType"]) == (len(body), "application/octet-stream")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "credentials_missing"),
        ({"authorization": "Bearer wrong"}, "token_mismatch"),
        ({"authorization": "Basic dTpw"}, "token_malformed"),
        ({"x-signature": f"v1={'0' * 64}", "x-signature-timestamp": "1700000000"}, "signature_timestamp_skew"),
        ({"x-signature": "v1=short", "x-signature-timestamp": "1700000000"}, "signature_malformed"),
    ],
)
def test_without_valid_credentials_nobody_gets_in(stack: LocalStack, change: dict[str, str], code: str) -> None:
    answer = stack.send("POST", PATH, body=BODY, headers={"idempotency-key": "nobody", **change})

    assert problem_of(answer, 401) == code


def test_a_signature_is_good_for_its_own_call_only(stack: LocalStack, backstage: Backstage) -> None:
    signed = signed_headers(stack.credentials.signing, method="POST", path=PATH, key="captured", body=BODY)

    for path, headers, body in (
        ("/api/e2e_async", signed, BODY),
        (PATH, {**signed, "idempotency-key": "another"}, BODY),
        (PATH, signed, b'{"amount": 2}'),
    ):
        assert problem_of(stack.send("POST", path, body=body, headers=headers), 401) == "signature_mismatch"
    assert problem_of(stack.send("POST", f"{PATH}?x=1", body=BODY, headers=signed), 400) == "query_not_allowed"
    assert backstage.acceptance("webhook_echo", "captured") is None


def test_a_route_may_insist_on_a_signature(stack: LocalStack) -> None:
    headers = {"authorization": f"Bearer {stack.credentials.token}"}

    assert problem_of(stack.send("POST", "/api/e2e_checked", body=BODY, headers=headers), 403) == "signature_required"


def test_a_payload_is_held_against_its_schema_and_all_faults_are_told(api: Api, backstage: Backstage) -> None:
    refused = api.call_with("e2e_checked", "unfit", b'{"amount": 0, "currency": "XXX"}')
    taken = api.call_with("e2e_checked", "fit", BODY)

    assert problem_of(refused.answer, 422) == "payload_invalid"
    assert sorted(fault["pointer"] for fault in refused.answer.json()["errors"]) == ["/amount", "/currency"]
    assert backstage.acceptance("e2e_checked", "unfit") is None
    assert api.ended(taken.trace_id)["state"] == "succeeded"


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/api/webhook_echo/", "/api/a/b", "/api/%2e%2e/health", "/x"])
def test_a_path_that_is_not_ours_is_answered_by_us(stack: LocalStack, path: str) -> None:
    assert problem_of(stack.send("POST", path, body=BODY), 404) == "path_not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", PATH, "POST"), ("DELETE", PATH, "POST"), ("POST", "/api/health", "GET"), ("PUT", "/api/runs/x", "GET")],
)
def test_a_method_that_a_path_does_not_take_is_answered_by_us(
    stack: LocalStack, method: str, path: str, allowed: str
) -> None:
    answer = stack.send(method, path)

    assert problem_of(answer, 405) == "method_not_allowed"
    assert answer.headers["allow"] == allowed


def test_an_unknown_route_is_not_found_and_only_by_who_may_know(stack: LocalStack) -> None:
    assert problem_of(stack.post_signed("/api/constructor", BODY, "unknown"), 404) == "route_not_found"
    assert problem_of(stack.send("POST", "/api/constructor", body=BODY), 401) == "credentials_missing"


def test_a_signed_call_needs_a_key(stack: LocalStack) -> None:
    assert problem_of(stack.post_signed(PATH, BODY, ""), 400) == "key_required"


@pytest.mark.parametrize(
    "trace_id", [TraceId.mint(1_700_000_000_000, acceptance_hash("default", "route:none", "none")).value, "f" * 44, "x"]
)
def test_a_run_that_is_nobodys_is_not_found(stack: LocalStack, trace_id: str) -> None:
    assert problem_of(stack.run(trace_id), 404) == "run_not_found"


def test_a_run_is_told_to_its_tenant_only(stack: LocalStack, api: Api) -> None:
    trace_id = api.start("e2e_async").trace_id

    assert problem_of(stack.send("GET", f"/api/runs/{trace_id}"), 401) == "credentials_missing"
    foreign = {"authorization": f"Bearer {stack.credentials.token}", "x-tenant-id": "acme"}
    assert problem_of(stack.send("GET", f"/api/runs/{trace_id}", headers=foreign), 401) == "token_mismatch"


def test_a_run_is_told_to_a_signed_call(stack: LocalStack, api: Api) -> None:
    path = f"/api/runs/{api.start('e2e_async').trace_id}"
    signed = signed_headers(stack.credentials.signing, method="GET", path=path, key="", body=b"")

    assert stack.send("GET", path, headers=signed).status == 200
