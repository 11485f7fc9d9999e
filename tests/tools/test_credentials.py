"""Credentials are made once, shown when asked for, and rotated without a gap."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tools.credentials import Credentials, create, keep_credentials, main, mint_credentials, publish, rotate, show
from workerflow.domain.credentials import Credentials as WhatIngressReads


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-east-1")


def test_ingress_reads_what_is_created(client: Any) -> None:
    assert create(client, "dev", "default") is True
    text = client.get_secret_value(SecretId="workerflow/dev/default/ingress")["SecretString"]
    read = WhatIngressReads.parse(text)
    assert (len(read.tokens), len(read.signing_secrets)) == (1, 1)
    assert len(bytes.fromhex(read.tokens[0])) == len(bytes.fromhex(read.signing_secrets[0])) == 32


def test_existing_credentials_are_left_alone(client: Any) -> None:
    create(client, "dev", "default")
    before = show(client, "dev", "default")
    assert create(client, "dev", "default") is False
    assert show(client, "dev", "default") == before


def test_rotation_keeps_the_old_pair_valid_beside_the_new_one(client: Any) -> None:
    create(client, "dev", "default")
    old = WhatIngressReads.parse(show(client, "dev", "default"))
    fresh = rotate(client, "dev", "default")
    new = WhatIngressReads.parse(show(client, "dev", "default"))
    assert new.tokens == (fresh.token, *old.tokens)
    assert new.signing_secrets == (fresh.signing, *old.signing_secrets)


def test_a_second_rotation_ends_the_first_pair(client: Any) -> None:
    create(client, "dev", "default")
    first = rotate(client, "dev", "default")
    second = rotate(client, "dev", "default")
    assert WhatIngressReads.parse(show(client, "dev", "default")).tokens == (second.token, first.token)


def test_publishing_twice_leaves_the_later(client: Any) -> None:
    publish(client, "local", "default", mint_credentials())
    later = mint_credentials()
    publish(client, "local", "default", later)
    document = json.loads(show(client, "local", "default"))
    assert document == {"token": {"current": later.token}, "signing": {"current": later.signing}}


def test_kept_credentials_are_readable_by_their_owner_only_and_stay(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "credentials.json"
    kept = keep_credentials(file, mint_credentials)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keep_credentials(file, lambda: Credentials(token="other", signing="other")) == kept


def test_the_command_shows_no_secret_unless_asked(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "--env", "dev"]) == 0
    token = json.loads(show(client, "dev", "default"))["token"]["current"]
    assert token not in capsys.readouterr().out
    assert main(["show", "--env", "dev"]) == 0
    assert token in capsys.readouterr().out


def test_what_aws_refuses_is_one_sentence(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert client is not None
    assert main(["rotate", "--env", "prod"]) == 1
    assert capsys.readouterr().err.startswith("workerflow: An error occurred (ResourceNotFoundException)")
