"""A small payload that a route takes, made from its schema: something to try the route with.

What a schema says in usual words is followed; a pattern or a condition may make the payload one that is refused, and
the refusal then says what to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workerflow.domain.route import Route

_ANY_PAYLOAD = {"hello": "world"}
_OF_SENDERS: Mapping[str, Mapping[str, Any]] = {
    "stripe": {"id": "evt_try"},
    "slack": {"type": "event_callback", "event_id": "Ev0TRY"},
}
_TEXTS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_MOST_ITEMS = 10
_MOST_CHARACTERS = 200
_MOST_DEEP = 8


def sample_body(route: Route) -> Any:  # noqa: ANN401 - JSON
    """A payload for `route`; of a sender's, with what names the event."""
    found = _sample(route.schema, _MOST_DEEP) if route.schema else dict(_ANY_PAYLOAD)
    own = _OF_SENDERS.get(route.authentication, {})
    return {**own, **found} if isinstance(found, dict) else found


def _sample(schema: object, depth: int) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(schema, dict) or depth == 0:
        return {}
    for told in ("const", "default"):
        if told in schema:
            return schema[told]
    for told in ("examples", "enum"):
        if schema.get(told):
            return schema[told][0]
    kind = schema.get("type", "object")
    return _of_type(kind[0] if isinstance(kind, list) else kind, schema, depth)


def _of_type(kind: str, schema: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - JSON
    match kind:
        case "string":
            return _text(schema)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            return [_sample(schema.get("items"), depth - 1)] * min(schema.get("minItems", 1), _MOST_ITEMS)
        case _:
            return _object(schema, depth)


def _object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    names = schema.get("required") or list(properties)[:1]
    return {name: _sample(properties.get(name, {"type": "string"}), depth - 1) for name in names}


def _text(schema: Mapping[str, Any]) -> str:
    text = _TEXTS.get(schema.get("format", ""), "text")
    shortest = min(schema.get("minLength", 0), _MOST_CHARACTERS)
    return text.ljust(shortest, "x")[: max(schema.get("maxLength", _MOST_CHARACTERS), 0)]


def _number(schema: Mapping[str, Any]) -> float:
    if "minimum" in schema:
        least: float = schema["minimum"]
        return least
    if "exclusiveMinimum" in schema:
        below: float = schema["exclusiveMinimum"]
        return below + 1
    most: float = schema.get("maximum", 1)
    return min(1, most)
