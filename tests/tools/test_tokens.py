"""The tokens' command: shown once, kept by digest, revoked at once, and every act in the audit trail."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import table_request
from tools.tokens import Place, TokensError, issue, keep_key, keep_token, main, place_of, revoke, told
from workerflow.adapters.access_keys import SecretAccessKeys
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import tenants as tenants_codec
from workerflow.adapters.dynamodb.requests import Put
from workerflow.adapters.secrets import SecretTexts
from workerflow.domain.access import Scope, Token
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.runtime.clock import SystemClock
from workerflow.services.authenticate import Authenticate, Denial
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, OPERATIONS, table_name

KEY = "workerflow/dev/_dashboard/key"
DAY_MS = 24 * 3600 * 1000

type Run = Callable[..., tuple[int, str, str]]


class Silent:
    """Faults that nobody reads."""

    def failure(self, message: str, error: BaseException) -> None:
        del message, error


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        for table in (OPERATIONS, AUDIT_EVENTS, CURSOR_STATE):
            boto3.client("dynamodb").create_table(
                **table_request(table) | {"TableName": table_name("workerflow-dev", table)}
            )
        place = place_of("dev")
        document = TenantsDocument(Tenants.of({"acme": TenantPolicy()}).to_text(), version=1, nonce="1" * 16)
        declared = Put(table_name("workerflow-dev", CURSOR_STATE), tenants_codec.to_item(document))
        Database(place.dynamodb).put(declared)
        yield place


@pytest.fixture
def run(place: Place, capsys: pytest.CaptureFixture[str]) -> Run:
    assert place.environment == "dev"

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


def proven(place: Place, text: str) -> Token | Denial:
    """What the dashboard makes of a token."""
    texts = SecretTexts(lambda: place.secrets, SystemClock())
    keys = SecretAccessKeys(texts, prefix="workerflow/dev/", faults=Silent())
    return Authenticate(keys=keys, tokens=place.tokens, clock=SystemClock())(text)


def audit_rows(place: Place) -> list[dict[str, Any]]:
    items = place.dynamodb.scan(TableName="workerflow-dev-audit-events")["Items"]
    return sorted(items, key=lambda item: str(item["sk"]["S"]))


def everything_kept(place: Place) -> str:
    return repr([place.dynamodb.scan(TableName=f"workerflow-dev-{name}") for name in ("operations", "audit-events")])


def test_a_token_is_all_that_goes_to_the_standard_output(run: Run, place: Place) -> None:
    code, out, err = run("create", "--env", "dev", "--name", "ada")
    token = proven(place, out.rstrip("\n"))
    assert code == 0
    assert isinstance(token, Token)
    assert (token.name, token.scope, token.tenant) == ("ada", Scope.READ, None)
    assert token.expires_at_ms - token.created_at_ms == 90 * DAY_MS
    assert err.startswith(f"ada ({token.token_id}) may read, for all tenants, until 20")
    assert f"`make revoke ENV=dev ID={token.token_id}` takes it back" in err


def test_a_token_may_be_for_writing_for_one_tenant_and_for_some_days(run: Run, place: Place) -> None:
    _, out, err = run("create", "--env", "dev", "--name", "ci", "--scope", "write", "--tenant", "acme", "--days", "1")
    token = proven(place, out.rstrip("\n"))
    assert isinstance(token, Token)
    assert (token.scope, token.tenant, token.expires_at_ms - token.created_at_ms) == (Scope.WRITE, "acme", DAY_MS)
    assert "may read and write, for the tenant acme," in err


def test_nothing_of_a_token_is_kept_but_a_digest(run: Run, place: Place) -> None:
    _, out, _ = run("create", "--env", "dev", "--name", "ada")
    secret = out.strip()[-43:]
    assert out.strip() not in everything_kept(place)
    assert secret not in everything_kept(place)
    assert secret not in run("list", "--env", "dev")[1]


def test_the_key_is_made_once_and_never_replaced_by_the_way(place: Place) -> None:
    keys = keep_key(place)
    assert keep_key(place) == keys
    assert keys == AccessKeys.parse(place.secrets.get_secret_value(SecretId=KEY)["SecretString"])


def test_a_key_that_is_malformed_is_told_and_left_alone(run: Run, place: Place) -> None:
    place.secrets.create_secret(Name=KEY, SecretString="hush")
    code, out, err = run("create", "--env", "dev", "--name", "ada")
    assert (code, out) == (1, "")
    assert "Nobody gets in" in err
    assert "hush" not in err
    assert place.secrets.get_secret_value(SecretId=KEY)["SecretString"] == "hush"
    assert place.tokens.list_tokens() == []


def test_every_fault_of_an_order_is_told_and_nothing_is_made(run: Run, place: Place) -> None:
    code, out, err = run("create", "--env", "dev", "--name", "Ada L.", "--tenant", "ACME", "--days", 401)
    assert (code, out) == (1, "")
    assert "'Ada L.'" in err
    assert "401 is not from 1 to 400 days" in err
    assert "'ACME'" in err
    assert place.tokens.list_tokens() == []
    assert audit_rows(place) == []


def test_who_makes_and_revokes_stands_in_the_audit_trail(run: Run, place: Place) -> None:
    run("create", "--env", "dev", "--name", "ada")
    run("create", "--env", "dev", "--name", "grace", "--tenant", "acme")
    for token in place.tokens.list_tokens():
        run("revoke", "--env", "dev", "--id", token.token_id)
    told_of = {(row["pk"]["S"], row["action"]["S"], row["details"]["M"]["name"]["S"]) for row in audit_rows(place)}
    assert told_of == {
        ("default", "token.created", "ada"),
        ("acme", "token.created", "grace"),
        ("default", "token.revoked", "ada"),
        ("acme", "token.revoked", "grace"),
    }
    assert all(row["actor"]["S"].startswith("arn:aws:sts::123456789012:") for row in audit_rows(place))
    assert all(row["target"]["S"].startswith("token:") for row in audit_rows(place))


def test_a_revoked_token_lets_nobody_in_and_is_told_so_again(run: Run, place: Place) -> None:
    _, out, _ = run("create", "--env", "dev", "--name", "ada")
    [token] = place.tokens.list_tokens()
    first, again = (run("revoke", "--env", "dev", "--id", token.token_id) for _ in range(2))
    assert proven(place, out.strip()) is Denial.INVALID
    assert first[0] == again[0] == 0
    assert first[1].startswith(f"ada ({token.token_id}) was revoked at 20")
    assert again[1].startswith(f"ada ({token.token_id}) was revoked before, at 20")
    assert len(audit_rows(place)) == 2


def test_a_token_that_is_not_there_cannot_be_revoked(run: Run) -> None:
    code, _, err = run("revoke", "--env", "dev", "--id", "zzzzzzzzzzzz")
    assert code == 1
    assert "there is no token 'zzzzzzzzzzzz'" in err


def test_tokens_are_told_with_what_they_are_worth(place: Place) -> None:
    now_ms = SystemClock().now_ms()
    live = issue(place, name="ada", scope=Scope.WRITE).token
    expired = replace(live, name="old", created_at_ms=1, expires_at_ms=2, tenant="acme")
    revoked = replace(live, name="gone", revoked_at_ms=now_ms)
    table = told([live, expired, revoked], now_ms).splitlines()
    assert table[0].split() == ["id", "name", "scope", "tenant", "created", "expires", "state"]
    assert [line.split()[-1] for line in table[1:]] == ["live", "revoked", "expired"]
    assert live.digest not in "".join(table)


def test_where_there_are_none_it_is_said_how_one_is_made(run: Run) -> None:
    assert run("list", "--env", "dev") == (0, "There are no tokens; `make token` makes one.\n", "")


def test_replacing_the_key_ends_every_token_at_once(run: Run, place: Place) -> None:
    _, out, _ = run("create", "--env", "dev", "--name", "ada")
    texts = SecretTexts(lambda: place.secrets, SystemClock())
    keys = SecretAccessKeys(texts, prefix="workerflow/dev/", faults=Silent())
    container = Authenticate(keys=keys, tokens=place.tokens, clock=SystemClock())
    assert isinstance(container(out.strip()), Token)
    code, said, _ = run("replace-key", "--env", "dev")
    assert code == 0
    assert said == f"{KEY} was replaced: every session has ended. Tokens revoked: 1.\n"
    assert container(out.strip()) is Denial.INVALID, "although it has a copy of the former key"
    assert proven(place, out.strip()) is Denial.INVALID
    _, fresh, _ = run("create", "--env", "dev", "--name", "ada")
    assert isinstance(proven(place, fresh.strip()), Token)
    assert [line.split()[-1] for line in run("list", "--env", "dev")[1].splitlines()[1:]] == ["live", "revoked"]
    assert [row["action"]["S"] for row in audit_rows(place)] == [
        "token.created",
        "access_key.replaced",
        "token.revoked",
        "token.created",
    ]


def test_a_key_that_is_not_there_is_not_replaced(run: Run) -> None:
    code, out, err = run("replace-key", "--env", "dev")
    assert (code, out) == (1, "")
    assert err == f"workerflow: there is no {KEY}: nobody gets in, and `make token` makes one\n"


def test_a_key_that_was_replaced_is_said_to_be_although_what_follows_fails(run: Run, place: Place) -> None:
    _, out, _ = run("create", "--env", "dev", "--name", "ada")
    place.dynamodb.delete_table(TableName="workerflow-dev-audit-events")
    code, _, err = run("replace-key", "--env", "dev")
    assert code == 1
    assert f"{KEY} was replaced: no token and no session of before lets anybody in, within 5 minutes" in err
    assert "Run the command again" in err
    assert proven(place, out.strip()) is Denial.INVALID


def test_a_tenant_that_is_not_declared_gets_no_token(run: Run, place: Place) -> None:
    code, out, err = run("create", "--env", "dev", "--name", "ci", "--tenant", "acne")
    assert (code, out) == (1, "")
    assert err == "workerflow: there is no tenant `acne`: acme, default. `make tenants` declares them\n"
    assert place.tokens.list_tokens() == []
    for tenant in ("acme", "default"):
        assert run("create", "--env", "dev", "--name", "ci", "--tenant", tenant)[0] == 0


def test_without_a_tenants_file_there_is_default_alone(run: Run, place: Place) -> None:
    place.dynamodb.delete_item(
        TableName="workerflow-dev-cursor-state", Key={name: {"S": text} for name, text in tenants_codec.KEY.items()}
    )
    assert run("create", "--env", "dev", "--name", "ci", "--tenant", "default")[0] == 0
    assert "there is no tenant `acme`: default." in run("create", "--env", "dev", "--name", "ci", "--tenant", "acme")[2]


@pytest.mark.parametrize("action", [("create", "--name", "ada"), ("list",), ("revoke", "--id", "abcdefghij23")])
def test_where_nothing_is_deployed_it_is_said(run: Run, action: tuple[str, ...]) -> None:
    code, out, err = run(action[0], "--env", "prod", *action[1:])
    assert (code, out) == (1, "")
    assert err.endswith(". Is `prod` deployed to this account and region?\n")


def test_a_local_token_is_kept_as_long_as_it_lets_somebody_in(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "state" / "dashboard-token"
    text = keep_token(place, file)
    token = proven(place, text)
    assert isinstance(token, Token)
    assert (token.scope, token.tenant) == (Scope.WRITE, None)
    assert keep_token(place, file) == text == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    revoke(place, token.token_id)
    other = keep_token(place, file)
    assert other != text
    assert isinstance(proven(place, other), Token)


@pytest.mark.parametrize("text", ["", "nonsense", f"wfd_{'a' * 12}_{'s' * 43}"])
def test_a_local_token_that_lets_nobody_in_is_replaced(place: Place, tmp_path: Path, text: str) -> None:
    file = tmp_path / "dashboard-token"
    file.write_text(text)
    assert isinstance(proven(place, keep_token(place, file)), Token)


def test_a_local_token_outlives_no_key(place: Place, tmp_path: Path) -> None:
    text = keep_token(place, tmp_path / "token")
    place.secrets.delete_secret(SecretId=KEY, ForceDeleteWithoutRecovery=True)
    other = keep_token(place, tmp_path / "token")
    assert other != text
    assert isinstance(proven(place, other), Token)


def test_an_order_that_is_faulty_is_told_to_whoever_calls(place: Place) -> None:
    with pytest.raises(TokensError, match="days"):
        issue(place, name="ada", scope=Scope.READ, days=0)
