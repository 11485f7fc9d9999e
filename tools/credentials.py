"""A tenant's credentials: made here, kept in Secrets Manager, read by ingress.

    python -m tools.credentials create --env dev      once per environment and tenant
    python -m tools.credentials show   --env dev      print them, to give to a caller
    python -m tools.credentials rotate --env dev      a new pair; the old one stays valid beside it
    python -m tools.credentials sender --env dev --route github_events
                                                      take a sender's secret from the standard input, for one route;
                                                      the one before it stays valid, unless --alone
    python -m tools.credentials forget --env dev --route github_events
                                                      take the route's secrets away: nobody gets in there

Each takes `--tenant`; without it, it is `default`. The secret `workerflow/<env>/<tenant>/ingress` holds
`{"token": {"current": ..., "previous": ...}, "signing": {...}, "senders": {"<route>": {...}}}`. CloudFormation knows
nothing of it: a deployment can neither reveal nor overwrite it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workerflow.domain.credentials import MIN_SECRET_CHARACTERS
from workerflow.domain.credentials import Credentials as LiveSecrets
from workerflow.domain.errors import IntegrityError, ManifestError
from workerflow.domain.route import Route
from workerflow.domain.senders import SENDERS

ROOT = Path(__file__).resolve().parents[1]
SECRET_BYTES = 32
SENDERS_KEY = "senders"
ENVIRONMENTS = ("dev", "prod", "local")

type Document = dict[str, dict[str, Any]]


class CredentialsError(Exception):
    """What is not done with credentials, and why; no secret is in the text."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sender needs: a bearer token, or the secret to sign with."""

    token: str
    signing: str


def mint_credentials() -> Credentials:
    """A new pair, 256 random bits each, as hex."""
    return Credentials(token=secrets.token_hex(SECRET_BYTES), signing=secrets.token_hex(SECRET_BYTES))


def secret_name(environment: str, tenant: str) -> str:
    """Where ingress looks for a tenant's credentials."""
    return f"workerflow/{environment}/{tenant}/ingress"


def keep_credentials(file: Path, mint: Callable[[], Credentials]) -> Credentials:
    """The pair in the file; if there is none, a new one is minted and kept there, readable by its owner only."""
    if not file.is_file():
        minted = mint()
        _keep(file, json.dumps({"token": minted.token, "signing": minted.signing}))
    return Credentials(**json.loads(file.read_text()))


def keep_secret(file: Path) -> str:
    """The secret in the file; if there is none, a new one is minted and kept there, readable by its owner only."""
    if not file.is_file():
        _keep(file, secrets.token_hex(SECRET_BYTES))
    return file.read_text()


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
        kept.write(text)


def publish(client: Any, environment: str, tenant: str, credentials: Credentials) -> None:  # noqa: ANN401
    """Make these the tenant's only token and signing secret. Its senders' secrets stay."""
    name = secret_name(environment, tenant)
    try:
        present = _read(client, name)
    except client.exceptions.ResourceNotFoundException:
        present = {}
    senders = {SENDERS_KEY: present[SENDERS_KEY]} if SENDERS_KEY in present else {}
    _put(client, name, _document(credentials) | senders)


def create(client: Any, environment: str, tenant: str) -> bool:  # noqa: ANN401 - boto's clients have no common type
    """Give the tenant its first credentials; False if it has some, which are left alone."""
    try:
        client.create_secret(
            Name=secret_name(environment, tenant), SecretString=json.dumps(_document(mint_credentials()))
        )
    except client.exceptions.ResourceExistsException:
        return False
    return True


def rotate(client: Any, environment: str, tenant: str) -> Credentials:  # noqa: ANN401
    """Give the tenant a new pair, and keep the present one valid beside it until the next rotation.

    Publish first, then tell the senders: ingress reads secrets anew every 300 s.
    """
    name = secret_name(environment, tenant)
    present = _read(client, name)
    minted = mint_credentials()
    fresh = _document(minted)
    for kind in fresh:
        fresh[kind] |= _previous(present.get(kind))
    _put(client, name, present | fresh)
    return minted


def set_sender(
    client: Any,  # noqa: ANN401
    environment: str,
    tenant: str,
    route: str,
    secret: str,
    *,
    alone: bool = False,
) -> None:
    """Make `secret` the one with which a sender signs its calls of `route`; the present one stays valid beside it.

    Args:
        client: of Secrets Manager.
        environment: `dev`, `prod` or `local`.
        tenant: whose route it is.
        route: the secret is for this one only.
        secret: as the sender shows it, or as it was told to the sender.
        alone: let no other secret of the route live on.

    Raises:
        CredentialsError: it is too short, or it is another route's, too.
    """
    name = secret_name(environment, tenant)
    present = _read(client, name)
    senders = present.get(SENDERS_KEY) or {}
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise CredentialsError(f"a sender's secret has at least {MIN_SECRET_CHARACTERS} characters")
    shared = sorted(other for other, slots in senders.items() if other != route and secret in slots.values())
    if shared:
        raise CredentialsError(
            f"the route {shared[0]} has this secret: what is signed for one would be good for the other, too"
        )
    slots = senders.get(route) or {}
    is_new = slots.get("current") != secret
    kept = {} if alone else _previous(slots) if is_new else {"previous": slots.get("previous")}
    senders[route] = {"current": secret} | {slot: one for slot, one in kept.items() if one is not None}
    _put(client, name, present | {SENDERS_KEY: senders})


def forget_sender(client: Any, environment: str, tenant: str, route: str) -> bool:  # noqa: ANN401
    """Take the secrets of a route away; False if it had none."""
    name = secret_name(environment, tenant)
    present = _read(client, name)
    senders = dict(present.get(SENDERS_KEY) or {})
    if senders.pop(route, None) is None:
        return False
    _put(client, name, present | {SENDERS_KEY: senders})
    return True


def doubts_about(route: Route | None, secret: str) -> list[str]:
    """What an operator should hear about a secret for a route of the handlers here, if it is one of them."""
    if route is None:
        return ["no handler here declares this route; is it spelt right?"]
    sender = SENDERS.get(route.authentication)
    if sender is None:
        return [f"this route is not for a sender: its authentication is {route.authentication!r}"]
    if sender.key_bytes(secret) is None:
        return [f"this is no secret of {sender.title}: those are `{sender.secret_prefix}` and base64"]
    return []


def show(client: Any, environment: str, tenant: str) -> str:  # noqa: ANN401
    """The tenant's credentials as they are kept."""
    text: str = client.get_secret_value(SecretId=secret_name(environment, tenant))["SecretString"]
    return text


def _document(credentials: Credentials) -> Document:
    return {"token": {"current": credentials.token}, "signing": {"current": credentials.signing}}


def _previous(slots: dict[str, Any] | None) -> dict[str, Any]:
    """The present secret in its new place, if there is one."""
    current = (slots or {}).get("current")
    return {} if current is None else {"previous": current}


def _read(client: Any, name: str) -> Document:  # noqa: ANN401
    found: Document = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return found


def _put(client: Any, name: str, document: Document) -> None:  # noqa: ANN401
    """Write what ingress can read: anything else would let nobody in. Raises IntegrityError."""
    text = json.dumps(document)
    LiveSecrets.parse(text)
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def main(arguments: list[str]) -> int:
    """Act on a tenant's credentials in the account that the shell's AWS credentials lead to, or in the local stack."""
    given = _parser().parse_args(arguments)
    try:
        print(_act(given))
    except (ClientError, BotoCoreError, IntegrityError, CredentialsError) as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.credentials", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    whose, where = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    whose.add_argument("--env", required=True, choices=ENVIRONMENTS)
    whose.add_argument("--tenant", default="default")
    where.add_argument("--route", required=True)
    for action in ("create", "show", "rotate"):
        actions.add_parser(action, parents=[whose])
    actions.add_parser("sender", parents=[whose, where]).add_argument("--alone", action="store_true")
    actions.add_parser("forget", parents=[whose, where])
    return parser


def _act(given: argparse.Namespace) -> str:
    client = _client(given.env)
    name = secret_name(given.env, given.tenant)
    match given.action:
        case "show":
            return show(client, given.env, given.tenant)
        case "rotate":
            rotate(client, given.env, given.tenant)
            return f"{name} has a new current pair; the one before it stays valid. `show` prints both."
        case "sender":
            return _take_sender(client, given)
        case "forget":
            had_some = forget_sender(client, given.env, given.tenant, given.route)
            return f"{name}: {given.route} " + ("lets nobody in any more." if had_some else "had no secret.")
        case _:
            created = create(client, given.env, given.tenant)
            return f"{name} was created." if created else f"{name} exists; it was left alone."


def _take_sender(client: Any, given: argparse.Namespace) -> str:  # noqa: ANN401
    secret = _typed("The sender's secret: ")
    for doubt in doubts_about(_routes_here().get(given.route), secret):
        print(f"workerflow: {given.route}: {doubt}", file=sys.stderr)
    set_sender(client, given.env, given.tenant, given.route, secret, alone=given.alone)
    path = given.route if given.tenant == "default" else f"t/{given.tenant}/{given.route}"
    return f"POST /api/{path} takes calls that are signed with this secret; known secrets are read anew within 300 s."


def _typed(prompt: str) -> str:
    """A line of the standard input; not shown where somebody types it, and never a part of the command line."""
    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    return text.rstrip("\r\n")


def _routes_here() -> Mapping[str, Route]:
    from tools.build_manifest import SHIPPED_FOLDER, build, handler_folders  # noqa: PLC0415 - for one command only

    try:
        return build(handler_folders(ROOT, [SHIPPED_FOLDER], os.environ), ROOT).routes
    except ManifestError as error:
        print(f"workerflow: routes were not compared, for handlers here have faults: {error}", file=sys.stderr)
        return {}


def _client(environment: str) -> Any:  # noqa: ANN401 - boto's clients have no common type
    if environment != "local":
        return boto3.client("secretsmanager")
    from tools.local import LocalStackError  # noqa: PLC0415 - the local stack imports this module
    from tools.local.here import client_here  # noqa: PLC0415

    try:
        return client_here("secretsmanager")
    except LocalStackError as error:
        raise CredentialsError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
