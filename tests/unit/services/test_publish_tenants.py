"""A tenants file is published whole, over what its publisher has seen, with a row that tells who did it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.world import FakeWorld
from workerflow.domain.errors import StoreUnavailableError, TenantsError
from workerflow.domain.tenants import RETIRED_KEPT_DAYS, TenantsChange
from workerflow.domain.tenants_file import MAX_FILE_BYTES, read_tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.publish_tenants import (
    NAMES_TOLD,
    Published,
    PublishedMeanwhile,
    PublishTenants,
    TenantsOrder,
    Unchanged,
    Unreadable,
)

ACME = {"acme": {"maxInFlight": 2}}


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def publish(world: FakeWorld) -> PublishTenants:
    return PublishTenants(store=world.tenants, clock=world.clock, ids=world.ids)


def order(tenants: dict[str, Any], **rest: Any) -> TenantsOrder:
    return TenantsOrder(json.dumps({"tenants": tenants, **rest}), "ops", "a new customer")


def standing(world: FakeWorld) -> TenantsDocument:
    assert world.memory.tenants is not None
    return world.memory.tenants


def test_the_first_file_is_version_one_and_is_what_is_read_from_then_on(
    world: FakeWorld, publish: PublishTenants
) -> None:
    outcome = publish(order(ACME))
    assert outcome == Published(1, TenantsChange(("acme",), (), ()), healed=False)
    assert read_tenants(standing(world).text).policies["acme"].max_in_flight == 2


def test_an_audit_row_tells_who_did_it_why_and_what_it_changed(world: FakeWorld, publish: PublishTenants) -> None:
    publish(order(ACME))
    publish(order({"acme": {}, "b": {}}))
    first, second = world.memory.audit.values()
    assert (first.actor, first.action, first.reason) == ("ops", "tenants.published", "a new customer")
    assert (first.target, first.details) == ("tenants:1", {"added": "acme", "removed": "", "changed": ""})
    assert (second.target, second.details) == ("tenants:2", {"added": "b", "removed": "", "changed": "acme"})
    assert second.nonce == standing(world).nonce


def test_a_row_never_outgrows_its_item_however_many_there_are(world: FakeWorld, publish: PublishTenants) -> None:
    publish(order({f"t{number}": {} for number in range(NAMES_TOLD + 1)}))
    (event,) = world.memory.audit.values()
    assert event.details["added"] == f"{NAMES_TOLD + 1} tenants"


def test_the_same_file_again_writes_nothing(world: FakeWorld, publish: PublishTenants) -> None:
    publish(order(ACME))
    assert publish(order(ACME)) == Unchanged(1)
    assert (standing(world).version, len(world.memory.audit)) == (1, 1)


def test_even_the_first_file_that_says_nothing_is_published(world: FakeWorld, publish: PublishTenants) -> None:
    assert publish(order({})) == Published(1, TenantsChange((), (), ()), healed=False)
    assert standing(world).version == 1


def test_a_file_with_faults_is_not_published(world: FakeWorld, publish: PublishTenants) -> None:
    with pytest.raises(TenantsError):
        publish(order({"acme": {"maxInFlight": 0}}))
    assert world.memory.calls == []


def test_whoever_is_left_out_is_retired_until_its_runs_are_forgotten(world: FakeWorld, publish: PublishTenants) -> None:
    publish(order(ACME))
    world.clock.advance(60)
    assert publish(order({})) == Published(2, TenantsChange((), ("acme",), ()), healed=False)
    assert read_tenants(standing(world).text).retired == {"acme": world.clock.ms}
    assert publish(order({})) == Unchanged(2)
    world.clock.advance(RETIRED_KEPT_DAYS * 24 * 3600)
    publish(order({}))
    assert read_tenants(standing(world).text).retired == {}


def test_nobody_is_overwritten_unseen(world: FakeWorld, publish: PublishTenants) -> None:
    other = TenantsDocument('{"tenants":{"other":{}}}', 1, "other")

    def before(name: str) -> None:
        if name == "tenants.publish":
            world.memory.tenants = other

    world.memory.before = before
    assert publish(order(ACME)) == PublishedMeanwhile()
    assert (standing(world), world.memory.audit) == (other, {})


def test_what_was_published_unseen_is_found_by_the_same_order(world: FakeWorld, publish: PublishTenants) -> None:
    def after(name: str) -> None:
        if name == "tenants.publish":
            raise StoreUnavailableError("no answer")

    world.memory.after = after
    with pytest.raises(StoreUnavailableError):
        publish(order(ACME))
    world.memory.after = lambda _name: None
    assert publish(order(ACME)) == Unchanged(1)


def test_an_unreadable_file_is_not_replaced_for_nobody_knows_whose_tasks_it_stands_for(
    world: FakeWorld, publish: PublishTenants
) -> None:
    world.memory.tenants = by_hand = TenantsDocument('{"tenants":{"globex":{},}}', 7, "by hand")
    outcome = publish(order(ACME))
    assert isinstance(outcome, Unreadable)
    assert outcome.version == 7
    assert "the file is not JSON" in outcome.faults[0]
    assert (standing(world), world.memory.audit) == (by_hand, {})


def test_it_is_by_whoever_insists(world: FakeWorld, publish: PublishTenants) -> None:
    world.memory.tenants = TenantsDocument("{", 7, "by hand")
    insisting = replace(order(ACME, retired={"globex": world.clock.ms}), force=True)
    assert publish(insisting) == Published(8, TenantsChange(("acme",), (), ()), healed=True)
    assert read_tenants(standing(world).text).looked_after == ("acme", "default", "globex")
    [event] = world.memory.audit.values()
    assert event.details["replaced"] == "unreadable version 7"


def test_to_insist_changes_nothing_else(world: FakeWorld, publish: PublishTenants) -> None:
    publish(order(ACME))
    assert publish(replace(order({}), force=True)) == Published(2, TenantsChange((), ("acme",), ()), healed=False)
    assert read_tenants(standing(world).text).retired == {"acme": world.clock.ms}
    assert "replaced" not in list(world.memory.audit.values())[-1].details


def test_the_retired_count_for_the_size_too(world: FakeWorld, publish: PublishTenants) -> None:
    retired = {f"{number:063d}": world.clock.ms for number in range(MAX_FILE_BYTES // 85)}
    publish(order({"a" * 63: {}}, retired=retired))
    routes = [f"{'r' * 55}{number}" for number in range((MAX_FILE_BYTES - len(standing(world).text)) // 58)]
    with pytest.raises(TenantsError, match="over the limit"):
        publish(order({"b": {"routes": routes}}))
    assert standing(world).version == 1
