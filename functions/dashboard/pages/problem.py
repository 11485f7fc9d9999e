"""A refusal as a page: what happened, what to do, and what to tell whoever looks after this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.rendering import Frame, frame_of, render
from functions.dashboard.pages.security import html
from workerflow.domain.dashboard_refusals import FormExpiredError, OriginForeignError
from workerflow.domain.errors import WorkerFlowError
from workerflow.domain.refusals import PathNotFoundError, RefusedError

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

_NO_PAGE = "The address is mistyped, or of another version."
_NEXT_STEPS = {
    400: "The address was mistyped, cut off, or is of another version. Open the view, and choose there.",
    401: "Sign in, then ask again.",
    403: "Ask whoever made your token for one that allows this.",
    404: "It may be forgotten, or be another tenant's. The address may be mistyped.",
    409: "Something has changed since the page was shown. Go back and look at it again.",
    429: "Wait a little, then try again.",
    500: "This is our fault, not yours. Whoever looks after this finds it in the log by the request's id.",
    503: "Try again in a few seconds. An order that is sent again from the same page is carried out once.",
}


def problem_page(dashboard: Dashboard, call: Call, refusal: RefusedError) -> Response:
    """The page for a refused request, with the refusal's status and headers.

    Args:
        dashboard: tells the time.
        call: as far as it was looked at: of somebody who is signed in, or of nobody.
        refusal: why.
    """
    is_no_page = isinstance(refusal, PathNotFoundError)  # its detail is for programs
    text = render(
        "problem.html",
        _frame(dashboard, call),
        refusal=refusal,
        faults=[one for one in refusal.members.get("errors", ()) if isinstance(one, dict)],
        detail="" if is_no_page else refusal.detail,
        next_step=_next_step(refusal),
        request_id=call.request.request_id,
        is_form=call.request.method == "POST",
    )
    return html(refusal.status, text, nonce=call.nonce).with_headers(refusal.headers)


def _next_step(refusal: RefusedError) -> str:
    if isinstance(refusal, (FormExpiredError, OriginForeignError)):
        return ""  # their detail says it, and a token has nothing to do with it
    return _NO_PAGE if isinstance(refusal, PathNotFoundError) else _NEXT_STEPS.get(refusal.status, "")


def _frame(dashboard: Dashboard, call: Call) -> Frame:
    """The frame that the page would have had; a plain one if what it takes cannot be had now."""
    try:
        return frame_of(dashboard, call)
    except WorkerFlowError:
        return Frame(nonce=call.nonce, now_ms=dashboard.clock.now_ms())
