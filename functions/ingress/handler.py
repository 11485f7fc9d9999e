"""`ingress`: every HTTP request comes in here and is answered here, whatever it is.

event --read--> request --door--> answer --> its log line; if it is a 4xx: its metric, its record
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.ingress.call_so_far import UNKNOWN_TENANT, CallSoFar
from functions.ingress.wiring import LONGEST_WAIT_S, Ingress, ingress
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refusals import InternalError, OutcomeUnknownError, RefusedError
from workerflow.runtime import cold_start
from workerflow.runtime.http import Response, read_request

RESERVE_S = 1.5
"""How long before the platform ends this invocation a wait must be over."""
STORE_RETRY_S = 2
SERVERS_OWN = 500
"""Statuses from here on are not the caller's fault."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response, and the refusal that it tells of."""

    response: Response
    refusal: RefusedError | None = None


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - the platform's context
    """Answer one HTTP request (payload format 2.0). Never raises: what nobody foresaw is a 500."""
    wired = ingress()
    request_id = str(context.aws_request_id)

    def wait_seconds() -> float:
        remaining_seconds: float = context.get_remaining_time_in_millis() / 1000
        return min(LONGEST_WAIT_S, remaining_seconds - RESERVE_S)

    try:
        return _answer(wired, event, request_id, wait_seconds).response.to_dict()
    finally:
        wired.telemetry.flush()


def _answer(wired: Ingress, event: object, request_id: str, wait_seconds: Callable[[], float]) -> _Answer:
    so_far = CallSoFar()
    answer = _decide(wired, event, so_far, request_id, wait_seconds)
    _tell(wired, so_far, answer, request_id)
    return _Answer(answer.response.with_headers(so_far.headers), answer.refusal)


def _decide(
    wired: Ingress, event: object, so_far: CallSoFar, request_id: str, wait_seconds: Callable[[], float]
) -> _Answer:
    try:
        so_far.request = request = read_request(event, request_id=request_id)
        return _Answer(wired.door.answer(request, so_far, wait_seconds=wait_seconds))
    except RefusedError as refusal:
        if refusal.__cause__ is not None:
            wired.telemetry.failure("refused because of a fault", refusal, request_id=request_id)
        return _refused(refusal, request_id)
    except StoreUnavailableError as error:
        wired.telemetry.failure("a store did not answer", error, request_id=request_id)
        unknown = OutcomeUnknownError("repeat the call with the same key", headers={"retry-after": str(STORE_RETRY_S)})
        return _refused(unknown, request_id)
    except Exception as error:  # noqa: BLE001 - the caller gets a problem document, the log gets the stack
        wired.telemetry.count("UncaughtError")
        wired.telemetry.failure("uncaught", error, request_id=request_id)
        return _refused(InternalError("tell the operator the request id"), request_id)


def _refused(refusal: RefusedError, request_id: str) -> _Answer:
    return _Answer(Response.problem(refusal, request_id=request_id), refusal)


def _tell(wired: Ingress, so_far: CallSoFar, answer: _Answer, request_id: str) -> None:
    """One line a request, of facts that we made ourselves: nothing that the caller sent is repeated.

    A call that its caller can mend, a 4xx, is counted and kept besides, for the operator of whoever sends it.
    """
    status, refusal = answer.response.status, answer.refusal
    is_callers = refusal is not None and status < SERVERS_OWN
    wired.telemetry.info(
        "answered",
        request_id=request_id,
        status=status,
        code=refusal.code if refusal else None,
        tenant=so_far.tenant or (UNKNOWN_TENANT if is_callers else None),
        trace_id=answer.response.headers.get("x-trace-id"),
    )
    if refusal is not None and is_callers:
        _keep(wired, so_far, refusal, request_id)


def _keep(wired: Ingress, so_far: CallSoFar, refusal: RefusedError, request_id: str) -> None:
    from functions.ingress.kept_refusal import kept_refusal  # noqa: PLC0415 - no cold start of a good call pays for it

    wired.telemetry.count_refusal(tenant=so_far.tenant or UNKNOWN_TENANT, reason=refusal.code)
    wired.record_refusal()(
        so_far.tenant,
        refusal.code,
        lambda slot, at_ms: kept_refusal(so_far, refusal, request_id, slot=slot, at_ms=at_ms),
    )


cold_start.complete(ingress)
