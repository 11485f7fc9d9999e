from __future__ import annotations

import hashlib

import pytest

from functions.workflow.handlers.payload_hash import payload_hash
from functions.workflow.handlers.webhook_echo import webhook_echo
from workerflow.domain.output import HandlerOutput
from workerflow.handlers import Context


@pytest.mark.parametrize(
    ("payload", "kind", "keys"),
    [
        ({"b": 1, "a": {}}, "object", ["a", "b"]),
        ([1, 2], "array", []),
        ("text", "string", []),
        (1, "number", []),
        (1.5, "number", []),
        (True, "boolean", []),
        (None, "null", []),
    ],
)
def test_webhook_echo_describes_any_json(payload: object, kind: str, keys: list[str]) -> None:
    context = Context.for_test(payload, attempt=2, generation=1)
    result = webhook_echo(payload, context)
    assert result == {
        "contentType": "application/json",
        "size": len(context.body),
        "type": kind,
        "keys": keys,
        "attempt": 2,
        "generation": 1,
    }
    assert HandlerOutput.from_return(result, mode="async").document() == result


def test_payload_hash_is_of_the_bytes_as_they_were_sent() -> None:
    body = b' { "a" : 1.0 } '
    result = payload_hash({"a": 1.0}, Context.for_test(body=body))
    assert result == {"sha256": hashlib.sha256(body).hexdigest(), "size": 15}
