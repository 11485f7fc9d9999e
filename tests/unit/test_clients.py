"""Clients are made without a look around, and only for services that are ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import UnknownServiceError

from workerflow.adapters.clients import SERVICES, Clients, own_session

if TYPE_CHECKING:
    from botocore.session import Session

MAKERS: tuple[Callable[[Clients], Any], ...] = (
    Clients.dynamodb,
    Clients.dynamodb_hurried,
    Clients.sqs,
    Clients.s3,
    Clients.secrets,
    lambda clients: clients.invoker(28),
)


def test_every_client_can_be_made_and_there_is_no_service_without_one() -> None:
    clients = Clients("us-east-1")
    made = {maker(clients).meta.service_model.service_name for maker in MAKERS}
    assert made == set(SERVICES)


def test_a_client_is_made_once() -> None:
    clients = Clients("us-east-1")
    assert all(maker(clients) is maker(clients) for maker in MAKERS)


def test_what_an_answer_must_not_wait_for_is_tried_once_and_shortly() -> None:
    config: Any = Clients("us-east-1").dynamodb_hurried().meta.config
    assert config.connect_timeout + config.read_timeout < 1
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}


def folders_listed(session: Session, monkeypatch: pytest.MonkeyPatch) -> int:
    listed: list[str] = []
    real = os.listdir

    def listdir(path: str) -> list[str]:
        listed.append(path)
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", listdir)
        session.create_client("dynamodb", region_name="us-east-1")
    return len(listed)


def test_no_time_goes_into_looking_for_services_that_we_do_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders_listed(own_session(), monkeypatch) < 10


def test_another_service_is_unknown() -> None:
    with pytest.raises(UnknownServiceError):
        own_session().create_client("ec2", region_name="us-east-1")
