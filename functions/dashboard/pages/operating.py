"""The pages on which people operate, and the forms that they send, as endpoints."""

from __future__ import annotations

from functions.dashboard.endpoint import Endpoint
from workerflow.domain.access import Scope

FORM_BYTES = 16 * 1024
"""Of a form without a payload: its longest text has 1,000 characters, each at most 12 bytes as forms are encoded."""
EVENT_BYTES = 6 * 1024 * 1024
"""Of everything that Lambda hands over at once. Source: Lambda quotas, "Invocation payload", synchronous."""
_BESIDE_BYTES = 64 * 1024
"""Of an event without its body: headers, cookies, the request's context."""
REPLAY_FORM_BYTES = (EVENT_BYTES - _BESIDE_BYTES) // 4 * 3
"""Of a form with a payload, as browsers encode it, which may treble it: it comes in base64, 4 bytes for 3."""
EDITED_BYTES = REPLAY_FORM_BYTES - FORM_BYTES
"""Of its payload alone."""


def _view(template: str, name: str, answered_by: str, *query: str) -> Endpoint:
    return Endpoint(method="GET", template=template, name=name, answered_by=f"pages.{answered_by}", query=query)


def _form(template: str, name: str, answered_by: str, *, max_body_bytes: int = FORM_BYTES) -> Endpoint:
    return Endpoint(
        method="POST",
        template=template,
        name=name,
        answered_by=f"pages.{answered_by}",
        scope=Scope.WRITE,
        max_body_bytes=max_body_bytes,
    )


_VIEWS = (
    _view("/letters", "showLetters", "letters:show", "state", "class", "source", "window", "fingerprint", "cursor"),
    _view("/bulk-jobs", "showBulkJobs", "bulk_jobs:show_all", "cursor"),
    _view("/bulk-jobs/{jobId}", "showBulkJob", "bulk_jobs:show", "done"),
    _view("/schedules", "showSchedules", "schedules:show", "done"),
    _view("/routes", "showRoutes", "routes:show", "done"),
    _view("/refused-calls", "showRefusedCalls", "refused_calls:show", "reason", "unknown"),
    _view("/audit", "showAudit", "audit:show", "window", "cursor"),
    _view("/configuration", "showConfiguration", "configuration:show"),
)
_EDITOR = Endpoint(
    method="GET",
    template="/runs/{traceId}/replay",
    name="editReplay",
    answered_by="pages.run_orders:edit_replay",
    scope=Scope.WRITE,
)
_FORMS = (
    _form("/runs/{traceId}/replay", "submitReplay", "run_orders:replay", max_body_bytes=REPLAY_FORM_BYTES),
    _form("/runs/{traceId}/cancel", "submitCancel", "run_orders:cancel"),
    _form("/runs/{traceId}/retry", "submitRetry", "run_orders:retry"),
    _form("/letters/{traceId}/resolve", "submitResolve", "run_orders:resolve"),
    _form("/bulk-jobs", "submitBulkJob", "bulk_orders:count"),
    _form("/bulk-jobs/{jobId}/start", "submitStart", "bulk_orders:start"),
    _form("/bulk-jobs/{jobId}/abort", "submitAbort", "bulk_orders:abort"),
    _form("/schedules/{name}/run", "submitRunNow", "source_orders:run_now"),
    _form("/schedules/{name}/state", "submitScheduleSwitch", "source_orders:switch_schedule"),
    _form("/routes/{name}/state", "submitRouteSwitch", "source_orders:switch_route"),
)
OPERATING: tuple[Endpoint, ...] = (*_VIEWS, _EDITOR, *_FORMS)
