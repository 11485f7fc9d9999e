"""The smallest asynchronous route: it records what it got. Good for a first call, and to see a run in the ledger."""

from __future__ import annotations

from typing import Any

from workerflow.handlers import Context, route

JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


@route(mode="async")
def webhook_echo(payload: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - any JSON is welcome here
    """Describe the payload: its type, size and top-level keys."""
    context.logger.info("webhook received", extra={"size": len(context.body)})
    return {
        "contentType": context.content_type,
        "size": len(context.body),
        "type": JSON_TYPES.get(type(payload), "null"),
        "keys": sorted(payload) if isinstance(payload, dict) else [],
        "attempt": context.attempt,
        "generation": context.generation,
    }
