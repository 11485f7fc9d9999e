"""Credentials come from Secrets Manager, are kept for a while, and read again when a check against them failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from workerflow.adapters.clients import Clients
from workerflow.adapters.secrets import (
    CACHE_SECONDS,
    DECOYS,
    REFRESH_FLOOR_SECONDS,
    STALE_SECONDS,
    SecretTexts,
    TenantCredentials,
)
from workerflow.domain.credentials import Credentials
from workerflow.domain.errors import StoreUnavailableError

NAME = "workerflow/dev/default/ingress"
DOCUMENT = {"token": {"current": "token-0123456789abcdef"}}
ROTATED = {"token": {"current": "token-fedcba9876543210", "previous": "token-0123456789abcdef"}}


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = 1_764_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def pass_seconds(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class ToldFaults:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def failure(self, message: str, error: BaseException) -> None:
        self.told.append(f"{message}: {error}")


class World:
    """Secrets Manager on moto, with a count of the calls and a switch that cuts the line."""

    def __init__(self) -> None:
        self.client = Clients("us-east-1").secrets()
        self.reads = 0
        self.line_is_cut = False
        self.client.meta.events.register("before-call.secrets-manager.GetSecretValue", self._count)
        self.clock = HandClock()
        self.faults = ToldFaults()
        self.texts = SecretTexts(lambda: self.client, self.clock)
        self.credentials = TenantCredentials(self.texts, prefix="workerflow/dev/", faults=self.faults)

    def _count(self, **_: Any) -> None:
        self.reads += 1
        if self.line_is_cut:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager.invalid")

    def put(self, document: object, name: str = NAME) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        try:
            self.client.create_secret(Name=name, SecretString=text)
        except self.client.exceptions.ResourceExistsException:
            self.client.put_secret_value(SecretId=name, SecretString=text)


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World()


def test_credentials_are_read_once_and_kept(world: World) -> None:
    world.put(DOCUMENT)
    for _ in range(5):
        assert world.credentials.read("default") == Credentials(("token-0123456789abcdef",))
        world.clock.pass_seconds(CACHE_SECONDS / 5 - 1)
    assert world.reads == 1


def test_a_copy_grows_old_and_is_read_again(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    world.put(ROTATED)
    world.clock.pass_seconds(CACHE_SECONDS)
    assert world.credentials.read("default").tokens == ("token-fedcba9876543210", "token-0123456789abcdef")
    assert world.reads == 2


def test_a_failed_check_reads_a_rotated_secret_at_once(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    world.put(ROTATED)
    world.clock.pass_seconds(REFRESH_FLOOR_SECONDS)
    assert len(world.credentials.refresh("default").tokens) == 2
    assert len(world.credentials.read("default").tokens) == 2
    assert world.reads == 2


def test_failed_checks_do_not_call_aws_more_often_than_the_floor_allows(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    for _ in range(100):
        world.credentials.refresh("default")
        world.clock.pass_seconds(0.5)
    assert world.reads == 1 + 50 / REFRESH_FLOOR_SECONDS - 1


def test_no_secret_is_no_credentials_and_not_an_error(world: World) -> None:
    assert world.credentials.read("default") == Credentials()
    world.clock.pass_seconds(REFRESH_FLOOR_SECONDS)
    world.put(DOCUMENT)
    assert world.credentials.read("default") == Credentials()
    assert world.credentials.refresh("default") != Credentials()


def test_a_secret_that_is_scheduled_for_deletion_lets_nobody_in(world: World) -> None:
    world.put(DOCUMENT)
    world.client.delete_secret(SecretId=NAME)
    assert world.credentials.read("default") == Credentials()


@pytest.mark.parametrize("text", ["not json", '{"token":{"current":"short"}}', '{"tokens":{}}'])
def test_a_malformed_secret_lets_nobody_in_and_is_told_without_its_text(world: World, text: str) -> None:
    world.put(text)
    assert world.credentials.read("default") == Credentials()
    (told,) = world.faults.told
    assert "tenant default" in told
    assert text not in told


def test_each_tenant_has_a_secret_of_its_own(world: World) -> None:
    world.put(DOCUMENT)
    world.put(ROTATED, "workerflow/dev/other/ingress")
    assert world.credentials.read("default") != world.credentials.read("other")


def test_an_outage_without_a_copy_is_unknown_not_no_credentials(world: World) -> None:
    world.put(DOCUMENT)
    world.line_is_cut = True
    with pytest.raises(StoreUnavailableError):
        world.credentials.read("default")


def test_during_an_outage_the_last_copy_serves_on_and_the_line_is_tried_now_and_then(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    world.line_is_cut = True
    world.clock.pass_seconds(CACHE_SECONDS)
    for _ in range(10):
        assert world.credentials.read("default") != Credentials()
        world.credentials.refresh("default")
    assert world.reads == 2
    world.clock.pass_seconds(REFRESH_FLOOR_SECONDS)
    world.credentials.read("default")
    assert world.reads == 3


def test_a_copy_does_not_serve_for_ever(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    world.line_is_cut = True
    world.clock.pass_seconds(STALE_SECONDS)
    with pytest.raises(StoreUnavailableError):
        world.credentials.read("default")


# Tenants that do not exist ------------------------------------------------------------------------------------------


def _costs(world: World, tenant: str, *, exists: bool) -> list[int]:
    """Reads that a guess costs at once, again at once, after the floor, and when the copy is old."""
    costs = []
    for seconds in (0, 0, REFRESH_FLOOR_SECONDS, CACHE_SECONDS):
        world.clock.pass_seconds(seconds)
        before = world.reads
        world.credentials.read(tenant, exists=exists)
        world.credentials.refresh(tenant, exists=exists)
        costs.append(world.reads - before)
    return costs


def test_a_tenant_that_does_not_exist_costs_the_reads_of_one_that_does(world: World) -> None:
    world.put(DOCUMENT)
    world.put(DOCUMENT, "workerflow/dev/acme/ingress")
    world.credentials.read("default")
    known, unknown = _costs(world, "acme", exists=True), _costs(world, "nobody", exists=False)
    assert known == unknown == [1, 0, 1, 1]


def test_however_many_names_are_invented_so_many_reads_are_made_and_no_more(world: World) -> None:
    world.put(DOCUMENT)
    for number in range(20 * DECOYS):
        world.credentials.read(f"nobody-{number}", exists=False)
        world.credentials.refresh(f"nobody-{number}", exists=False)
    assert world.reads == DECOYS


def test_a_read_for_nobody_that_fails_fails_nothing_and_is_told_to_nobody(world: World) -> None:
    """Where the default tenant has no secret, AWS denies the access to what it does not know."""
    world.line_is_cut = True
    for _ in range(3):
        assert world.credentials.read("nobody", exists=False) == Credentials()
        assert world.credentials.refresh("nobody", exists=False) == Credentials()
    assert world.reads == 1
    world.line_is_cut = False
    world.put("not json")
    world.clock.pass_seconds(CACHE_SECONDS)
    assert world.credentials.read("nobody", exists=False) == Credentials()
    assert world.faults.told == []


def test_a_read_for_nobody_does_not_keep_the_default_tenants_copy_young_or_old(world: World) -> None:
    world.put(DOCUMENT)
    world.credentials.read("default")
    world.put(ROTATED)
    world.clock.pass_seconds(REFRESH_FLOOR_SECONDS)
    world.credentials.refresh("nobody", exists=False)
    assert len(world.credentials.read("default").tokens) == 1
    assert len(world.credentials.refresh("default").tokens) == 2
