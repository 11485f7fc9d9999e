"""Routes that tenants call."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from workerflow.handlers import Context, route

from ._marks import mark

GREETING = "greeting"
PAUSE_SECONDS = 0.2


@route("e2e_tenanted")
@route("e2e_foreign")
@route("e2e_limited")
def run_for_tenant(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Tell whose task it is."""
    mark(payload, context)
    return {"tenant": context.tenant, "effectKey": context.effect_key("charge")}


@route("e2e_greeting", mode="sync", secrets=(GREETING,))
def greet(_payload: object, context: Context) -> dict[str, Any]:
    """Tell the tenant's own secret."""
    return {"tenant": context.tenant, "greeting": context.secret(GREETING)}


@route("e2e_crowd", timeout_seconds=120)
def keep_place(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Keep a place until the file that `enough` names is there."""
    mark(payload, context)
    while not Path(payload["enough"]).exists() and context.remaining_seconds() > 1:
        time.sleep(PAUSE_SECONDS)
    return {}
