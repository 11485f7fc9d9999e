"""The tenants of these tests: their published file and secrets, and calls in their names."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.e2e.calls import ENDED, eventually
from tools.credentials import Credentials, keep_credentials, mint_credentials
from tools.credentials import publish as publish_credentials
from tools.local import Answer, LocalStack
from tools.sign import signed_headers
from tools.tenants import publish as publish_file
from tools.tenants import store_of

ACME, GLOBEX, CROWDED, LATECOMER = "acme", "globex", "crowded", "latecomer"
BODY_LIMIT = 4096
LIMIT, PER_SECONDS = 3, 600
CAP = 2
GREETINGS = {ACME: "a greeting of acme's", GLOBEX: "a greeting of globex's"}

FIRST_FILE: Mapping[str, Any] = {
    ACME: {
        "routes": ["e2e_tenanted", "e2e_greeting", "e2e_limited"],
        "maxBodyBytes": BODY_LIMIT,
        "rateLimits": [{"route": "e2e_limited", "requests": LIMIT, "seconds": PER_SECONDS}],
    },
    GLOBEX: {},
    CROWDED: {"maxInFlight": CAP},
}
SECOND_FILE: Mapping[str, Any] = {**FIRST_FILE, LATECOMER: {}}
"""Published while the stack is at work."""


def publish_tenants(stack: LocalStack, file: Mapping[str, Any]) -> str:
    """Publish a file as an operator does; nothing is deployed."""
    store = store_of(stack.client("dynamodb"), "local")
    return publish_file(store, json.dumps({"tenants": file}), actor="operator (e2e)", reason="new customers")


def let_in(stack: LocalStack, tenants: Mapping[str, Any]) -> None:
    """Give each tenant its credentials."""
    for tenant in tenants:
        publish_credentials(stack.client("secretsmanager"), "local", tenant, credentials_of(stack, tenant))


def tell_secret(stack: LocalStack, tenant: str, name: str, value: str) -> None:
    """Give a tenant's handlers a connector secret."""
    place = f"workerflow/local/{tenant}/handlers/{name}"
    stack.client("secretsmanager").create_secret(Name=place, SecretString=value)


def credentials_of(stack: LocalStack, tenant: str) -> Credentials:
    """A tenant's own, minted once for each stack."""
    return keep_credentials(stack.state / f"credentials-{tenant}.json", mint_credentials)


@dataclass(frozen=True, slots=True)
class TenantApi:
    """Calls in the name of one tenant. `folder` is where handlers leave their marks."""

    stack: LocalStack
    tenant: str
    folder: Path

    def post(
        self,
        route: str,
        *,
        key: str | None = None,
        named_by: Literal["header", "path"] = "header",
        headers: Mapping[str, str] | None = None,
        **payload: Any,
    ) -> Answer:
        """POST a signed call; `headers` replace those that it would have."""
        key = key or f"{route}-{uuid.uuid4().hex[:12]}"
        body = json.dumps({"marks": str(self.marks(key)), **payload}).encode()
        path = f"/api/{route}" if named_by == "header" else f"/api/t/{self.tenant}/{route}"
        signed = self.signed("POST", path, key=key, body=body)
        if named_by == "path":
            del signed["x-tenant-id"]
        sent = {"content-type": "application/json", **signed, **(headers or {})}
        return self.stack.send("POST", path, body=body, headers=sent)

    def start(self, route: str, **choices: Any) -> str:
        """POST to an async route, which takes it: the trace id."""
        answer = self.post(route, **choices)
        assert answer.status == 202, answer
        trace_id: str = answer.json()["traceId"]
        return trace_id

    def get_run(self, trace_id: str) -> Answer:
        """Ask for a run with the tenant's token."""
        return self.stack.send("GET", f"/api/runs/{trace_id}", headers=self.bearer())

    def ended(self, trace_id: str) -> dict[str, Any]:
        """The run, when it has ended."""
        run: dict[str, Any] = eventually(
            lambda: self.get_run(trace_id), lambda answer: answer.status == 200 and answer.json()["state"] in ENDED
        ).json()
        return run

    def bearer(self) -> dict[str, str]:
        """The tenant's token, and its name."""
        token = credentials_of(self.stack, self.tenant).token
        return {"authorization": f"Bearer {token}", "x-tenant-id": self.tenant}

    def signed(self, method: str, path: str, *, key: str, body: bytes) -> dict[str, str]:
        """The headers of a signed call."""
        secret = credentials_of(self.stack, self.tenant).signing
        return signed_headers(secret, method=method, path=path, key=key, body=body, tenant=self.tenant)

    def marks(self, key: str) -> Path:
        """Where the handler of a call with that key leaves its marks."""
        return self.folder / f"{self.tenant}-{key}"
