"""`dashboard`: every request for the API or a page comes in here and is answered here, whatever it is.

event --read--> request --door--> answer --headers, gzip--> its log line
                           `- refused --> problem+json for programs, a page for people
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.dashboard.compression import compressed
from functions.dashboard.door import CallSoFar
from functions.dashboard.endpoint import API_PREFIX
from functions.dashboard.headers import ALWAYS, HTTPS_ONLY
from functions.dashboard.site import follows_link, led_on
from functions.dashboard.wanted import sign_in_for
from functions.dashboard.wiring import Wired, dashboard
from workerflow.domain.credential_refusals import TooManyFailuresError, UnauthorizedError
from workerflow.domain.dashboard_refusals import SessionMissingError
from workerflow.domain.errors import OperationRepeatedError, StoreUnavailableError
from workerflow.domain.refusals import InternalError, OutcomeUnknownError, RefusedError
from workerflow.runtime import cold_start
from workerflow.runtime.http import Request, Response, read_request

STORE_RETRY_S = 2
_OF_CREDENTIALS = (UnauthorizedError, TooManyFailuresError)
"""Refusals of whom somebody may want to know where he is: who tries tokens out."""
_NO_REQUEST = Request(method="GET", path=API_PREFIX, query="", headers={}, body=b"", source_address="", request_id="")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - the platform's context
    """Answer one request of a function URL (payload format 2.0). Never raises: what nobody foresaw is a 500."""
    wired = dashboard()
    request_id = str(context.aws_request_id)
    try:
        return _answer(wired, event, request_id).to_dict()
    finally:
        wired.telemetry.flush()


def _answer(wired: Wired, event: object, request_id: str) -> Response:
    try:
        request = read_request(event, request_id=request_id)
    except RefusedError as refusal:
        return _finished(wired, _NO_REQUEST, Response.problem(refusal, request_id=request_id))
    so_far = CallSoFar.of(request, wired.ids)
    response, refusal_or_none = _decide(wired, so_far)
    _tell(wired, so_far, response, refusal_or_none)
    return _finished(wired, request, response)


def _decide(wired: Wired, so_far: CallSoFar) -> tuple[Response, RefusedError | None]:
    """The answer, and the refusal that it tells of."""
    request_id = so_far.call.request.request_id
    try:
        return wired.door.answer(so_far), None
    except RefusedError as refusal:
        if refusal.__cause__ is not None:
            wired.telemetry.failure("refused because of a fault", refusal, request_id=request_id)
        refused: RefusedError = refusal
    except (StoreUnavailableError, OperationRepeatedError) as error:
        wired.telemetry.failure("a store did not answer", error, request_id=request_id)
        refused = OutcomeUnknownError(
            "ask again; repeat an order with the same key", headers={"retry-after": str(STORE_RETRY_S)}
        )
    except Exception as error:  # noqa: BLE001 - the caller gets a problem, the log gets the stack
        wired.telemetry.count("UncaughtError")
        wired.telemetry.failure("uncaught", error, request_id=request_id)
        refused = InternalError("tell the operator the request id")
    return _told(wired, so_far, refused), refused


def _told(wired: Wired, so_far: CallSoFar, refusal: RefusedError) -> Response:
    """A refusal in the words of whoever asks: a program's problem document, or a page."""
    request = so_far.call.request
    if request.path.startswith(API_PREFIX):
        return Response.problem(refusal, request_id=request.request_id)
    if isinstance(refusal, SessionMissingError):
        return _to_sign_in(request)
    try:
        from functions.dashboard.pages.problem import problem_page  # noqa: PLC0415 - few answers need it

        return problem_page(wired, so_far.call, refusal)
    except Exception as error:  # noqa: BLE001 - a fault in the page about a fault
        wired.telemetry.count("UncaughtError")
        wired.telemetry.failure("a problem could not be shown", error, request_id=request.request_id)
        text = f"{refusal.title}. Request {request.request_id}.\n"
        return Response(refusal.status, {"content-type": "text/plain; charset=utf-8"} | refusal.headers, text.encode())


def _to_sign_in(request: Request) -> Response:
    """To the sign-in, which leads back; a part of a page that refreshes itself takes the whole page along."""
    sign_in = sign_in_for(request)
    if follows_link(request):
        return led_on(sign_in)
    if request.headers.get("hx-request") == "true":
        return Response(401, {"hx-redirect": sign_in})
    return Response(303, {"location": sign_in})


def _finished(wired: Wired, request: Request, response: Response) -> Response:
    """With the headers of every answer, compressed, and without a body for HEAD."""
    always = ALWAYS if wired.is_local else {**ALWAYS, **HTTPS_ONLY}
    whole = compressed(request, replace(response, headers={**always, **response.headers}))
    return replace(whole, body=b"") if request.method == "HEAD" else whole


def _tell(wired: Wired, so_far: CallSoFar, response: Response, refusal: RefusedError | None) -> None:
    """One line a request, of facts that we made ourselves: nothing that the caller sent is repeated."""
    call = so_far.call
    wired.telemetry.info(
        "answered",
        request_id=call.request.request_id,
        endpoint=so_far.endpoint.name if so_far.endpoint else None,
        status=response.status,
        code=refusal.code if refusal else None,
        address=call.request.source_address if isinstance(refusal, _OF_CREDENTIALS) else None,
        tenant=None if call.caller.is_nobody else call.tenant,
        token_id=call.caller.token.token_id or None,
    )


cold_start.complete(dashboard)
