"""Which secrets are needed is told by the manifest; whether they are there, by their names alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.world import FakeWorld
from tests.support.tasks import a_manifest, a_route
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.manifest import Manifest
from workerflow.domain.schedule import Schedule
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.read_configuration import CACHE_SECONDS, INGRESS, ReadConfiguration, SecretFinding
from workerflow.services.tenants import KnownTenants

PREFIX = "workerflow/test/"
JOB = Schedule(name="mail", module="m", function="f", cron="0 6 * * *", secrets=("mail-key",))


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def manifest(*schedules: Schedule) -> Manifest:
    return Manifest.build([a_route("orders", secrets=("shop-key", "mail-key")), a_route("echo")], schedules or (JOB,))


def reader(world: FakeWorld, found: Manifest | None = None) -> ReadConfiguration:
    known = KnownTenants(store=world.tenants, clock=world.clock, faults=world.faults)
    return ReadConfiguration(
        manifest=found or manifest(), known=known, names=world.secret_names, clock=world.clock, prefix=PREFIX
    )


def publish(world: FakeWorld, policy: TenantPolicy) -> None:
    world.memory.tenants = TenantsDocument(Tenants.of({"acme": policy}).to_text(), 1, "1" * 16)


def test_every_secret_that_a_handler_declares_is_looked_for_by_its_name(world: FakeWorld) -> None:
    world.secret_names.names |= {f"{PREFIX}default/handlers/mail-key", f"{PREFIX}default/ingress"}
    assert list(reader(world)("default")) == [
        SecretFinding(INGRESS, INGRESS, f"{PREFIX}default/ingress", present=True),
        SecretFinding("route:orders", "shop-key", f"{PREFIX}default/handlers/shop-key", present=False),
        SecretFinding("route:orders", "mail-key", f"{PREFIX}default/handlers/mail-key", present=True),
        SecretFinding("schedule:mail", "mail-key", f"{PREFIX}default/handlers/mail-key", present=True),
    ]
    assert world.memory.calls.count("secret_names.exists") == 3, "one for each name"


def test_a_tenants_secrets_are_its_own(world: FakeWorld) -> None:
    publish(world, TenantPolicy())
    world.secret_names.names |= {f"{PREFIX}default/ingress", f"{PREFIX}default/handlers/mail-key"}
    found = reader(world)("acme")
    assert {one.name_in_secrets_manager.split("/")[2] for one in found} == {"acme"}
    assert not any(one.present for one in found)


def test_what_a_tenant_may_not_call_needs_no_secrets(world: FakeWorld) -> None:
    publish(world, TenantPolicy(routes=("echo",)))
    assert [one.source for one in reader(world)("acme") if one.source != INGRESS] == []


def test_a_schedule_of_another_tenant_needs_none_of_this_ones(world: FakeWorld) -> None:
    found = reader(world, manifest(replace(JOB, tenants=("default",))))
    publish(world, TenantPolicy())
    assert "schedule:mail" in {one.source for one in found("default")}
    assert "schedule:mail" not in {one.source for one in found("acme")}


def test_a_secret_that_is_not_declared_is_not_asked_for(world: FakeWorld) -> None:
    assert [one.source for one in reader(world, a_manifest())("default")] == [INGRESS]


def test_an_answer_is_kept_for_a_minute(world: FakeWorld) -> None:
    read = reader(world)
    assert not read("default")[0].present
    world.secret_names.names.add(f"{PREFIX}default/ingress")
    world.clock.advance(CACHE_SECONDS - 1)
    assert not read("default")[0].present
    world.clock.advance(1)
    assert read("default")[0].present


def test_once_nobody_answers_the_rest_is_unknown_and_not_asked_for(world: FakeWorld) -> None:
    def refusing(name: str) -> None:
        if name == "secret_names.exists" and world.memory.calls.count(name) > 1:
            raise StoreUnavailableError("throttled")

    world.memory.before = refusing
    assert [one.present for one in reader(world)("default")] == [False, None, None, None]
    assert world.memory.calls.count("secret_names.exists") == 2
