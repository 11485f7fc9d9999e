"""The tenants of an environment: what is published, and publishing another file.

    python -m tools.tenants check   --file tenants.json              every fault of a file, without any account
    python -m tools.tenants publish --env dev --file tenants.json    validate it, publish it, tell what it changed
    python -m tools.tenants show    --env dev                        what is published now

The file is `{"tenants": {"<id>": {...}}}` (docs/tenants.md). It holds within a minute; nothing is deployed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.build_manifest import SHIPPED_FOLDER, build, handler_folders
from tools.local.emulator import ROOT, LocalStackError
from tools.local.here import client_here
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.domain.errors import ManifestError, PlatformError, TenantsError
from workerflow.domain.tenants import ANY_ROUTE, Tenants, TenantsChange
from workerflow.domain.tenants_file import read_tenants
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.services.publish_tenants import (
    Published,
    PublishedMeanwhile,
    PublishTenants,
    TenantsOrder,
    Unchanged,
    Unreadable,
)
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, table_name

ENVIRONMENTS = ("dev", "prod", "local")


def store_of(client: Any, environment: str) -> DynamoTenants:  # noqa: ANN401 - boto's clients have no common type
    """Where an environment's tenants are published."""
    prefix = f"workerflow-{environment}"
    return DynamoTenants(
        Database(client), state=table_name(prefix, CURSOR_STATE), audit=table_name(prefix, AUDIT_EVENTS)
    )


_SAID = (ClientError, BotoCoreError, PlatformError, LocalStackError, OSError, UnicodeDecodeError)


class NotPublishedError(Exception):
    """Nothing was published, and why."""


def publish(store: DynamoTenants, text: str, *, actor: str, reason: str = "", force: bool = False) -> str:
    """Publish a file, and say what came of it.

    Raises:
        TenantsError: the file has faults.
        NotPublishedError: what is published is unreadable, and nobody insists.
        PlatformError: unknown whether it was published; once more tells.
    """
    order = TenantsOrder(text, actor, reason, force)
    outcome = PublishTenants(store=store, clock=SystemClock(), ids=SystemIds())(order)
    match outcome:
        case Published(version, change, healed):
            return "\n".join(_told(version, change, healed=healed))
        case Unchanged(version):
            return f"Nothing changes: version {version} says the same."
        case PublishedMeanwhile():
            return "Somebody else has published meanwhile, and nothing was overwritten. Look at it, and publish again."
        case Unreadable(version, faults):
            raise NotPublishedError(_UNREADABLE.format(version=version, faults="; ".join(faults)))


_UNREADABLE = (
    "nothing was published, for version {version}, which stands there, cannot be read ({faults}). Tenants that it"
    " declares would be forgotten with the tasks that were accepted for them. Look at it with `show`, write those that"
    ' shall go under "retired" in your file ({{"retired": {{"<id>": <epoch milliseconds>}}}}), and repeat with'
    " --force (make: FORCE=1)."
)


def _told(version: int, change: TenantsChange, *, healed: bool) -> Iterator[str]:
    if healed:
        yield "What stood there was unreadable; it is replaced."
    yield f"Published as version {version}; it holds within a minute."
    yield from (f"  added    {name}" for name in change.added)
    yield from (f"  changed  {name}" for name in change.changed)
    yield from (
        f"  removed  {name}: nobody is let in, its accepted tasks go on to their end" for name in change.removed
    )


def show(store: DynamoTenants) -> str:
    """What is published: a file that may be edited and published again. Raises PlatformError."""
    document = store.get()
    if document is None:
        return Tenants().to_text()
    try:
        return json.dumps(json.loads(document.text), indent=2)
    except ValueError:
        return document.text


def unknown_routes(tenants: Tenants, known: set[str]) -> list[str]:
    """Routes that the file names and no handler here declares; they may be deployed from somewhere else."""
    named = {route for policy in tenants.policies.values() for route in policy.routes or ()}
    limited = {limit.route for policy in tenants.policies.values() for limit in policy.rate_limits}
    return sorted((named | limited) - known - {ANY_ROUTE})


def _warn_of_routes(text: str) -> None:
    try:
        known = set(build(handler_folders(ROOT, [SHIPPED_FOLDER], os.environ), ROOT).routes)
    except ManifestError as error:
        print(f"workerflow: routes were not compared, for handlers here have faults: {error}", file=sys.stderr)
        return
    for route in unknown_routes(read_tenants(text), known):
        print(f"workerflow: no handler here declares the route {route}; is it spelt right?", file=sys.stderr)


def main(arguments: list[str]) -> int:
    """Run one of the commands; what goes wrong is said in sentences."""
    given = _parser().parse_args(arguments)
    try:
        if given.action == "show":
            print(show(store_of(_client("dynamodb", given.env), given.env)))
            return 0
        text = Path(given.file).read_text(encoding="utf-8")
        read_tenants(text)
        _warn_of_routes(text)
        if given.action == "check":
            print(f"{given.file} can be published.")
            return 0
        store, actor = store_of(_client("dynamodb", given.env), given.env), _actor(given.env)
        print(publish(store, text, actor=actor, reason=given.reason, force=given.force))
    except TenantsError as error:
        print("\n".join(f"workerflow: {given.file}: {fault}" for fault in error.faults), file=sys.stderr)
        return 1
    except (*_SAID, NotPublishedError) as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.tenants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    environment, file = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    environment.add_argument("--env", required=True, choices=ENVIRONMENTS)
    file.add_argument("--file", required=True)
    actions.add_parser("show", parents=[environment])
    actions.add_parser("check", parents=[file])
    publishing = actions.add_parser("publish", parents=[environment, file])
    publishing.add_argument("--reason", default="")
    publishing.add_argument("--force", action="store_true", help="replace a published file that cannot be read")
    return parser


def _client(service: str, environment: str) -> Any:  # noqa: ANN401
    return client_here(service) if environment == "local" else boto3.client(service)  # type: ignore[call-overload]


def _actor(environment: str) -> str:
    """Who the shell's AWS credentials are, for the audit row."""
    arn: str = _client("sts", environment).get_caller_identity()["Arn"]
    return arn


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
