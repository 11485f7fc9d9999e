"""Senders' secrets are changed while calls come in, right and wrong ones, through the handler of several containers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.ingress import handler, wiring
from tests.fakes.surroundings import FakeClock
from tests.integration.ingress_world import (
    CREDENTIALS,
    SECRET_NAME,
    SENDER_ROUTES,
    Answer,
    IngressWorld,
    clients,
    ingress_world,
)
from tests.support.senders import BODIES, OTHER_SECRETS, SECRETS, signed_by
from workerflow.adapters.secrets import CACHE_SECONDS, REFRESH_FLOOR_SECONDS

CONTAINERS = 2
OLD, NEW = SECRETS, OTHER_SECRETS
WRONG = "whsec_d3JvbmctMDEyMzQ1Njc4OWFiY2RlZg=="
"""A text to most, base64 to Standard Webhooks."""
PUBLISHED, USED, DROPPED = 40, 40 + REFRESH_FLOOR_SECONDS, 100
"""Seconds at which the new secrets are published beside the old, senders begin with them, the old are dropped."""


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


@pytest.fixture
def containers(world: IngressWorld, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Several containers of the function: each call makes the next requests go to that one."""
    del world

    def container() -> Callable[[], None]:
        wired = wiring.ingress.__wrapped__()
        return lambda: monkeypatch.setattr(handler, "ingress", lambda: wired)

    return [container() for _ in range(CONTAINERS)]


@pytest.fixture
def reads(world: IngressWorld) -> Iterator[list[str]]:
    """The reads of Secrets Manager."""
    del world
    seen: list[str] = []

    def count(params: Any, **_: Any) -> None:
        seen.append(str(params["body"]))

    events = clients().secrets().meta.events
    events.register("before-call.secrets-manager.GetSecretValue", count)
    yield seen
    events.unregister("before-call.secrets-manager.GetSecretValue", count)


def publish(slots: Mapping[str, Mapping[str, str]]) -> None:
    """`slots`: current, and perhaps previous, secrets of all senders."""
    senders = {route: {slot: secrets[name] for slot, secrets in slots.items()} for name, route in SENDER_ROUTES.items()}
    document = json.dumps(CREDENTIALS | {"senders": senders})
    clients().secrets().put_secret_value(SecretId=SECRET_NAME, SecretString=document)


def send(world: IngressWorld, clock: FakeClock, name: str, secret: str) -> Answer:
    headers = signed_by(name, at=clock.ms // 1000, secret=secret)
    return world.send(world.event("POST", f"/api/{SENDER_ROUTES[name]}", BODIES[name], headers))


def statuses(world: IngressWorld, clock: FakeClock, secrets: Mapping[str, str]) -> set[int]:
    """What every sender is answered."""
    return {send(world, clock, name, secret).status for name, secret in secrets.items()}


def live_at(second: int) -> list[Mapping[str, str]]:
    """The secrets that senders use at that second."""
    return [OLD] * (second < DROPPED) + [NEW] * (second >= USED)


@pytest.mark.slow
def test_a_rotation_in_a_flood_of_wrong_signatures_refuses_no_call_and_reads_few_secrets(
    world: IngressWorld, clock: FakeClock, containers: list[Callable[[], None]], reads: list[str]
) -> None:
    operate = {
        PUBLISHED: lambda: publish({"current": NEW, "previous": OLD}),
        DROPPED: lambda: publish({"current": NEW}),
    }
    last_second = DROPPED + 20
    for second in range(0, last_second, 5):
        operate.get(second, lambda: None)()
        for use_container in containers:
            use_container()
            assert statuses(world, clock, dict.fromkeys(SECRETS, WRONG)) == {401}
            for secrets in live_at(second):
                assert statuses(world, clock, secrets) == {202}, second
        clock.ms += 5000
    for use_container in containers:
        use_container()
        assert statuses(world, clock, OLD) == {401}, "the flood itself made us look"
    assert len(reads) <= CONTAINERS * (last_second // REFRESH_FLOOR_SECONDS + 1)


def test_a_container_that_nobody_attacks_forgets_a_dropped_secret_and_learns_a_new_one(
    world: IngressWorld, clock: FakeClock
) -> None:
    assert statuses(world, clock, OLD) == {202}
    publish({"current": NEW})
    clock.ms += CACHE_SECONDS * 1000
    assert statuses(world, clock, OLD) == {401}
    assert statuses(world, clock, NEW) == {202}


def test_wrong_signatures_of_senders_are_not_limited_and_still_read_a_secret_once_in_ten_seconds(
    world: IngressWorld, clock: FakeClock, reads: list[str]
) -> None:
    for number in range(400):
        name = list(SECRETS)[number % len(SECRETS)]
        assert send(world, clock, name, NEW[name]).code == "signature_mismatch"
        clock.ms += 100
    assert len(reads) <= 40 // REFRESH_FLOOR_SECONDS + 1
    assert statuses(world, clock, OLD) == {202}
