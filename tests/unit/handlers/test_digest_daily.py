"""The digest is posted to the tenant's own webhook, once for a receiver that honours its key."""

from __future__ import annotations

import dataclasses
import json

import pytest

from functions.workflow.builtin.digest_daily import SECRET, deliver, digest_daily
from tests.unit.handlers.local_server import LocalServer, http_answer, serving
from workerflow.domain.errors import SecretNotFoundError
from workerflow.domain.failure import Failure
from workerflow.handlers import Context, PermanentError, RetryableError
from workerflow.handlers.declaration import declarations_of
from workerflow.runtime.outbound import Outbound, OutboundRefusedError

LOCAL = Outbound(allowed_private_hosts=frozenset({"127.0.0.1"}))
DIGEST = {"tenant": "default", "day": "2026-11-22"}


def context_for(server: LocalServer, **changes: object) -> Context:
    secrets = {SECRET: f"http://127.0.0.1:{server.port}/digest"}
    context = Context.for_test({}, source="schedule:digest_daily", secrets=secrets)
    return dataclasses.replace(context, **changes)  # type: ignore[arg-type]


def test_it_is_posted_as_json_with_its_effect_key() -> None:
    with serving(http_answer(204)) as server:
        context = context_for(server)
        assert deliver(context, DIGEST, LOCAL) == "delivered"
    assert json.loads(server.last_body) == DIGEST
    assert server.last_head[0] == "POST /digest HTTP/1.1"
    assert server.last_headers["content-type"] == "application/json"
    assert server.last_headers["idempotency-key"] == context.effect_key("digest")


def test_every_attempt_and_every_replay_carries_the_same_key() -> None:
    keys = set()
    with serving(http_answer(200)) as server:
        first = context_for(server)
        for context in (first, context_for(server, attempt=4), context_for(server, trace_id="0" * 44, generation=2)):
            deliver(context, DIGEST, LOCAL)
            keys.add(server.last_headers["idempotency-key"])
    assert keys == {first.effect_key("digest")}


def test_without_a_webhook_nothing_is_posted() -> None:
    def missing(_name: str) -> str:
        raise SecretNotFoundError("there is no secret")

    context = dataclasses.replace(Context.for_test({}, secrets={SECRET: ""}), read_secret=missing)
    assert deliver(context, DIGEST, LOCAL) == "not_configured"


def test_a_secret_that_cannot_be_read_is_no_missing_one() -> None:
    def unreadable(_name: str) -> str:
        raise RetryableError("the secret cannot be read")

    context = dataclasses.replace(Context.for_test({}, secrets={SECRET: ""}), read_secret=unreadable)
    with pytest.raises(RetryableError):
        deliver(context, DIGEST, LOCAL)


ANSWERS = {408: "retryable", 429: "retryable", 503: "retryable", 301: "permanent", 400: "permanent", 410: "permanent"}


@pytest.mark.parametrize(("status", "kind"), ANSWERS.items())
def test_any_answer_but_2xx_is_a_failure(status: int, kind: str) -> None:
    refused = pytest.raises((PermanentError, RetryableError), match=f"answered {status}")
    with serving(http_answer(status)) as server, refused as raised:
        deliver(context_for(server), DIGEST, LOCAL)
    assert Failure.from_exception(raised.value).kind == kind


def test_a_webhook_inside_of_our_own_network_is_refused() -> None:
    with serving(http_answer(200)) as server, pytest.raises(OutboundRefusedError):
        deliver(context_for(server), DIGEST, Outbound())
    assert server.requests == []


def test_the_secret_that_it_reads_is_declared() -> None:
    assert declarations_of(digest_daily)[0].secrets == (SECRET,)
