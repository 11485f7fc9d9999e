"""The smallest synchronous route: the caller waits, and gets what the handler returns."""

from __future__ import annotations

import hashlib
from typing import Any

from workerflow.handlers import Context, route


@route(mode="sync", timeout_seconds=5)
def payload_hash(_payload: object, context: Context) -> dict[str, Any]:
    """Answer with the SHA-256 and the size of the body, byte for byte as it was sent."""
    return {"sha256": hashlib.sha256(context.body).hexdigest(), "size": len(context.body)}
