"""The audit trail: who did what to what, from where, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api.trail import as_told_to
from functions.dashboard.cursors import scope_of
from functions.dashboard.pages.audit_words import action_words, details_in_words, is_trace_id
from functions.dashboard.pages.parameters import WINDOW_NAMES, WINDOWS, window_of
from functions.dashboard.pages.rendering import page

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

PAGE = 50
_LIST = "showAudit"


def show(dashboard: Dashboard, call: Call) -> Response:
    """Audit events of the tenant, newest first."""
    window = window_of(call.query)
    from_ms = dashboard.clock.now_ms() - WINDOWS[window] if window else None
    scope = scope_of(_LIST, call.tenant, call.query)
    before = dashboard.cursors.open(call.query.get("cursor"), scope)
    found = dashboard.list_audit(call.tenant, from_ms=from_ms, until_ms=None, before=before, limit=PAGE)
    return page(
        dashboard,
        call,
        "audit.html",
        events=[as_told_to(call, one) for one in found.events],
        next_cursor=dashboard.cursors.seal(found.next_before, scope),
        is_first=before is None,
        window=window or "",
        windows=WINDOW_NAMES,
        action_words=action_words,
        details_in_words=details_in_words,
        is_trace_id=is_trace_id,
    )
