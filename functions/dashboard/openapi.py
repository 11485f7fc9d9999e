"""The API as an OpenAPI 3.1 document, made from the table of endpoints when somebody asks for it.

    endpoints --> paths: operation, parameters, body        rules --> schemas of parameters
    refusals --> of each operation, the codes that it can answer, by status
    what answers --> its first line is the summary

Source: OpenAPI Specification 3.1.0. Its schema objects are JSON Schema Draft 2020-12.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from functions.dashboard import openapi_runs, openapi_schemas
from functions.dashboard.api.rules import PARAMETERS
from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.openapi_parts import JOB_ID, KEY, NAME, TENANT, TEXT, TRACE_ID, Schema, an_object, reference
from functions.dashboard.openapi_refusals import refusals_of
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusals import RefusedError
from workerflow.runtime.http import JSON, PROBLEM_JSON

type Node = dict[str, Any]

BYTES = "application/octet-stream"
TOKEN = "token"  # noqa: S105 - the name of the security scheme
_ABOUT = """What happened and how things stand, for operators and the programs that act for them; and their orders.

Every request but `GET /api/health` carries `Authorization: Bearer <token>`; orders need one with the scope `write`.
`tenant` says whose things are meant: without it the token's own tenant, else `default`. An order carries an
`Idempotency-Key`: the same order with the same key is carried out once and answered alike, for 7 days; another order
with it is refused. `HEAD` is answered wherever `GET` is. A path that is not listed is answered 404 `path_not_found`,
another method of a listed path 405 `method_not_allowed`."""
_ABOUT_TOKENS = "`wfd_<id>_<secret>`: for reading, or for writing too; for one tenant, or for all; until it expires."
_ANSWERS = {
    "readHealth": "Health",
    "readApi": "Api",
    "readSession": "Session",
    "readSummary": "Summary",
    "readTimeline": "Timeline",
    "listRuns": "RunPage",
    "readRun": "Run",
    "readPayload": BYTES,
    "readOutput": BYTES,
    "readLineage": "Lineage",
    "listLetters": "LetterPage",
    "listErrors": "Errors",
    "listRoutes": "Routes",
    "listSchedules": "Schedules",
    "listRefusedCalls": "RefusedCalls",
    "listAudit": "AuditPage",
    "readConfiguration": "Configuration",
    "listBulkJobs": "BulkJobPage",
    "readBulkJob": "BulkJob",
}
_ORDERS = {
    "replayRun": "Replay",
    "cancelRun": "Reason",
    "retryRun": "Reason",
    "resolveLetter": "Note",
    "countBulkJob": "Count",
    "startBulkJob": "Nothing",
    "abortBulkJob": "Nothing",
    "runSchedule": "Reason",
    "switchRoute": "SwitchTo",
    "switchSchedule": "SwitchTo",
}
_IN_PATH = {"traceId": TRACE_ID, "jobId": JOB_ID, "name": NAME}
_MEANS = {
    "traceId": "names the run",
    "jobId": "names the bulk job",
    "name": "of the route or schedule",
    "tenant": "whose things are meant; without it the token's own tenant, else `default`",
    "from": "not before this moment; a `+` is written `%2B`",
    "until": "before this moment",
    "status": "of runs",
    "source": "of one route or schedule: `route:` or `schedule:`, and its name",
    "kind": "how tasks came: by a call, or by a schedule",
    "class": "why runs failed for good",
    "fingerprint": "of one group of alike errors, as `GET /api/errors` names it",
    "state": "`open` without it: letters that nobody has replayed or resolved",
    "unknown": "calls in the name of no tenant of ours; for tokens for all tenants",
    "nextFires": "how many fires to come are told of each schedule; 10 without it",
    "limit": "entries of a page; 50 without it",
    "cursor": "the former page's `nextCursor`, with the same tenant and filters",
    "Idempotency-Key": "the same order with the same key is carried out once; a new key for each order",
}
"""What each parameter says."""


def openapi_document() -> Node:
    """The document. Costs milliseconds, reads nothing."""
    paths: dict[str, Node] = defaultdict(dict)
    refused = _Refused()
    for endpoint in API:
        paths[endpoint.template][endpoint.method.lower()] = _operation(endpoint, refused)
    return {
        "openapi": openapi_schemas.OPENAPI_VERSION,
        "info": {"title": "WorkerFlow's dashboard", "version": "1", "description": _ABOUT},
        "security": [{TOKEN: []}],
        "paths": dict(paths),
        "components": {
            "schemas": {
                **openapi_schemas.answers(),
                **openapi_runs.answers(),
                **openapi_schemas.orders(),
                "Problem": _problem(),
            },
            "responses": refused.described,
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer", "description": _ABOUT_TOKENS}},
        },
    }


def _operation(endpoint: Endpoint, refused: _Refused) -> Node:
    made: Node = {
        "operationId": endpoint.name,
        "summary": (endpoint.load().__doc__ or "").partition("\n")[0],
        "parameters": _parameters(endpoint),
        "responses": {"200": _success(endpoint)} | refused.of(endpoint),
    }
    if endpoint.scope is None:
        made["security"] = []
    if endpoint.is_write:
        made["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": reference(_ORDERS[endpoint.name])}},
        }
    return made


def _parameters(endpoint: Endpoint) -> list[Node]:
    parameters = [
        _parameter("path", name, _IN_PATH[name], required=True) for name in re.findall(r"\{(\w+)\}", endpoint.template)
    ]
    if endpoint.of_tenant:
        parameters.append(_parameter("query", "tenant", TENANT))
    parameters += [_parameter("query", name, dict(PARAMETERS[name].schema)) for name in endpoint.query]
    if endpoint.is_write:
        parameters.append(_parameter("header", "Idempotency-Key", KEY, required=True))
    return parameters


def _parameter(place: str, name: str, schema: Schema, *, required: bool = False) -> Node:
    return {"in": place, "name": name, "required": required, "description": _MEANS[name], "schema": schema}


def _success(endpoint: Endpoint) -> Node:
    answer = _ANSWERS.get(endpoint.name, "Operation")
    if answer == BYTES:
        disposition = {"required": True, "schema": TEXT, "description": "to be kept as a file"}
        return {
            "description": "The bytes as they are kept.",
            "content": {BYTES: {"schema": {}}},
            "headers": {"content-disposition": disposition},
        }
    about = "What was done, as it was recorded." if endpoint.is_write else "What was asked for."
    return {"description": about, "content": {JSON: {"schema": reference(answer)}}}


# Refusals -------------------------------------------------------------------------------------------------------------


class _Refused:
    """Every answer to what is refused, described once. `described`: by name, as operations refer to it."""

    def __init__(self) -> None:
        self.described: dict[str, Node] = {}
        self._names: dict[tuple[type[RefusedError], ...], str] = {}

    def of(self, endpoint: Endpoint) -> Node:
        """One response a status."""
        by_status: dict[int, list[type[RefusedError]]] = defaultdict(list)
        for kind in sorted(refusals_of(endpoint), key=lambda kind: (kind.status, kind.code)):
            by_status[kind.status].append(kind)
        names = {status: self._name(status, tuple(kinds)) for status, kinds in by_status.items()}
        return {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}

    def _name(self, status: int, kinds: tuple[type[RefusedError], ...]) -> str:
        if kinds not in self._names:
            alike = sum(name.startswith(f"refused_{status}") for name in self.described)
            self._names[kinds] = f"refused_{status}_{alike + 1}"
            self.described[self._names[kinds]] = _refusal(status, kinds)
        return self._names[kinds]


def _refusal(status: int, kinds: Sequence[type[RefusedError]]) -> Node:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": [kind.code for kind in kinds]}}}
    return {
        "description": "\n".join(f"- `{kind.code}`: {kind.title}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": {"allOf": [reference("Problem"), narrowed]}}},
        "headers": _headers(kinds),
    }


def _headers(kinds: Sequence[type[RefusedError]]) -> Node:
    """`Retry-After` comes with every refusal that may end by itself, the challenge with every 401."""
    headers: Node = {"x-trace-id": {"required": False, "schema": TRACE_ID}}
    if any(kind.retryable for kind in kinds):
        seconds: Schema = {"type": "string", "pattern": "^[1-9][0-9]*$"}
        headers["retry-after"] = {"required": True, "schema": seconds, "description": "Seconds."}
    if any(issubclass(kind, UnauthorizedError) for kind in kinds):
        headers["www-authenticate"] = {"required": True, "schema": TEXT}
    return headers


def _problem() -> Schema:
    codes = sorted({kind.code for endpoint in API for kind in refusals_of(endpoint)})
    violation = an_object({"pointer": TEXT, "message": TEXT})
    properties: dict[str, Schema] = {
        "title": TEXT,
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": codes},
        "detail": TEXT,
        "traceId": TRACE_ID,
        "parameter": {**TEXT, "description": "with `parameter_invalid`"},
        "errors": {
            "type": "array",
            "items": violation,
            "description": "with `body_invalid` and `payload_invalid`: JSON pointers, and what is wrong there",
        },
        "requestId": TEXT,
    }
    about = "RFC 9457. `code` is stable, `title` and `detail` are for people."
    return an_object(properties, optional=("detail", "traceId", "parameter", "errors"), about=about)
