"""An operator sees the last refused calls of a tenant, newest first, and none that is past its time."""

from __future__ import annotations

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.refused_call import KEPT_SECONDS, RefusedCall
from workerflow.services.read_refused_calls import ReadRefusedCalls


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def refused(world: FakeWorld, slot: int, *, tenant: str | None = "acme", reason: str = "token_mismatch") -> int:
    world.clock.advance(1)
    at_ms = world.clock.ms
    world.refused_calls.put(RefusedCall(tenant, reason, slot, at_ms, "r", 401, "", "POST", "/api/x", "203.0.113.7"))
    return at_ms


def times(world: FakeWorld, tenant: str | None = "acme", reason: str | None = None) -> list[int]:
    read = ReadRefusedCalls(calls=world.refused_calls, clock=world.clock)
    return [call.at_ms for call in read(tenant, reason=reason)]


def test_the_newest_comes_first(world: FakeWorld) -> None:
    first, second = refused(world, 9), refused(world, 0)
    assert times(world) == [second, first]


def test_only_the_tenants_own_are_seen_and_nobodys_are_apart(world: FakeWorld) -> None:
    own, nobodys = refused(world, 0), refused(world, 0, tenant=None)
    refused(world, 0, tenant="beta")
    assert (times(world), times(world, None)) == ([own], [nobodys])


def test_one_reason_may_be_asked_for(world: FakeWorld) -> None:
    refused(world, 0)
    wanted = refused(world, 0, reason="rate_limited")
    assert times(world, reason="rate_limited") == [wanted]


def test_what_is_past_its_time_is_gone_though_it_is_still_there(world: FakeWorld) -> None:
    refused(world, 0)
    world.clock.advance(KEPT_SECONDS - 1)
    kept = refused(world, 1)
    assert times(world) == [kept]
