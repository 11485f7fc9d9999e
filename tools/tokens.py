"""Tokens for the dashboard and its API: made, listed and revoked with the rights of the shell's AWS credentials.

    python -m tools.tokens create --env dev --name ada                     may read, for all tenants, for 90 days
    python -m tools.tokens create --env dev --name ci --scope write --tenant acme --days 30
    python -m tools.tokens list   --env dev
    python -m tools.tokens revoke --env dev --id abcdefghij23              worth nothing from the next request on
    python -m tools.tokens replace-key --env dev                           ends every token and every session

A token is shown once. What is kept of it is a digest, keyed with the secret `workerflow/<env>/_dashboard/key`, which
the first `create` makes; a deployment knows nothing of either.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.credentials import ENVIRONMENTS
from workerflow.adapters.access_keys import KEY_SECRET
from workerflow.adapters.aws_errors import code_of
from workerflow.adapters.dynamodb.access import DynamoTokens
from workerflow.adapters.dynamodb.audit import DynamoAuditLog
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.domain.access import MAX_TOKEN_DAYS, PresentedToken, Scope, Token
from workerflow.domain.access_keys import MASTER_BYTES, AccessKeys, are_equal, master_text
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError, InvalidIdentifierError, PlatformError, TenantsError
from workerflow.domain.identity import DEFAULT_TENANT, require_tenant
from workerflow.domain.tenants import Tenants
from workerflow.domain.tenants_file import read_tenants
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.issue_token import IssuedToken, IssueToken, NotIssued, TokenOrder
from workerflow.services.revoke_token import RevokeToken
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, OPERATIONS, Table, table_name

DEFAULT_DAYS = 90
LOCAL_NAME = "make up"
TENANTS_NAMED = 10


class TokensError(Exception):
    """What is not done with tokens, and why; no secret is in the text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment keeps tokens.

    Attributes:
        secrets, dynamodb: clients; boto's have no common type.
        actor: who acts, for audit rows.
    """

    environment: str
    secrets: Any
    dynamodb: Any
    actor: str

    @property
    def tokens(self) -> DynamoTokens:
        return DynamoTokens(
            Database(self.dynamodb), operations=self._table(OPERATIONS), audit=self._table(AUDIT_EVENTS)
        )

    @property
    def audit(self) -> DynamoAuditLog:
        return DynamoAuditLog(Database(self.dynamodb), self._table(AUDIT_EVENTS))

    @property
    def tenants(self) -> DynamoTenants:
        return DynamoTenants(Database(self.dynamodb), state=self._table(CURSOR_STATE))

    def _table(self, table: Table) -> str:
        return table_name(f"workerflow-{self.environment}", table)

    @property
    def key_name(self) -> str:
        return f"workerflow/{self.environment}/{KEY_SECRET}"


def keep_key(place: Place) -> AccessKeys:
    """The dashboard's keys; if there is no secret yet, it is made. One that is there is never replaced.

    Raises:
        TokensError: what is there is no key: nobody gets in, and no token that is made with another would.
    """
    text = master_text(secrets.token_bytes(MASTER_BYTES))
    try:
        place.secrets.create_secret(
            Name=place.key_name, SecretString=text, Description="WorkerFlow: what the dashboard's tokens are kept by"
        )
    except place.secrets.exceptions.ResourceExistsException:
        text = place.secrets.get_secret_value(SecretId=place.key_name).get("SecretString", "")
    try:
        return AccessKeys.parse(text)
    except IntegrityError as error:
        raise TokensError(f"{place.key_name}: {error}. Nobody gets in; see docs/dashboard-access.md") from None


def replace_key(place: Place) -> str:
    """Replace the key, and with it every token and every session; say so.

    The tokens are revoked besides: functions keep a copy of the former key for minutes, and read each token at once.

    Raises:
        TokensError: there is no key, or it was replaced and what follows was not done.
    """
    text = master_text(secrets.token_bytes(MASTER_BYTES))
    try:
        place.secrets.put_secret_value(SecretId=place.key_name, SecretString=text)
    except place.secrets.exceptions.ResourceNotFoundException:
        raise TokensError(f"there is no {place.key_name}: nobody gets in, and `make token` makes one") from None
    try:
        ended = _end_all(place)
    except PlatformError as error:
        raise TokensError(
            f"{place.key_name} was replaced: no token and no session of before lets anybody in, within 5 minutes."
            f" Not all of them are revoked, or told of in the audit trail: {error}. Run the command again"
        ) from None
    return f"{place.key_name} was replaced: every session has ended. Tokens revoked: {ended}."


def _end_all(place: Place) -> int:
    """Tell of the new key, and revoke what is worth nothing any more; how many tokens."""
    clock, ids = SystemClock(), SystemIds()
    event = AuditEvent(DEFAULT_TENANT, clock.now_ms(), ids.nonce(), place.actor, "access_key.replaced", KEY_SECRET)
    place.audit.append(event)
    live = [token.token_id for token in place.tokens.list_tokens() if token.is_live(clock.now_ms())]
    for token_id in live:
        RevokeToken(tokens=place.tokens, clock=clock, ids=ids)(token_id, actor=place.actor)
    return len(live)


def issue(place: Place, *, name: str, scope: Scope, tenant: str | None = None, days: int = DEFAULT_DAYS) -> IssuedToken:
    """Make a token, and the key if there is none.

    Raises:
        TokensError: every fault of the order, or that there is no such tenant.
    """
    if tenant is not None:
        _require_known(place, tenant)
    make = IssueToken(tokens=place.tokens, keys=keep_key(place), clock=SystemClock(), ids=SystemIds())
    issued = make(TokenOrder(name, scope, tenant, days, place.actor))
    if isinstance(issued, NotIssued):
        raise TokensError("; ".join(issued.faults))
    return issued


def _require_known(place: Place, tenant: str) -> None:
    """A token for a tenant that is not declared shows nothing; and one day it may be somebody else's name."""
    try:
        require_tenant(tenant)
    except InvalidIdentifierError:
        return  # a fault of the order, told with the others
    document = place.tenants.get()
    known = (Tenants() if document is None else read_tenants(document.text)).looked_after
    if tenant not in known:
        some = ", ".join(known[:TENANTS_NAMED]) + (", ..." if len(known) > TENANTS_NAMED else "")
        raise TokensError(f"there is no tenant `{tenant}`: {some}. `make tenants` declares them")


def keep_token(place: Place, file: Path) -> str:
    """The token in the file, if it lets somebody in still; else a new one that may write, which is kept there.

    For the local stack: who can read the file can read everything else of it.
    """
    text = file.read_text().strip() if file.is_file() else ""
    if _lets_in(place, text):
        return text
    issued = issue(place, name=LOCAL_NAME, scope=Scope.WRITE, days=MAX_TOKEN_DAYS)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
        kept.write(issued.text)
    return issued.text


def _lets_in(place: Place, text: str) -> bool:
    shown, keys = PresentedToken.parse(text), keep_key(place)
    token = None if shown is None else place.tokens.get_token(shown.token_id)
    if shown is None or token is None or not token.is_live(SystemClock().now_ms()):
        return False
    return are_equal(keys.token_digest(shown.token_id, shown.secret), token.digest)


def revoke(place: Place, token_id: str) -> str:
    """Revoke a token, and say what came of it.

    Raises:
        TokensError: there is no such token.
    """
    revoked = RevokeToken(tokens=place.tokens, clock=SystemClock(), ids=SystemIds())(token_id, actor=place.actor)
    if revoked is None:
        raise TokensError(f"there is no token {token_id!r:.40}; `make tokens` lists them")
    since = timestamp(revoked.token.revoked_at_ms or 0)
    before = "" if revoked.newly else "before, "
    return f"{revoked.token.actor} was revoked {before}at {since}; its sessions have ended with it."


def told(tokens: Sequence[Token], now_ms: int) -> str:
    """All tokens as a table, the newest first."""
    rows: list[tuple[str, ...]] = [("id", "name", "scope", "tenant", "created", "expires", "state")]
    rows += [_row(token, now_ms) for token in sorted(tokens, key=lambda token: -token.created_at_ms)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(token: Token, now_ms: int) -> tuple[str, ...]:
    state = "revoked" if token.revoked_at_ms is not None else "live" if token.is_live(now_ms) else "expired"
    created, expires = timestamp(token.created_at_ms), timestamp(token.expires_at_ms)
    return (token.token_id, token.name, token.scope.value, token.tenant or "all", created, expires, state)


def main(arguments: list[str]) -> int:
    """Act on the tokens of an environment. A new token is all that goes to the standard output."""
    given = _parser().parse_args(arguments)
    try:
        print(_act(place_of(given.env), given))
    except (ClientError, BotoCoreError, PlatformError, TenantsError, TokensError) as error:
        print(f"workerflow: {error}{_hint(error, given.env)}", file=sys.stderr)
        return 1
    return 0


def _hint(error: Exception, environment: str) -> str:
    """What AWS means when it finds no table."""
    cause = error.__cause__ or error
    is_lost = isinstance(cause, ClientError) and code_of(cause) == "ResourceNotFoundException"
    return f". Is `{environment}` deployed to this account and region?" if is_lost else ""


def _act(place: Place, given: argparse.Namespace) -> str:
    match given.action:
        case "list":
            tokens = place.tokens.list_tokens()
            return told(tokens, SystemClock().now_ms()) if tokens else "There are no tokens; `make token` makes one."
        case "revoke":
            return revoke(place, given.id)
        case "replace-key":
            return replace_key(place)
        case _:
            tenant = given.tenant or None
            issued = issue(place, name=given.name, scope=Scope(given.scope), tenant=tenant, days=given.days)
            print(_explained(issued.token, place.environment), file=sys.stderr)
            return issued.text


def _explained(token: Token, environment: str) -> str:
    may = "read and write" if token.scope is Scope.WRITE else "read"
    whose = "for all tenants" if token.tenant is None else f"for the tenant {token.tenant}"
    return (
        f"{token.actor} may {may}, {whose}, until {timestamp(token.expires_at_ms)}."
        f" Keep the token: it is not shown again. `make revoke ENV={environment} ID={token.token_id}` takes it back."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.tokens", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--env", required=True, choices=ENVIRONMENTS)
    creating = actions.add_parser("create", parents=[where])
    creating.add_argument("--name", required=True, help="of whoever will hold it; the audit trail tells it")
    creating.add_argument("--scope", choices=list(Scope), default=Scope.READ)
    creating.add_argument("--tenant", default="", help="the one tenant that it is for; without it, all")
    creating.add_argument("--days", type=int, default=DEFAULT_DAYS, help=f"until it expires, 1 to {MAX_TOKEN_DAYS}")
    actions.add_parser("list", parents=[where])
    actions.add_parser("replace-key", parents=[where])
    actions.add_parser("revoke", parents=[where]).add_argument("--id", required=True)
    return parser


def place_of(environment: str) -> Place:
    """Where the tokens of an environment are kept: in the account of the shell's AWS credentials, or on this machine.

    Raises:
        TokensError: the local stack does not run.
    """
    secret_client, tables, identity = (_client(name, environment) for name in ("secretsmanager", "dynamodb", "sts"))
    return Place(environment, secret_client, tables, identity.get_caller_identity()["Arn"])


def _client(service: str, environment: str) -> Any:  # noqa: ANN401 - boto's clients have no common type
    if environment != "local":
        return boto3.client(service)  # type: ignore[call-overload]
    from tools.local import LocalStackError  # noqa: PLC0415 - the local stack imports this module
    from tools.local.here import client_here  # noqa: PLC0415

    try:
        return client_here(service)
    except LocalStackError as error:
        raise TokensError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
