"""WorkflowInvoker on Lambda: one synchronous invocation, never repeated by the SDK.

    answered, no function error -> Reached
    answered, function error    -> Died       (crash, out of memory, time-out: the process is gone)
    refused by Lambda           -> InvocationFailedError (throttled, denied, unavailable: the handler did not begin)
    could not connect           -> InvocationFailedError
    no answer, broken line      -> NoAnswer   (it may be running still)

An answer of 5xx by Lambda itself might, rarely, follow a start: whoever asks again is sent through the claim, which
lets one worker in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from workerflow.domain.errors import IntegrityError, InvocationFailedError
from workerflow.domain.outcome import Execution
from workerflow.domain.task import TaskMessage
from workerflow.ports.world import Died, Invocation, NoAnswer, Reached

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import InvocationResponseTypeDef

WAITS = (1, 2, 5, 10, 15, 20, 22, 23, 24, 25, 26, 27, 28, 60, 120, 240, 280)
"""Seconds for which there is a client: botocore has a time-out for each client, not for each call. 280 is more than
`workflow` can take (270), and less than the consumer has (300)."""

_STARTED = (ReadTimeoutError, ConnectionClosedError, ResponseStreamingError, IncompleteReadError)


class LambdaInvoker:
    """Invokes `workflow`. `connect` gives the client that waits so many seconds."""

    def __init__(self, connect: Callable[[int], LambdaClient], function: str) -> None:
        self._connect = connect
        self._function = function

    def invoke(self, message: TaskMessage, *, owner: str, for_caller: bool, wait_seconds: float) -> Invocation:
        client = self._connect(wait_class(wait_seconds))
        payload = request(message, owner=owner, for_caller=for_caller)
        try:
            return _read(client.invoke(FunctionName=self._function, Payload=payload))
        except _STARTED:
            return NoAnswer()
        except (ClientError, BotoCoreError) as error:
            raise InvocationFailedError(str(error)) from error


def wait_class(wait_seconds: float) -> int:
    """The longest of WAITS that is not longer than `wait_seconds`, at least the shortest."""
    return max((wait for wait in WAITS if wait <= wait_seconds), default=WAITS[0])


def request(message: TaskMessage, *, owner: str, for_caller: bool) -> bytes:
    """The event that `workflow` gets."""
    event = {"tenant": message.tenant, "traceId": message.trace_id, "owner": owner, "forCaller": for_caller}
    return json.dumps(event).encode()


def _read(answer: InvocationResponseTypeDef) -> Invocation:
    payload = answer["Payload"].read()
    if answer.get("FunctionError"):
        return Died(_death_of(payload))
    try:
        return Reached(Execution.from_json(payload))
    except IntegrityError as error:
        return Died(str(error))


def _death_of(payload: bytes) -> str:
    """What Lambda tells of the end, e.g. `Sandbox.Timedout: … Task timed out after 270.00 seconds`."""
    try:
        told: Any = json.loads(payload)
        parts = (told.get("errorType"), told.get("errorMessage"))
    except (ValueError, AttributeError):
        return payload[:500].decode(errors="replace")
    return ": ".join(str(part) for part in parts if part) or "the function ended without a word"
