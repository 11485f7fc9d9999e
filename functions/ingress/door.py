"""The order in which a request is looked at. docs/errors.md has it as a table; the order is part of the contract.

    path and method -> header syntax -> tenant -> body size -> query of a signed call
      -> credentials                                (limit of failures, then comparison)
      -> the run, or the OpenAPI document, or
      -> the tenant's policy: body size, route -> sufficient proof -> key -> the tenant's rate
      -> enablement -> JSON -> a sender's handshake, or the event that it names -> schema
      -> acceptance -> 202, or the sync answer

What is cheap and tells nothing comes first; what would tell something (does this route exist?) comes after the
credentials; nothing is written before the last check has passed but the count of the call where a limit is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from functions.ingress.answers import PAUSED_RETRY_SECONDS, answered, run_document, taken
from functions.ingress.authentication import Authenticate
from functions.ingress.call_headers import CallHeaders, presented_by, read_call_headers, tenant_of
from functions.ingress.call_so_far import CallSoFar
from functions.ingress.paths import CallPath, HealthPath, OpenApiPath, RunPath, match_path
from functions.ingress.sender_calls import handshake_response
from workerflow.domain.credentials import Proof
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.json_body import MAX_BODY_BYTES, parse_body
from workerflow.domain.manifest import Manifest
from workerflow.domain.refusals import (
    BodyTooLargeError,
    KeyRequiredError,
    KeyReusedError,
    OutcomeUnknownError,
    PayloadInvalidError,
    QueryNotAllowedError,
    RouteDisabledError,
    RouteNotFoundError,
    RoutePausedError,
    RunNotFoundError,
)
from workerflow.domain.route import Route
from workerflow.domain.sender_call import event_key
from workerflow.domain.task import Acceptance
from workerflow.domain.tenants import UNLIMITED, TenantPolicy, Tenants
from workerflow.ports.world import Ids, PayloadFault
from workerflow.runtime.http import JSON, Request, Response
from workerflow.services.accept_task import AcceptTask, KeyReused, TaskDraft
from workerflow.services.answer_sync import AnswerSync, SyncAnswer
from workerflow.services.enablement import CheckEnablement
from workerflow.services.read_run import ReadRun

if TYPE_CHECKING:
    from functions.ingress.rate import RequireRate

MAX_FAULTS_LISTED = 50
MAX_CONTENT_TYPE_CHARACTERS = 255
TRACE_HEADER = "x-trace-id"
TRACEPARENT_HEADER = "traceparent"


class Schemas(Protocol):
    """Checks documents against their route's schema."""

    def faults_of(self, route: Route, document: Any, *, size: int) -> Sequence[PayloadFault]:  # noqa: ANN401 - JSON
        """All violations, a bounded number; empty if the document is valid."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, proven, and what the tenant may do."""

    tenant: str
    proof: Proof
    policy: TenantPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Answers requests.

    Attributes:
        tenants: those that are declared now; costs no read.
        require_rate: makes what counts calls, when the first one is to be counted.
        environment: what the health check tells.
    """

    tenants: Callable[[], Tenants]
    authenticate: Authenticate
    manifest: Manifest
    require_rate: Callable[[], RequireRate]
    enablement: CheckEnablement
    schemas: Schemas
    accept: AcceptTask
    answer_sync: AnswerSync
    read_run: ReadRun
    ids: Ids
    environment: str

    def answer(self, request: Request, so_far: CallSoFar, *, wait_seconds: Callable[[], float]) -> Response:
        """Answer one request.

        Args:
            request: as it came.
            so_far: is told what becomes known of it, also when it is refused.
            wait_seconds: how long a sync task may be waited for, asked at the moment when the wait begins.

        Raises:
            RefusedError: the request is refused; the class tells why.
            StoreUnavailableError: unknown what became of it; the caller asks again with the same key.
        """
        path = match_path(request.method, request.path)
        if isinstance(path, HealthPath):
            return Response.document(200, {"status": "ok", "environment": self.environment})
        headers = read_call_headers(request.headers)
        caller = self._caller(request, so_far, headers, path)
        if isinstance(path, RunPath):
            return self._tell_run(caller, path)
        if isinstance(path, OpenApiPath):
            return self._tell_api(caller)
        route = self._route(request, caller, path)
        self._require_key(headers, caller)
        if caller.policy.rate_limits:
            self.require_rate()(request, so_far, tenant=caller.tenant, policy=caller.policy, route=route.name)
        return self._take(request, headers, caller, route, wait_seconds)

    def _caller(
        self, request: Request, so_far: CallSoFar, headers: CallHeaders, path: OpenApiPath | RunPath | CallPath
    ) -> Caller:
        tenant = tenant_of(headers, path.tenant if isinstance(path, CallPath) else None)
        policy = self.tenants().policy_of(tenant)
        so_far.headers_read, so_far.tenant_named = headers, tenant
        so_far.tenant = None if policy is None else tenant
        if len(request.body) > MAX_BODY_BYTES:
            raise BodyTooLargeError(f"at most {MAX_BODY_BYTES} bytes")
        if headers.is_signed and request.query:
            raise QueryNotAllowedError("put everything into the body")
        presented = presented_by(request, headers, tenant, path.route if isinstance(path, CallPath) else "")
        proof = self.authenticate(
            presented, tenant=tenant, exists=policy is not None, source_address=request.source_address
        )
        return Caller(tenant, proof, policy or UNLIMITED)

    def _tell_run(self, caller: Caller, path: RunPath) -> Response:
        view = self.read_run(caller.tenant, path.trace_id)
        if view is None:
            raise RunNotFoundError
        return Response.document(200, run_document(view), {TRACE_HEADER: view.run.trace_id})

    def _tell_api(self, caller: Caller) -> Response:
        from functions.ingress.openapi import openapi_document  # noqa: PLC0415 - no cold start of a call pays for it

        return Response.document(200, openapi_document(self.manifest, routes=caller.policy.routes))

    def _route(self, request: Request, caller: Caller, path: CallPath) -> Route:
        """The route that is called, if the tenant may call it: one that it may not is not there for it."""
        if len(request.body) > caller.policy.max_body_bytes:
            raise BodyTooLargeError(f"at most {caller.policy.max_body_bytes} bytes")
        allowed = caller.policy.routes
        route = self.manifest.routes.get(path.route) if allowed is None or path.route in allowed else None
        if route is None:
            raise RouteNotFoundError(f"no deployed handler declares the route `{path.route}`")
        caller.proof.require(route.authentication)
        return route

    def _take(
        self, request: Request, headers: CallHeaders, caller: Caller, route: Route, wait_seconds: Callable[[], float]
    ) -> Response:
        self._require_enabled(caller, route)
        document = parse_body(request.body)
        sender = caller.proof.sender
        handshake = None if sender is None else handshake_response(sender, document)
        if handshake is not None:
            return handshake
        draft = self._draft(request, caller, route, self._key(headers, caller, document))
        self._require_valid(route, document, size=len(request.body))
        response = self._accept(draft, wait_seconds, names_event=sender is not None)
        return response.with_headers(_traced(request))

    def _require_key(self, headers: CallHeaders, caller: Caller) -> None:
        if caller.proof.by_signature and headers.key is None:
            raise KeyRequiredError("send `Idempotency-Key`, and sign it")

    def _key(self, headers: CallHeaders, caller: Caller, document: Any) -> str:  # noqa: ANN401 - JSON
        """The caller's key, or the event of a sender's call, whatever its headers say.

        A call that only a token proves may leave it out, and is then a new task every time.
        """
        if caller.proof.sender_call is not None:
            return event_key(caller.proof.sender_call, document)
        return headers.key or f"minted-{self.ids.nonce()}{self.ids.nonce()}"

    def _draft(self, request: Request, caller: Caller, route: Route, key: str) -> TaskDraft:
        return TaskDraft(
            tenant=caller.tenant,
            source=route.source,
            kind="http_route",
            mode=route.mode,
            scope=route.source,
            key=key,
            body=request.body,
            content_type=_content_type(request),
            traceparent=request.traceparent,
        )

    def _require_enabled(self, caller: Caller, route: Route) -> None:
        state = self.enablement(caller.tenant, route.source)
        if state is Enablement.DISABLED:
            raise RouteDisabledError("" if route.enabled else route.disabled_reason)
        if state is Enablement.PAUSED and route.mode == "sync":
            raise RoutePausedError("repeat the call later", headers={"retry-after": str(PAUSED_RETRY_SECONDS)})

    def _require_valid(self, route: Route, document: Any, *, size: int) -> None:  # noqa: ANN401 - JSON
        faults = self.schemas.faults_of(route, document, size=size)
        if faults:
            listed = [{"pointer": fault.pointer, "message": fault.message} for fault in faults[:MAX_FAULTS_LISTED]]
            raise PayloadInvalidError(listed, more=len(faults) >= MAX_FAULTS_LISTED)

    def _accept(self, draft: TaskDraft, wait_seconds: Callable[[], float], *, names_event: bool) -> Response:
        """Take the task. An event that its sender tells of again, in other words, is the task that it became first."""
        outcome = self.accept(draft)
        acceptance = outcome.acceptance
        if isinstance(outcome, KeyReused) and not names_event:
            raise KeyReusedError("another body needs another key", trace_id=acceptance.trace_id)
        duplicate = isinstance(outcome, KeyReused) or outcome.duplicate
        if acceptance.mode == "async":  # as it was taken: a deploy may have changed the route since
            response = taken(acceptance, duplicate=duplicate)
        else:
            answer = self._wait_for(acceptance, wait_seconds())
            response = answered(acceptance, answer, duplicate=duplicate)
        return response.with_headers({TRACE_HEADER: acceptance.trace_id})

    def _wait_for(self, acceptance: Acceptance, wait_seconds: float) -> SyncAnswer:
        try:
            return self.answer_sync(acceptance, wait_seconds=wait_seconds)
        except StoreUnavailableError as error:
            raise OutcomeUnknownError(
                "repeat the call with the same key", headers={"retry-after": "2"}, trace_id=acceptance.trace_id
            ) from error


def _content_type(request: Request) -> str:
    """As the caller named it, for the handler to see; it decides nothing, for every payload is JSON."""
    value = request.headers.get("content-type", JSON)
    return value if value.isascii() and value.isprintable() and len(value) <= MAX_CONTENT_TYPE_CHARACTERS else JSON


def _traced(request: Request) -> dict[str, str]:
    return {TRACEPARENT_HEADER: request.traceparent} if request.traceparent else {}
