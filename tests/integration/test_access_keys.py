"""The dashboard's key comes from Secrets Manager; without it nobody gets in, and that is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from tests.fakes.surroundings import FakeClock, FakeFaults
from workerflow.adapters.access_keys import SecretAccessKeys
from workerflow.adapters.clients import Clients
from workerflow.adapters.secrets import CACHE_SECONDS, REFRESH_FLOOR_SECONDS, SecretTexts
from workerflow.domain.access_keys import AccessKeys, master_text
from workerflow.domain.errors import StoreUnavailableError

NAME = "workerflow/dev/_dashboard/key"
ONE, OTHER = b"1" * 32, b"2" * 32


class World:
    """Secrets Manager on moto, and what reads the key there."""

    def __init__(self) -> None:
        self.client = Clients("us-east-1").secrets()
        self.clock, self.faults = FakeClock(), FakeFaults()
        texts = SecretTexts(lambda: self.client, self.clock)
        self.keys = SecretAccessKeys(texts, prefix="workerflow/dev/", faults=self.faults)

    def put(self, text: str) -> None:
        try:
            self.client.create_secret(Name=NAME, SecretString=text)
        except self.client.exceptions.ResourceExistsException:
            self.client.put_secret_value(SecretId=NAME, SecretString=text)


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield World()


def test_the_keys_are_those_of_the_secret(world: World) -> None:
    world.put(master_text(ONE))
    assert world.keys.read() == AccessKeys.derive(ONE)
    assert world.faults.told == []


@pytest.mark.parametrize("text", ["", "{}", "hush", json.dumps({"key": "aHVzaA=="})])
def test_a_malformed_key_is_none_and_told_without_its_text(world: World, text: str) -> None:
    if text:
        world.put(text)
    assert world.keys.read() is None
    [(message, error)] = world.faults.told
    assert message == "without the dashboard's key nobody gets in"
    assert "hush" not in str(error)
    assert "aHVzaA" not in str(error)


def test_a_key_that_is_made_after_the_first_look_is_found_soon(world: World) -> None:
    assert world.keys.read() is None
    world.put(master_text(ONE))
    assert world.keys.read() is None
    world.clock.advance(REFRESH_FLOOR_SECONDS)
    assert world.keys.read() == AccessKeys.derive(ONE)


def test_a_key_that_was_replaced_is_found_by_a_look_for_newer_ones_or_in_time(world: World) -> None:
    world.put(master_text(ONE))
    world.keys.read()
    world.put(master_text(OTHER))
    world.clock.advance(REFRESH_FLOOR_SECONDS)
    assert world.keys.read() == AccessKeys.derive(ONE)
    assert world.keys.refresh() == AccessKeys.derive(OTHER)
    world.put(master_text(ONE))
    world.clock.advance(CACHE_SECONDS)
    assert world.keys.read() == AccessKeys.derive(ONE)


def test_a_line_that_is_cut_is_no_answer(world: World) -> None:
    def cut(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager.invalid")

    world.client.meta.events.register("before-call.secrets-manager.GetSecretValue", cut)
    with pytest.raises(StoreUnavailableError):
        world.keys.read()
