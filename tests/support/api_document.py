"""Whether an answer is one that the OpenAPI document tells of: operation, status, code, headers, schema."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from functions.ingress.openapi import openapi_document
from functions.ingress.refusals_told import WITH_CREDENTIALS, Kinds
from workerflow.domain.manifest import Manifest
from workerflow.domain.refusals import (
    MethodNotAllowedError,
    PathNotFoundError,
    RouteNotFoundError,
    TenantAmbiguousError,
)

UNSAID = {"content-type", "cache-control", "x-content-type-options"}
"""Headers of every answer, which the document leaves out."""
NO_OPERATION: Kinds = WITH_CREDENTIALS | {
    PathNotFoundError,
    MethodNotAllowedError,
    RouteNotFoundError,
    TenantAmbiguousError,
}
"""What is answered to a request that is none of the operations."""
_documents: dict[str, dict[str, Any]] = {}


def document_of(manifest: Manifest) -> dict[str, Any]:
    """The manifest's document, made once, as its readers get it."""
    if manifest.digest not in _documents:
        _documents[manifest.digest] = json.loads(json.dumps(openapi_document(manifest)))
    return _documents[manifest.digest]


def operation_of(document: Mapping[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The operation that a request is, the most literal path first; None if it is none."""
    for template in sorted(document["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path):
            operation: dict[str, Any] | None = document["paths"][template].get(method.lower())
            return operation if method.isupper() else None
    return None


def require_documented(
    deployed: Iterable[Manifest], method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Fail unless the document of one of `deployed` tells of this answer."""
    codes = frozenset(kind.code for kind in NO_OPERATION)
    answer = method, path, status, headers, body
    faults = [faults_of(document_of(manifest), answer, unsaid=UNSAID, no_operation=codes) for manifest in deployed]
    assert [] in faults, f"{method} {path[:80]} answered {status}: {faults}"


def faults_of(
    document: Mapping[str, Any],
    answer: tuple[str, str, int, Mapping[str, str], bytes],
    *,
    unsaid: Collection[str],
    no_operation: Collection[str],
) -> list[str]:
    """What is wrong with an answer by a document.

    Args:
        document: an OpenAPI document, as its readers get it.
        answer: method and path of the request; status, headers and body of what came back.
        unsaid: headers that the document leaves out.
        no_operation: codes of what is answered to a request that is none of the operations.
    """
    method, path, status, headers, body = answer
    operation = operation_of(document, method, path)
    if operation is None:
        return [] if json.loads(body)["code"] in no_operation else ["this is no operation"]
    responses = operation["responses"]
    found = responses.get(str(status)) or responses.get("default")
    if found is None:
        return ["no such status"]
    response = resolved(document, found)
    faults = _header_faults(document, response, headers, unsaid) + _body_faults(document, response, headers, body)
    is_own = "default" in responses and headers.get("content-type") != "application/problem+json"
    return _faults_of_own(document, responses["default"], headers) if faults and is_own else faults


def _faults_of_own(document: Mapping[str, Any], response: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    """A handler's own response may carry any header and any body."""
    told = {name: resolved(document, header) for name, header in response["headers"].items()}
    required = {name for name, header in told.items() if header["required"]}
    return [f"lacks {name}" for name in sorted(required - headers.keys())]


def resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a node refers to, if it is a reference into the document's components."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    found: Mapping[str, Any] = document["components"][kind][name]
    return found


def _header_faults(
    document: Mapping[str, Any], response: Mapping[str, Any], headers: Mapping[str, str], unsaid: Collection[str]
) -> list[str]:
    told = {name.lower(): resolved(document, header) for name, header in response.get("headers", {}).items()}
    faults = [f"an untold header {name}" for name in sorted(headers.keys() - told.keys() - set(unsaid))]
    for name, header in told.items():
        if name in headers:
            valid = Draft202012Validator(header["schema"]).is_valid(headers[name])
            faults += [] if valid else [f"{name}: {headers[name]}"]
        elif header["required"]:
            faults.append(f"lacks {name}")
    return faults


def _body_faults(
    document: Mapping[str, Any], response: Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> list[str]:
    content = response["content"]
    media = content.get(headers.get("content-type", "")) or content.get("*/*")
    if media is None:
        return [f"an untold content type {headers.get('content-type')}"]
    if media["schema"] == {}:
        return []
    return schema_faults(document, media["schema"], json.loads(body))


def schema_faults(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with `value`: violations of the schema, and top-level members that it does not name."""
    untold = sorted(value.keys() - _members(document, schema))
    return violations(document, schema, value) + [f"an untold member {name}" for name in untold]


def violations(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> list[str]:
    """Violations of a schema that may refer to the document's components."""
    validator = _validator(json.dumps({**schema, "components": document["components"]}))
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema), validate_formats=True, offline=True)


def _members(document: Mapping[str, Any], schema: Mapping[str, Any]) -> set[str]:
    """Names that a schema tells of, by reference or in part, too."""
    if "$ref" in schema:
        return _members(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    return set(schema.get("properties", {})).union(*(_members(document, one) for one in schema.get("allOf", [])))
