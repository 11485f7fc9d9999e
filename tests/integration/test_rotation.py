"""Secrets under load: a rotation refuses nobody, and a flood of wrong ones is no flood of reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.ingress.authentication import Authenticate
from tests.fakes.surroundings import FakeClock, FakeFaults
from tools.credentials import create, rotate, show
from workerflow.adapters.clients import Clients
from workerflow.adapters.connector_secrets import ConnectorSecrets
from workerflow.adapters.secrets import CACHE_SECONDS, DECOYS, REFRESH_FLOOR_SECONDS, SecretTexts, TenantCredentials
from workerflow.domain.credential_refusals import (
    SignatureMismatchError,
    TokenMismatchError,
    TooManyFailuresError,
    UnauthorizedError,
)
from workerflow.domain.credentials import Credentials, Presented, PresentedSignature
from workerflow.domain.errors import PermanentError
from workerflow.domain.failure_limit import FailureLimit
from workerflow.domain.signature import SignedCall, sign

TENANT = "acme"


@dataclass
class Container:
    """One container of ingress, with copies of secrets as old as its life made them."""

    authenticate: Authenticate
    clock: FakeClock

    def call(self, secret: str, *, tenant: str = TENANT, exists: bool = True, address: str = "192.0.2.1") -> None:
        """A signed call of a tenant."""
        stamp = str(self.clock.ms // 1000)
        call = SignedCall(stamp, "POST", "/api/webhook_echo", "", tenant, "key", b"{}")
        presented = Presented(signature=PresentedSignature(sign(secret, call), call))
        self.authenticate(presented, tenant=tenant, exists=exists, source_address=address)


class Fleet:
    """Containers on one Secrets Manager. `reads` counts the calls of it, by secret."""

    def __init__(self, containers: int) -> None:
        self.clock, self.reads = FakeClock(), 0
        self.manager = boto3.client("secretsmanager", region_name="us-east-1")
        self.clients = Clients("us-east-1")
        self.clients.secrets().meta.events.register("before-call.secrets-manager.GetSecretValue", self._count)
        self.containers = [self._container() for _ in range(containers)]

    def _count(self, **_: Any) -> None:
        self.reads += 1

    def _container(self) -> Container:
        texts = SecretTexts(self.clients.secrets, self.clock)
        store = TenantCredentials(texts, prefix="workerflow/dev/", faults=FakeFaults())
        return Container(Authenticate(store=store, limit=FailureLimit(), clock=self.clock), self.clock)

    def secrets(self, tenant: str = TENANT) -> tuple[str, ...]:
        """The live signing secrets, current first."""
        return Credentials.parse(show(self.manager, "dev", tenant)).signing_secrets


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with mock_aws():
        found = Fleet(containers=5)
        create(found.manager, "dev", TENANT)
        create(found.manager, "dev", "default")
        yield found


@pytest.mark.slow
def test_a_rotation_under_load_refuses_no_call(fleet: Fleet) -> None:
    """Ten calls a second for ten minutes; senders go over to the new secret one after another."""
    chance, (old,) = Random(1), fleet.secrets()  # noqa: S311 - the same in every run
    rotated_at_ms, new = fleet.clock.ms + 200_000, old
    for _ in range(6_000):
        fleet.clock.ms += 100
        if new == old and fleet.clock.ms >= rotated_at_ms:
            new = rotate(fleet.manager, "dev", TENANT).signing
            fleet.clock.advance(REFRESH_FLOOR_SECONDS)  # publish first, use afterwards
        container = chance.choice(fleet.containers)
        container.call(chance.choice([old, new]), address=f"192.0.2.{chance.randrange(250)}")
    assert new != old
    assert fleet.reads <= len(fleet.containers) * 5, "one each 300 s, and one for the rotation"


def test_a_secret_that_was_rotated_away_twice_is_refused_when_the_copies_are_old(fleet: Fleet) -> None:
    (old,) = fleet.secrets()
    for container in fleet.containers:
        container.call(old)
    for _ in range(2):
        rotate(fleet.manager, "dev", TENANT)
    fleet.clock.advance(CACHE_SECONDS)
    for container in fleet.containers:
        with pytest.raises(SignatureMismatchError):
            container.call(old)


@pytest.mark.slow
def test_a_flood_of_wrong_signatures_is_no_flood_of_reads(fleet: Fleet) -> None:
    """Also in the names of a thousand tenants that do not exist, from as many addresses."""
    container, seconds = fleet.containers[0], 60
    for number in range(6_000):
        fleet.clock.ms += 1000 * seconds // 6_000
        exists = number % 2 == 0
        with pytest.raises((SignatureMismatchError, TooManyFailuresError)):
            container.call(
                "wrong-secret-0123456789",
                tenant=TENANT if exists else f"nobody-{number}",
                exists=exists,
                address=f"198.51.{number % 250}.{number // 250}",
            )
    floors = seconds / REFRESH_FLOOR_SECONDS + 1
    assert fleet.reads <= floors * (1 + DECOYS), "the tenant's secret, and the copies for whoever does not exist"


def test_nor_is_one_of_wrong_tokens_and_nobody_who_belongs_is_kept_out_by_it(fleet: Fleet) -> None:
    container, (secret,) = fleet.containers[0], fleet.secrets()
    for number in range(500):
        with pytest.raises((TokenMismatchError, TooManyFailuresError)):
            container.authenticate(
                Presented(token=f"wrong-{number}"), tenant=TENANT, exists=True, source_address="198.51.100.1"
            )
    container.call(secret)
    assert fleet.reads == 1


def test_a_tenant_without_a_secret_of_its_own_lets_nobody_in(fleet: Fleet) -> None:
    for secret in (fleet.secrets()[0], fleet.secrets("default")[0], ""):
        with pytest.raises(UnauthorizedError):
            fleet.containers[0].call(secret, tenant="globex")


def test_a_handler_reads_its_own_tenants_secret_and_can_name_no_other(fleet: Fleet) -> None:
    for tenant in ("a", "a-b"):
        fleet.manager.create_secret(Name=f"workerflow/dev/{tenant}/handlers/crm", SecretString=f"crm of {tenant}")
    secrets = ConnectorSecrets(SecretTexts(fleet.clients.secrets, fleet.clock), prefix="workerflow/dev/")
    assert [secrets.get(tenant, "crm") for tenant in ("a", "a-b")] == ["crm of a", "crm of a-b"]
    reads = fleet.reads
    for name in ("../a-b/handlers/crm", "a-b/handlers/crm", "/crm", "crm\n", "CRM", ""):
        with pytest.raises(PermanentError):
            secrets.get("a", name)
    assert fleet.reads == reads
