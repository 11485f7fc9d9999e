"""The calls to paste are run in a shell with an `aws` and a `curl` of our own, and checked as ingress checks them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from functions.dashboard.pages.sample_bodies import sample_body
from functions.dashboard.pages.sample_calls import sample_call
from functions.dashboard.pages.shell import Shell
from tests.support.callers import TOKEN
from workerflow.adapters.schema import JsonSchemas
from workerflow.domain.route import Authentication, Route
from workerflow.domain.sender_call import SenderCall, verify_sender
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SignatureVerdict, SignedCall, verify

API = Shell(environment="dev", api_url="https://api.invalid")
SIGNING = "s" * 64
SENDERS_SECRETS = dict.fromkeys(SENDERS, "whsec_c2VjcmV0IG9mIDI0IGJ5dGVzLCBtYWRl")
CREDENTIALS = {
    "token": {"current": TOKEN},
    "signing": {"current": SIGNING},
    "senders": {"hook": {"current": SENDERS_SECRETS["github"]}},
}
STANDING_IN = {
    "aws": f"#!/bin/sh\ncat <<'END'\n{json.dumps(CREDENTIALS)}\nEND\n",
    "curl": '#!/bin/sh\nfor one in "$@"; do printf "%s\\0" "$one"; done > "$SENT"\n',
}


@dataclass(frozen=True)
class Sent:
    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.url.removeprefix(API.api_url)


def route_of(authentication: Authentication, **fields: Any) -> Route:
    return Route(name="hook", module="m", function="f", mode="async", authentication=authentication, **fields)


def pasted(route: Route, tenant: str, folder: Path) -> Sent:
    for name, program in STANDING_IN.items():
        (folder / name).write_text(program)
        (folder / name).chmod(0o755)
    sent = folder / "sent"
    surroundings = {"PATH": f"{folder}:{os.environ['PATH']}", "SENT": str(sent)}
    subprocess.run(["sh", "-eu", "-c", sample_call(API, route, tenant)], env=surroundings, check=True)
    arguments = sent.read_text().split("\0")[:-1]
    headers = [arguments[at + 1] for at, one in enumerate(arguments) if one == "-H"]
    body = arguments[arguments.index("--data-binary") + 1]
    return Sent(arguments[1], body.encode(), dict(header.split(": ", 1) for header in headers))


@pytest.mark.slow  # each starts shells
@pytest.mark.parametrize("tenant", ["default", "acme"])
@pytest.mark.parametrize("authentication", ["any", "signature"])
def test_a_signed_call_is_one_that_ingress_takes(authentication: Authentication, tenant: str, tmp_path: Path) -> None:
    sent = pasted(route_of(authentication), tenant, tmp_path)
    call = SignedCall(
        timestamp=sent.headers["x-signature-timestamp"],
        method="POST",
        path=sent.path,
        query="",
        tenant=sent.headers.get("x-tenant-id", "default"),
        key=sent.headers["idempotency-key"],
        body=sent.body,
    )
    assert call.tenant == tenant
    assert verify([SIGNING], call, sent.headers["x-signature"], now_seconds=time.time()) is SignatureVerdict.VALID


def test_a_route_that_takes_tokens_alone_is_called_with_one(tmp_path: Path) -> None:
    sent = pasted(route_of("token"), "default", tmp_path)
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["idempotency-key"]


@pytest.mark.slow  # each starts shells
@pytest.mark.parametrize("tenant", ["default", "acme"])
@pytest.mark.parametrize("name", SENDERS)
def test_a_senders_call_is_one_that_ingress_takes(name: Authentication, tenant: str, tmp_path: Path) -> None:
    sent = pasted(route_of(name), tenant, tmp_path)
    assert sent.path == ("/api/hook" if tenant == "default" else "/api/t/acme/hook")
    call = SenderCall(SENDERS[name], "hook", sent.headers, sent.body)
    secrets = [SENDERS_SECRETS[name]]
    assert verify_sender(secrets, call, now_seconds=time.time()) is SignatureVerdict.VALID
    assert SENDERS[name].id_field is None or json.loads(sent.body)[SENDERS[name].id_field or ""]


def test_every_way_to_authenticate_has_a_call() -> None:
    assert set(get_args(Authentication)) == {"any", "signature", "token", *SENDERS}


def test_no_call_has_a_secret_in_it() -> None:
    script = sample_call(API, route_of("any"), "default")
    assert "get-secret-value --secret-id workerflow/dev/default/ingress" in script
    assert SIGNING not in script


def test_the_secret_is_looked_for_where_the_deployment_is() -> None:
    shell = Shell(environment="dev", region="eu-central-1")
    assert "aws secretsmanager get-secret-value --region eu-central-1 --secret-id" in sample_call(
        shell, route_of("any"), "default"
    )


def test_a_local_stacks_secret_is_read_by_its_own_command() -> None:
    shell = Shell(environment="local", api_url="http://a1b2.execute-api.localhost:4566", region="us-east-1")
    script = sample_call(shell, route_of("any"), "default")
    assert "SECRET=$(.venv/bin/python -m tools.credentials show --env local --tenant default |" in script
    assert "aws " not in script
    assert script.startswith("API=http://a1b2.execute-api.localhost:4566\n")


def test_an_address_that_is_not_known_is_a_gap_to_fill_in() -> None:
    gap = sample_call(Shell(environment="prod"), route_of("any"), "default").splitlines()[0]
    assert gap.startswith("API='https://...")
    assert "#" not in gap


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "required": ["order", "at"], "properties": {"at": {"type": "string", "format": "date-time"}}},
    {
        "type": "object",
        "required": ["amount", "lines", "currency", "who"],
        "properties": {
            "amount": {"type": "integer", "minimum": 5},
            "currency": {"enum": ["EUR", "USD"]},
            "who": {"type": "string", "minLength": 12},
            "lines": {"type": "array", "minItems": 2, "items": {"type": "number", "exclusiveMinimum": 0}},
        },
    },
    {"const": "ping"},
    {"type": ["null", "object"]},
    {"type": "array", "items": {"type": "boolean"}},
    {"type": "string", "maxLength": 2},
    {"examples": [{"quote": "it's"}]},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_payload_is_one_that_the_schema_takes(schema: dict[str, Any]) -> None:
    route = route_of("any", schema=schema)
    body = json.dumps(sample_body(route)).encode()
    assert JsonSchemas().faults(route, body) == []


def test_a_quote_in_the_payload_survives_the_shell(tmp_path: Path) -> None:
    sent = pasted(route_of("any", schema=SCHEMAS[-1]), "default", tmp_path)
    assert json.loads(sent.body) == {"quote": "it's"}


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: dict[str, Any] = {"type": "object", "required": ["next"]}
    schema["properties"] = {"next": schema}
    assert json.dumps(sample_body(route_of("any", schema=schema)))
