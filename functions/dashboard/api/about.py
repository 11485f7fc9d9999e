"""What the API says of itself, and of whoever asks."""

from __future__ import annotations

from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.http import Response


def read_health(dashboard: Dashboard, call: Call) -> Response:
    """Is anybody there? Needs no token."""
    del call
    return Response.document(200, {"status": "ok", "environment": dashboard.environment})


def read_session(dashboard: Dashboard, call: Call) -> Response:
    """Whose token this is, and what it allows."""
    del dashboard
    token = call.caller.token
    document = {
        "name": token.name,
        "tokenId": token.token_id,
        "scope": token.scope.value,
        "tenant": token.tenant,
        "expiresAt": timestamp(token.expires_at_ms),
    }
    return Response.document(200, document)


def read_api(dashboard: Dashboard, call: Call) -> Response:
    """This document."""
    del dashboard, call
    from functions.dashboard.openapi import openapi_document  # noqa: PLC0415 - few processes are asked for it

    return Response.document(200, openapi_document())
