"""Credentials are made once, shown when asked for, and rotated without a gap."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.tasks import a_route
from tools.credentials import (
    Credentials,
    CredentialsError,
    create,
    doubts_about,
    forget_sender,
    keep_credentials,
    main,
    mint_credentials,
    publish,
    rotate,
    set_sender,
    show,
)
from workerflow.domain.credentials import Credentials as WhatIngressReads
from workerflow.domain.errors import IntegrityError
from workerflow.domain.route import Authentication


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


# Senders ------------------------------------------------------------------------------------------------------------

FIRST, SECOND, THIRD = "It's a Secret to Everybody", "another-secret-0123456789", "yet-another-0123456789"


@pytest.fixture
def created(client: Any) -> Any:
    create(client, "dev", "default")
    return client


def read(client: Any) -> WhatIngressReads:
    return WhatIngressReads.parse(show(client, "dev", "default"))


def type_in(monkeypatch: pytest.MonkeyPatch, line: str, *arguments: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    return main([arguments[0], "--env", "dev", *arguments[1:]])


def test_a_senders_secret_is_kept_beside_the_others(created: Any) -> None:
    before = read(created)
    set_sender(created, "dev", "default", "github_events", FIRST)
    assert read(created) == replace(before, sender_secrets={"github_events": (FIRST,)})


def test_a_new_secret_of_a_sender_keeps_the_one_before_it_valid_and_ends_the_one_before_that(created: Any) -> None:
    for secret in (FIRST, SECOND, THIRD):
        set_sender(created, "dev", "default", "github_events", secret)
    assert read(created).sender_secrets == {"github_events": (THIRD, SECOND)}


def test_the_same_secret_again_changes_nothing_and_alone_ends_the_other(created: Any) -> None:
    for secret in (FIRST, SECOND, SECOND):
        set_sender(created, "dev", "default", "github_events", secret)
    assert read(created).sender_secrets == {"github_events": (SECOND, FIRST)}
    set_sender(created, "dev", "default", "github_events", SECOND, alone=True)
    assert read(created).sender_secrets == {"github_events": (SECOND,)}
    set_sender(created, "dev", "default", "github_events", THIRD, alone=True)
    assert read(created).sender_secrets == {"github_events": (THIRD,)}


def test_neither_a_rotation_nor_a_publication_touches_senders_secrets(created: Any) -> None:
    set_sender(created, "dev", "default", "github_events", FIRST)
    rotate(created, "dev", "default")
    publish(created, "dev", "default", mint_credentials())
    assert read(created).sender_secrets == {"github_events": (FIRST,)}


def test_two_routes_do_not_share_a_secret(created: Any) -> None:
    set_sender(created, "dev", "default", "github_events", FIRST)
    set_sender(created, "dev", "default", "github_events", SECOND)
    for shared in (FIRST, SECOND):
        with pytest.raises(CredentialsError, match="github_events") as caught:
            set_sender(created, "dev", "default", "other_events", shared)
        assert shared not in str(caught.value)
    set_sender(created, "dev", "default", "other_events", THIRD)


def test_a_routes_secrets_can_be_taken_away(created: Any) -> None:
    set_sender(created, "dev", "default", "github_events", FIRST)
    assert forget_sender(created, "dev", "default", "github_events") is True
    assert forget_sender(created, "dev", "default", "github_events") is False
    assert read(created).sender_secrets == {}


def test_what_ingress_could_not_read_is_not_kept(created: Any) -> None:
    before = show(created, "dev", "default")
    with pytest.raises(CredentialsError, match="16 characters"):
        set_sender(created, "dev", "default", "github_events", "short")
    with pytest.raises(IntegrityError):
        set_sender(created, "dev", "default", "github_events", "\ud800" * 20)
    assert show(created, "dev", "default") == before


def test_the_secret_is_typed_and_never_shown(
    created: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_in(monkeypatch, f"{FIRST}\n", "sender", "--route", "github_events") == 0
    assert type_in(monkeypatch, f"{SECOND}\r\n", "sender", "--route", "github_events") == 0
    assert read(created).sender_secrets == {"github_events": (SECOND, FIRST)}
    assert type_in(monkeypatch, "", "forget", "--route", "github_events") == 0
    shown = "".join(capsys.readouterr())
    assert "POST /api/github_events" in shown
    assert FIRST not in shown
    assert SECOND not in shown


def test_the_command_says_where_a_tenants_sender_is_to_send_to(
    created: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create(created, "dev", "acme")
    assert type_in(monkeypatch, FIRST, "sender", "--tenant", "acme", "--route", "github_events") == 0
    assert "POST /api/t/acme/github_events" in capsys.readouterr().out


def test_what_is_wrong_is_one_sentence_without_the_secret(
    created: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert created is not None
    assert type_in(monkeypatch, "hush\n", "sender", "--route", "github_events") == 1
    assert type_in(monkeypatch, FIRST, "sender", "--tenant", "nobody", "--route", "github_events") == 1
    told = capsys.readouterr().err
    assert "hush" not in told
    assert FIRST not in told
    assert "at least 16 characters" in told
    assert "ResourceNotFoundException" in told


def test_doubts_about_a_route_are_told_and_stop_nothing(
    created: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_in(monkeypatch, FIRST, "sender", "--route", "githb_events") == 0
    assert "is it spelt right?" in capsys.readouterr().err
    assert read(created).sender_secrets == {"githb_events": (FIRST,)}


@pytest.mark.parametrize(
    ("authentication", "secret", "hint"),
    [
        ("any", FIRST, "not for a sender"),
        ("standard-webhooks", FIRST, "`whsec_` and base64"),
        ("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None),
        ("stripe", "whsec_anything-at-all", None),
        ("github", FIRST, None),
    ],
)
def test_a_secret_is_looked_at_as_the_routes_sender_would(
    authentication: Authentication, secret: str, hint: str | None
) -> None:
    doubts = doubts_about(a_route("hook", authentication=authentication), secret)
    assert [hint in doubt for doubt in doubts if hint] == [True] * len(doubts)
    assert bool(doubts) is (hint is not None)
    assert not any(secret in doubt for doubt in doubts)
