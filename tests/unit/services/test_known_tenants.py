"""Which tenants there are: read rarely, served on while the store is away, and never guessed."""

from __future__ import annotations

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.errors import IntegrityError, StoreUnavailableError, TenantsUnreadableError
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.tenants import CACHE_SECONDS, RETRY_SECONDS, KnownTenants

ONE = Tenants.of({"acme": TenantPolicy(max_in_flight=2)})
TWO = Tenants.of({"acme": TenantPolicy(max_in_flight=3)})


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def known(world: FakeWorld) -> KnownTenants:
    return KnownTenants(store=world.tenants, clock=world.clock, faults=world.faults)


def publish(world: FakeWorld, text: str) -> None:
    world.memory.tenants = TenantsDocument(text, 1, "n")


def refuse(world: FakeWorld, error: Exception | None) -> None:
    def before(_name: str) -> None:
        if error is not None:
            raise error

    world.memory.before = before


def test_without_a_file_there_is_the_default_tenant_without_limits(known: KnownTenants) -> None:
    assert known() == Tenants()
    assert known().policy_of("default") == TenantPolicy()


def test_one_read_a_minute_and_a_published_file_holds_within_it(world: FakeWorld, known: KnownTenants) -> None:
    assert known() == Tenants()
    publish(world, ONE.to_text())
    world.clock.advance(CACHE_SECONDS - 0.001)
    assert known() == Tenants()
    assert world.memory.calls == ["tenants.get"]
    world.clock.advance(0.001)
    assert known() == known() == ONE
    assert world.memory.calls == ["tenants.get"] * 2


def test_the_copy_serves_on_while_the_store_is_away_and_the_store_is_asked_now_and_then(
    world: FakeWorld, known: KnownTenants
) -> None:
    publish(world, ONE.to_text())
    known()
    refuse(world, StoreUnavailableError("away"))
    world.clock.advance(24 * 3600)
    assert {known().digest for _ in range(5)} == {ONE.digest}
    assert len(world.memory.calls) == 2
    assert len(world.faults.told) == 1
    refuse(world, None)
    publish(world, TWO.to_text())
    world.clock.advance(RETRY_SECONDS)
    assert known() == TWO


def test_a_store_that_was_never_reached_leaves_the_question_open(world: FakeWorld, known: KnownTenants) -> None:
    refuse(world, StoreUnavailableError("away"))
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            known()
    refuse(world, None)
    assert known() == Tenants()


@pytest.mark.parametrize("text", ["{", '{"tenants":{"A":{}}}', '{"tenants":{"acme":{"maxInflight":2}}}'])
def test_an_unreadable_file_changes_nothing_and_is_told_each_time(
    world: FakeWorld, known: KnownTenants, text: str
) -> None:
    publish(world, ONE.to_text())
    known()
    publish(world, text)
    for times in (1, 2):
        world.clock.advance(CACHE_SECONDS)
        assert known() == known() == ONE
        assert len(world.faults.told) == times
    publish(world, TWO.to_text())
    world.clock.advance(CACHE_SECONDS)
    assert known() == TWO


def test_without_a_copy_an_unreadable_file_leaves_the_question_open(world: FakeWorld, known: KnownTenants) -> None:
    """It may forbid `default` what it could do without a file: nobody gets more because it cannot be read."""
    publish(world, "{")
    for _ in range(5):
        with pytest.raises(TenantsUnreadableError):
            known()
    assert world.memory.calls == ["tenants.get"], "no flood of reads"
    assert len(world.faults.told) == 1
    world.clock.advance(RETRY_SECONDS)
    with pytest.raises(TenantsUnreadableError):
        known()
    assert len(world.faults.told) == 2
    publish(world, ONE.to_text())
    world.clock.advance(RETRY_SECONDS)
    assert known() == ONE


def test_so_does_an_item_that_no_code_of_ours_wrote(world: FakeWorld, known: KnownTenants) -> None:
    refuse(world, IntegrityError("no document"))
    with pytest.raises(TenantsUnreadableError):
        known()
    assert len(world.faults.told) == 1
    refuse(world, None)
    world.clock.advance(RETRY_SECONDS)
    assert known() == Tenants()


def test_the_copy_outlives_an_unreadable_file_and_then_an_outage(world: FakeWorld, known: KnownTenants) -> None:
    publish(world, ONE.to_text())
    known()
    publish(world, "{")
    world.clock.advance(CACHE_SECONDS)
    assert known() == ONE
    refuse(world, StoreUnavailableError("away"))
    world.clock.advance(CACHE_SECONDS)
    assert known() == ONE
