"""Whether a form was sent by a page of ours, and in the session that the page was made for.

The cookie alone does not tell: a browser sends it with whatever it is made to send. SameSite=Strict keeps it at home
where browsers honour it, from pages of another site (see site); these two checks do not depend on that.

Source: W3C, "Fetch Metadata Request Headers", Sec-Fetch-Site; OWASP, "Cross-Site Request Forgery Prevention".
"""

from __future__ import annotations

from functions.dashboard.call import Caller
from functions.dashboard.sessions import is_on_this_machine
from functions.dashboard.site import site_of
from workerflow.domain.access_keys import are_equal
from workerflow.domain.dashboard_refusals import FormExpiredError, OriginForeignError
from workerflow.runtime.http import Request

_ON_AWS, _ON_THIS_MACHINE = ".on.aws", ".localhost"


def require_same_origin(request: Request, environment: str) -> None:
    """Refuse a form that no page of this very address sent.

    Browsers say so by themselves in `sec-fetch-site`, which no script can set. Old ones that do not say where the page
    is from in `origin`; those of them that obey `no-referrer` there, too, say `null`, and are too old for our forms.
    Who sends neither is no browser, and has the API.

    Raises:
        OriginForeignError: 403.
    """
    site = site_of(request)
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = _is_own(request.headers.get("origin", ""), request, environment)
    if not is_ours:
        raise OriginForeignError("open the page again, and send the form from there")


def require_csrf(shown: str, caller: Caller) -> None:
    """Refuse a form that was made for another session.

    Raises:
        FormExpiredError: 403.
    """
    if not caller.csrf or not are_equal(shown, caller.csrf):
        raise FormExpiredError("open the page again, and send the form from there")


def _is_own(origin: str, request: Request, environment: str) -> bool:
    """Whether a page's origin is this address.

    On this machine the address has the same name, but for its end, and any port: see runtime.http for what the emulator
    writes into `host`.
    """
    host = request.headers.get("host", "")
    if is_on_this_machine(request, environment):
        name, colon, port = origin.rpartition(":")
        return name == f"http://{host.removesuffix(_ON_AWS)}{_ON_THIS_MACHINE}" and bool(colon) and port.isdecimal()
    return bool(host) and origin == f"https://{host}"
