"""Ingress as it is deployed, on moto: the real handler, loader, wiring and adapters, real events, real signatures."""

from __future__ import annotations

import base64
import io
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from moto import mock_aws

from functions.ingress import handler, wiring
from tests.support.api_document import require_documented
from tests.support.aws import BUCKET, physical, table_request
from tests.support.senders import SECRETS
from tests.support.tasks import a_route
from workerflow.adapters.clients import Clients
from workerflow.adapters.dynamodb.attributes import pack
from workerflow.adapters.dynamodb.items import tenants as tenants_codec
from workerflow.domain.manifest import Manifest
from workerflow.domain.outcome import Execution
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SignedCall, sign
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.tables import CURSOR_STATE, REFUSED_CALLS, TABLES, Table, setting_name

if TYPE_CHECKING:
    import pytest

EVENT = json.loads((Path(__file__).parents[1] / "events" / "http_api_post.json").read_text())
TOKEN = "token-0123456789abcdef"
SIGNING_SECRET = "signing-0123456789abcdef"
SENDER_ROUTES = {name: f"from_{name.replace('-', '_')}" for name in SENDERS}
CREDENTIALS: dict[str, Any] = {
    "token": {"current": TOKEN},
    "signing": {"current": SIGNING_SECRET},
    "senders": {route: {"current": SECRETS[name]} for name, route in SENDER_ROUTES.items()},
}
SECRET_NAME = "workerflow/dev/default/ingress"
ROUTES = (
    a_route("webhook_echo"),
    a_route("order_created", schema={"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}),
    a_route("payload_hash", mode="sync"),
    a_route("only_signed", authentication="signature"),
    a_route("only_token", authentication="token"),
    a_route("switched_off", enabled=False, disabled_reason="replaced by webhook_echo"),
    *(a_route(route, authentication=name) for name, route in SENDER_ROUTES.items()),
)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells of an invocation."""

    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    remaining_ms: int = 29_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        """The problem's code; the answer must be a problem through and through."""
        problem = self.document
        assert self.headers["content-type"] == "application/problem+json"
        assert problem["status"] == self.status
        assert problem["title"]
        assert problem["requestId"]
        return str(problem["code"])


@dataclass
class IngressWorld:
    """Everything around ingress. Every answer must be one that the OpenAPI document tells of.

    Attributes:
        execute: what an invocation of `workflow` answers, by the event that it gets.
        invocations: the events that `workflow` got.
        refuse: names of AWS operations that fail, `PutItem` for one.
        deployed: the manifests that answered so far.
    """

    execute: Callable[[dict[str, Any]], Execution | bytes | None] = lambda _event: None
    invocations: list[dict[str, Any]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    source_ip: str = "203.0.113.7"
    queue_url: str = ""
    deployed: list[Manifest] = field(default_factory=list)

    def send(self, event: object, context: Context | None = None) -> Answer:
        """Hand an event to the handler."""
        answer = handler.lambda_handler(event, context or Context())  # type: ignore[arg-type]
        body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        json.dumps(answer)  # as the platform would
        found = Answer(answer["statusCode"], answer["headers"], body)
        if isinstance(event, dict) and "rawPath" in event:
            self._require_documented(event, found)
        return found

    def _require_documented(self, event: dict[str, Any], answer: Answer) -> None:
        """By this deployment's OpenAPI document or an earlier one's: a task is answered as it was taken."""
        manifest = wiring.ingress().door.manifest
        if manifest not in self.deployed:
            self.deployed.append(manifest)
        http = event["requestContext"]["http"]
        require_documented(self.deployed, http["method"], http["path"], answer.status, answer.headers, answer.body)

    def event(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        in_base64: bool = False,
    ) -> dict[str, Any]:
        """The event that API Gateway makes of a request."""
        http = EVENT["requestContext"]["http"] | {"method": method, "path": path, "sourceIp": self.source_ip}
        text = base64.b64encode(body).decode() if in_base64 else body.decode()
        return {
            **EVENT,
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": "application/json", "host": "example.org"} | dict(headers or {}),
            "requestContext": EVENT["requestContext"] | {"http": http},
            "body": text,
            "isBase64Encoded": in_base64,
        }

    def with_token(
        self, path: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """POST with the bearer token."""
        sent = {"authorization": f"Bearer {TOKEN}"} | dict(headers or {})
        return self.send(self.event("POST", path, body, sent, **options))

    def signed(
        self,
        path: str,
        body: bytes = b"{}",
        *,
        key: str | None = "order-4711",
        secret: str = SIGNING_SECRET,
        age_seconds: int = 0,
        changes: Mapping[str, str] | None = None,
        method: str = "POST",
        **options: Any,
    ) -> Answer:
        """A signed request; `changes` replaces headers after they were signed."""
        timestamp = str(int(time.time()) - age_seconds)
        tenant = dict(changes or {}).get("x-tenant-id", "default")
        call = SignedCall(timestamp, method, path, options.get("query", ""), tenant, key or "", body)
        headers = {"x-signature": sign(secret, call), "x-signature-timestamp": timestamp}
        if key is not None:
            headers["idempotency-key"] = key
        return self.send(self.event(method, path, body, headers | dict(changes or {}), **options))

    def run(self, trace_id: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET the run with the bearer token."""
        sent = {"authorization": f"Bearer {TOKEN}"} | dict(headers or {})
        return self.send(self.event("GET", f"/api/runs/{trace_id}", headers=sent))

    def declare(self, **policies: TenantPolicy) -> None:
        """Publish these tenants, give those but `default` a token each (`token_of`), and begin with a new container."""
        document = TenantsDocument(Tenants.of(policies).to_text(), version=1, nonce="n")
        item = pack(tenants_codec.to_item(document))
        clients().dynamodb().put_item(TableName=physical(CURSOR_STATE), Item=item)
        for name in policies.keys() - {"default"}:
            secret = json.dumps({"token": {"current": token_of(name)}})
            clients().secrets().create_secret(Name=f"workerflow/dev/{name}/ingress", SecretString=secret)
        wiring.ingress.cache_clear()

    def spoil_tenants(self) -> None:
        """Publish what nobody can read, and begin with a new container."""
        item = pack(tenants_codec.to_item(TenantsDocument("{", version=2, nonce="n")))
        clients().dynamodb().put_item(TableName=physical(CURSOR_STATE), Item=item)
        wiring.ingress.cache_clear()

    def as_tenant(
        self, tenant: str, path: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST with the token of a declared tenant, which is named by header."""
        return self.send(self.event("POST", path, body, credentials_of(tenant) | dict(headers or {})))

    def items(self, name: str) -> list[dict[str, Any]]:
        """All items of a table, by its logical name."""
        table = next(table for table in TABLES if table.name == name)
        return list(clients().dynamodb().scan(TableName=physical(table))["Items"])

    def messages(self) -> list[str]:
        """What stands in the queue."""
        found = clients().sqs().receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in found.get("Messages", [])]

    def objects(self) -> list[str]:
        """Keys of the objects in the bucket."""
        return [one["Key"] for one in clients().s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def nothing_was_written(self) -> bool:
        """Whether no table, bucket or queue holds anything, but for the records of what was refused."""
        return self.nothing_was_written_beside(REFUSED_CALLS)

    def nothing_was_written_since_declared(self) -> bool:
        """The same, once tenants were declared."""
        return self.nothing_was_written_beside(REFUSED_CALLS, CURSOR_STATE)

    def nothing_was_written_beside(self, *others: Table) -> bool:
        """Whether no other table, bucket or queue holds anything."""
        tables = [table for table in TABLES if table not in others]
        return not (any(self.items(table.name) for table in tables) or self.messages() or self.objects())

    def invoked(self, event: dict[str, Any]) -> Execution | bytes:
        """`workflow` was invoked."""
        self.invocations.append(event)
        answer = self.execute(event)
        assert answer is not None, "this test expected no invocation"
        return answer


def token_of(tenant: str) -> str:
    """The bearer token of a tenant that was declared."""
    return TOKEN if tenant == "default" else f"token-of-{tenant}-0123456789"


def credentials_of(tenant: str) -> dict[str, str]:
    """Headers of a call of a tenant."""
    return {"authorization": f"Bearer {token_of(tenant)}", "x-tenant-id": tenant}


@dataclass(frozen=True, slots=True)
class _Http:
    status_code: int


class HookedClients(Clients):
    """The real clients, each under the control of the world of the moment. Made once: that costs more than a test."""

    def __init__(self) -> None:
        super().__init__()
        self.world = IngressWorld()

    @override
    def _once(self, service: str, variant: int, config: Callable[[], Any]) -> Any:
        is_new = (service, variant) not in self._made
        client = super()._once(service, variant, config)
        if is_new:
            self._hook(client)
        return client

    def _hook(self, client: Any) -> None:
        def before_call(model: Any, **_: Any) -> Any:
            if model.name in self.world.refuse:
                error = {"Code": "ThrottlingException", "Message": "refused by the test"}
                return _Http(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
            return None

        def invoke(params: Any, **_: Any) -> Any:
            answer = self.world.invoked(json.loads(params["body"]))
            if isinstance(answer, bytes):
                return _Http(200), {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(answer)}
            return _Http(200), {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer.to_json()).encode())}

        client.meta.events.register_first("before-call.*.*", before_call)
        client.meta.events.register_first("before-call.lambda.Invoke", invoke)


@cache
def clients() -> HookedClients:
    """This process's clients."""
    return HookedClients()


@contextmanager
def ingress_world(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[IngressWorld]:
    """Ingress with everything around it; its logs go to the standard output of the moment."""
    clients().world = world = IngressWorld()
    with mock_aws():
        for table in TABLES:
            clients().dynamodb().create_table(**table_request(table))
        world.queue_url = clients().sqs().create_queue(QueueName="workerflow-test-tasks")["QueueUrl"]
        clients().s3().create_bucket(Bucket=BUCKET)
        clients().secrets().create_secret(Name=SECRET_NAME, SecretString=json.dumps(CREDENTIALS))
        (folder / "manifest.json").write_text(Manifest.build(ROUTES).to_json())
        monkeypatch.setattr(wiring, "MANIFEST", folder / "manifest.json")
        monkeypatch.setattr(wiring, "Clients", clients)
        for name, value in _environment(world.queue_url).items():
            monkeypatch.setenv(name, value)
        wiring.ingress.cache_clear()
        yield world
        wiring.ingress.cache_clear()


def _environment(queue_url: str) -> dict[str, str]:
    tables = {setting_name(table): physical(table) for table in TABLES}
    return tables | {
        "ENVIRONMENT": "dev",
        "POWERTOOLS_SERVICE_NAME": f"ingress-{next(_numbers)}",  # a logger keeps the stream of its first use
        "POWERTOOLS_METRICS_NAMESPACE": "WorkerFlow",
        "LOG_LEVEL": "INFO",
        "QUEUE_URL": queue_url,
        "PAYLOAD_BUCKET": BUCKET,
        "WORKFLOW_FUNCTION": "workerflow-dev-workflow",
        "SECRET_PREFIX": "workerflow/dev/",
        "RETENTION_DAYS": "30",
        "DEADLINE_HOURS": "24",
    }
