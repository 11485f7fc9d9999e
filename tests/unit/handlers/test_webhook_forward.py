from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from email.utils import formatdate
from typing import override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.workflow.handlers.webhook_forward import SECRET, forward, webhook_forward
from tests.unit.handlers.local_server import LocalServer, http_answer, serving, silent
from workerflow.domain.failure import Failure
from workerflow.handlers import Context, PermanentError, RetryableError
from workerflow.handlers.declaration import declarations_of
from workerflow.runtime.outbound import (
    MAX_RETRY_AFTER_SECONDS,
    Outbound,
    OutboundAnswer,
    OutboundFailedError,
    OutboundRefusedError,
)

LOCAL = Outbound(allowed_private_hosts=frozenset({"127.0.0.1"}))
BODY = b'{ "action": "opened",\n "number": 1.0 }'


def context_for(server: LocalServer, **changes: object) -> Context:
    context = Context.for_test(body=BODY, source="route:webhook_forward", secrets={SECRET: url_of(server)})
    return dataclasses.replace(context, **changes)  # type: ignore[arg-type]


def url_of(server: LocalServer) -> str:
    return f"http://127.0.0.1:{server.port}/hook?from=us"


def failure_for(status: int, *headers: str) -> Failure:
    refused = pytest.raises((PermanentError, RetryableError), match=f"answered {status}")
    with serving(http_answer(status, *headers)) as server, refused as raised:
        forward(context_for(server), url_of(server), LOCAL)
    assert len(server.requests) == 1
    return Failure.from_exception(raised.value)


def test_the_payload_is_posted_byte_for_byte_with_its_effect_key() -> None:
    with serving(http_answer(202, body=b"thanks")) as server:
        context = context_for(server, content_type="application/vnd.github+json")
        assert forward(context, url_of(server), LOCAL) == {"status": 202, "answerBytes": 6, "answerTruncated": False}
    assert server.last_head[0] == "POST /hook?from=us HTTP/1.1"
    assert server.last_body == BODY
    assert server.last_headers["content-type"] == "application/vnd.github+json"
    assert server.last_headers["idempotency-key"] == context.effect_key("forward")
    assert server.last_headers["x-workerflow-trace-id"] == context.trace_id


def test_the_callers_trace_context_goes_on_and_is_not_made_up() -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with serving(http_answer(200)) as server:
        forward(context_for(server, traceparent=traceparent), url_of(server), LOCAL)
        assert server.last_headers["traceparent"] == traceparent
    with serving(http_answer(200)) as server:
        forward(context_for(server), url_of(server), LOCAL)
        assert "traceparent" not in server.last_headers


def test_every_attempt_and_every_replay_carries_the_same_key() -> None:
    keys = set()
    with serving(http_answer(200)) as server:
        first = context_for(server)
        for context in (first, context_for(server, attempt=4), context_for(server, trace_id="0" * 44, generation=2)):
            forward(context, url_of(server), LOCAL)
            keys.add(server.last_headers["idempotency-key"])
    assert keys == {first.effect_key("forward")}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    with serving(http_answer(status)) as server:
        assert forward(context_for(server), url_of(server), LOCAL)["status"] == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 599])
def test_what_may_pass_is_retried(status: int) -> None:
    failure = failure_for(status)
    assert (failure.kind, failure.retry_after_seconds) == ("retryable", None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 423, 424, 426, 428, 431, 451])
def test_any_other_4xx_is_permanent(status: int) -> None:
    assert failure_for(status, "Retry-After: 5").kind == "permanent"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_permanent_and_says_why(status: int) -> None:
    failure = failure_for(status, "Location: https://elsewhere.example/")
    assert failure.kind == "permanent"
    assert "redirects are not followed" in failure.message
    assert "elsewhere" not in failure.message


@given(st.integers(200, 999))
def test_every_status_is_a_success_a_retry_or_an_end(status: int) -> None:
    class _Fixed(Outbound):
        @override
        def post(self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float) -> OutboundAnswer:
            return OutboundAnswer(status, {}, b"", truncated=False)

    try:
        forward(Context.for_test(), "https://receiver.test/", _Fixed())
        kind = "success"
    except RetryableError:
        kind = "retry"
    except PermanentError:
        kind = "end"
    expected = "success" if status < 300 else "retry" if status in {408, 425, 429} or status >= 500 else "end"
    assert kind == expected


NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999", MAX_RETRY_AFTER_SECONDS),
        (formatdate(NOW_MS / 1000 + 90, usegmt=True), 90),
        (formatdate(NOW_MS / 1000 - 90, usegmt=True), 0),
        (formatdate(NOW_MS / 1000 + 1e6, usegmt=True), MAX_RETRY_AFTER_SECONDS),
        ("soon", None),
        ("-1", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_in_both_forms_and_capped(status: int, value: str, seconds: float | None) -> None:
    assert failure_for(status, f"Retry-After: {value}").retry_after_seconds == seconds


def test_a_receiver_that_is_not_there_is_retried() -> None:
    with serving(http_answer(200)) as server:
        context = context_for(server)
    with pytest.raises(OutboundFailedError):
        forward(context, url_of(server), LOCAL)


def test_a_slow_receiver_is_left_before_the_attempt_ends() -> None:
    with serving(silent) as server:
        context = context_for(server)
        short = dataclasses.replace(context, deadline_ms=context.now_ms() + 2_100)
        with pytest.raises(OutboundFailedError, match="TimeoutError"):
            forward(short, url_of(server), LOCAL)


def test_without_time_nothing_is_sent() -> None:
    with serving(http_answer(200)) as server:
        context = context_for(server)
        late = dataclasses.replace(context, deadline_ms=context.now_ms() + 2_000)
        with pytest.raises(RetryableError, match="no time is left"):
            forward(late, url_of(server), LOCAL)
    assert server.requests == []


def test_a_private_receiver_that_nobody_allowed_is_refused() -> None:
    with serving(http_answer(200)) as server:
        with pytest.raises(OutboundRefusedError):
            forward(context_for(server), url_of(server), Outbound())
        private = Outbound(resolve=lambda _host, _port: ["127.0.0.1"])
        with pytest.raises(OutboundRefusedError, match="not public"):
            forward(context_for(server), f"https://localhost:{server.port}/", private)
    assert server.requests == []


def test_without_a_url_of_the_operator_the_tenants_secret_names_the_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.delenv("FORWARD_URL", raising=False)
    with serving(http_answer(200)) as server:
        assert webhook_forward({}, context_for(server))["status"] == 200


def test_a_url_of_the_operator_is_everybodys_and_no_secret_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(http_answer(200)) as server:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
        monkeypatch.setenv("FORWARD_URL", url_of(server))
        assert webhook_forward({}, Context.for_test({}))["status"] == 200


def test_the_secret_that_it_reads_is_declared() -> None:
    assert declarations_of(webhook_forward)[0].secrets == (SECRET,)
