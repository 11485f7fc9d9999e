"""Routes that succeed, each in its own way."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from workerflow.handlers import Context, HttpResponse, route

from ._marks import mark

OUTPUT_BYTES = 60_000


@route("e2e_async")
@route("e2e_other")
@route("e2e_bulk")
@route("e2e_switched")
def succeed(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Tell what came in, byte for byte, and the key that an effect outside would carry."""
    mark(payload, context)
    return {
        "sha256": hashlib.sha256(context.body).hexdigest(),
        "attempt": context.attempt,
        "generation": context.generation,
        "effectKey": context.effect_key("charge"),
    }


@route("e2e_sync", mode="sync")
def answer(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Answer with a document."""
    mark(payload, context)
    return {"doubled": payload["number"] * 2, "attempt": context.attempt}


@route("e2e_raw", mode="sync")
def answer_raw(payload: dict[str, Any], context: Context) -> HttpResponse:
    """Answer with a response of its own: status, headers, and a body that is no text."""
    mark(payload, context)
    return HttpResponse(
        status=201,
        headers={"content-type": "application/octet-stream", "x-handler": "e2e"},
        body=bytes(range(256)),
    )


@route("e2e_output")
def return_much(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return more than an item should carry, and nothing that could be compressed."""
    mark(payload, context)
    digests = (
        hashlib.sha256(f"{payload['seed']} {number}".encode()).hexdigest() for number in range(OUTPUT_BYTES // 64)
    )
    return {"digests": "".join(digests)}


@route("e2e_long", mode="sync", timeout_seconds=60)
def outlive_the_call(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take longer than an HTTP call may."""
    mark(payload, context)
    time.sleep(payload["seconds"])
    return {"slept": payload["seconds"]}


@route("e2e_patient", timeout_seconds=60)
def wait_to_be_cancelled(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Go on until somebody cancels the task."""
    mark(payload, context)
    while context.remaining_seconds() > 1:
        context.raise_if_cancelled()
        time.sleep(0.1)
    return {"cancelled": False}


@route("e2e_paused")
@route("e2e_closing")
@route("e2e_paused_sync", mode="sync")
def run_when_resumed(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Succeed, whenever it may run."""
    mark(payload, context)
    return {"attempt": context.attempt}


@route("e2e_disabled", enabled=False, disabled_reason="moved to another system")
def never(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Never run: the route is not enabled."""
    mark(payload, context)
    return {}


@route(
    "e2e_checked",
    authentication="signature",
    schema={
        "type": "object",
        "required": ["amount"],
        "properties": {"amount": {"type": "integer", "minimum": 1}, "currency": {"enum": ["EUR", "USD"]}},
    },
)
def take_checked(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Succeed with what its schema lets through; takes signed calls only."""
    return {"attempt": context.attempt}
