"""What was refused, and what was done by whom."""

from __future__ import annotations

from dataclasses import replace

from functions.dashboard.api import rules
from functions.dashboard.api.documents import Document, page, text_or_none
from functions.dashboard.api.parameters import cursor_at, limit_of, position_of, span_of, value_of
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.audit import TENANTS_PUBLISHED, AuditEvent
from workerflow.domain.dashboard_refusals import TenantForbiddenError
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.http import Response


def list_refused_calls(dashboard: Dashboard, call: Call) -> Response:
    """The last calls that ingress refused: in the tenant's name, or in the name of no tenant of ours."""
    tenant: str | None = call.tenant
    if value_of(call, "unknown", rules.ONLY_TRUE) is not None:
        require_all_tenants(call)
        tenant = None
    calls = [refused_call_document(one) for one in dashboard.read_refused_calls(tenant)]
    return Response.document(200, {"calls": calls})


def require_all_tenants(call: Call) -> None:
    """Refuse a token of one tenant: what is in nobody's name may be another tenant's mistake."""
    if call.caller.token.tenant is not None:
        raise TenantForbiddenError("calls in the name of no tenant are shown to tokens for all tenants")


def list_audit(dashboard: Dashboard, call: Call) -> Response:
    """A page of the audit trail, newest first."""
    from_ms, until_ms = span_of(call)
    found = dashboard.list_audit(
        call.tenant,
        from_ms=from_ms,
        until_ms=until_ms,
        before=position_of(dashboard, call),
        limit=limit_of(call),
    )
    events = [audit_document(as_told_to(call, one)) for one in found.events]
    return Response.document(200, page("events", events, cursor_at(dashboard, call, found.next_before)))


def as_told_to(call: Call, event: AuditEvent) -> AuditEvent:
    """The event; a token of one tenant is told that tenants were published, and not which, or why."""
    if event.action != TENANTS_PUBLISHED or call.caller.token.tenant is None:
        return event
    return replace(event, reason="", details={})


def audit_document(event: AuditEvent) -> Document:
    """Who did what to what."""
    return {
        "at": timestamp(event.at_ms),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "reason": text_or_none(event.reason),
        "details": dict(event.details),
        "address": text_or_none(event.address),
    }


def refused_call_document(call: RefusedCall) -> Document:
    """Enough to see why; no signature, no token, no body."""
    return {
        "at": timestamp(call.at_ms),
        "reason": call.reason,
        "status": call.status,
        "detail": text_or_none(call.detail),
        "requestId": call.request_id,
        "method": call.method,
        "path": call.path,
        "address": call.source_address,
        "headers": list(call.headers),
        "expected": dict(call.expected),
    }
