"""JSON Schemas of runs, and of what hangs on them."""

from __future__ import annotations

from typing import Any, get_args

from functions.dashboard.openapi_parts import (
    A_FINGERPRINT,
    COUNT,
    FLAG,
    TENANT,
    TEXT,
    TEXTS,
    TIME,
    TRACE_ID,
    Schema,
    a_page,
    an_object,
    choice,
    described,
    listed,
    or_null,
    reference,
)
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.failure import FailureKind
from workerflow.domain.route import Mode
from workerflow.domain.run import AttemptResult, LetterClass, RunState
from workerflow.domain.task import Kind


def answers() -> dict[str, Schema]:
    """What operations answer about runs, by name."""
    searched = described(or_null(TIME), "all that is newer was looked at; null: everything was")
    return {
        "RunPage": a_page("runs", an_object(_run()), searchedBackTo=searched),
        "Run": an_object(_run() | _hanging_on_it()),
        "Lineage": _lineage(),
        "LineageNode": _node(),
        "LetterPage": a_page("letters", _letter_entry(), searchedBackTo=searched),
    }


def _run() -> dict[str, Schema]:
    return {
        "traceId": TRACE_ID,
        "source": described(TEXT, "`route:` or `schedule:`, and its name"),
        "kind": {"type": "string", "enum": list(get_args(Kind))},
        "mode": {"type": "string", "enum": list(get_args(Mode))},
        "state": choice(RunState),
        "attempt": described(COUNT, "attempts begun"),
        "acceptedAt": TIME,
        "claimedAt": or_null(TIME),
        "updatedAt": TIME,
        "finishedAt": or_null(TIME),
        "dueAt": described(or_null(TIME), "the next attempt does not begin sooner"),
        "deadlineAt": TIME,
        "paused": described(FLAG, "waits for its source to be resumed"),
        "capped": described(FLAG, "waits for another of the tenant's tasks in flight to end"),
        "cancelAskedAt": or_null(TIME),
        "class": or_null(choice(LetterClass)),
        "error": or_null(TEXT),
        "fault": described(or_null(TEXT), "why its row cannot be read"),
    }


def _hanging_on_it() -> dict[str, Schema]:
    return {
        "tenant": TENANT,
        "key": described(or_null(TEXT), "its caller's Idempotency-Key"),
        "traceparent": or_null(TEXT),
        "attempts": listed(_attempt()),
        "payload": _payload(),
        "output": or_null(_output()),
        "outputFault": or_null(TEXT),
        "letter": or_null(_letter()),
        "lineage": reference("Lineage"),
        "faults": described(listed(TEXT), "what else cannot be read, and why"),
    }


def _attempt() -> Schema:
    failure = an_object(
        {
            "kind": {"type": "string", "enum": list(get_args(FailureKind))},
            "errorClass": TEXT,
            "message": TEXT,
            "traceback": or_null(TEXT),
        }
    )
    return an_object(
        {
            "number": {"type": "integer", "minimum": 1},
            "startedAt": or_null(TIME),
            "endedAt": or_null(TIME),
            "result": or_null(choice(AttemptResult)),
            "isRunning": FLAG,
            "failure": or_null(failure),
        }
    )


def _inlined() -> dict[str, Any]:
    return {
        "document": described({}, "the JSON value, where `isInline` says so"),
        "isInline": described(FLAG, "false: too large for here, or no JSON; its bytes have an endpoint of their own"),
    }


def _payload() -> Schema:
    fault = described(or_null(TEXT), "why there is none")
    return an_object({"contentType": or_null(TEXT), "bytes": or_null(COUNT), **_inlined(), "fault": fault})


def _output() -> Schema:
    kind: Schema = {"type": "string", "enum": ["document", "response"]}
    status: Schema = {"type": "integer"}
    return an_object({"kind": kind, "status": status, "headers": TEXTS, "bytes": COUNT, **_inlined()})


def _letter() -> Schema:
    return an_object(
        {
            "class": choice(LetterClass),
            "state": choice(LetterState),
            "fingerprint": A_FINGERPRINT,
            "errorClass": TEXT,
            "message": TEXT,
            "traceback": or_null(TEXT),
            "attempts": COUNT,
            "failedAt": TIME,
            "generation": COUNT,
            "root": TRACE_ID,
            "child": or_null(TRACE_ID),
            "resolvedBy": or_null(TEXT),
            "note": or_null(TEXT),
        }
    )


def _letter_entry() -> Schema:
    return an_object(
        {
            "traceId": TRACE_ID,
            "failedAt": TIME,
            "class": choice(LetterClass),
            "source": TEXT,
            "fingerprint": A_FINGERPRINT,
            "state": choice(LetterState),
        }
    )


def _lineage() -> Schema:
    return an_object(
        {"size": {"type": "integer", "minimum": 1}, "root": reference("LineageNode"), "fault": or_null(TEXT)}
    )


def _node() -> Schema:
    return an_object(
        {
            "traceId": TRACE_ID,
            "state": described(or_null(choice(RunState)), "null: forgotten"),
            "generation": or_null(COUNT),
            "actor": or_null(TEXT),
            "reason": or_null(TEXT),
            "edited": or_null(FLAG),
            "at": or_null(TIME),
            "children": listed(reference("LineageNode")),
        }
    )
