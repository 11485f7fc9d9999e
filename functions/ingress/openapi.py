"""The API as an OpenAPI 3.1 document, made from the manifest and the refusals when somebody asks for it.

    manifest --> paths: every route, twice (with and without the tenant in its path), and the platform's own
    refusals --> of each operation, the codes that it can answer, by status
    payload schemas --> components

Imported at the first request for the document, so that no cold start of a call pays for it.

Source: OpenAPI Specification 3.1.0. Its schema objects are JSON Schema Draft 2020-12, which is what routes declare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from functions.ingress.answers import REPLAYED_HEADER
from functions.ingress.openapi_schemas import KEY, OPENAPI_VERSION, SIGNATURE_TIMESTAMP, TENANT, TRACE_ID, schemas
from functions.ingress.paths import HEALTH_PATH, OPENAPI_PATH
from functions.ingress.refusals_told import ANY_OPERATION, RUN, WITH_CREDENTIALS, Kinds, refusals_of_call
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.manifest import Manifest
from workerflow.domain.refusals import PayloadRejectedError, RefusedError, TaskFailedError
from workerflow.domain.route import Route
from workerflow.domain.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE_SECONDS
from workerflow.runtime.http import JSON, PROBLEM_JSON

type Node = dict[str, Any]

_SECURITY: Node = {
    "token": [{"token": []}],
    "signature": [{"signature": []}],
    "any": [{"token": []}, {"signature": []}],
}
_ABOUT = """Calls become tasks: accepted once per `Idempotency-Key`, executed, and kept.

A call that carries both a token and a signature must be right about both. A path that is not listed is answered 404
`path_not_found` (a route that does not exist: `route_not_found`, to whoever has proven who they are), another method of
a listed path 405 `method_not_allowed`. A call whose key was used before is answered in the mode in which its task was
taken, though the route may have changed its mode since. `version` names the set of routes."""
_SIGNING = f"""WorkerFlow signature v1: `v1=` and the HMAC-SHA256, in hexadecimal, of eight lines: `workerflow-v1`, the
timestamp, method, path, query (empty), tenant, key (empty on a GET), SHA-256 of the body in hexadecimal. It goes with
`{TIMESTAMP_HEADER}`, and on a POST with `Idempotency-Key`."""


def openapi_document(manifest: Manifest) -> Node:
    """The document about the routes of `manifest`. Costs milliseconds, reads nothing."""
    payloads = {_payload_name(route): _payload_schema(route) for route in manifest.routes.values()}
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "WorkerFlow", "version": manifest.digest[:12], "description": _ABOUT},
        "paths": {path: item for route in manifest.routes.values() for path, item in _paths_of(route)} | _own_paths(),
        "components": {"schemas": schemas() | payloads, "securitySchemes": _security_schemes()},
    }


def _security_schemes() -> Node:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "signature": {"type": "apiKey", "in": "header", "name": SIGNATURE_HEADER, "description": _SIGNING},
    }


# Paths --------------------------------------------------------------------------------------------------------------


def _paths_of(route: Route) -> Iterable[tuple[str, Node]]:
    yield f"/api/{route.name}", {"post": _call(route, tenant_in_path=False)}
    yield f"/api/t/{{tenant}}/{route.name}", {"post": _call(route, tenant_in_path=True)}


def _own_paths() -> Node:
    tenant, timestamp = _tenant_header(), _timestamp_header(required=False)
    run: Node = {
        "operationId": "readRun",
        "summary": "How a run stands.",
        "security": _SECURITY["any"],
        "parameters": [_parameter("path", "traceId", TRACE_ID, required=True), tenant, timestamp],
        "responses": {"200": _document("The run.", "Run", {"x-trace-id": _header(TRACE_ID)})} | _refused(RUN),
    }
    health: Node = {
        "operationId": "readHealth",
        "summary": "Is anybody there? Needs no credentials.",
        "security": [],
        "responses": {"200": _document("Yes.", "Health")} | _refused(ANY_OPERATION),
    }
    api: Node = {
        "operationId": "readApi",
        "summary": "This document.",
        "security": _SECURITY["any"],
        "parameters": [tenant, timestamp],
        "responses": {"200": _document("This document.", "Api")} | _refused(WITH_CREDENTIALS),
    }
    return {"/api/runs/{traceId}": {"get": run}, HEALTH_PATH: {"get": health}, OPENAPI_PATH: {"get": api}}


def _call(route: Route, *, tenant_in_path: bool) -> Node:
    prefix = "callForTenant" if tenant_in_path else "call"
    return {
        "operationId": f"{prefix}_{route.name}",  # names of routes are lower case: no two of these are the same
        "summary": route.description or route.name,
        "description": _about(route),
        "security": _SECURITY[route.authentication],
        "parameters": _call_parameters(route, tenant_in_path=tenant_in_path),
        "requestBody": {"required": True, "content": {JSON: {"schema": _reference(_payload_name(route))}}},
        "responses": _answers(route) | _refused(refusals_of_call(route, tenant_in_path=tenant_in_path)),
        "x-workerflow-mode": route.mode,
    }


def _about(route: Route) -> str:
    waits = {
        "async": "The caller is answered when the task is accepted.",
        "sync": "The caller is answered with what the handler returns; a task that takes too long goes on without it.",
    }
    return waits[route.mode] if route.enabled else f"Disabled. {route.disabled_reason}\n\n{waits[route.mode]}"


def _call_parameters(route: Route, *, tenant_in_path: bool) -> list[Node]:
    in_path = [_parameter("path", "tenant", TENANT, required=True)] if tenant_in_path else []
    is_signed = route.authentication == "signature"
    key = _parameter("header", "Idempotency-Key", KEY, required=is_signed)
    key["description"] = "A signed call needs one. Without it each call is a task of its own."
    return [*in_path, _tenant_header(), key, _timestamp_header(required=is_signed)]


def _tenant_header() -> Node:
    return _parameter("header", "x-tenant-id", TENANT, required=False)


def _timestamp_header(*, required: bool) -> Node:
    made = _parameter("header", TIMESTAMP_HEADER, SIGNATURE_TIMESTAMP, required=required)
    return made | {
        "description": f"With a signature: seconds since the epoch, at most {TOLERANCE_SECONDS} s from our clock."
    }


def _parameter(place: str, name: str, schema: Node, *, required: bool) -> Node:
    return {"in": place, "name": name, "required": required, "schema": schema}


# Payload schemas ----------------------------------------------------------------------------------------------------


def _payload_name(route: Route) -> str:
    return f"payload_{route.name}"


def _payload_schema(route: Route) -> Any:  # noqa: ANN401 - JSON
    return _placed(route.schema or {}, f"#/components/schemas/{_payload_name(route)}")


def _placed(node: object, place: str) -> Any:  # noqa: ANN401 - JSON
    """As declared, but that references to its own parts lead to where those stand now.

    `$id` would say the same in a word; neither of two validators that were tried looks for one here. A schema that has
    one of its own refers to itself by that.
    """
    if isinstance(node, list):
        return [_placed(inner, place) for inner in node]
    if not isinstance(node, Mapping) or "$id" in node:
        return node
    placed = {name: _placed(inner, place) for name, inner in node.items()}
    target = node.get("$ref")
    if isinstance(target, str) and (target == "#" or target.startswith("#/")):
        placed["$ref"] = place + target.removeprefix("#")
    return placed


def _reference(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}


# Answers ------------------------------------------------------------------------------------------------------------


def _answers(route: Route) -> Node:
    accepted = _document(
        "The task is durable and goes on without its caller.",
        "Accepted",
        {"location": _header({"type": "string"}, "Where its run is."), **_traces()},
    )
    if route.mode == "async":
        return {"202": accepted}
    body: Node = {JSON: {"schema": {}}, "*/*": {"schema": {}}}
    headers = {REPLAYED_HEADER: _replayed(), **_traces()}
    return {
        "200": {"description": "What the handler returned.", "content": body, "headers": headers},
        "202": accepted,
        "default": {
            "description": "The handler's own HttpResponse: any status, those that are listed included, and any body.",
            "content": {"*/*": {"schema": {}}},
            "headers": headers,
        },
    }


def _document(description: str, schema: str, headers: Node | None = None) -> Node:
    made: Node = {"description": description, "content": {JSON: {"schema": _reference(schema)}}}
    return made | {"headers": headers} if headers else made


def _traces() -> Node:
    traceparent = _header({"type": "string"}, "The call's own.", required=False)
    return {"x-trace-id": _header(TRACE_ID), "traceparent": traceparent}


def _replayed() -> Node:
    return _header({"const": "true"}, "The outcome is that of an earlier call with the key.", required=False)


def _header(schema: Node, description: str = "", *, required: bool = True) -> Node:
    made: Node = {"required": required, "schema": schema}
    return made | {"description": description} if description else made


def _refused(kinds: Kinds) -> Node:
    """One response a status; its description names each code with its title."""
    by_status: dict[int, list[type[RefusedError]]] = defaultdict(list)
    for kind in sorted(kinds, key=lambda kind: (kind.status, kind.code)):
        by_status[kind.status].append(kind)
    return {str(status): _refusal(status, ours) for status, ours in by_status.items()}


def _refusal(status: int, kinds: list[type[RefusedError]]) -> Node:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": [kind.code for kind in kinds]}}}
    return {
        "description": "\n".join(f"- `{kind.code}`: {kind.title}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": {"allOf": [_reference("Problem"), narrowed]}}},
        "headers": _refusal_headers(kinds),
    }


def _refusal_headers(kinds: list[type[RefusedError]]) -> Node:
    """`Retry-After` comes with every refusal that may end by itself, the challenge with every 401."""
    headers = {"x-trace-id": _header(TRACE_ID, "Of the task that the answer is about.", required=False)}
    if any(kind.retryable for kind in kinds):
        seconds = {"type": "string", "pattern": "^[1-9][0-9]*$"}
        headers["retry-after"] = _header(seconds, "Seconds.", required=all(kind.retryable for kind in kinds))
    if any(kind in (PayloadRejectedError, TaskFailedError) for kind in kinds):
        headers[REPLAYED_HEADER] = _replayed()
    if any(issubclass(kind, UnauthorizedError) for kind in kinds):
        headers["www-authenticate"] = _header({"type": "string"})
    return headers
