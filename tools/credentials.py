"""A tenant's credentials: made here, kept in Secrets Manager, read by ingress.

    python -m tools.credentials create --env dev      once per environment and tenant
    python -m tools.credentials show   --env dev      print them, to give to a sender
    python -m tools.credentials rotate --env dev      a new pair; the old one stays valid beside it

The secret `workerflow/<env>/<tenant>/ingress` holds
`{"token": {"current": ..., "previous": ...}, "signing": {"current": ..., "previous": ...}}`. CloudFormation knows
nothing of it: a deployment can neither reveal nor overwrite it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SECRET_BYTES = 32


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
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
            json.dump({"token": minted.token, "signing": minted.signing}, kept)
    return Credentials(**json.loads(file.read_text()))


def publish(client: Any, environment: str, tenant: str, credentials: Credentials) -> None:  # noqa: ANN401
    """Make these the tenant's only credentials."""
    _put(client, secret_name(environment, tenant), _document(credentials))


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
    present = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    minted = mint_credentials()
    fresh = _document(minted)
    for kind in fresh:
        fresh[kind]["previous"] = present[kind]["current"]
    _put(client, name, fresh)
    return minted


def show(client: Any, environment: str, tenant: str) -> str:  # noqa: ANN401
    """The tenant's credentials as they are kept."""
    text: str = client.get_secret_value(SecretId=secret_name(environment, tenant))["SecretString"]
    return text


def _document(credentials: Credentials) -> dict[str, dict[str, str]]:
    return {"token": {"current": credentials.token}, "signing": {"current": credentials.signing}}


def _put(client: Any, name: str, document: dict[str, dict[str, str]]) -> None:  # noqa: ANN401
    text = json.dumps(document)
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def main(arguments: list[str]) -> int:
    """Create, show or rotate a tenant's credentials in the account that the shell's AWS credentials lead to."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.credentials", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("create", "show", "rotate"))
    parser.add_argument("--env", required=True, choices=("dev", "prod"))
    parser.add_argument("--tenant", default="default")
    given = parser.parse_args(arguments)
    try:
        print(_act(given.action, given.env, given.tenant))
    except (ClientError, BotoCoreError) as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    return 0


def _act(action: str, environment: str, tenant: str) -> str:
    client = boto3.client("secretsmanager")
    name = secret_name(environment, tenant)
    if action == "show":
        return show(client, environment, tenant)
    if action == "rotate":
        rotate(client, environment, tenant)
        return f"{name} has a new current pair; the one before it stays valid. `show` prints both."
    return f"{name} was created." if create(client, environment, tenant) else f"{name} exists; it was left alone."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
