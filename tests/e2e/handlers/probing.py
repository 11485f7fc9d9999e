"""A route that tries what its function was never granted."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from workerflow.handlers import Context, route


@route("e2e_probe", mode="sync")
def probe(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Try each call that the payload lists (`service`, `operation`, `parameters`) and tell how it was answered."""
    session = botocore.session.get_session()
    return {"answers": [_try(session.create_client(call["service"]), call) for call in payload["calls"]]}


def _try(client: Any, call: dict[str, Any]) -> str:
    operation: Callable[..., object] = getattr(client, call["operation"])
    try:
        operation(**{name: _with_settings(value) for name, value in call["parameters"].items()})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


def _with_settings(value: Any) -> Any:
    """`$NAME` stands for the function's own setting of that name."""
    return os.environ[value[1:]] if isinstance(value, str) and value.startswith("$") else value
