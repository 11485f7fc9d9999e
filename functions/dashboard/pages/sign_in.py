"""In and out: a token is exchanged for a session of this browser, and the session is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.pages.order_forms import tell
from functions.dashboard.pages.refusal import told
from functions.dashboard.pages.rendering import Frame, render
from functions.dashboard.pages.security import html
from functions.dashboard.wanted import SIGN_IN, WANTED, after_sign_in, is_here
from workerflow.domain.dashboard_refusals import TooManySignInsError
from workerflow.domain.refusals import RefusedError
from workerflow.runtime.http import Response

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard

FIELD = "token"


def show(dashboard: Dashboard, call: Call) -> Response:
    """The form; whoever wanted something else and is signed in is led there. Else he may sign in as somebody else."""
    wanted = call.query.get(WANTED, "")
    if wanted and dashboard.sessions.caller_of(call.request) is not None:
        return Response(303, {"location": after_sign_in(wanted)})
    return _form(dashboard, call, wanted)


def begin(dashboard: Dashboard, call: Call) -> Response:
    """Exchange the token for a session. A token that is none is told on the form, and nowhere repeated."""
    wanted = call.form.get(WANTED, "")
    try:
        cookie = dashboard.sessions.begin(call.request, call.form.get(FIELD, ""))
    except RefusedError as refusal:
        tell(dashboard, call, told(refusal))
        return _form(dashboard, call, wanted, refusal)
    return Response(303, {"location": after_sign_in(wanted), "set-cookie": cookie})


def end(dashboard: Dashboard, call: Call) -> Response:
    """End this browser's session."""
    return Response(303, {"location": SIGN_IN, "set-cookie": dashboard.sessions.end(call.request)})


def _form(dashboard: Dashboard, call: Call, wanted: str, refusal: RefusedError | None = None) -> Response:
    text = render(
        "sign_in.html",
        Frame(nonce=call.nonce, now_ms=dashboard.clock.now_ms(), path=SIGN_IN),
        refusal=refusal,
        wanted=wanted if is_here(wanted) else "",
        wait_seconds=int(refusal.headers["retry-after"]) if isinstance(refusal, TooManySignInsError) else 0,
        environment=dashboard.environment,
        is_local=dashboard.is_local,
    )
    response = html(refusal.status if refusal else 200, text, nonce=call.nonce)
    return response.with_headers(refusal.headers) if refusal else response
