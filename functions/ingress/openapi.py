"""The API as an OpenAPI 3.1 document, made from the manifest and the refusals when somebody asks for it.

    manifest --> paths: every route, twice (with and without the tenant in its path), and the platform's own
    refusals --> of each operation, the codes that it can answer, by status (openapi_refusals)
    payload schemas --> components

Imported at the first request for the document, so that no cold start of a call pays for it.

Source: OpenAPI Specification 3.1.0. Its schema objects are JSON Schema Draft 2020-12, which is what routes declare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from functions.ingress import openapi_senders
from functions.ingress.answers import REPLAYED_HEADER
from functions.ingress.openapi_refusals import Refusals, header, rate_headers, replayed_header, shared_headers
from functions.ingress.openapi_schemas import KEY, OPENAPI_VERSION, SIGNATURE_TIMESTAMP, TENANT, TRACE_ID, schemas
from functions.ingress.paths import HEALTH_PATH, OPENAPI_PATH
from functions.ingress.refusals_told import ANY_OPERATION, RUN, WITH_CREDENTIALS, refusals_of_call
from workerflow.domain.manifest import Manifest
from workerflow.domain.route import Route
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE_SECONDS
from workerflow.runtime.http import JSON

type Node = dict[str, Any]

_SECURITY: Node = {
    "token": [{"token": []}],
    "signature": [{"signature": []}],
    "any": [{"token": []}, {"signature": []}],
} | {name: [{name: []}] for name in SENDERS}
_ABOUT = """Calls become tasks: accepted once per `Idempotency-Key`, executed, and kept.

A call that carries both a token and a signature must be right about both. A path that is not listed is answered 404
`path_not_found` (a route that does not exist: `route_not_found`, to whoever has proven who they are), another method of
a listed path 405 `method_not_allowed`. A call whose key was used before is answered in the mode in which its task was
taken, though the route may have changed its mode since. `version` names the deployed set of routes, of which those
are listed that your tenant may call. Where a rate limit is set for a call, every answer to it tells how that stands."""
_SIGNING = f"""WorkerFlow signature v1: `v1=` and the HMAC-SHA256, in hexadecimal, of eight lines: `workerflow-v1`, the
timestamp, method, path, query (empty), tenant, key (empty on a GET), SHA-256 of the body in hexadecimal. It goes with
`{TIMESTAMP_HEADER}`, and on a POST with `Idempotency-Key`."""


def openapi_document(manifest: Manifest, routes: Collection[str] | None = None) -> Node:
    """The document about the routes of `manifest`. Costs milliseconds, reads nothing.

    Args:
        manifest: what is deployed.
        routes: names of those that are to be listed; None lists all.
    """
    listed = [route for route in manifest.routes.values() if routes is None or route.name in routes]
    refusals = Refusals()
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "WorkerFlow", "version": manifest.digest[:12], "description": _ABOUT},
        "paths": {path: item for route in listed for path, item in _paths_of(route, refusals)} | _own_paths(refusals),
        "components": {
            "schemas": schemas() | {_payload_name(route): _payload_schema(route) for route in listed},
            "responses": refusals.described,
            "headers": shared_headers(),
            "securitySchemes": _security_schemes(),
        },
    }


def _security_schemes() -> Node:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "signature": {"type": "apiKey", "in": "header", "name": SIGNATURE_HEADER, "description": _SIGNING},
    } | openapi_senders.security_schemes()


# Paths --------------------------------------------------------------------------------------------------------------


def _paths_of(route: Route, refusals: Refusals) -> Iterable[tuple[str, Node]]:
    yield f"/api/{route.name}", {"post": _call(route, refusals, tenant_in_path=False)}
    yield f"/api/t/{{tenant}}/{route.name}", {"post": _call(route, refusals, tenant_in_path=True)}


def _own_paths(refusals: Refusals) -> Node:
    tenant, timestamp = _tenant_header(), _timestamp_header(required=False)
    run: Node = {
        "operationId": "readRun",
        "summary": "How a run stands.",
        "security": _SECURITY["any"],
        "parameters": [_parameter("path", "traceId", TRACE_ID, required=True), tenant, timestamp],
        "responses": {"200": _document("The run.", "Run", {"x-trace-id": header(TRACE_ID)})} | refusals.of(RUN),
    }
    health: Node = {
        "operationId": "readHealth",
        "summary": "Is anybody there? Needs no credentials.",
        "security": [],
        "responses": {"200": _document("Yes.", "Health")} | refusals.of(ANY_OPERATION),
    }
    api: Node = {
        "operationId": "readApi",
        "summary": "This document.",
        "security": _SECURITY["any"],
        "parameters": [tenant, timestamp],
        "responses": {"200": _document("This document.", "Api")} | refusals.of(WITH_CREDENTIALS),
    }
    return {"/api/runs/{traceId}": {"get": run}, HEALTH_PATH: {"get": health}, OPENAPI_PATH: {"get": api}}


def _call(route: Route, refusals: Refusals, *, tenant_in_path: bool) -> Node:
    prefix = "callForTenant" if tenant_in_path else "call"
    return {
        "operationId": f"{prefix}_{route.name}",  # names of routes are lower case: no two of these are the same
        "summary": route.description or route.name,
        "description": _about(route),
        "security": _SECURITY[route.authentication],
        "parameters": _call_parameters(route, tenant_in_path=tenant_in_path),
        "requestBody": {"required": True, "content": {JSON: {"schema": _reference(_payload_name(route))}}},
        "responses": _answers(route)
        | refusals.of(refusals_of_call(route, tenant_in_path=tenant_in_path), may_be_counted=True),
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
    sender = openapi_senders.sender_of(route)
    if sender is not None:
        return [*in_path, _tenant_header(), *openapi_senders.parameters(sender)]
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
        {"location": header({"type": "string"}, "Where its run is."), **_traces()},
    )
    if route.mode == "async":
        return {"202": accepted} | _handshake(route)
    body: Node = {JSON: {"schema": {}}, "*/*": {"schema": {}}}
    headers = {REPLAYED_HEADER: replayed_header(), **_traces()}
    return {
        "200": {"description": "What the handler returned.", "content": body, "headers": headers},
        "202": accepted,
        "default": {
            "description": "The handler's own HttpResponse: any status, those that are listed included, and any body.",
            "content": {"*/*": {"schema": {}}},
            "headers": headers,
        },
    }


def _handshake(route: Route) -> Node:
    sender = openapi_senders.sender_of(route)
    schema = openapi_senders.handshake(sender) if sender is not None else {}
    answer = {"description": "To the sender's handshake, which is no task.", "content": {JSON: {"schema": schema}}}
    return {"200": answer | {"headers": rate_headers()}} if schema else {}


def _document(description: str, schema: str, headers: Node | None = None) -> Node:
    made: Node = {"description": description, "content": {JSON: {"schema": _reference(schema)}}}
    return made | {"headers": headers} if headers else made


def _traces() -> Node:
    traceparent = header({"type": "string"}, "The call's own.", required=False)
    return {"x-trace-id": header(TRACE_ID), "traceparent": traceparent, **rate_headers()}
