"""A call that somebody captured is good for itself, and for nothing else: every combination of what could be changed.

The tenant `other`, the other route and the one that was called have secrets of their own, as they should. Where a
sender signs no time, the captured call is good for itself at any time, and harmless as long as its key is remembered.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from functions.ingress import wiring
from tests.fakes.surroundings import FakeClock
from tests.integration.ingress_world import CREDENTIALS, SECRET_NAME, Answer, IngressWorld, clients, ingress_world
from tests.support.senders import BODIES, SECRETS, TIMED, signed_by
from tests.support.tasks import a_route
from workerflow.domain.manifest import Manifest
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SignedCall, sign
from workerflow.domain.tenants import UNLIMITED

V1 = "workerflow-v1"
SCHEMES = (V1, *SENDERS)
CALLED, ELSEWHERE = "called", "elsewhere"
V1_SECRET = "signing-of-the-captured-call-0123"
RETIRED, LIVE = "retired", "live"
DAY_SECONDS = 24 * 3600
RETENTION_SECONDS = 30 * DAY_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock(int(time.time()) * 1000)
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def world(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    del clock
    with ingress_world(monkeypatch, tmp_path) as made:
        made.declare(default=UNLIMITED, other=UNLIMITED)
        yield made


@dataclass(frozen=True, slots=True)
class Call:
    """Everything that can be sent, and so be changed by whoever captured it."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    route: str = CALLED
    tenant: str = "default"
    method: str = "POST"
    query: str = ""


def call_of(scheme: str, at: int) -> Call:
    """A genuine call, in the way in which its sender makes it."""
    if scheme != V1:
        return Call(signed_by(scheme, at=at), BODIES[scheme])
    signed = SignedCall(str(at), "POST", f"/api/t/default/{CALLED}", "", "default", "order-1", b"{}")
    return Call(
        {
            "x-signature": sign(V1_SECRET, signed),
            "x-signature-timestamp": str(at),
            "idempotency-key": "order-1",
        }
    )


def with_other_key(scheme: str, call: Call) -> Call:
    """The same, with the part changed that names the task: a header, or a field of the body, or the body."""
    headers = {V1: "idempotency-key", "standard-webhooks": "webhook-id"}
    if scheme in headers:
        return Call({**call.headers, headers[scheme]: "another-1"}, call.body)
    changed = {"stripe": (b"evt_1", b"evt_2"), "slack": (b"Ev1", b"Ev2")}.get(scheme, (b"}", b" }"))
    return Call(call.headers, call.body.replace(*changed))


def send(world: IngressWorld, call: Call) -> Answer:
    path = f"/api/t/{call.tenant}/{call.route}"
    return world.send(world.event(call.method, path, call.body, call.headers, query=call.query))


def deploy(scheme: str, folder: Path, *, secret_is: str = LIVE) -> None:
    """Two routes for the scheme, two tenants; the captured call's secret is live, or was rotated out."""
    authentication: Any = "signature" if scheme == V1 else scheme
    routes = [a_route(name, authentication=authentication) for name in (CALLED, ELSEWHERE)]
    (folder / "manifest.json").write_text(Manifest.build(routes).to_json())
    own = V1_SECRET if scheme == V1 else SECRETS[scheme]
    newer = {"current": "newer-0123456789abcdef", "previous": "newest-0123456789abcdef"}
    slots = {"current": own} if secret_is == LIVE else newer
    foreign = {"current": "of-somebody-else-0123456789"}
    for tenant, called in (("default", slots), ("other", foreign)):
        signing = {"signing": called} if scheme == V1 else {"senders": {CALLED: called, ELSEWHERE: foreign}}
        name = SECRET_NAME.replace("default", tenant)
        document = {"token": CREDENTIALS["token"]} | signing
        clients().secrets().put_secret_value(SecretId=name, SecretString=json.dumps(document))
    wiring.ingress.cache_clear()


type Change = Callable[[str, Call], Call]


def keep(_scheme: str, call: Call) -> Call:
    return call


def changed(**fields: Any) -> Change:
    return lambda _scheme, call: Call(**{name: getattr(call, name) for name in Call.__slots__} | fields)


WHAT: Mapping[str, Mapping[str, Change]] = {
    "key": {"same": keep, "other": with_other_key},
    "route": {"same": keep, "other": changed(route=ELSEWHERE)},
    "tenant": {"same": keep, "other": changed(tenant="other")},
    "method": {"same": keep, "other": changed(method="GET"), "third": changed(method="PUT")},
    "query": {"same": keep, "other": changed(query="a=1")},
}
SECONDS_LATER = (0, 301, -301)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_the_identical_call_passes_and_as_a_duplicate(
    world: IngressWorld, clock: FakeClock, tmp_path: Path, scheme: str
) -> None:
    deploy(scheme, tmp_path)
    captured_ms = clock.ms
    captured = call_of(scheme, captured_ms // 1000)
    first = send(world, captured)
    assert (first.status, first.document["duplicate"]) == (202, False)
    passed = []
    for secret_is, later in itertools.product((LIVE, RETIRED), SECONDS_LATER):
        deploy(scheme, tmp_path, secret_is=secret_is)  # in a new container, whose clock may differ
        clock.ms = captured_ms + later * 1000
        for number, choice in enumerate(itertools.product(*(ways.items() for ways in WHAT.values()))):
            world.source_ip = f"198.51.100.{number}"  # each from another place: no limit of failures helps
            answer = send(world, replayed(scheme, captured, [change for _, change in choice]))
            if answer.status < 400:
                passed.append((secret_is, later, *(name for name, _ in choice)))
                assert (answer.status, answer.document) == (202, first.document | {"duplicate": True})
            else:
                assert answer.status in (400, 401, 405), answer
    identical = ("same",) * len(WHAT)
    times = [0] if scheme in (V1, *TIMED) else list(SECONDS_LATER)
    assert passed == [(LIVE, later, *identical) for later in times]
    assert len(world.items("idempotency_keys")) == len(world.messages()) == 1


def replayed(scheme: str, call: Call, changes: list[Change]) -> Call:
    """The call with all of `changes`; the first one makes it anew."""
    for change in changes:
        call = change(scheme, call)
    return call


@pytest.mark.parametrize("scheme", [V1, *TIMED])
def test_a_captured_call_cannot_be_given_another_time(
    world: IngressWorld, clock: FakeClock, tmp_path: Path, scheme: str
) -> None:
    deploy(scheme, tmp_path)
    at = clock.ms // 1000
    captured = call_of(scheme, at)
    assert send(world, captured).status == 202
    clock.ms += 301_000
    headers = {name: value.replace(str(at), str(at + 301)) for name, value in captured.headers.items()}
    assert headers != captured.headers
    assert send(world, captured).code == "signature_timestamp_skew"
    assert send(world, Call(headers, captured.body)).code == "signature_mismatch"
    assert len(world.items("idempotency_keys")) == 1


@pytest.mark.parametrize("scheme", [V1, *TIMED])
@pytest.mark.parametrize("seconds", [-300, 300])
def test_within_the_tolerance_it_is_the_duplicate_that_it_is(
    world: IngressWorld, clock: FakeClock, tmp_path: Path, scheme: str, seconds: int
) -> None:
    deploy(scheme, tmp_path)
    captured = call_of(scheme, clock.ms // 1000)
    assert send(world, captured).status == 202
    clock.ms += seconds * 1000
    assert send(world, captured).document["duplicate"] is True


@pytest.mark.parametrize("scheme", list(SENDERS))
def test_nothing_that_a_sender_does_not_sign_makes_another_task_of_a_captured_call(
    world: IngressWorld, clock: FakeClock, tmp_path: Path, scheme: str
) -> None:
    deploy(scheme, tmp_path)
    captured = call_of(scheme, clock.ms // 1000)
    first = send(world, captured)
    for unsigned in (
        {"x-github-delivery": "00000000-0000-0000-0000-000000000000"},
        {"x-shopify-webhook-id": "another", "x-shopify-event-id": "another", "x-shopify-triggered-at": "now"},
        {"idempotency-key": "another"},
        {"x-slack-retry-num": "7", "x-slack-retry-reason": "http_timeout"},
    ):
        answer = send(world, Call({**captured.headers, **unsigned}, captured.body))
        assert (answer.status, answer.document) == (202, first.document | {"duplicate": True})
    assert len(world.items("idempotency_keys")) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_where_no_time_is_signed_a_captured_call_is_harmless_as_long_as_its_key_is_remembered(
    world: IngressWorld, clock: FakeClock, tmp_path: Path, scheme: str
) -> None:
    """And no longer: the price of such signatures. Decision record 7 says what to do about it."""
    deploy(scheme, tmp_path)
    captured = call_of(scheme, clock.ms // 1000)
    first = send(world, captured)
    clock.ms += (RETENTION_SECONDS - 1) * 1000
    within = send(world, captured)
    clock.ms += 2 * 1000
    after = send(world, captured)
    if scheme in (V1, *TIMED):
        assert within.code == after.code == "signature_timestamp_skew"
    else:
        assert within.document == first.document | {"duplicate": True}
        assert (after.status, after.document["duplicate"]) == (202, False)
        assert after.document["traceId"] != first.document["traceId"]
