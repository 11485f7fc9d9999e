"""A call that is as it should be: accepted once, sent on, and told of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.ingress import wiring
from tests.integration.ingress_world import CREDENTIALS, SECRET_NAME, IngressWorld, clients, ingress_world
from tests.support.tasks import a_route
from workerflow.domain.manifest import Manifest
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import LetterClass

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def test_a_signed_call_is_accepted_stored_and_sent(world: IngressWorld) -> None:
    answer = world.signed("/api/webhook_echo", b'{"hello":"world"}')
    assert answer.status == 202
    trace_id = answer.document["traceId"]
    assert answer.document == {"traceId": trace_id, "status": "accepted", "duplicate": False}
    assert answer.headers["location"] == f"/api/runs/{trace_id}"
    assert answer.headers["x-trace-id"] == trace_id
    assert len(world.items("idempotency_keys")) == 1
    (message,) = world.messages()
    assert trace_id in message
    assert not world.nothing_was_written()


def test_a_call_with_the_token_needs_no_key_and_is_a_new_task_every_time(world: IngressWorld) -> None:
    first, second = world.with_token("/api/webhook_echo"), world.with_token("/api/webhook_echo")
    assert first.status == second.status == 202
    assert first.document["traceId"] != second.document["traceId"]


def test_a_call_that_carries_both_proofs_is_accepted(world: IngressWorld) -> None:
    token = {"authorization": f"bearer {CREDENTIALS['token']['current']}"}
    assert world.signed("/api/only_signed", changes=token).status == 202
    assert world.signed("/api/only_token", key="other", changes=token).status == 202


def test_the_same_key_and_body_again_is_a_duplicate_with_the_same_trace_id(world: IngressWorld) -> None:
    first, second = world.signed("/api/webhook_echo"), world.signed("/api/webhook_echo")
    assert second.status == 202
    assert second.document == first.document | {"duplicate": True}
    assert len(world.messages()) == 1


def test_the_same_key_with_another_body_is_refused_with_the_trace_id_of_the_first(world: IngressWorld) -> None:
    first = world.signed("/api/webhook_echo", b"1")
    second = world.signed("/api/webhook_echo", b"2")
    assert (second.status, second.code) == (422, "key_reused")
    assert second.document["traceId"] == second.headers["x-trace-id"] == first.document["traceId"]


def test_a_key_belongs_to_its_route(world: IngressWorld) -> None:
    first, second = world.signed("/api/webhook_echo"), world.signed("/api/only_signed")
    assert second.document["duplicate"] is False
    assert first.document["traceId"] != second.document["traceId"]


def test_a_raw_body_in_base64_is_verified_as_it_was_sent(world: IngressWorld) -> None:
    body = '{"name":"Zoë","n":1.0}'.encode()
    first = world.signed("/api/webhook_echo", body, in_base64=True)
    assert first.status == 202
    assert world.signed("/api/webhook_echo", body).document["traceId"] == first.document["traceId"]


def test_the_tenant_may_stand_in_the_path_or_a_header_or_both(world: IngressWorld) -> None:
    assert world.signed("/api/t/default/webhook_echo").status == 202
    assert world.with_token("/api/t/default/webhook_echo", headers={"x-tenant-id": "default"}).status == 202
    assert world.signed("/api/webhook_echo", changes={"x-tenant-id": "default"}).status == 202


def test_a_query_on_a_call_with_a_token_is_ignored(world: IngressWorld) -> None:
    assert world.with_token("/api/webhook_echo", query="a=1").status == 202


def test_the_trace_context_goes_in_through_and_out(world: IngressWorld) -> None:
    answer = world.with_token("/api/webhook_echo", headers={"traceparent": TRACEPARENT})
    assert answer.headers["traceparent"] == TRACEPARENT
    assert TRACEPARENT in str(world.items("idempotency_keys"))
    answer = world.with_token("/api/webhook_echo", headers={"traceparent": "nonsense"})
    assert answer.status == 202
    assert "traceparent" not in answer.headers


def test_headers_at_the_platforms_limit_are_no_obstacle(world: IngressWorld) -> None:
    many = {f"x-filler-{number}": "f" * 90 for number in range(99)} | {"idempotency-key": "~" * 255}
    assert sum(len(name) + len(value) for name, value in many.items()) > 10_000
    assert world.with_token("/api/webhook_echo", headers=many).status == 202


def test_fifty_calls_with_one_key_are_one_task_with_one_trace_id(world: IngressWorld) -> None:
    answers = [world.signed("/api/webhook_echo") for _ in range(50)]
    assert {answer.status for answer in answers} == {202}
    assert len({answer.document["traceId"] for answer in answers}) == 1
    assert [answer.document["duplicate"] for answer in answers].count(False) == 1
    assert len(world.items("idempotency_keys")) == len(world.messages()) == 1


def test_a_payload_that_matches_its_schema_is_accepted(world: IngressWorld) -> None:
    assert world.with_token("/api/order_created", b'{"id":7}').status == 202


@pytest.mark.parametrize("size", [4 * 1024 * 1024 - 1, 4 * 1024 * 1024])
def test_a_body_up_to_the_limit_is_accepted_and_kept_in_the_bucket(world: IngressWorld, size: int) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    assert world.signed("/api/webhook_echo", body).status == 202
    assert len(world.objects()) == 1


def test_a_send_that_fails_is_still_a_202_because_the_acceptance_is_the_outbox(world: IngressWorld) -> None:
    world.refuse.add("SendMessage")
    assert world.signed("/api/webhook_echo").status == 202
    assert len(world.items("idempotency_keys")) == 1
    assert world.messages() == []


def test_a_rotated_secret_is_accepted_together_with_the_previous_one(world: IngressWorld) -> None:
    assert world.signed("/api/webhook_echo", key="1").status == 202
    rotated = {"signing": {"current": "signing-fedcba9876543210", "previous": CREDENTIALS["signing"]["current"]}}
    clients().secrets().put_secret_value(SecretId=SECRET_NAME, SecretString=json.dumps(rotated))
    assert world.signed("/api/webhook_echo", key="2").status == 202


# Runs ---------------------------------------------------------------------------------------------------------------


def test_a_run_is_queued_at_once_after_its_202(world: IngressWorld) -> None:
    trace_id = world.with_token("/api/webhook_echo").document["traceId"]
    answer = world.run(trace_id)
    assert answer.status == 200
    run = answer.document
    assert (run["traceId"], run["state"], run["attempt"]) == (trace_id, "queued", 0)
    assert run["acceptedAt"].endswith("Z")
    assert len(run["acceptedAt"]) == len("2026-11-24T16:00:00.000Z")
    assert run["output"] is None
    assert answer.headers["x-trace-id"] == trace_id


def test_a_run_may_be_read_with_a_signature_over_an_empty_body_and_no_key(world: IngressWorld) -> None:
    trace_id = world.with_token("/api/webhook_echo").document["traceId"]
    assert world.signed(f"/api/runs/{trace_id}", b"", key=None, method="GET").status == 200


@pytest.mark.parametrize("trace_id", ["0" * 44, "0" * 43, "constructor", "__class__", "A" * 44, "x"])
def test_a_foreign_or_malformed_trace_id_is_not_found(world: IngressWorld, trace_id: str) -> None:
    answer = world.run(trace_id)
    assert (answer.status, answer.code) == (404, "run_not_found")


def test_the_health_check_needs_no_credentials_and_no_store(world: IngressWorld) -> None:
    world.refuse |= {"GetItem", "GetSecretValue", "Query"}
    answer = world.send(world.event("GET", "/api/health"))
    assert (answer.status, answer.document) == (200, {"status": "ok", "environment": "dev"})


# Sync ---------------------------------------------------------------------------------------------------------------


def test_a_task_is_answered_as_it_was_taken_although_its_route_changed_its_mode(world: IngressWorld) -> None:
    world.execute = lambda _event: Execution(ExecutionStatus.ENDED, stored=True)
    assert world.signed("/api/payload_hash").status == 409
    wiring.MANIFEST.write_text(Manifest.build([a_route("payload_hash", mode="async")]).to_json())
    wiring.ingress.cache_clear()
    assert world.signed("/api/payload_hash").status == 409, "a 202 would promise an execution that never comes"
    assert world.signed("/api/payload_hash", key="another").status == 202


def sync(world: IngressWorld, execution: Execution, key: str = "k") -> tuple[int, str]:
    world.execute = lambda _event: execution
    answer = world.signed("/api/payload_hash", key=key)
    assert answer.headers["x-trace-id"]
    return answer.status, "" if answer.status < 300 else answer.code


def test_a_sync_call_is_answered_with_what_the_handler_returned(world: IngressWorld) -> None:
    output = HandlerOutput("document", b'{"sha256":"abc"}')
    world.execute = lambda _event: Execution(ExecutionStatus.SUCCEEDED, output=output.encode())
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.document) == (200, {"sha256": "abc"})
    assert answer.headers["content-type"] == "application/json"
    assert "x-workerflow-replayed" not in answer.headers
    (event,) = world.invocations
    assert (event["traceId"], event["forCaller"]) == (answer.headers["x-trace-id"], True)
    assert world.messages() == []


def test_a_raw_response_is_answered_as_it_is(world: IngressWorld) -> None:
    output = HandlerOutput("response", b"\x89PNG", 418, {"content-type": "image/png", "x-teapot": "short"})
    world.execute = lambda _event: Execution(ExecutionStatus.SUCCEEDED, output=output.encode())
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.body) == (418, b"\x89PNG")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-teapot"] == "short"


def test_a_repeated_sync_call_gets_the_stored_answer_marked_as_such(world: IngressWorld) -> None:
    output = HandlerOutput("document", b"{}").encode()
    world.execute = lambda _event: Execution(ExecutionStatus.SUCCEEDED, output=output, stored=True)
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.headers["x-workerflow-replayed"]) == (200, "true")


@pytest.mark.parametrize(("lease_seconds", "told"), [(3.2, "4"), (285.0, "10")])
def test_a_sync_call_in_flight_elsewhere_is_a_409_that_tells_when_to_ask_again(
    world: IngressWorld, lease_seconds: float, told: str
) -> None:
    world.execute = lambda _event: Execution(ExecutionStatus.BUSY, delay_seconds=lease_seconds)
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (409, "in_flight", told)


def test_every_other_outcome_of_a_sync_call_has_its_own_code(world: IngressWorld) -> None:
    def failed(letter_class: LetterClass) -> Execution:
        return Execution(ExecutionStatus.FAILED, letter_class=letter_class, error="ValueError: a secret text")

    assert sync(world, failed(LetterClass.HANDLER_ERROR)) == (500, "task_failed")
    assert sync(world, failed(LetterClass.INVALID_PAYLOAD)) == (422, "payload_rejected")
    assert sync(world, Execution(ExecutionStatus.WAITING, delay_seconds=1)) == (503, "try_again")
    assert sync(world, Execution(ExecutionStatus.REFUSED)) == (503, "route_paused")
    assert sync(world, Execution(ExecutionStatus.ENDED)) == (409, "task_ended")
    assert sync(world, Execution(ExecutionStatus.PARKED)) == (202, "")


def test_a_failed_sync_call_tells_the_class_and_never_the_exceptions_text(world: IngressWorld) -> None:
    world.execute = lambda _event: Execution(
        ExecutionStatus.FAILED, letter_class=LetterClass.TIMEOUT, error="ValueError: a secret text", stored=True
    )
    answer = world.signed("/api/payload_hash")
    assert (answer.code, answer.document["class"]) == ("task_failed", "timeout")
    assert answer.document["traceId"] == answer.headers["x-trace-id"]
    assert answer.headers["x-workerflow-replayed"] == "true"
    assert b"secret" not in answer.body


def test_a_sync_task_whose_process_died_before_its_claim_may_be_tried_again(world: IngressWorld) -> None:
    world.execute = lambda _event: b'{"errorType":"Runtime.ExitError"}'
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.code) == (503, "try_again")


def late(_event: object) -> None:
    raise ReadTimeoutError(endpoint_url="https://lambda.invalid")


def test_a_sync_call_that_outlives_the_limit_is_handed_over_and_answered_with_202(world: IngressWorld) -> None:
    world.execute = late
    answer = world.signed("/api/payload_hash")
    assert answer.status == 202
    assert answer.headers["location"] == f"/api/runs/{answer.document['traceId']}"
    assert len(world.messages()) == 1


def test_a_sync_call_that_can_neither_be_awaited_nor_handed_over_is_a_504(world: IngressWorld) -> None:
    world.execute = late
    world.refuse.add("SendMessage")
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.code) == (504, "sync_timeout")
    assert answer.document["traceId"]


def test_a_store_that_does_not_answer_during_a_sync_call_is_a_503_with_the_trace_id(world: IngressWorld) -> None:
    world.execute = lambda _event: Execution(ExecutionStatus.UNKNOWN)
    answer = world.signed("/api/payload_hash")
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.document["traceId"]
