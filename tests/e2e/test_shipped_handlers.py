"""The examples that everybody gets, once each on the deployed stack."""

from __future__ import annotations

import hashlib

from tests.e2e.calls import Api
from tests.e2e.slow import Slow
from tests.unit.handlers.local_server import LocalServer
from tools.local.demo import github_push
from workerflow.domain.identity import effect_key


def test_webhook_echo_tells_what_github_sent(api: Api) -> None:
    call = api.call_with("webhook_echo", "github-push", github_push())
    output = api.ended(call.trace_id)["output"]["document"]

    assert (output["type"], output["size"]) == ("object", len(call.body))
    assert {"repository", "pusher", "commits"} <= set(output["keys"])


def test_payload_hash_answers_the_digest_of_the_bytes(api: Api) -> None:
    call = api.call_with("payload_hash", "digest", b'{ "a" : 1 }')

    assert call.answer.json() == {"sha256": hashlib.sha256(call.body).hexdigest(), "size": len(call.body)}


def test_webhook_forward_posts_the_payload_on_and_again_when_the_receiver_is_busy(
    api: Api, slow: Slow, receiver: LocalServer
) -> None:
    call = slow.forwarded
    run = api.ended(call.trace_id)

    assert (run["state"], [attempt["result"] for attempt in run["attempts"]]) == (
        "succeeded",
        ["retryable", "succeeded"],
    )
    assert run["output"]["document"] == {"status": 200, "answerBytes": 6, "answerTruncated": False}
    assert len(receiver.requests) == 2
    assert receiver.last_body == call.body
    assert receiver.last_headers["idempotency-key"] == effect_key(call.trace_id, "forward")
    first, second = (request.decode().lower() for request in receiver.requests)
    key = f"idempotency-key: {effect_key(call.trace_id, 'forward')}"
    assert key in first
    assert key in second
