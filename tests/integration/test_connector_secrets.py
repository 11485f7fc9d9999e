"""Secrets of handlers, on moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from tests.fakes.surroundings import FakeClock
from workerflow.adapters.clients import Clients
from workerflow.adapters.connector_secrets import ConnectorSecrets
from workerflow.adapters.secrets import CACHE_SECONDS, SecretTexts
from workerflow.domain.errors import PermanentError, RetryableError

PLACE = "workerflow/test/default/handlers/billing-key"


@pytest.fixture
def clients() -> Iterator[Clients]:
    with mock_aws():
        yield Clients("us-east-1")


def secrets_on(clients: Clients, clock: FakeClock) -> ConnectorSecrets:
    return ConnectorSecrets(SecretTexts(clients.secrets, clock), prefix="workerflow/test/")


def test_a_handler_reads_its_tenants_secret_and_a_rotation_shows_after_the_cache(clients: Clients) -> None:
    clock = FakeClock()
    secrets = secrets_on(clients, clock)
    clients.secrets().create_secret(Name=PLACE, SecretString="old")
    assert secrets.get("default", "billing-key") == "old"
    clients.secrets().put_secret_value(SecretId=PLACE, SecretString="new")
    assert secrets.get("default", "billing-key") == "old"
    clock.advance(CACHE_SECONDS + 1)
    assert secrets.get("default", "billing-key") == "new"


def test_another_tenants_secret_is_not_found(clients: Clients) -> None:
    clients.secrets().create_secret(Name=PLACE, SecretString="mine")
    with pytest.raises(PermanentError, match="there is no secret"):
        secrets_on(clients, FakeClock()).get("other", "billing-key")


@pytest.mark.parametrize("name", ["", "../default/ingress", "a/b", "UPPER", "x" * 64])
def test_a_name_that_could_lead_elsewhere_is_refused(clients: Clients, name: str) -> None:
    with pytest.raises(PermanentError, match="cannot be the name"):
        secrets_on(clients, FakeClock()).get("default", name)


def test_an_outage_is_retryable_because_the_next_attempt_may_read_it() -> None:
    class NoLine:
        def get_secret_value(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    texts = SecretTexts(NoLine, FakeClock())  # type: ignore[arg-type]  # the one call that is made of it
    with pytest.raises(RetryableError):
        ConnectorSecrets(texts, prefix="workerflow/test/").get("default", "billing-key")
