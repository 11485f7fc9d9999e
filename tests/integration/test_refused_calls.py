"""A refused call is logged, counted and kept with its reason, and with nothing that would let anybody in."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.ingress import wiring
from functions.ingress.kept_refusal import DETAIL_CHARACTERS
from functions.ingress.signed_lines import PATH_CHARACTERS, SHOWN_CHARACTERS
from tests.fakes.surroundings import FakeClock
from tests.integration.ingress_world import Context, IngressWorld, clients, ingress_world
from tests.support.aws import physical
from tests.support.senders import BODIES, SECRETS, signed_by
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.refused_calls import DynamoRefusedCalls
from workerflow.domain.refused_call import SLOTS, RefusedCall
from workerflow.domain.tenants import UNLIMITED, TenantPolicy
from workerflow.tables import REFUSED_CALLS

ECHO = "/api/webhook_echo"
CANARY = "canary-5f2b-secret"
DIGEST = "c0ffee" * 10 + "c0ff"
"""What a signature looks like, 64 hex digits."""

type Send = Callable[[IngressWorld], object]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock(int(time.time()) * 1000)
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def world(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    del clock
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def kept(tenant: str | None = "default") -> list[RefusedCall]:
    store = DynamoRefusedCalls(Database(clients().dynamodb()), physical(REFUSED_CALLS))
    return list(store.list_calls(tenant))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def post(path: str = ECHO, body: bytes = b"{}", headers: Mapping[str, str] | None = None, query: str = "") -> Send:
    return lambda world: world.send(world.event("POST", path, body, dict(headers or {}), query=query))


# What is kept, logged and counted -----------------------------------------------------------------------------------


def test_a_record_tells_what_the_caller_was_told_and_what_the_call_was(world: IngressWorld, clock: FakeClock) -> None:
    answer = world.send(world.event("POST", ECHO, b"{}", {"authorization": "Bearer wrong", "x-custom": "v"}))
    (call,) = kept()
    assert (call.tenant, call.reason, call.status) == ("default", answer.code, answer.status)
    assert (call.detail, call.request_id) == (answer.document["detail"], Context().aws_request_id)
    assert (call.method, call.path, call.source_address, call.at_ms) == ("POST", ECHO, "203.0.113.7", clock.ms)
    assert call.headers == ("authorization", "content-type", "host", "x-custom")
    assert call.expected == {}


def test_a_wrong_signature_is_kept_with_the_eight_lines_that_it_should_have_covered(world: IngressWorld) -> None:
    body, key = b'{"a":1}', "k" * 100
    world.signed(ECHO, body, secret="another-secret-0123456789", key=key)
    (call,) = kept()
    assert (call.reason, list(call.expected)) == (
        "signature_mismatch",
        ["version", "timestamp", "method", "path", "query", "tenant", "key", "body"],
    )
    assert call.expected["timestamp"].isdigit()
    assert {name: call.expected[name] for name in ("version", "method", "path", "query", "tenant", "key")} == {
        "version": "workerflow-v1",
        "method": "POST",
        "path": ECHO,
        "query": "",
        "tenant": "default",
        "key": "k" * SHOWN_CHARACTERS,
    }
    assert call.expected["body"] == f"sha256 {hashlib.sha256(body).hexdigest()} of 7 bytes"


def test_a_query_that_cannot_be_signed_is_told_by_its_length(world: IngressWorld) -> None:
    world.signed(ECHO, query="a=1&b=2")
    (call,) = kept()
    assert (call.reason, call.expected["query"]) == ("query_not_allowed", "7 characters, and must be empty")


@pytest.mark.parametrize(("sender", "parts"), [("stripe", ["timestamp", "body"]), ("github", ["body"])])
def test_a_senders_wrong_signature_is_kept_with_the_parts_that_it_should_have_covered(
    world: IngressWorld, sender: str, parts: list[str]
) -> None:
    headers = signed_by(sender, at=int(time.time()))
    post(body=BODIES[sender], headers=headers)(world)
    (call,) = kept()
    assert (call.reason, list(call.expected)) == ("signature_mismatch", parts)
    assert call.expected["body"].endswith(f"of {len(BODIES[sender])} bytes")


def test_a_refusal_is_logged_with_its_reason_and_counted_by_tenant_and_reason(
    world: IngressWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.declare(acme=UNLIMITED)
    world.as_tenant("acme", ECHO, headers={"authorization": "Bearer wrong"})
    line, metric = sorted(lines(capsys), key=lambda line: "_aws" in line)
    assert (line["code"], line["tenant"]) == ("token_mismatch", "acme")
    (told,) = metric["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Metrics"]) == ("WorkerFlow", [{"Name": "CallRefused", "Unit": "Count"}])
    assert sorted(told["Dimensions"][0]) == ["reason", "service", "tenant"]
    assert (metric["CallRefused"], metric["tenant"], metric["reason"]) == ([1.0], "acme", "token_mismatch")


@pytest.mark.parametrize(
    ("send", "reason"),
    [
        (post(headers={"x-tenant-id": "invented", "authorization": "Bearer wrong"}), "token_mismatch"),
        (post("/api/nothing/"), "path_not_found"),
        (post(headers={"x-tenant-id": "ACME"}), "tenant_malformed"),
        (lambda world: world.send({}), "request_malformed"),
    ],
)
def test_calls_in_the_name_of_no_tenant_of_ours_are_counted_and_kept_together(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], send: Send, reason: str
) -> None:
    send(world)
    (call,) = kept(None)
    assert (call.tenant, call.reason) == (None, reason)
    assert {line["tenant"] for line in lines(capsys)} == {"unknown"}
    assert "invented" not in capsys.readouterr().out


def test_a_call_that_is_answered_is_neither_counted_nor_kept(
    world: IngressWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.with_token(ECHO)
    world.send(world.event("GET", "/api/health"))
    assert [line.get("tenant") for line in lines(capsys)] == ["default", None]
    assert world.items("refused_calls") == []


def test_what_is_our_own_fault_is_no_refusal(world: IngressWorld, capsys: pytest.CaptureFixture[str]) -> None:
    world.with_token(ECHO)
    world.refuse.add("PutItem")
    assert world.with_token(ECHO).status == 503
    world.refuse.clear()
    assert world.items("refused_calls") == []
    assert "CallRefused" not in capsys.readouterr().out


# What it costs ------------------------------------------------------------------------------------------------------


def test_a_flood_is_counted_whole_and_kept_once_a_second(
    world: IngressWorld, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(40):
        post()(world)
        clock.advance(0.1)
    assert len(kept()) == 4
    assert sum("_aws" in line for line in lines(capsys)) == 40


def test_the_slots_are_all_that_a_reason_ever_takes(world: IngressWorld, clock: FakeClock) -> None:
    for _ in range(SLOTS + 5):
        post()(world)
        clock.advance(1)
    calls = kept()
    assert len(calls) == len(world.items("refused_calls")) == SLOTS
    assert calls[0].at_ms == clock.ms - 1000


def test_a_refusal_reads_nothing_and_writes_one_item(world: IngressWorld, clock: FakeClock) -> None:
    post()(world)
    clock.advance(1)
    world.refuse |= {"GetItem", "Query", "BatchGetItem", "UpdateItem", "GetSecretValue", "TransactWriteItems"}
    post()(world)
    assert len(kept_behind(world)) == 2


def kept_behind(world: IngressWorld) -> list[RefusedCall]:
    world.refuse.clear()
    return kept()


def test_a_record_that_cannot_be_written_is_told_and_the_answer_is_the_same(
    world: IngressWorld, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    before = world.send(world.event("POST", ECHO))
    clock.advance(1)
    world.refuse.add("PutItem")
    after = world.send(world.event("POST", ECHO))
    assert (after.status, after.headers, after.body) == (before.status, before.headers, before.body)
    assert "a refused call was not kept" in capsys.readouterr().out


# What is never told -------------------------------------------------------------------------------------------------


def by(name: str, value: str) -> Send:
    return post(headers={name: value})


SECRETS_IN_PLACES: Mapping[str, Send] = {
    "a token": by("authorization", f"Bearer {CANARY}"),
    "a password": by("authorization", f"Basic {CANARY}"),
    "a signature": post(headers={"x-signature": f"v1={DIGEST}", "x-signature-timestamp": str(int(time.time()))}),
    "a malformed signature": by("x-signature", CANARY),
    "a signature in the place of the timestamp": post(
        headers={"x-signature": f"v1={DIGEST}", "x-signature-timestamp": CANARY}
    ),
    "a token beside a signature": lambda world: world.signed(
        ECHO, secret="another-secret-0123456789", changes={"authorization": f"Bearer {CANARY}"}
    ),
    "a body": post(body=f'{{"password":"{CANARY}"}}'.encode()),
    "a body that is no JSON": lambda world: world.with_token(ECHO, CANARY.encode()),
    "a member that stands twice": lambda world: world.with_token(ECHO, f'{{"{CANARY}":1,"{CANARY}":2}}'.encode()),
    "a payload that violates its schema": lambda world: world.with_token(
        "/api/order_created", f'{{"id":"{CANARY}","{CANARY}":1}}'.encode()
    ),
    "a query": post(query=f"token={CANARY}", headers={"authorization": "Bearer wrong"}),
    "a query of a signed call": lambda world: world.signed(ECHO, query=f"token={CANARY}"),
    "a header that decides nothing": by("x-api-key", CANARY),
    "a cookie": by("cookie", f"session={CANARY}"),
    "a tenant": by("x-tenant-id", f"{CANARY}!"),
    "a key with a space": by("idempotency-key", f"{CANARY} "),
    "a content type": by("content-type", CANARY),
    "two tokens": by("authorization", f"Bearer {CANARY}, Bearer {CANARY}"),
    "a token in the place of Slack's timestamp": post(
        headers={"x-slack-signature": f"v0={DIGEST}", "x-slack-request-timestamp": CANARY}
    ),
    "a token in the place of Stripe's timestamp": by("stripe-signature", f"t={CANARY},v1={DIGEST}"),
}


@pytest.mark.parametrize("send", SECRETS_IN_PLACES.values(), ids=SECRETS_IN_PLACES.keys())
def test_no_record_and_no_log_line_repeats_a_secret(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], send: Send
) -> None:
    send(world)
    assert untold(world, capsys, CANARY, DIGEST)


@pytest.mark.parametrize("sender", SECRETS)
def test_no_record_and_no_log_line_repeats_a_senders_signature(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], sender: str
) -> None:
    headers = signed_by(sender, at=int(time.time()), secret=f"whsec_{DIGEST}")
    post(body=BODIES[sender], headers=headers)(world)
    macs = [part for value in headers.values() for part in value.replace(",", "=").split("=") if len(part) > 40]
    assert len(macs) == 1
    assert untold(world, capsys, *macs, BODIES[sender].decode())


def untold(world: IngressWorld, capsys: pytest.CaptureFixture[str], *secrets: str) -> bool:
    """Whether there is a record and a metric, and none of the secrets in anything."""
    items, logged = world.items("refused_calls"), capsys.readouterr().out
    assert len(items) == logged.count('"CallRefused":') == 1
    told = json.dumps(items) + logged
    assert [secret for secret in secrets if secret in told or json.dumps(secret)[1:-1] in told] == []
    return True


@pytest.mark.parametrize("path", ["/api/" + "p" * 5000, "/api/\x00\n\u2028\x7fé"])
def test_what_callers_choose_is_cut_and_made_printable(world: IngressWorld, path: str) -> None:
    event = world.event("M" * 500, path, headers={f"x-{number}-{'h' * 500}": "v" for number in range(200)})
    world.send(event)
    (call,) = kept(None)
    texts = [call.method, call.path, call.detail, *call.headers, *call.expected.values()]
    assert all(text.isascii() and text.isprintable() for text in texts)
    assert len(call.path) <= PATH_CHARACTERS
    assert len(call.detail) <= DETAIL_CHARACTERS
    assert len(json.dumps(world.items("refused_calls"), default=str)) < 5000


def test_a_route_that_a_policy_hides_is_kept_under_its_tenant(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(routes=()))
    world.as_tenant("acme", ECHO)
    assert [call.reason for call in kept("acme")] == ["route_not_found"]
