"""Routes, schedules, switches and secrets as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api.documents import Document, counts_document, text_or_none, time_or_none
from workerflow.domain.enablement import Switch
from workerflow.domain.schedule import Schedule
from workerflow.domain.source import Source
from workerflow.domain.timestamp import timestamp
from workerflow.services.read_schedules import ScheduleView

if TYPE_CHECKING:
    from workerflow.services.read_configuration import SecretFinding
    from workerflow.services.read_routes import RouteView


def route_document(view: RouteView) -> Document:
    """A route; `counts` are of the tasks of the last 24 hours."""
    route = view.route
    return {
        "name": route.name,
        "source": route.source,
        "mode": route.mode,
        "authentication": route.authentication,
        "schema": None if route.schema is None else dict(route.schema),
        **_definition_document(route),
        "state": view.state.value,
        "reason": text_or_none(view.reason),
        "switch": None if view.switch is None else switch_document(view.switch),
        "counts": counts_document(view.counts),
        "isExact": view.is_exact,
    }


def schedule_document(view: ScheduleView) -> Document:
    """A schedule; `definition` is null where it was removed, and only its history is left."""
    return {
        "name": view.name,
        "source": f"schedule:{view.name}",
        "definition": None if view.schedule is None else _schedule_definition(view.schedule),
        "state": view.state.value,
        "reason": text_or_none(view.reason),
        "switch": None if view.switch is None else switch_document(view.switch),
        "since": time_or_none(view.since_ms),
        "lastDueAt": time_or_none(view.last_due_ms),
        "lastTraceId": view.last_trace_id,
        "nextFires": [timestamp(due_ms) for due_ms in view.next_fires_ms],
        "missed": counts_document(view.missed or {}),
        "lastMissedAt": time_or_none(view.last_missed_ms),
        "lastMissedReason": view.last_missed_reason.value if view.last_missed_reason else None,
        "fault": text_or_none(view.fault),
    }


def switch_document(switch: Switch) -> Document:
    """Who set a switch to what, and why."""
    return {
        "state": switch.state.value,
        "reason": text_or_none(switch.reason),
        "actor": switch.actor,
        "changedAt": timestamp(switch.changed_at_ms),
    }


def secret_document(finding: SecretFinding) -> Document:
    """Whether a secret is there; null: it could not be asked."""
    return {
        "source": finding.source,
        "secret": finding.secret,
        "name": finding.name_in_secrets_manager,
        "isPresent": finding.present,
    }


def _schedule_definition(schedule: Schedule) -> Document:
    return {
        "cron": schedule.cron,
        "timeZone": schedule.zone,
        "overlap": schedule.overlap,
        "catchUp": {
            "policy": schedule.catch_up.policy,
            "maxFires": schedule.catch_up.max_fires,
            "windowSeconds": schedule.catch_up.window_seconds,
        },
        **_definition_document(schedule),
    }


def _definition_document(source: Source) -> Document:
    return {
        "description": text_or_none(source.description),
        "timeoutSeconds": source.timeout_seconds,
        "retry": {
            "maxAttempts": source.retry.max_attempts,
            "baseSeconds": source.retry.base_seconds,
            "capSeconds": source.retry.cap_seconds,
        },
        "secrets": list(source.secrets),
    }
