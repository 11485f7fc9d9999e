"""JSON Schemas of what ingress answers, for the OpenAPI document. Choices are the domain's own enumerations."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, get_args

from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.route import Mode
from workerflow.domain.run import AttemptResult, LetterClass, RunState
from workerflow.domain.task import Kind

type Schema = dict[str, Any]

OPENAPI_VERSION = "3.1.0"
TRACE_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{44}$"}
TENANT: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
KEY: Schema = {"type": "string", "pattern": "^[!-+\\--~]{1,255}$"}
SIGNATURE_TIMESTAMP: Schema = {"type": "string", "pattern": "^[1-9][0-9]{9,11}$"}
_TIME: Schema = {"type": "string", "format": "date-time"}


def schemas() -> dict[str, Schema]:
    """The schemas that operations refer to by name."""
    return {"Accepted": _accepted(), "Run": _run(), "Health": _health(), "Api": _api(), "Problem": _problem()}


def _object(properties: dict[str, Schema], *, optional: frozenset[str] = frozenset()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _choice(values: type[StrEnum]) -> Schema:
    return {"type": "string", "enum": [value.value for value in values]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _accepted() -> Schema:
    return _object({"traceId": TRACE_ID, "status": {"const": "accepted"}, "duplicate": {"type": "boolean"}})


def _health() -> Schema:
    return _object({"status": {"const": "ok"}, "environment": {"type": "string"}})


def _api() -> Schema:
    parts = {name: {"type": "object"} for name in ("info", "paths", "components")}
    return _object({"openapi": {"const": OPENAPI_VERSION}, **parts})


def _run() -> Schema:
    return _object(
        {
            "traceId": TRACE_ID,
            "tenant": TENANT,
            "source": {"type": "string", "description": "`route:` or `schedule:`, and its name"},
            "kind": {"type": "string", "enum": list(get_args(Kind))},
            "mode": {"type": "string", "enum": list(get_args(Mode))},
            "state": _choice(RunState),
            "attempt": {"type": "integer", "minimum": 0, "description": "attempts begun"},
            "acceptedAt": _TIME,
            "updatedAt": _TIME,
            "finishedAt": _or_null(_TIME),
            "dueAt": _or_null(_TIME) | {"description": "the next attempt does not begin sooner"},
            "deadlineAt": _TIME,
            "attempts": {"type": "array", "items": _attempt(), "description": "the last ones that ended"},
            "failure": _or_null(_failure()),
            "output": {"anyOf": [*_outputs(), {"type": "null"}]},
        }
    )


def _attempt() -> Schema:
    return _object(
        {
            "number": {"type": "integer", "minimum": 1},
            "startedAt": _TIME,
            "endedAt": _TIME,
            "result": _choice(AttemptResult),
        }
    )


def _failure() -> Schema:
    return _object({"class": _or_null(_choice(LetterClass)), "error": {"type": ["string", "null"]}})


def _outputs() -> list[Schema]:
    raw = _object(
        {
            "status": {"type": "integer"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "bytes": {"type": "integer", "minimum": 0},
        }
    )
    return [_object({"document": {"type": "object"}}), _object({"response": raw})]


def _problem() -> Schema:
    violation = _object({"pointer": {"type": "string"}, "message": {"type": "string"}})
    properties: dict[str, Schema] = {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": [kind.code for kind in all_refusals()]},
        "detail": {"type": "string"},
        "traceId": TRACE_ID,
        "errors": {"type": "array", "items": violation, "description": "with `payload_invalid`"},
        "class": _choice(LetterClass) | {"description": "with `task_failed` and `payload_rejected`"},
        "requestId": {"type": "string"},
    }
    schema = _object(properties, optional=frozenset({"detail", "traceId", "errors", "class"}))
    return schema | {"description": "RFC 9457. `code` is stable, `title` and `detail` are for people."}
