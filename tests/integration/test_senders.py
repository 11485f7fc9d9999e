"""Webhooks of other people's systems, as they sign them themselves, through ingress as it is deployed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingress_world import (
    CREDENTIALS,
    SECRET_NAME,
    SENDER_ROUTES,
    TOKEN,
    Answer,
    IngressWorld,
    clients,
    ingress_world,
)
from tests.support.aws import physical
from tests.support.senders import BODIES, OTHER_SECRETS, SECRETS, signed_by
from workerflow.adapters.dynamodb.attributes import pack
from workerflow.adapters.dynamodb.items import state as codec
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.failure_limit import BURST
from workerflow.domain.senders import SENDERS
from workerflow.tables import CURSOR_STATE

every_sender = pytest.mark.parametrize("name", SENDERS)
CHALLENGE = {
    "token": "t",
    "type": "url_verification",
    "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def send(
    world: IngressWorld,
    name: str,
    body: bytes | None = None,
    *,
    path: str | None = None,
    changes: Mapping[str, str | None] | None = None,
    method: str = "POST",
    query: str = "",
    age_seconds: int = 0,
    **signing: Any,
) -> Answer:
    """A call of a sender; `changes` replaces headers after they were signed, or takes them away."""
    body = BODIES[name] if body is None else body
    headers = {**signed_by(name, at=int(time.time()) - age_seconds, body=body, **signing), **(changes or {})}
    sent = {header: value for header, value in headers.items() if value is not None}
    return world.send(world.event(method, path or f"/api/{SENDER_ROUTES[name]}", body, sent, query=query))


def keys(world: IngressWorld) -> list[str]:
    """The keys of everything that was accepted."""
    return sorted(item["key"]["S"] for item in world.items("idempotency_keys"))


def set_credentials(document: Mapping[str, Any]) -> None:
    clients().secrets().put_secret_value(SecretId=SECRET_NAME, SecretString=json.dumps(document))


# Accepted -----------------------------------------------------------------------------------------------------------


@every_sender
def test_a_senders_call_becomes_a_task_and_its_redelivery_is_the_same_one(world: IngressWorld, name: str) -> None:
    first = send(world, name, age_seconds=60)
    again = send(world, name)
    assert (first.status, first.document["duplicate"]) == (202, False)
    assert (again.status, again.document["duplicate"]) == (202, True)
    assert again.document["traceId"] == first.document["traceId"]
    (item,) = world.items("idempotency_keys")
    assert item["source"]["S"] == f"route:{SENDER_ROUTES[name]}"
    assert len(world.messages()) == 1


@every_sender
def test_the_tenant_may_stand_in_the_path(world: IngressWorld, name: str) -> None:
    first = send(world, name, path=f"/api/t/default/{SENDER_ROUTES[name]}")
    assert first.status == 202
    assert send(world, name).document["traceId"] == first.document["traceId"]


@every_sender
@pytest.mark.parametrize(
    "changes",
    [
        {"idempotency-key": "another"},
        {"idempotency-key": ""},
        {"idempotency-key": "one,two"},
        {"idempotency-key": "x" * 10_000},
        {"x-github-delivery": "other", "x-shopify-webhook-id": "other", "x-shopify-event-id": "other"},
        {"x-slack-retry-num": "1", "user-agent": "another", "content-type": "text/plain"},
        {"x-hub-signature": "sha1=" + "0" * 40, "x-request-id": "other"},
    ],
    ids=lambda changes: ", ".join(f"{name}={value[:10]}" for name, value in changes.items()),
)
def test_no_header_that_is_not_signed_makes_another_task(
    world: IngressWorld, name: str, changes: dict[str, str]
) -> None:
    first = send(world, name)
    other = send(world, name, changes=changes)
    assert (other.status, other.document) == (202, first.document | {"duplicate": True})


def test_the_key_of_a_task_is_what_its_sender_signs_of_the_event(world: IngressWorld) -> None:
    for name in SENDERS:
        assert send(world, name).status == 202
    digests = [key for key in keys(world) if key.startswith("sha256-")]
    assert sorted(set(keys(world)) - set(digests)) == ["Ev1", "evt_1", "msg_1"]
    assert len(digests) == 2


def test_an_event_that_is_told_again_in_other_words_is_the_same_task(world: IngressWorld) -> None:
    """Stripe counts `pending_webhooks`: the same event may come with another body, and a 422 would make it try on."""
    first = send(world, "stripe")
    taken = world.items("idempotency_keys")
    again = send(world, "stripe", BODIES["stripe"].replace(b'"pending_webhooks":1', b'"pending_webhooks":0'))
    assert (again.status, again.document) == (202, first.document | {"duplicate": True})
    assert world.items("idempotency_keys") == taken


def test_other_events_are_other_tasks(world: IngressWorld) -> None:
    one = send(world, "standard-webhooks", event_id="msg_1")
    other = send(world, "standard-webhooks", event_id="msg_2")
    assert one.document["traceId"] != other.document["traceId"]
    assert send(world, "github", b"{}").document["traceId"] != send(world, "github", b"{ }").document["traceId"]


@pytest.mark.parametrize("name", ["github", "shopify"])
def test_a_signature_without_a_time_is_as_good_after_a_year(world: IngressWorld, name: str) -> None:
    assert send(world, name, age_seconds=365 * 24 * 3600).status == 202


# Handshake ----------------------------------------------------------------------------------------------------------


def test_slacks_challenge_is_answered_and_is_no_task(world: IngressWorld) -> None:
    answer = send(world, "slack", json.dumps(CHALLENGE).encode())
    assert (answer.status, answer.document) == (200, {"challenge": CHALLENGE["challenge"]})
    assert answer.headers["content-type"] == "application/json"
    assert world.nothing_was_written()


def test_a_challenge_is_answered_to_nobody_but_slack(world: IngressWorld) -> None:
    body = json.dumps(CHALLENGE).encode()
    assert send(world, "slack", body, secret=OTHER_SECRETS["slack"]).code == "signature_mismatch"
    assert send(world, "slack", body, age_seconds=302).code == "signature_timestamp_skew"
    assert send(world, "stripe", body).code == "event_id_malformed"
    assert world.nothing_was_written()


def test_a_disabled_route_answers_no_challenge(world: IngressWorld) -> None:
    made = Switch("default", "route:from_slack", Enablement.DISABLED, "maintenance", "operator", 1, 1, "n")
    clients().dynamodb().put_item(TableName=physical(CURSOR_STATE), Item=pack(codec.switch_to_item(made)))
    assert send(world, "slack", json.dumps(CHALLENGE).encode()).code == "route_disabled"


# Refused ------------------------------------------------------------------------------------------------------------


@every_sender
def test_another_secret_another_body_another_route_are_refused(world: IngressWorld, name: str) -> None:
    assert send(world, name, secret=OTHER_SECRETS[name]).code == "signature_mismatch"
    elsewhere = next(route for other, route in SENDER_ROUTES.items() if other != name)
    for path in (f"/api/{elsewhere}", "/api/nothing", "/api/webhook_echo", "/api/only_token"):
        assert send(world, name, path=path).code == "signature_mismatch"
    assert world.nothing_was_written()


@every_sender
def test_unknown_route_unknown_tenant_and_wrong_secret_cannot_be_told_apart(world: IngressWorld, name: str) -> None:
    wrong = send(world, name, secret=OTHER_SECRETS[name])
    for path in ("/api/nothing", f"/api/t/other/{SENDER_ROUTES[name]}", "/api/t/other/nothing"):
        unknown = send(world, name, path=path)
        assert (unknown.status, unknown.headers, unknown.document) == (wrong.status, wrong.headers, wrong.document)


@every_sender
def test_a_call_carries_the_signature_of_one_scheme(world: IngressWorld, name: str) -> None:
    others = [{SENDERS[other].signature_header: "x"} for other in SENDERS if other != name]
    for extra in [*others, {"x-signature": "v1=" + "0" * 64}, {"x-signature-timestamp": "1764000000"}]:
        answer = send(world, name, changes=extra)
        assert (answer.status, answer.code) == (400, "signature_ambiguous")
    assert world.nothing_was_written()


@every_sender
def test_a_repeated_header_is_refused(world: IngressWorld, name: str) -> None:
    """As API Gateway joins it. Where the comma is the scheme's own, the scheme's syntax refuses it."""
    sender = SENDERS[name]
    sent = signed_by(name, at=int(time.time()))
    for header in sender.headers:
        answer = send(world, name, changes={header: f"{sent[header]},{sent[header]}"})
        in_syntax = header == sender.signature_header and sender.has_commas
        assert answer.status == (401 if in_syntax else 400)
        assert answer.code in (
            {"signature_malformed", "signature_timestamp_malformed"} if in_syntax else {"header_repeated"}
        )


@every_sender
def test_a_call_of_a_sender_has_no_query(world: IngressWorld, name: str) -> None:
    answer = send(world, name, query="a=1")
    assert (answer.status, answer.code) == (400, "query_not_allowed")


@every_sender
def test_nothing_is_read_with_a_senders_signature(world: IngressWorld, name: str) -> None:
    trace_id = send(world, name).document["traceId"]
    for path in (f"/api/runs/{trace_id}", "/api/openapi.json"):
        assert send(world, name, path=path, method="GET").code == "signature_mismatch"
        assert send(world, name, b"", path=path, method="GET").code == "signature_mismatch"
    assert send(world, name, method="GET").code == "method_not_allowed"


@every_sender
def test_a_route_for_a_sender_takes_nothing_else(world: IngressWorld, name: str) -> None:
    path = f"/api/{SENDER_ROUTES[name]}"
    for answer in (world.with_token(path, BODIES[name]), world.signed(path, BODIES[name])):
        assert (answer.status, answer.code) == (403, "sender_required")
        assert SENDERS[name].signature_header in answer.document["detail"]
    assert send(world, name, changes=dict.fromkeys(SENDERS[name].headers)).code == "credentials_missing"
    assert world.nothing_was_written()


@every_sender
@pytest.mark.parametrize("path", ["/api/webhook_echo", "/api/only_token", "/api/only_signed"])
def test_other_routes_take_no_senders_signature_not_even_with_a_secret_of_theirs(
    world: IngressWorld, name: str, path: str
) -> None:
    set_credentials(CREDENTIALS | {"senders": {path.rpartition("/")[2]: {"current": SECRETS[name]}}})
    for changes in ({}, {"authorization": f"Bearer {TOKEN}"}):
        answer = send(world, name, path=path, changes=changes)
        assert (answer.status, answer.code) == (403, "sender_not_taken")
    assert world.nothing_was_written()


def test_what_one_sender_signed_is_no_other_senders_call_though_the_secret_be_the_same(world: IngressWorld) -> None:
    """Stripe signs `<time>.<body>`; GitHub would sign the same bytes for a body that begins with a time."""
    set_credentials(CREDENTIALS | {"senders": {"from_stripe": {"current": SECRETS["stripe"]}}})
    body = b"1764000000." + BODIES["stripe"]
    answer = send(world, "github", body, secret=SECRETS["stripe"], path="/api/from_stripe")
    assert (answer.status, answer.code) == (403, "sender_not_taken")


@pytest.mark.parametrize("name", ["stripe", "slack"])
@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"id":1,"event_id":1}', b'{"id":"","event_id":""}', b'{"id":"a b","event_id":"a b"}']
)
def test_a_body_that_does_not_name_its_event_is_refused(world: IngressWorld, name: str, body: bytes) -> None:
    answer = send(world, name, body)
    assert (answer.status, answer.code) == (400, "event_id_malformed")
    assert world.nothing_was_written()


@every_sender
def test_a_signed_body_that_is_no_json_is_refused(world: IngressWorld, name: str) -> None:
    assert send(world, name, b"payload=%7B%7D").code == "body_not_json"
    assert send(world, name, b"").code == "body_empty"


@every_sender
@pytest.mark.parametrize("left_out", ["signature", "rest"])
def test_a_part_of_a_signature_is_not_enough(world: IngressWorld, name: str, left_out: str) -> None:
    sender = SENDERS[name]
    if not sender.unsigned_alone:
        return
    if left_out == "signature":
        answer = send(world, name, changes={sender.signature_header: None})
        assert (answer.status, answer.code) == (401, "signature_missing")
        assert sender.unsigned_alone[0][:5] in answer.document["detail"]
    else:
        answer = send(world, name, changes=dict.fromkeys(sender.unsigned_alone))
        assert (answer.status, answer.code[:10]) == (401, "signature_")


def test_a_token_is_enough_though_a_stray_header_looks_like_a_part_of_a_senders_signature(world: IngressWorld) -> None:
    assert world.with_token("/api/webhook_echo", headers={"webhook-id": "msg_1"}).status == 202


# Secrets ------------------------------------------------------------------------------------------------------------


@every_sender
def test_both_live_secrets_of_a_route_are_accepted_and_a_retired_one_is_not(world: IngressWorld, name: str) -> None:
    new = OTHER_SECRETS[name]
    route = SENDER_ROUTES[name]
    set_credentials(CREDENTIALS | {"senders": {route: {"current": new, "previous": SECRETS[name]}}})
    assert send(world, name).status == send(world, name, secret=new).status == 202


@every_sender
def test_a_route_without_a_secret_lets_nobody_in(world: IngressWorld, name: str) -> None:
    nothing: list[dict[str, Any]] = [{}, {SENDER_ROUTES[name]: {}}, {SENDER_ROUTES[name]: {"current": None}}]
    for senders in nothing:
        set_credentials(CREDENTIALS | {"senders": senders})
        assert send(world, name).code == "signature_mismatch"
    assert world.nothing_was_written()


@pytest.mark.parametrize("secret", ["", "short", 7, None, ["It's a Secret to Everybody"]])
def test_a_secret_that_is_none_lets_nobody_in(world: IngressWorld, secret: object) -> None:
    set_credentials(CREDENTIALS | {"senders": {"from_github": {"current": secret}}})
    assert send(world, "github").code == "signature_mismatch"
    assert send(world, "github", secret="any-0123456789").code == "signature_mismatch"


def test_wrong_signatures_of_a_sender_do_not_block_its_addresses(world: IngressWorld) -> None:
    for _ in range(BURST + 1):
        assert send(world, "github", secret=OTHER_SECRETS["github"]).status == 401
    assert send(world, "github").status == 202
    assert world.with_token("/api/webhook_echo").status == 202


@every_sender
def test_no_log_line_repeats_a_signature_a_secret_or_a_body(
    world: IngressWorld, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    send(world, name)
    send(world, name, secret=OTHER_SECRETS[name])
    out = capsys.readouterr().out
    assert '"signature_mismatch"' in out
    signature = signed_by(name, at=int(time.time()))[SENDERS[name].signature_header]
    for hidden in (SECRETS[name], signature[-40:], BODIES[name].decode(), "app_mention", "jon@example.com"):
        assert hidden not in out


def test_of_several_faults_of_a_senders_call_the_documented_order_decides_which_one_is_told(
    world: IngressWorld,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    order = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| \d+ \|.*\|(.*)\|$", page, re.MULTILINE)))
    secrets = {"switched_off": OTHER_SECRETS["stripe"], "nothing": SECRETS["stripe"], "from_stripe": SECRETS["slack"]}
    set_credentials(CREDENTIALS | {"senders": {route: {"current": secret} for route, secret in secrets.items()}})
    junk = {"stripe-signature": "junk", "authorization": "a,b", "x-slack-signature": "v0=x"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("signature_ambiguous", {"path": "/api/t/OTHER/switched_off", "query": "a=1", "body": b"x", "changes": junk}),
        ("header_repeated", {"changes": {"stripe-signature": "junk", "authorization": "a,b"}}),
        ("tenant_malformed", {"changes": {"stripe-signature": "junk", "authorization": "nonsense"}}),
        ("query_not_allowed", {"path": "/api/switched_off"}),
        ("token_malformed", {"query": ""}),
        ("signature_malformed", {"changes": {"stripe-signature": "junk", "authorization": "Bearer wrong"}}),
        ("signature_timestamp_malformed", {"changes": {"stripe-signature": "v1=" + "0" * 64}}),
        ("signature_timestamp_skew", {"changes": {}, "age_seconds": 302}),
        ("signature_mismatch", {"age_seconds": 0}),
        ("route_not_found", {"path": "/api/nothing"}),
        ("sender_not_taken", {"path": "/api/switched_off", "secret": OTHER_SECRETS["stripe"]}),
        ("body_not_json", {"path": "/api/from_stripe", "secret": SECRETS["slack"]}),
        ("event_id_malformed", {"body": b"{}"}),
    ]
    fields: dict[str, Any] = {}
    told = []
    for _, change in steps:
        fields |= change
        told.append(send(world, "stripe", **fields).code)
    assert told == [code for code, _ in steps]
    positions = [order.index(code) for code in told]
    assert positions == sorted(positions)
    assert world.nothing_was_written()
