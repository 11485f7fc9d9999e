"""The API, endpoint by endpoint. The OpenAPI document, the docs and the tests are held against this table."""

from __future__ import annotations

from functions.dashboard.endpoint import Endpoint
from workerflow.domain.access import Scope
from workerflow.domain.json_body import MAX_BODY_BYTES

REPLAY_MAX_BYTES = MAX_BODY_BYTES + 64 * 1024
"""An edited payload may be as large as any payload; the rest of its order is small."""


def _read(template: str, name: str, answered_by: str, *query: str, of_tenant: bool = True) -> Endpoint:
    return Endpoint(
        method="GET", template=template, name=name, answered_by=answered_by, query=query, of_tenant=of_tenant
    )


def _write(template: str, name: str, function: str, *, max_body_bytes: int = 64 * 1024) -> Endpoint:
    return Endpoint(
        method="POST",
        template=template,
        name=name,
        answered_by=f"api.orders:{function}",
        scope=Scope.WRITE,
        max_body_bytes=max_body_bytes,
    )


READS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        template="/api/health",
        name="readHealth",
        answered_by="api.about:read_health",
        scope=None,
        of_tenant=False,
    ),
    _read("/api/openapi.json", "readApi", "api.about:read_api", of_tenant=False),
    _read("/api/session", "readSession", "api.about:read_session", of_tenant=False),
    _read("/api/summary", "readSummary", "api.counts:read_summary", "from", "until"),
    _read("/api/timeline", "readTimeline", "api.counts:read_timeline", "from", "until", "source"),
    _read(
        "/api/runs",
        "listRuns",
        "api.runs:list_runs",
        *("status", "source", "kind", "from", "until", "limit", "cursor"),
    ),
    _read("/api/runs/{traceId}", "readRun", "api.runs:read_run"),
    _read("/api/runs/{traceId}/payload", "readPayload", "api.runs:read_payload"),
    _read("/api/runs/{traceId}/output", "readOutput", "api.runs:read_output"),
    _read("/api/runs/{traceId}/lineage", "readLineage", "api.runs:read_lineage"),
    _read(
        "/api/letters",
        "listLetters",
        "api.letters:list_letters",
        *("class", "source", "fingerprint", "state", "from", "until", "limit", "cursor"),
    ),
    _read("/api/errors", "listErrors", "api.letters:list_errors"),
    _read("/api/routes", "listRoutes", "api.sources:list_routes"),
    _read("/api/schedules", "listSchedules", "api.sources:list_schedules", "nextFires"),
    _read("/api/refused-calls", "listRefusedCalls", "api.trail:list_refused_calls", "unknown"),
    _read("/api/audit", "listAudit", "api.trail:list_audit", "from", "until", "limit", "cursor"),
    _read("/api/configuration", "readConfiguration", "api.sources:read_configuration"),
    _read("/api/bulk-jobs", "listBulkJobs", "api.bulk:list_bulk_jobs", "limit", "cursor"),
    _read("/api/bulk-jobs/{jobId}", "readBulkJob", "api.bulk:read_bulk_job"),
)
WRITES: tuple[Endpoint, ...] = (
    _write("/api/runs/{traceId}/replay", "replayRun", "replay_run", max_body_bytes=REPLAY_MAX_BYTES),
    _write("/api/runs/{traceId}/cancel", "cancelRun", "cancel_run"),
    _write("/api/runs/{traceId}/retry", "retryRun", "retry_run"),
    _write("/api/letters/{traceId}/resolve", "resolveLetter", "resolve_letter"),
    _write("/api/bulk-jobs", "countBulkJob", "count_bulk_job"),
    _write("/api/bulk-jobs/{jobId}/start", "startBulkJob", "start_bulk_job"),
    _write("/api/bulk-jobs/{jobId}/abort", "abortBulkJob", "abort_bulk_job"),
    _write("/api/schedules/{name}/run", "runSchedule", "run_schedule"),
    _write("/api/routes/{name}/state", "switchRoute", "switch_route"),
    _write("/api/schedules/{name}/state", "switchSchedule", "switch_schedule"),
)
API: tuple[Endpoint, ...] = READS + WRITES
