"""The dashboard as it is deployed, on moto: the real handler, wiring and adapters, real events, real tokens."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from functions.dashboard import handler, wiring
from tests.integration.dashboard_seeds import Seeds
from tests.support.access import KEYS
from tests.support.aws import BUCKET, AwsWorld, aws_world, physical
from tests.support.dashboard_document import require_documented
from tests.support.quick_moto import answer_directly
from tests.support.tasks import a_manifest, a_route, a_schedule
from workerflow.adapters.access_keys import KEY_SECRET
from workerflow.adapters.dynamodb.access import DynamoTokens
from workerflow.domain.access import Scope, Token
from workerflow.domain.access_keys import master_text
from workerflow.domain.audit import AuditEvent
from workerflow.domain.source import Source
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.stores import Written
from workerflow.ports.tenants import TenantsDocument
from workerflow.tables import AUDIT_EVENTS, OPERATIONS, TABLES, setting_name

if TYPE_CHECKING:
    import pytest

MASTER = bytes(range(32))
HOST = "a1b2c3d4e5.lambda-url.us-east-1.on.aws"
SECRET_PREFIX = "workerflow/dev/"
DAY_MS = 24 * 3600 * 1000
SOURCES: tuple[Source, ...] = (
    a_route("webhook_echo", description="Answers with what it was sent.", secrets=("api-key",)),
    a_route("order_created", schema={"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}),
    a_route("payload_hash", mode="sync"),
    a_route("switched_off", enabled=False, disabled_reason="replaced by webhook_echo"),
    a_schedule("report", tenants=("*",)),
    a_schedule("nightly", cron="30 2 * * *", zone="Europe/Berlin"),
)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells of an invocation."""

    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as a client sees it: the body is not compressed any more."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

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
class DashboardWorld:
    """Everything around the dashboard.

    Attributes:
        seeds: puts tasks, runs, letters and so on into the tables.
        lock: moto takes one call at a time.
    """

    aws: AwsWorld
    seeds: Seeds
    source_ip: str = "203.0.113.7"
    lock: Lock = field(default_factory=Lock)

    # Who asks.

    def token(self, scope: str = "write", tenant: str | None = None, *, name: str = "ada", **changes: Any) -> str:
        """Make a token; its text, as its holder shows it."""
        number = next(_numbers)
        token_id = "".join("abcdefghijklmnopqrstuvwxyz234567"[number // 32**place % 32] for place in range(12))
        secret = base64.urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")
        now_ms = self.now_ms()
        fields = {"created_at_ms": now_ms, "expires_at_ms": now_ms + 90 * DAY_MS} | changes
        digest = KEYS.token_digest(token_id, secret)
        token = Token(token_id=token_id, name=name, scope=Scope(scope), tenant=tenant, digest=digest, **fields)
        audit = AuditEvent(tenant or "default", now_ms, f"{number:016x}", "ops", "token.created", f"token:{token_id}")
        assert self.tokens().add_token(token, audit) == Written()
        return f"wfd_{token_id}_{secret}"

    def revoke(self, text: str) -> None:
        """Revoke a token."""
        token = self.tokens().get_token(text.split("_")[1])
        assert token is not None
        now_ms = self.now_ms()
        changed = Token(**{name: getattr(token, name) for name in Token.__slots__} | {"revoked_at_ms": now_ms})
        audit = AuditEvent("default", now_ms, f"{next(_numbers):016x}", "ops", "token.revoked", token.token_id)
        assert self.tokens().revoke_token(changed, audit) == Written()

    def tokens(self) -> DynamoTokens:
        """Where tokens are kept."""
        database = wiring.dashboard().database
        return DynamoTokens(database, operations=physical(OPERATIONS), audit=physical(AUDIT_EVENTS))

    # What is asked.

    def send(self, event: object) -> Answer:
        """Hand an event to the handler. What the API answers must be in the OpenAPI document."""
        with self.lock:
            answer = handler.lambda_handler(event, Context())  # type: ignore[arg-type]
        json.dumps(answer)  # as the platform would
        found = _answer(answer)
        if isinstance(event, dict) and "requestContext" in event and str(event.get("rawPath")).startswith("/api/"):
            http = event["requestContext"]["http"]
            require_documented(http["method"], http["path"], found.status, found.headers, found.body)
        return found

    def event(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        cookies: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The event that a function URL makes of a request."""
        return function_url_event(
            method, path, body, {"host": HOST} | dict(headers or {}), query, cookies, self.source_ip
        )

    def api(
        self, method: str, target: str, body: Any = None, *, token: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A call of the API with a bearer token.

        Args:
            method: of HTTP.
            target: path, and a query if there is one.
            body: a value to send as JSON, or bytes to send as they are; None sends none.
            token: its text.
            headers: that win over those that a client sends by itself; an order gets a new key if it has none.
        """
        path, _, query = target.partition("?")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {token}", "accept-encoding": "gzip"} | dict(headers or {})
        if method == "POST":
            sent = {"content-type": "application/json", "idempotency-key": f"key-{next(_numbers)}"} | sent
        return self.send(self.event(method, path, raw, sent, query=query))

    def get(self, target: str, *, token: str, **options: Any) -> Answer:
        """GET with a bearer token."""
        return self.api("GET", target, token=token, **options)

    def post(self, target: str, body: Any = None, *, token: str, **options: Any) -> Answer:
        """POST with a bearer token, and a key."""
        return self.api("POST", target, {} if body is None else body, token=token, **options)

    def browser(self, token: str | None = None) -> Browser:
        """A browser without cookies, or one that is signed in with a token."""
        browser = Browser(self)
        if token is not None:
            answer = browser.submit("/sign-in", {"token": token})
            assert answer.status == 303, answer.text
        return browser

    # What is around.

    def now_ms(self) -> int:
        """What the clock says."""
        return time.time_ns() // 1_000_000

    def declare(self, *names: str, **policies: TenantPolicy) -> None:
        """Publish tenants beside `default`, and begin with a new container."""
        tenants = Tenants.of({**{name: TenantPolicy() for name in names}, **policies})
        document = TenantsDocument(tenants.to_text(), version=1, nonce="n" * 16)
        audit = AuditEvent("default", self.now_ms(), "n" * 16, "ops", "tenants.published", "tenants")
        assert self.aws.tenants.publish(document, audit) == Written()
        wiring.dashboard.cache_clear()


@dataclass
class Browser:
    """Keeps cookies and sends what a browser sends by itself; follows no redirect."""

    world: DashboardWorld
    jar: dict[str, str] = field(default_factory=dict)

    def open(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a page."""
        return self._send("GET", target, b"", dict(headers or {}))

    def submit(self, target: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST a form from a page of the same origin."""
        sent = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return self._send("POST", target, form_body(fields), sent | dict(headers or {}))

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        path, _, query = target.partition("?")
        cookies = tuple(f"{name}={value}" for name, value in self.jar.items())
        sent = {"accept": "text/html", "accept-encoding": "gzip, deflate, br"} | headers
        answer = self.world.send(self.world.event(method, path, body, sent, query=query, cookies=cookies))
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.jar[name] = value
            if not value:
                del self.jar[name]
        return answer


def form_body(fields: Mapping[str, str]) -> bytes:
    """Fields as a form sends them."""
    return urlencode(fields).encode()


def function_url_event(
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    query: str,
    cookies: tuple[str, ...],
    source_ip: str,
) -> dict[str, Any]:
    """Payload format 2.0: text bodies as they are, others in base64, cookies apart from the headers."""
    kind = headers.get("content-type", "")
    is_text = not body or kind.startswith("text/") or kind.partition(";")[0] == "application/json"
    try:
        text = body.decode() if is_text else base64.b64encode(body).decode()
    except UnicodeDecodeError:
        is_text, text = False, base64.b64encode(body).decode()
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers),
        "requestContext": {
            "accountId": "anonymous",
            "domainName": headers.get("host", HOST),
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source_ip},
            "requestId": "5a7d1f0c-0000-4000-8000-000000000000",
            "stage": "$default",
        },
        "body": text,
        "isBase64Encoded": not is_text,
    }
    return event | ({"cookies": list(cookies)} if cookies else {})


def _answer(answer: Mapping[str, Any]) -> Answer:
    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    if answer["headers"].get("content-encoding") == "gzip" and body:
        body = gzip.decompress(body)
    return Answer(answer["statusCode"], answer["headers"], body, tuple(answer.get("cookies", ())))


@contextmanager
def dashboard_world(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    sources: tuple[Source, ...] = SOURCES,
    environment: str = "dev",
    quick: bool = False,
) -> Iterator[DashboardWorld]:
    """The dashboard with everything around it; its logs go to the standard output of the moment.

    Args:
        monkeypatch: pytest's.
        folder: for files.
        sources: what the manifest has.
        environment: dev, prod or local.
        quick: moto is asked without its detours; for one thread alone.
    """
    manifest = a_manifest(*sources)
    (folder / "manifest.json").write_text(manifest.to_json())
    with aws_world() as aws:
        aws.clients.secrets().create_secret(Name=f"{SECRET_PREFIX}{KEY_SECRET}", SecretString=master_text(MASTER))
        monkeypatch.setattr(wiring, "MANIFEST", folder / "manifest.json")
        monkeypatch.setattr(wiring, "Clients", lambda: aws.clients)
        for name, value in _environment(aws, environment).items():
            monkeypatch.setenv(name, value)
        wiring.dashboard.cache_clear()
        if quick:
            answer_directly(aws.line)
        yield DashboardWorld(aws, Seeds(aws, manifest))
        wiring.dashboard.cache_clear()


def _environment(aws: AwsWorld, environment: str) -> dict[str, str]:
    tables = {setting_name(table): physical(table) for table in TABLES}
    return tables | {
        "ENVIRONMENT": environment,
        "POWERTOOLS_SERVICE_NAME": f"dashboard-{next(_numbers)}",  # a logger keeps the stream of its first use
        "POWERTOOLS_METRICS_NAMESPACE": "WorkerFlow",
        "LOG_LEVEL": "INFO",
        "API_URL": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
        "AWS_REGION": "us-east-1",
        "QUEUE_URL": aws.queue_url,
        "PAYLOAD_BUCKET": BUCKET,
        "SECRET_PREFIX": SECRET_PREFIX,
        "RETENTION_DAYS": "30",
        "DEADLINE_HOURS": "24",
    }
