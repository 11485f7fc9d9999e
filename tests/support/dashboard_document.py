"""Whether an answer of the dashboard's API is one that its OpenAPI document tells of, to the last member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from functions.dashboard.headers import ALWAYS, HTTPS_ONLY
from functions.dashboard.openapi import openapi_document
from functions.dashboard.openapi_refusals import NO_OPERATION
from tests.support.api_document import UNSAID, faults_of, operation_of

_UNSAID = UNSAID | ALWAYS.keys() | HTTPS_ONLY.keys() | {"vary", "content-encoding"}
_NO_OPERATION = frozenset(kind.code for kind in NO_OPERATION)


@cache
def the_document() -> dict[str, Any]:
    """As its readers get it."""
    document: dict[str, Any] = json.loads(json.dumps(openapi_document()))
    return document


@cache
def _closed_document() -> dict[str, Any]:
    """The same, but that no object may have members that it does not name."""
    closed: dict[str, Any] = _closed(the_document())
    return closed


def require_documented(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail unless the document tells of this answer. One to HEAD is that to GET, without its body."""
    operation = operation_of(the_document(), "GET" if method == "HEAD" else method, path)
    if method == "HEAD" or (not body and operation is not None):
        assert status in {404, 405} if operation is None else str(status) in operation["responses"]
        return
    answer = method, path, status, headers, body
    faults = faults_of(_closed_document(), answer, unsaid=_UNSAID, no_operation=_NO_OPERATION)
    assert not faults, f"{method} {path[:80]} answered {status}: {faults} {body[:300]!r}"


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    closed = {name: _closed(value) for name, value in node.items()}
    if closed.get("type") == "object" and "required" in closed and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
