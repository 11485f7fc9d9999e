"""A call is counted by the first limit that fits it, and by nothing where none does."""

from __future__ import annotations

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.tenants import UNLIMITED, RateLimit, TenantPolicy
from workerflow.services.limit_rate import Counted, LimitRate

ADDRESS = "203.0.113.7"
ALL = RateLimit(2, 60)
ORDERS = RateLimit(1, 60, route="orders")


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def counted(
    world: FakeWorld, *limits: RateLimit, route: str = "echo", tenant: str = "default", address: str = ADDRESS
) -> Counted | None:
    limit_rate = LimitRate(buckets=world.rate_limits, clock=world.clock)
    return limit_rate(tenant, TenantPolicy(rate_limits=limits), route=route, source_address=address)


def passes(*args: object, **options: object) -> bool:
    found = counted(*args, **options)  # type: ignore[arg-type]
    assert found is not None
    return found.verdict.allowed


def test_without_a_limit_nothing_is_called(world: FakeWorld) -> None:
    limit_rate = LimitRate(buckets=world.rate_limits, clock=world.clock)
    assert limit_rate("default", UNLIMITED, route="echo", source_address=ADDRESS) is None
    assert counted(world, ORDERS) is None
    assert world.memory.calls == []


def test_the_first_limit_that_fits_the_route_counts_the_call_and_no_other(world: FakeWorld) -> None:
    found = counted(world, ORDERS, ALL, route="orders")
    assert found is not None
    assert found.limit is ORDERS
    assert not passes(world, ORDERS, ALL, route="orders")
    assert [passes(world, ORDERS, ALL) for _ in range(3)] == [True, True, False]


def test_a_limit_for_every_route_is_one_bucket_for_all_of_them(world: FakeWorld) -> None:
    assert [passes(world, ALL, route=route) for route in ("a", "b", "c")] == [True, True, False]


def test_a_tenant_never_empties_anothers_bucket(world: FakeWorld) -> None:
    assert [passes(world, ALL, tenant=tenant) for tenant in ("acme", "acme", "acme", "beta")] == [
        *(True, True, False),
        True,
    ]


def test_a_limit_per_client_counts_each_source_address_alone(world: FakeWorld) -> None:
    limit = RateLimit(1, 60, per="client")
    assert passes(world, limit)
    assert not passes(world, limit)
    assert passes(world, limit, address="203.0.113.8")


def test_a_client_cannot_move_through_the_addresses_of_its_ipv6_line(world: FakeWorld) -> None:
    limit = RateLimit(1, 60, per="client")
    assert passes(world, limit, address="2001:db8::1")
    assert not passes(world, limit, address="2001:db8::2")
    assert passes(world, limit, address="2001:db8:0:1::1")


def test_a_limit_per_tenant_does_not_look_at_the_address(world: FakeWorld) -> None:
    limit = RateLimit(1, 60)
    assert passes(world, limit)
    assert not passes(world, limit, address="203.0.113.8")


def test_a_bucket_that_does_not_answer_lets_nobody_pass(world: FakeWorld) -> None:
    def refuse(_name: str) -> None:
        raise StoreUnavailableError("rate_limits: throttled")

    world.memory.before = refuse
    with pytest.raises(StoreUnavailableError):
        counted(world, ALL)
