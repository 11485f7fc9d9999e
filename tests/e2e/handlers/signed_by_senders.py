"""Routes that senders call, each with its own signature. GitHub's is among the shipped ones: `github_events`."""

from __future__ import annotations

import hashlib
from typing import Any

from workerflow.handlers import Context, route


@route("e2e_stripe", authentication="stripe")
@route("e2e_slack", authentication="slack")
@route("e2e_shopify", authentication="shopify")
@route("e2e_standard_webhooks", authentication="standard-webhooks")
def take_event(_payload: object, context: Context) -> dict[str, Any]:
    """Tell what came in, byte for byte."""
    return {"sha256": hashlib.sha256(context.body).hexdigest()}
