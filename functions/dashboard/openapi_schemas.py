"""JSON Schemas of what the API answers and takes. Choices are the domain's own enumerations."""

from __future__ import annotations

from typing import get_args

from functions.dashboard.api import rules
from functions.dashboard.openapi_parts import (
    A_FINGERPRINT,
    ANY_SOURCE,
    COUNT,
    COUNTS,
    FLAG,
    JOB_ID,
    MILLISECONDS,
    TENANT,
    TEXT,
    TEXTS,
    TIME,
    TRACE_ID,
    Schema,
    a_page,
    an_object,
    choice,
    counts_by,
    described,
    listed,
    or_null,
    reference,
)
from workerflow.domain.access import Scope
from workerflow.domain.bulk import BulkAction, BulkState
from workerflow.domain.enablement import Enablement
from workerflow.domain.rollup import Span
from workerflow.domain.route import Authentication, Mode
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.schedule import CatchUpPolicy, Overlap
from workerflow.domain.schedule_cursor import Missed

OPENAPI_VERSION = "3.1.0"


def answers() -> dict[str, Schema]:
    """What operations answer, by name: all but runs, which are in openapi_runs."""
    return {
        "Health": an_object({"status": {"const": "ok"}, "environment": TEXT}),
        "Api": _api(),
        "Session": _session(),
        "Summary": _summary(),
        "Timeline": _timeline(),
        "Errors": _errors(),
        "Routes": an_object({"routes": listed(_route())}),
        "Schedules": an_object({"schedules": listed(_schedule())}),
        "RefusedCalls": an_object({"calls": listed(_refused_call())}),
        "AuditPage": a_page("events", _audit_event()),
        "Configuration": an_object({"secrets": listed(_secret())}),
        "BulkJob": _bulk_job(),
        "BulkJobPage": a_page("jobs", reference("BulkJob")),
        "Operation": _operation(),
    }


def orders() -> dict[str, Schema]:
    """What orders say, by name. Nothing else may stand in them."""
    reason: Schema = dict(rules.TEXT.schema)
    new_effects = described(FLAG, "effects outside happen again, under keys of their own")
    payload: Schema = {"description": "replaces the run's payload: any JSON value"}
    made = {
        "Replay": an_object(
            {"reason": reason, "payload": payload, "newEffects": new_effects}, optional=("payload", "newEffects")
        ),
        "Reason": an_object({"reason": reason}),
        "Note": an_object({"note": reason}),
        "Count": an_object(
            {"action": choice(BulkAction), "filter": _letter_filter(), "reason": reason, "newEffects": new_effects},
            optional=("newEffects",),
        ),
        "Nothing": an_object({}),
        "SwitchTo": an_object({"state": choice(Enablement), "reason": reason}),
    }
    return {name: schema | {"additionalProperties": False} for name, schema in made.items()}


def _letter_filter() -> Schema:
    """Of an order: what is left out or null does not count."""
    conditions = {
        "class": choice(LetterClass),
        "source": ANY_SOURCE,
        "fingerprint": A_FINGERPRINT,
        "from": dict(rules.TIME.schema),
        "until": dict(rules.TIME.schema),
    }
    properties = {name: or_null(schema) for name, schema in conditions.items()}
    return an_object(properties, optional=tuple(properties)) | {"additionalProperties": False}


def _api() -> Schema:
    parts: dict[str, Schema] = {name: {"type": "object"} for name in ("info", "paths", "components")}
    return an_object({"openapi": {"const": OPENAPI_VERSION}, **parts, "security": {"type": "array"}})


def _session() -> Schema:
    tenant = described(or_null(TENANT), "null: all")
    return an_object({"name": TEXT, "tokenId": TEXT, "scope": choice(Scope), "tenant": tenant, "expiresAt": TIME})


def _operation() -> Schema:
    return an_object(
        {
            "action": described(TEXT, "as the audit trail has it"),
            "target": TEXT,
            "tenant": TENANT,
            "at": TIME,
            "details": TEXTS,
            "repeated": described(FLAG, "an earlier order with the same key did it"),
        }
    )


# Counts ---------------------------------------------------------------------------------------------------------------


def _durations() -> dict[str, Schema]:
    return {"p50Ms": or_null(MILLISECONDS), "p95Ms": or_null(MILLISECONDS)}


def _summary() -> Schema:
    queue = an_object({"visible": COUNT, "inFlight": COUNT, "delayed": COUNT})
    return an_object(
        {
            "from": TIME,
            "until": TIME,
            "counts": counts_by(RunState),
            "successRate": or_null({"type": "number", "minimum": 0, "maximum": 1}),
            **_durations(),
            "isExact": FLAG,
            "openLetters": an_object({"count": COUNT, "isExact": FLAG}),
            "queue": or_null(queue),
            "oldestQueued": an_object({"seconds": or_null({"type": "number", "minimum": 0}), "isExact": FLAG}),
            "nextFires": listed(an_object({"schedule": TEXT, "dueAt": TIME})),
            "switches": listed(an_object({"source": ANY_SOURCE, **_switch()["properties"]})),
        }
    )


def _timeline() -> Schema:
    bucket = an_object({"from": TIME, "until": TIME, "counts": counts_by(RunState), **_durations(), "isExact": FLAG})
    return an_object({"span": choice(Span), "buckets": listed(bucket)})


def _errors() -> Schema:
    group = an_object(
        {
            "fingerprint": A_FINGERPRINT,
            "source": TEXT,
            "class": choice(LetterClass),
            "errorClass": TEXT,
            "message": TEXT,
            "sample": TRACE_ID,
            "count": COUNT,
            "open": COUNT,
            "firstSeenAt": TIME,
            "lastSeenAt": TIME,
        }
    )
    return an_object({"groups": listed(group), "countIsExact": FLAG, "openIsExact": FLAG})


# Sources --------------------------------------------------------------------------------------------------------------


def _switch() -> Schema:
    return an_object({"state": choice(Enablement), "reason": or_null(TEXT), "actor": TEXT, "changedAt": TIME})


def _definition() -> dict[str, Schema]:
    number: Schema = {"type": "number", "minimum": 0}
    return {
        "description": or_null(TEXT),
        "timeoutSeconds": number,
        "retry": an_object({"maxAttempts": COUNT, "baseSeconds": number, "capSeconds": number}),
        "secrets": listed(TEXT),
    }


def _route() -> Schema:
    return an_object(
        {
            "name": TEXT,
            "source": ANY_SOURCE,
            "mode": {"type": "string", "enum": list(get_args(Mode))},
            "authentication": {"type": "string", "enum": list(get_args(Authentication))},
            "schema": described({"type": ["object", "null"]}, "JSON Schema of payloads"),
            **_definition(),
            "state": choice(Enablement),
            "reason": or_null(TEXT),
            "switch": or_null(_switch()),
            "counts": described(counts_by(RunState), "tasks of the last 24 hours"),
            "isExact": FLAG,
        }
    )


def _schedule() -> Schema:
    catch_up = an_object({"policy": {"enum": list(get_args(CatchUpPolicy))}, "maxFires": COUNT, "windowSeconds": COUNT})
    overlap: Schema = {"enum": list(get_args(Overlap))}
    definition = an_object({"cron": TEXT, "timeZone": TEXT, "overlap": overlap, "catchUp": catch_up, **_definition()})
    return an_object(
        {
            "name": TEXT,
            "source": ANY_SOURCE,
            "definition": described(or_null(definition), "null: it was removed, and its history is left"),
            "state": choice(Enablement),
            "reason": or_null(TEXT),
            "switch": or_null(_switch()),
            "since": or_null(TIME),
            "lastDueAt": or_null(TIME),
            "lastTraceId": or_null(TRACE_ID),
            "nextFires": listed(TIME),
            "missed": counts_by(Missed),
            "lastMissedAt": or_null(TIME),
            "lastMissedReason": or_null(choice(Missed)),
            "fault": or_null(TEXT),
        }
    )


def _secret() -> Schema:
    present: Schema = {"type": ["boolean", "null"], "description": "null: it could not be asked for"}
    return an_object({"source": TEXT, "secret": TEXT, "name": TEXT, "isPresent": present})


# The trail, bulk jobs -------------------------------------------------------------------------------------------------


def _refused_call() -> Schema:
    return an_object(
        {
            "at": TIME,
            "reason": described(TEXT, "a code of ingress"),
            "status": {"type": "integer"},
            "detail": or_null(TEXT),
            "requestId": TEXT,
            "method": TEXT,
            "path": TEXT,
            "address": TEXT,
            "headers": described(listed(TEXT), "names"),
            "expected": described(TEXTS, "what a signature should have covered, line by line"),
        }
    )


def _audit_event() -> Schema:
    return an_object(
        {
            "at": TIME,
            "actor": TEXT,
            "action": TEXT,
            "target": TEXT,
            "reason": or_null(TEXT),
            "details": TEXTS,
            "address": or_null(TEXT),
        }
    )


def _bulk_job() -> Schema:
    told = {"class": choice(LetterClass), "source": TEXT, "fingerprint": TEXT, "from": TIME, "until": TIME}
    return an_object(
        {
            "jobId": JOB_ID,
            "action": choice(BulkAction),
            "state": choice(BulkState),
            "filter": an_object({name: or_null(schema) for name, schema in told.items()}),
            "reason": TEXT,
            "actor": TEXT,
            "newEffects": FLAG,
            "matched": COUNT,
            "isExact": described(FLAG, "false: `matched` is a lower bound"),
            "visited": COUNT,
            "succeeded": COUNT,
            "refused": COUNTS,
            "createdAt": TIME,
            "updatedAt": TIME,
            "startedAt": or_null(TIME),
            "endedAt": or_null(TIME),
        }
    )
