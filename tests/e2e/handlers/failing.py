"""Routes that fail: by saying so, by dying, by hanging. `succeedAt` names the attempt from which on they succeed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from workerflow.handlers import Context, InvalidPayloadError, PermanentError, RetryableError, RetryPolicy, route

from ._marks import mark

QUICK = RetryPolicy(max_attempts=3, base_seconds=0.1, cap_seconds=1)
QUICK_TWICE = RetryPolicy(max_attempts=2, base_seconds=0.1, cap_seconds=1)
NEVER = 99


def succeeds_now(payload: dict[str, Any], context: Context) -> bool:
    """Whether this attempt is to succeed."""
    return context.attempt >= int(payload.get("succeedAt", NEVER))


@route("e2e_permanent")
def refuse(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Fail for good, until the file that `mended` names is there."""
    mark(payload, context)
    if Path(payload["mended"]).exists():
        return {"generation": context.generation, "effectKey": context.effect_key("charge")}
    raise PermanentError("the card was declined")


@route("e2e_unfit")
def find_unfit(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Find the payload unfit."""
    mark(payload, context)
    raise InvalidPayloadError("the order has no lines")


@route("e2e_retry", retry=QUICK)
def fail_until(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Fail, retryably, until the attempt that the payload names."""
    mark(payload, context)
    if succeeds_now(payload, context):
        return {"attempt": context.attempt}
    raise RetryableError("the bank is busy", retry_after_seconds=payload.get("retryAfter"))


@route("e2e_retry_sync", mode="sync", retry=QUICK)
def fail_caller_until(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """The same while a caller waits."""
    mark(payload, context)
    if succeeds_now(payload, context):
        return {"attempt": context.attempt}
    raise RetryableError("the bank is busy")


@route("e2e_bug", retry=QUICK_TWICE)
def stumble(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Raise what nobody foresaw."""
    mark(payload, context)
    return {"never": payload["there is no such key"]}


@route("e2e_hang", timeout_seconds=2, retry=QUICK_TWICE)
def hang_until(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Hang, far beyond the route's time-out, until the attempt that the payload names."""
    mark(payload, context)
    if not succeeds_now(payload, context):
        time.sleep(60)
    return {"attempt": context.attempt}


@route("e2e_die", retry=QUICK_TWICE)
def die_until(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take the whole process down until the attempt that the payload names."""
    mark(payload, context)
    if not succeeds_now(payload, context):
        os._exit(7)
    return {"attempt": context.attempt}


@route("e2e_die_sync", mode="sync", retry=QUICK_TWICE)
def die_before_caller_until(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """The same while a caller waits."""
    mark(payload, context)
    if not succeeds_now(payload, context):
        os._exit(7)
    return {"attempt": context.attempt}
